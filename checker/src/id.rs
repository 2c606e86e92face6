//! Identifiers, parsed once at the door.
//!
//! Every one of them is chosen by somebody else: the provider, or whoever presents a token. They
//! are compared byte for byte, after JSON decoding and without any Unicode normalisation, because
//! two users that differ must never merge. `Subject`, `SessionId` and `JwtId` mean nothing without
//! their issuer and never show their text in `Debug`, so that none reaches a log by accident.

use std::fmt;

use thiserror::Error;

/// Why a string is no identifier.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdError {
    /// NUL, CR, LF, DEL and every other control character are refused (U+0000..U+001F, U+007F..U+009F).
    #[error("{name} holds a control character at byte {at}")]
    Control {
        /// The claim or parameter, `sid` for instance.
        name: &'static str,
        /// Offset in bytes.
        at: usize,
    },
    /// An empty identifier names nothing.
    #[error("{name} is empty")]
    Empty {
        /// The claim or parameter.
        name: &'static str,
    },
    /// Longer than this kind of identifier may be.
    #[error("{name} has {length} bytes, the limit is {limit}")]
    TooLong {
        /// The claim or parameter.
        name: &'static str,
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

fn checked(name: &'static str, limit: usize, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { name });
    }
    if text.len() > limit {
        return Err(IdError::TooLong { name, length: text.len(), limit });
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, _)) => Err(IdError::Control { name, at }),
        None => Ok(()),
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $type:ident, $claim:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Box<str>);

        impl $type {
            /// The most bytes this identifier may have.
            pub const MAX_BYTES: usize = $limit;

            /// Takes the text as it is: no trimming, no normalisation.
            ///
            /// # Errors
            ///
            #[doc = concat!("If it is empty, longer than ", $limit, " bytes, or holds a control character.")]
            pub fn parse(text: impl Into<Box<str>>) -> Result<Self, IdError> {
                let text = text.into();
                checked($claim, $limit, &text)?;
                Ok(Self(text))
            }

            /// The exact bytes that were parsed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

identifier! {
    /// `iss`: the provider's identifier, compared byte for byte (OpenID Connect Core 1.0, section 2).
    Issuer, "iss", 512
}
identifier! {
    /// `sub`: a user at one issuer. Core 1.0 caps it at 255 ASCII characters.
    Subject, "sub", 255
}
identifier! {
    /// `sid`: a session at one issuer. Opaque; 304 characters were seen in practice.
    SessionId, "sid", 1024
}
identifier! {
    /// `jti`: a token of one issuer (RFC 7519, section 4.1.7).
    JwtId, "jti", 512
}
identifier! {
    /// `client_id` at one issuer (RFC 6749, section 2.2).
    ClientId, "client_id", 255
}

/// Issuers and clients are configuration, not people: their text may be shown.
macro_rules! shown {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
shown!(Issuer, ClientId);

/// There is no `Display` for these on purpose: writing one out takes an explicit `as_str`.
macro_rules! hidden {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({} bytes)"), self.0.len())
            }
        }
    )*};
}
hidden!(Subject, SessionId, JwtId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_providers_send() {
        for text in ["a", "a*b:{c} d%", "+/==", "owner/uuid", "онlíne ünïcode", "e\u{301}"] {
            assert_eq!(SessionId::parse(text).unwrap().as_str(), text);
        }
        assert!(SessionId::parse("x".repeat(1024)).is_ok());
    }

    #[test]
    fn refuses_what_could_hurt() {
        assert_eq!(JwtId::parse(""), Err(IdError::Empty { name: "jti" }));
        for text in ["a\0", "a\r", "a\n", "a\u{7f}", "a\u{85}", "a\u{1b}[2J"] {
            assert_eq!(
                Subject::parse(text),
                Err(IdError::Control { name: "sub", at: 1 }),
                "{text:?}"
            );
        }
        assert_eq!(
            Subject::parse("x".repeat(256)),
            Err(IdError::TooLong { name: "sub", length: 256, limit: 255 })
        );
    }

    #[test]
    fn no_unicode_normalisation() {
        assert_ne!(Subject::parse("é").unwrap(), Subject::parse("e\u{301}").unwrap());
        assert_ne!(Subject::parse("I").unwrap(), Subject::parse("i").unwrap());
    }

    #[test]
    fn i17_debug_tells_no_identifier() {
        let sid = SessionId::parse("very-secret").unwrap();
        assert_eq!(format!("{sid:?}"), "SessionId(11 bytes)");
    }
}
