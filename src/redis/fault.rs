//! From what the library and the server say to a [`Fault`].

use std::error::Error;
use std::io;
use std::sync::Arc;

use deadpool_redis::redis::{self, ErrorKind, ServerError, ServerErrorKind};

use super::address::Address;
use super::error::{Fault, Foreign, Permission};

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
        let says = |words: &str| details.contains(words);
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
                "MISCONF" => Self::CannotPersist,
                "NOREPLICAS" => Self::TooFewReplicas,
                "OOM" => Self::OutOfMemory,
                "UNBLOCKED" => Self::ReadOnly,
                "WRONGTYPE" => Self::WrongType,
                _ if says("WRONGTYPE") || says("wrong kind of value") => Self::WrongType,
                _ if says("OOM command not allowed") => Self::OutOfMemory,
                _ if says("read only replica") => Self::ReadOnly,
                _ if says("MISCONF") => Self::CannotPersist,
                _ if says("NOREPLICAS") => Self::TooFewReplicas,
                // Redis 7.0, 7.2 and later, before 7.
                _ if says("The user executing the script can't")
                    || says("ACL failure in script")
                    || says("has no permissions") =>
                {
                    Self::no_permission(details)
                }
                _ if says("equal or smaller than the target stream top item") => {
                    Self::Foreign(Foreign::LogBeyondHead)
                }
                _ if says("invalid password") || says("AUTH") => Self::Authentication,
                _ if ["nknown command", "nknown Redis command", "syntax error"]
                    .into_iter()
                    .any(says) =>
                {
                    Self::Unsupported
                }
                code => Self::Protocol { code: plain(code) },
            },
        }
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
