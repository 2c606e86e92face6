//! The names of the keys in Redis.

use std::fmt;

use signout_checker::{Digest, KeyName};
use thiserror::Error;

/// What all keys of one deployment begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPrefix(Box<str>);

/// A prefix that cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a key prefix is 1 to 64 of a-z, A-Z, 0-9, '_', '.', ':' and '-'")]
pub struct MalformedPrefix;

impl KeyPrefix {
    /// No braces: they would decide the cluster slot of keys that are meant to spread.
    pub fn parse(text: &str) -> Result<Self, MalformedPrefix> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text.into())) } else { Err(MalformedPrefix) }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("signout".into())
    }
}

/// One running instance of signout, by a number that it draws at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(u64);

impl InstanceId {
    /// Reads 16 hex digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }

    /// Takes a random number.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// 16 hex digits.
impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The registered tokens of one session or of one user: a hash each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Of one session at its issuer.
    Session(Digest),
    /// Of one user at its issuer.
    Subject(Digest),
}

/// The names under one prefix.
///
/// Braces are the hash tag of Redis Cluster: only what stands between them decides the slot. The
/// head, the log and the denylist share one, because one script changes all of them; tables have
/// one each, so that they spread.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: KeyPrefix,
    head: Box<str>,
    log: Box<str>,
}

impl Keys {
    /// The names under `prefix`.
    #[must_use]
    pub fn new(prefix: KeyPrefix) -> Self {
        let [head, log] = ["head", "log"].map(|name| format!("{{{}}}:{name}", prefix.as_str()));
        Self { prefix, head: head.into(), log: log.into() }
    }

    /// What all names begin with.
    #[must_use]
    pub const fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// `{P}:head`, a hash.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// `{P}:log`, a stream.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// `{P}:deny:<name>`, a string.
    #[must_use]
    pub fn deny(&self, name: &KeyName) -> String {
        format!("{{{}}}:deny:{name}", self.prefix.as_str())
    }

    /// `{P}:canary:<instance>`, a string.
    #[must_use]
    pub fn canary(&self, instance: InstanceId) -> String {
        format!("{{{}}}:canary:{instance}", self.prefix.as_str())
    }

    /// `{P}:instances`, a hash.
    #[must_use]
    pub fn instances(&self) -> String {
        format!("{{{}}}:instances", self.prefix.as_str())
    }

    /// `P:s:{<digest>}` or `P:u:{<digest>}`, a hash.
    #[must_use]
    pub fn table(&self, table: Table) -> String {
        let (tag, digest) = match table {
            Table::Session(digest) => ('s', digest),
            Table::Subject(digest) => ('u', digest),
        };
        let number = u128::from_be_bytes(digest.to_bytes());
        format!("{}:{tag}:{{{number:032x}}}", self.prefix.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_contract() {
        let keys = Keys::new(KeyPrefix::default());
        assert_eq!(keys.head(), "{signout}:head");
        assert_eq!(keys.log(), "{signout}:log");
        let name = KeyName::from_bytes([0xab; 16]);
        assert_eq!(keys.deny(&name), format!("{{signout}}:deny:{}", "ab".repeat(16)));
        assert_eq!(keys.instances(), "{signout}:instances");
        assert_eq!(keys.canary(InstanceId::from_bits(1)), "{signout}:canary:0000000000000001");
        let digest = Digest::from_bytes([0x0c; 16]);
        let digits = "0c".repeat(16);
        assert_eq!(keys.table(Table::Session(digest)), format!("signout:s:{{{digits}}}"));
        assert_eq!(keys.table(Table::Subject(digest)), format!("signout:u:{{{digits}}}"));
    }

    #[test]
    fn a_prefix_has_no_braces() {
        for prefix in ["signout", "a", "A.b_c:d-0", &"x".repeat(64)] {
            assert!(KeyPrefix::parse(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["", "{signout}", "a b", "a*", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(KeyPrefix::parse(prefix), Err(MalformedPrefix), "{prefix}");
        }
    }
}
