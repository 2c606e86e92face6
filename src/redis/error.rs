//! What can go wrong with Redis, in words that tell an operator what to do.
//!
//! No text holds a value, a password or an identifier: what the server said is taken apart here,
//! and only what is known to be harmless of it is repeated.

use std::fmt;
use std::io;

use thiserror::Error;

use super::Epoch;

/// An act that failed, and why. What it did before it failed is not undone.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("Redis, {act}: {fault}")]
pub struct RedisError {
    /// What was tried.
    pub act: Act,
    /// What stood in the way.
    pub fault: Fault,
}

/// Declares the acts and their names in metrics in one place.
macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $word:literal,)+) => {
        /// What is done with Redis; `op` in metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Act {
            $($(#[$doc])* $act,)+
        }

        impl Act {
            /// Every act.
            pub const ALL: &'static [Self] = &[$(Self::$act,)+];

            /// The label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$act => $word,)+ }
            }
        }
    };
}

acts! {
    /// Adding entries to the log.
    Append = "append",
    /// Opening a connection.
    Connect = "connect",
    /// Writing denylist keys anew.
    Deny = "deny",
    /// Beginning a log.
    Found = "found",
    /// Reading the head.
    Head = "head",
    /// Asking sentinels for the master.
    Masters = "masters",
    /// Looking who else is there.
    Meet = "meet",
    /// Looking for denylist keys that are gone.
    Missing = "missing",
    /// Looking at the server.
    Probe = "probe",
    /// Loading entries.
    Range = "range",
    /// Waiting for entries.
    Read = "read",
    /// Putting tokens into their tables.
    Register = "register",
    /// Beginning a new epoch.
    Renew = "renew",
    /// Forgetting old entries.
    Trim = "trim",
    /// Waiting for replicas.
    Wait = "wait",
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an act failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `AUTH` failed.
    #[error("the user name or the password is refused: check username and password_file")]
    Authentication,
    /// A script of somebody else occupies the server.
    #[error("a script that somebody else started does not end: see SCRIPT KILL")]
    Busy,
    /// No node answers for the slot of the prefix.
    #[error("the cluster is down, or no master serves our slot: see CLUSTER INFO")]
    ClusterDown,
    /// The connection ended.
    #[error("the connection broke off ({kind})")]
    Disconnected {
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The server got something else than was sent. Nothing was changed.
    #[error("a command was damaged on its way to the server: use TLS, or look at the network")]
    Damaged,
    /// Somebody began a new epoch meanwhile. Nothing was changed.
    #[error("the epoch changed{}", now_is(*.found))]
    EpochChanged {
        /// The one in Redis; none if there is no head.
        found: Option<Epoch>,
    },
    /// There is something under the prefix that signout did not write.
    #[error(
        "{0}: something else writes under key_prefix; give it its own, or delete what it wrote"
    )]
    Foreign(Foreign),
    /// The server reads its data from disk.
    #[error("the server is loading its data and not ready yet")]
    Loading,
    /// A slot is on its way to another node.
    #[error("our slot has moved to another node of the cluster: connect anew")]
    Moved,
    /// The user may not do that.
    #[error("the user has no permission for {what}: allow it with ACL SETUSER")]
    NoPermission {
        /// What to allow.
        what: Permission,
    },
    /// Sentinels answer, and name no master.
    #[error("no sentinel knows a master called as service_name says: check the name")]
    NoMaster,
    /// `maxmemory` is reached.
    #[error("the server is at its maxmemory and refuses writes: raise maxmemory")]
    OutOfMemory,
    /// The server cannot write its own files.
    #[error("the server refuses writes because it cannot persist: look into its log (MISCONF)")]
    CannotPersist,
    /// An answer that makes no sense, or an error that this version does not know.
    #[error("the server answered {code}, which this version does not understand")]
    Protocol {
        /// The error's first word, in capitals, or what was wrong with the answer.
        code: Box<str>,
    },
    /// The server is a replica.
    #[error("the server is a replica and takes no writes: connect to the master")]
    ReadOnly,
    /// No answer in time. Whether the act was done is not known.
    #[error("no answer within response_timeout, or no connection within connect_timeout")]
    TimedOut,
    /// TLS failed.
    #[error("TLS failed ({reason}): check ca_file and the server's certificate")]
    Tls {
        /// What the TLS library said.
        reason: Box<str>,
    },
    /// `min-replicas-to-write` is not met.
    #[error("the server has fewer replicas than its min-replicas-to-write and refuses writes")]
    TooFewReplicas,
    /// No connection.
    #[error("cannot connect to {address} ({kind}): check that it runs, and that urls name it")]
    Unreachable {
        /// What was to be reached, without any password.
        address: Box<str>,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The name has no address.
    #[error("{address} has no address: check the spelling and the resolver of this machine")]
    Unresolved {
        /// What was to be reached.
        address: Box<str>,
    },
    /// A command or an option is not known.
    #[error(
        "the server does not know a command that signout needs: use Redis 7 or later, or Valkey, \
         and rename no commands"
    )]
    Unsupported,
    /// A key holds another type of value.
    #[error(
        "a key under key_prefix holds another type of value: something else writes there; give it \
         another prefix, or delete the key"
    )]
    WrongType,
}

/// What was found that signout did not write.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// A log entry that cannot be read.
    #[error("log entry {seq} cannot be read")]
    Entry {
        /// Its number.
        seq: u64,
    },
    /// A log entry whose id was not given by signout.
    #[error("the log has an entry with the id {millis}-{number}")]
    EntryId {
        /// Before the dash.
        millis: u64,
        /// Behind it.
        number: u64,
    },
    /// A head of another version.
    #[error("the head has format {format}, and this version knows format 1")]
    Format {
        /// What it says.
        format: u64,
    },
    /// A head that cannot be read.
    #[error("the head has no readable field {field:?}")]
    Head {
        /// The first such field.
        field: &'static str,
    },
    /// The log goes further than the head says.
    #[error("the log has entries beyond its head")]
    LogBeyondHead,
}

/// What an ACL must allow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// A command.
    Command(Box<str>),
    /// The keys under the prefix.
    Keys,
    /// The server did not say which command; Redis 7.0 does not if a script called it.
    Unnamed,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(f, "the command +{command}"),
            Self::Keys => f.write_str("the keys under key_prefix"),
            Self::Unnamed => {
                f.write_str("what it was asked to do; ACL LOG says which command that is")
            }
        }
    }
}

fn now_is(epoch: Option<Epoch>) -> String {
    epoch.map_or_else(|| ": there is no head".into(), |epoch| format!(" to {epoch}"))
}
