//! From TOML text to values that know their line.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;
use super::value::{Node, Table, Value};
use super::{Problem, Source};

/// Reads a whole file. Syntax errors come all at once, and alone: what a broken file means beyond
/// them would be guesswork.
pub(super) fn parse(path: &Path, text: &str) -> Result<Table, Vec<Problem>> {
    let lines = Lines::new(path, text);
    let (table, mut errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.table(table.get_ref()));
    }
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    // Only the message: the parser's own rendering quotes the line, which may hold a secret.
    let problem = |error: &toml::de::Error| Problem {
        source: lines.at(&error.span().unwrap_or_default()),
        key: String::new(),
        mistake: Mistake::Syntax { parser_says: error.message().into() },
    };
    Err(errors.iter().map(problem).collect())
}

struct Lines {
    path: Arc<Path>,
    /// Offsets of the line feeds.
    ends: Vec<usize>,
}

impl Lines {
    fn new(path: &Path, text: &str) -> Self {
        Self { path: path.into(), ends: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    fn at(&self, span: &Range<usize>) -> Source {
        let line = self.ends.partition_point(|end| *end < span.start) + 1;
        Source::File { path: Arc::clone(&self.path), line }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), self.node(value, &key.span())))
            .collect()
    }

    /// The line of a value is the line of its key, where there is one.
    fn node(&self, value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Node {
        let item = |item: &Spanned<DeValue<'_>>| self.node(item, &item.span());
        let value = match value.get_ref() {
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Other("an integer beyond 64 bits"), Value::Integer),
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(item).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Float(_) => Value::Other("a float"),
            DeValue::Datetime(_) => Value::Other("a date"),
        };
        Node { value, source: self.at(span) }
    }
}
