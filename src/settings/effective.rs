//! What `signout check-config` prints: every key, its value and where that comes from.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Source;
use super::value::{Node, Value};

/// The configuration in effect, in the order in which it was read. Secrets are not in it.
///
/// `Display` is the table for people; `Serialize` gives a list of
/// `{"section", "key", "value", "source"}` for machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Effective {
    rows: Vec<Row>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `server`, `provider.home`.
    pub section: String,
    /// `listen`.
    pub key: &'static str,
    /// In effect.
    pub value: Shown,
    /// Where it comes from.
    #[serde(serialize_with = "as_text")]
    pub source: Source,
}

/// A value that may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Integer(i64),
    /// A list of words.
    List(Vec<String>),
    /// There is a value, and it is a secret.
    Masked,
    /// Everything else, durations included.
    Text(String),
    /// The key has no default, and nobody set it.
    Unset,
}

impl Effective {
    /// All keys.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }
}

/// What stands for a secret.
const MASK: &str = "********";
/// Longer lines do not push the sources of the others to the right.
const WIDEST: usize = 60;

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, section) in self.rows.chunk_by(|a, b| a.section == b.section).enumerate() {
            let title = section.first().map_or("", |row| &row.section);
            writeln!(f, "{}[{title}]", if i == 0 { "" } else { "\n" })?;
            let lines: Vec<_> =
                section.iter().map(|row| format!("{} = {}", row.key, row.value)).collect();
            let widths = lines.iter().map(|line| line.chars().count());
            let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
            for (line, row) in lines.iter().zip(section) {
                writeln!(f, "{line:width$}  # {}", row.source)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::List(items) => fmt::Debug::fmt(items, f),
            Self::Masked => fmt::Debug::fmt(MASK, f),
            Self::Text(text) => fmt::Debug::fmt(text, f),
            Self::Unset => f.write_str("(not set)"),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(flag) => serializer.serialize_bool(*flag),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::List(items) => items.serialize(serializer),
            Self::Masked => serializer.serialize_str(MASK),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Unset => serializer.serialize_none(),
        }
    }
}

impl From<&Value> for Shown {
    fn from(value: &Value) -> Self {
        let item = |node: &Node| match &node.value {
            Value::Text(text) => text.clone(),
            other => other.describe(),
        };
        match value {
            Value::Boolean(flag) => Self::Boolean(*flag),
            Value::Integer(number) => Self::Integer(*number),
            Value::List(items) => Self::List(items.iter().map(item).collect()),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Other(_) | Value::Table(_) | Value::Untyped(_) => Self::Text(value.describe()),
        }
    }
}

fn as_text<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(source)
}
