//! Names that operators give.

use super::shape::{Refusal, Word};

/// Bytes in a name: as in a DNS label, the strictest of the places where names end up.
const LONGEST: usize = 63;

/// Names are labels in metrics and parts of URLs: nothing in them needs escaping.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $example:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 63 of `a`..`z`, `0`..`9`, `_` and `-`.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Box<str>);

        impl $type {
            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Word for $type {
            fn expected() -> String {
                concat!("1 to 63 of a-z, 0-9, _ and -, such as \"", $example, "\"").into()
            }

            fn parse(text: &str) -> Result<Self, Refusal> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(Refusal::Unfit) }
            }
        }
    };
}

name! {
    /// What a provider is called: a label in metrics and a part of URLs.
    ProviderName, "home"
}
name! {
    /// What an api key is called: in the audit trail, and as `client_id` at the OAuth endpoints.
    ApiKeyName, "orders-api"
}
