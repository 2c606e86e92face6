//! The token of a request, wherever it is.

use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use thiserror::Error;

use super::rules::ForwardAuthRules;

/// What a request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials<'r> {
    None,
    /// The same in every place that has one.
    Token(&'r str),
}

/// Whoever sends two tokens may have two readers believe different ones.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum CredentialsError {
    #[error("the request brings different tokens; send one, and no stale cookie beside it")]
    Different,
    #[error("Authorization says Bearer and has no token")]
    Empty,
    #[error("the header Authorization comes more than once")]
    Repeated,
    #[error("a token has characters that no token has")]
    NotText,
}

impl CredentialsError {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Different => "tokens_differ",
            Self::Empty => "bearer_empty",
            Self::Repeated => "authorization_repeated",
            Self::NotText => "not_text",
        }
    }
}

impl<'r> Credentials<'r> {
    /// Looks into `Authorization` and into the configured cookies and headers, all of them each time.
    pub(super) fn of(
        headers: &'r HeaderMap,
        rules: &ForwardAuthRules,
    ) -> Result<Self, CredentialsError> {
        let mut found = Self::None;
        if let Some(token) = authorization(headers)? {
            found = found.and(token)?;
        }
        for name in rules.cookies() {
            for line in headers.get_all(COOKIE) {
                for value in cookies(line.as_bytes(), name.as_str()) {
                    found = found.and(value)?;
                }
            }
        }
        for name in rules.headers() {
            for line in headers.get_all(name.as_str()) {
                found = found.and(line.as_bytes())?;
            }
        }
        Ok(found)
    }

    /// A cookie or a header that was emptied is none.
    fn and(self, token: &'r [u8]) -> Result<Self, CredentialsError> {
        let token = str::from_utf8(token).map_err(|_| CredentialsError::NotText)?;
        match (self, token.trim_matches([' ', '\t'])) {
            (found, "") => Ok(found),
            (Self::None, token) => Ok(Self::Token(token)),
            (Self::Token(found), token) if found == token => Ok(self),
            (Self::Token(_), _) => Err(CredentialsError::Different),
        }
    }
}

/// RFC 6750, section 2.1; the scheme has no case (RFC 9110, section 11.1). Another scheme is for
/// somebody else.
fn authorization(headers: &HeaderMap) -> Result<Option<&[u8]>, CredentialsError> {
    let mut lines = headers.get_all(AUTHORIZATION);
    let (Some(line), more) = (lines.next(), lines.next()) else { return Ok(None) };
    if more.is_some() {
        return Err(CredentialsError::Repeated);
    }
    let line = line.as_bytes().trim_ascii();
    let (scheme, token) = line.split_at_checked(6).unwrap_or((line, b""));
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    match token {
        [] => Err(CredentialsError::Empty),
        [b' ', token @ ..] => Ok(Some(token)),
        _ => Ok(None),
    }
}

/// Every value of this cookie, of which servers differ in which one they take.
fn cookies<'r>(line: &'r [u8], name: &str) -> impl Iterator<Item = &'r [u8]> {
    line.split(|byte| *byte == b';').filter_map(move |pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let found = parts.next()?.trim_ascii();
        let value = parts.next()?;
        (found == name.as_bytes()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::settings::Settings;

    fn rules() -> ForwardAuthRules {
        let toml = "[forward_auth]\ncookies = [\"at\", \"bt\"]\nheaders = [\"X-Token\"]\n";
        ForwardAuthRules::new(&Settings::from_toml(toml).unwrap().settings.forward_auth)
    }

    #[track_caller]
    fn check(lines: &[(&str, &str)], expected: Result<Option<&str>, CredentialsError>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let expected = expected.map(|token| token.map_or(Credentials::None, Credentials::Token));
        assert_eq!(Credentials::of(&headers, &rules()), expected, "{lines:?}");
    }

    #[test]
    fn one_token_wherever_it_is() {
        check(&[], Ok(None));
        for line in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c ", "Bearer a.b.c\t"] {
            check(&[("Authorization", line)], Ok(Some("a.b.c")));
        }
        check(&[("Cookie", "at=a.b.c")], Ok(Some("a.b.c")));
        check(&[("Cookie", "x=1; bt=a.b.c;y")], Ok(Some("a.b.c")));
        check(&[("Cookie", "x=é"), ("Cookie", " at = a.b.c ")], Ok(Some("a.b.c")));
        check(&[("x-token", "a.b.c")], Ok(Some("a.b.c")));
    }

    #[test]
    fn what_is_no_token() {
        for line in ["Basic YTpi", "", "DPoP a", "Bearera.b.c", "Bearer\ta.b.c"] {
            check(&[("Authorization", line)], Ok(None));
        }
        for line in ["", "at", "at=", "AT=a", "xat=a", "at2=a", ";;;==;", "x=at=a"] {
            check(&[("Cookie", line)], Ok(None));
        }
        check(&[("x-token", "")], Ok(None));
        check(&[("x-other", "a")], Ok(None));
        check(&[("Authorization", "Basic YTpi"), ("Cookie", "at=a")], Ok(Some("a")));
    }

    #[test]
    fn several_must_be_the_same() {
        let same = [("Authorization", "Bearer a"), ("Cookie", "at=a; bt=a"), ("X-Token", "a")];
        check(&same, Ok(Some("a")));
        for other in [("Cookie", "at=b"), ("Cookie", "at=a; at=b"), ("X-Token", "Bearer a")] {
            check(&[("Authorization", "Bearer a"), other], Err(CredentialsError::Different));
        }
        check(&[("Cookie", "at=a"), ("Cookie", "at=b")], Err(CredentialsError::Different));
        check(&[("X-Token", "a"), ("X-Token", "b")], Err(CredentialsError::Different));
    }

    #[test]
    fn what_no_client_means() {
        let twice = [("Authorization", "Bearer a"), ("Authorization", "Bearer a")];
        check(&twice, Err(CredentialsError::Repeated));
        let twice = [("Authorization", "Basic a"), ("Authorization", "Bearer a")];
        check(&twice, Err(CredentialsError::Repeated));
        check(&[("Authorization", "Bearer")], Err(CredentialsError::Empty));
        check(&[("Authorization", "Bearer  ")], Err(CredentialsError::Empty));
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_bytes(b"at=\xff").unwrap());
        assert_eq!(Credentials::of(&headers, &rules()), Err(CredentialsError::NotText));
    }
}
