//! Where in a request a token may be, and where in a token its groups.

use super::shape::{Refusal, Word};

/// Bytes in one of these names.
const LONGEST: usize = 255;

/// The name of a cookie, compared byte for byte (RFC 6265, section 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(Box<str>);

/// The name of a header: letters, digits and `-`, held in lower case. Without `_`, which servers take
/// for `-` or drop, each as it likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(Box<str>);

/// The name of a claim, or with dots the way to one within others: `realm_access.roles`. A claim whose
/// own name has the dots comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<str>);

impl CookieName {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HeaderName {
    /// In lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the service reads or sets this header for a purpose of its own.
    pub(super) fn is_taken(&self) -> bool {
        const TAKEN: [&str; 10] = [
            "accept",
            "authorization",
            "connection",
            "cookie",
            "host",
            "x-auth-client",
            "x-auth-groups",
            "x-auth-issuer",
            "x-auth-session",
            "x-auth-subject",
        ];
        TAKEN.contains(&&*self.0)
    }
}

impl ClaimPath {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Word for CookieName {
    fn expected() -> String {
        "the name of a cookie, such as \"access_token\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        // `token` of RFC 9110, section 5.6.2.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text.into())) } else { Err(Refusal::Unfit) }
    }
}

impl Word for HeaderName {
    fn expected() -> String {
        "the name of a header, letters, digits and -, such as \"X-Forwarded-Access-Token\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text.to_ascii_lowercase().into())) } else { Err(Refusal::Unfit) }
    }
}

impl Word for ClaimPath {
    fn expected() -> String {
        "the name of a claim, such as \"groups\" or \"realm_access.roles\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let fits = (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(Refusal::Unfit) }
    }
}
