//! A configured value before a section has asked for it.
//!
//! There is no `Debug` here: a value may be a secret until a section knows its key.

use std::collections::BTreeMap;

use super::Source;

/// Keys and what they were set to.
pub(super) type Table = BTreeMap<String, Node>;

/// A value that knows where it stands.
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// What TOML or an environment variable says.
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    List(Vec<Node>),
    /// What no key takes: a float, a date, an integer beyond 64 bits.
    Other(&'static str),
    Table(Table),
    Text(String),
    /// From the environment, where everything is text: the key decides what it is.
    Untyped(String),
}

/// What a key takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    List,
    Text,
}

impl Value {
    /// Gives text from the environment the type that the key takes, if it can have it.
    pub(super) fn read_as(self, kind: Kind, source: &Source) -> Self {
        let Self::Untyped(text) = self else { return self };
        match kind {
            Kind::Boolean => text.parse().map_or(Self::Text(text), Self::Boolean),
            Kind::Integer => text.parse().map_or(Self::Text(text), Self::Integer),
            Kind::List => Self::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Node { value: Self::Text(item.into()), source: source.clone() })
                    .collect(),
            ),
            Kind::Text => Self::Text(text),
        }
    }

    /// For errors, without the value.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::List(_) => "a list",
            Self::Other(name) => name,
            Self::Table(_) => "a table",
            Self::Text(_) | Self::Untyped(_) => "a string",
        }
    }

    /// For errors, with the value where it is short and fits into a line.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Boolean(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) | Self::Untyped(text) if text.len() <= 200 => format!("{text:?}"),
            Self::List(_) | Self::Other(_) | Self::Table(_) | Self::Text(_) | Self::Untyped(_) => {
                self.type_name().into()
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(items: [&str; N]) -> Self {
        let node = |item| Node { value: Self::from(item), source: Source::Default };
        Self::List(items.map(node).into())
    }
}
