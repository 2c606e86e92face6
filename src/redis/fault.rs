//! From what the library and the server say to a [`Fault`].

use std::error::Error;
use std::io;
use std::sync::Arc;

use deadpool_redis::redis::{self, ErrorKind, ServerError, ServerErrorKind};

use super::address::Address;
use super::error::{Fault, Foreign, Permission};

/// Of Redis 7.0, of 7.2 and later, and of those before 7.
const REFUSED: [&str; 3] =
    ["The user executing the script can't", "ACL failure in script", "has no permissions"];

const SAID: [(&str, Fault); 11] = [
    ("wrong kind of value", Fault::WrongType),
    ("OOM command not allowed", Fault::OutOfMemory),
    ("read only replica", Fault::ReadOnly),
    ("MISCONF", Fault::CannotPersist),
    ("NOREPLICAS", Fault::TooFewReplicas),
    ("equal or smaller than the target stream top item", Fault::Foreign(Foreign::LogBeyondHead)),
    ("invalid password", Fault::Authentication),
    ("without any password configured", Fault::Authentication),
    ("nknown command", Fault::Unsupported),
    ("nknown Redis command", Fault::Unsupported),
    ("syntax error", Fault::Unsupported),
];

impl Fault {
    /// Of an open connection.
    pub(super) fn of(error: &redis::RedisError) -> Self {
        if let ErrorKind::Server(_) | ErrorKind::Extension = error.kind()
            && let Some(errors) = error.clone().into_server_errors()
            && let Some((_, error)) = errors.first()
        {
            return Self::of_server(error);
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Authentication,
            ErrorKind::ClusterConnectionNotFound => Self::ClusterDown,
            _ if error.is_timeout() => Self::TimedOut,
            ErrorKind::Io | ErrorKind::Client => match tls(error) {
                Some(reason) => Self::Tls { reason },
                None => Self::Disconnected { kind: io_kind(error) },
            },
            kind => Self::Protocol { code: format!("{kind:?}").into() },
        }
    }

    /// Of a connection that is being opened.
    pub(super) fn connecting(error: &redis::RedisError, address: &Address) -> Self {
        let address = address.to_string().into();
        match Self::of(error) {
            Self::Disconnected { .. } if error.to_string().contains("lookup address") => {
                Self::Unresolved { address }
            }
            Self::Disconnected { kind } => Self::Unreachable { address, kind },
            fault => fault,
        }
    }

    /// Of an answer. Scripts put the error of a command into theirs, and before Redis 7 they put
    /// it behind words of their own.
    pub(super) fn of_server(error: &ServerError) -> Self {
        let details = error.details().unwrap_or_default();
        match error.kind() {
            Some(ServerErrorKind::BusyLoading) => Self::Loading,
            Some(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => Self::ReadOnly,
            Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain) => {
                Self::Moved
            }
            Some(ServerErrorKind::ClusterDown) => Self::ClusterDown,
            Some(ServerErrorKind::NoPerm) => Self::no_permission(details),
            _ => match error.code() {
                "NOAUTH" | "WRONGPASS" => Self::Authentication,
                "BUSY" => Self::Busy,
                "DAMAGED" => Self::Damaged,
                "MISCONF" => Self::CannotPersist,
                "NOREPLICAS" => Self::TooFewReplicas,
                "OOM" => Self::OutOfMemory,
                "UNBLOCKED" => Self::ReadOnly,
                "WRONGTYPE" => Self::WrongType,
                code => {
                    Self::of_words(details).unwrap_or_else(|| Self::Protocol { code: plain(code) })
                }
            },
        }
    }

    /// What only the words of an error tell.
    fn of_words(details: &str) -> Option<Self> {
        let refused = REFUSED.iter().any(|words| details.contains(words));
        let said = SAID.iter().find(|(words, _)| details.contains(words));
        if refused {
            return Some(Self::no_permission(details));
        }
        said.map(|(_, fault)| fault.clone())
    }

    fn no_permission(details: &str) -> Self {
        let quoted = details.split_once('\'').and_then(|(_, rest)| rest.split_once('\''));
        let is_name = |name: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'|';
            (1..=32).contains(&name.len()) && name.bytes().all(plain)
        };
        let what = match quoted {
            Some((command, rest)) if rest.starts_with(" command") && is_name(command) => {
                Permission::Command(command.to_ascii_lowercase().into())
            }
            _ if details.contains("key") => Permission::Keys,
            _ => Permission::Unnamed,
        };
        Self::NoPermission { what }
    }

    /// An answer of another shape than the command has.
    pub(super) fn odd_answer() -> Self {
        Self::Protocol { code: "something of another form than asked for".into() }
    }
}

/// The first word of an error is a code by convention; if it is not, it could be anything.
fn plain(code: &str) -> Box<str> {
    let fits = (1..=32).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if fits { code.into() } else { "an error without a code".into() }
}

/// The library wraps the errors of others once more.
fn cause<E: Error + 'static>(error: &redis::RedisError) -> Option<&E> {
    let wrapped = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    wrapped.downcast_ref()
}

fn io_kind(error: &redis::RedisError) -> io::ErrorKind {
    cause::<io::Error>(error).map_or(io::ErrorKind::Other, io::Error::kind)
}

/// What rustls said, if it said anything.
fn tls(error: &redis::RedisError) -> Option<Box<str>> {
    if let Some(error) = cause::<rustls::Error>(error) {
        return Some(error.to_string().into());
    }
    let inner = cause::<io::Error>(error)?.get_ref()?;
    match inner.downcast_ref::<rustls::Error>() {
        Some(error) => Some(error.to_string().into()),
        // What tokio-rustls says when a server hangs up in the middle of it.
        None => inner.to_string().contains("tls").then(|| "the server ended the handshake".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deadpool_redis::redis::{Value, parse_redis_value};

    fn said(error: &str) -> Fault {
        match parse_redis_value(format!("-{error}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => Fault::of_server(&error),
            other => panic!("{error}: {other:?}"),
        }
    }

    #[test]
    fn errors_are_told_apart_by_what_to_do() {
        let command = |name: &str| Permission::Command(name.into());
        let refused = |what| Fault::NoPermission { what };
        let protocol = |code: &str| Fault::Protocol { code: code.into() };
        for (error, fault) in [
            ("LOADING Redis is loading the dataset in memory", Fault::Loading),
            ("READONLY You can't write against a read only replica.", Fault::ReadOnly),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                Fault::ReadOnly,
            ),
            (
                "UNBLOCKED force unblock from blocking operation, instance state changed",
                Fault::ReadOnly,
            ),
            ("MOVED 9090 127.0.0.1:7001", Fault::Moved),
            ("ASK 9090 127.0.0.1:7001", Fault::Moved),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Fault::Moved),
            ("CLUSTERDOWN The cluster is down", Fault::ClusterDown),
            ("NOAUTH Authentication required.", Fault::Authentication),
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                Fault::Authentication,
            ),
            ("ERR invalid password", Fault::Authentication),
            ("BUSY Redis is busy running a script.", Fault::Busy),
            ("MISCONF Redis is configured to save RDB snapshots", Fault::CannotPersist),
            ("DAMAGED a command", Fault::Damaged),
            ("NOREPLICAS Not enough good replicas to write.", Fault::TooFewReplicas),
            (
                "OOM command not allowed when used memory > 'maxmemory'. script: ab, on @user_script:1.",
                Fault::OutOfMemory,
            ),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Fault::WrongType),
            // From within a script, before Redis 7.
            (
                "ERR Error running script (call to f_ab): @user_script:9: WRONGTYPE Operation against a key holding the wrong kind of value",
                Fault::WrongType,
            ),
            (
                "ERR Error running script (call to f_ab): @user_script:9: @user_script: 9: -OOM command not allowed when used memory > 'maxmemory'.",
                Fault::OutOfMemory,
            ),
            (
                "ERR Error running script (call to f_ab): @user_script:9: @user_script: 9: -READONLY You can't write against a read only replica.",
                Fault::ReadOnly,
            ),
            (
                "ERR Error running script (call to f_ab): @user_script:9: @user_script: 9: Unknown Redis command called from Lua script",
                Fault::Unsupported,
            ),
            ("ERR unknown command 'EVALSHA', with args beginning with: ", Fault::Unsupported),
            ("ERR syntax error", Fault::Unsupported),
            (
                "ERR The ID specified in XADD is equal or smaller than the target stream top item",
                Fault::Foreign(Foreign::LogBeyondHead),
            ),
            (
                "NOPERM this user has no permissions to run the 'hmget' command",
                refused(command("hmget")),
            ),
            (
                "NOPERM User x has no permissions to run the 'xinfo|stream' command",
                refused(command("xinfo|stream")),
            ),
            (
                "NOPERM this user has no permissions to access one of the keys used as arguments",
                refused(Permission::Keys),
            ),
            ("NOPERM No permissions to access a key", refused(Permission::Keys)),
            (
                "ERR ACL failure in script: User x has no permissions to run the 'xadd' command script: ab",
                refused(command("xadd")),
            ),
            (
                "ERR The user executing the script can't run this command or subcommand script: ab",
                refused(Permission::Unnamed),
            ),
            (
                "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments",
                refused(Permission::Keys),
            ),
            (
                "NOPERM no permissions to run the 'hunter2 hunter2' command",
                refused(Permission::Unnamed),
            ),
            ("WEIRD hunter2", protocol("WEIRD")),
            ("hunter2 is what I say", protocol("an error without a code")),
        ] {
            assert_eq!(said(error), fault, "{error}");
        }
    }
}
