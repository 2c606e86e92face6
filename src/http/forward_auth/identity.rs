//! What the application behind the proxy is told about a token.

use actix_web::http::header::{HeaderName, HeaderValue};
use thiserror::Error;

use crate::access_token::AccessToken;
use crate::jose::Value;
use crate::settings::ClaimPath;

/// Bytes of all groups together. Proxies keep small buffers for what a sub-request answers.
const MAX_GROUPS_BYTES: usize = 4096;

/// The headers of a 200. Each is always there, blank if the token does not say: what a client sent
/// under the same name is never left standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Identity {
    subject: HeaderValue,
    issuer: HeaderValue,
    session: HeaderValue,
    client: HeaderValue,
    groups: HeaderValue,
}

/// It cannot be said in a header without becoming something else.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "`{what}` cannot be the value of a header: visible ASCII without spaces at its ends, {}, is needed",
    if *.what == "groups" { "each group without a comma, and 4096 bytes in all" } else { "and no more" }
)]
pub(super) struct UnspeakableError {
    what: &'static str,
}

impl Identity {
    pub(super) fn of(
        token: &AccessToken,
        groups_claim: Option<&ClaimPath>,
    ) -> Result<Self, UnspeakableError> {
        let subject = token.subject().map(|subject| subject.as_str());
        let session = token.session().map(|session| session.as_str());
        let client = token.client().map(|client| client.as_str());
        Ok(Self {
            subject: spoken("sub", subject.unwrap_or_default())?,
            issuer: spoken("iss", token.issuer().as_str())?,
            session: spoken("sid", session.unwrap_or_default())?,
            client: spoken("client_id", client.unwrap_or_default())?,
            groups: groups(groups_claim.and_then(|path| find(token, path.as_str())))?,
        })
    }

    /// Names and values.
    pub(in crate::http) fn headers(self) -> [(HeaderName, HeaderValue); 5] {
        [
            (HeaderName::from_static("x-auth-subject"), self.subject),
            (HeaderName::from_static("x-auth-issuer"), self.issuer),
            (HeaderName::from_static("x-auth-session"), self.session),
            (HeaderName::from_static("x-auth-client"), self.client),
            (HeaderName::from_static("x-auth-groups"), self.groups),
        ]
    }
}

/// Beyond visible ASCII a value means different things to different servers, and spaces at its ends
/// are lost (RFC 9110, section 5.5): two users could become one.
fn spoken(what: &'static str, text: &str) -> Result<HeaderValue, UnspeakableError> {
    let visible = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if visible && text.trim() == text {
        HeaderValue::from_str(text).map_err(|_| UnspeakableError { what })
    } else {
        Err(UnspeakableError { what })
    }
}

/// The claim of this name, else the one that its parts lead to.
fn find<'t>(token: &'t AccessToken, path: &str) -> Option<&'t Value> {
    if let Some(value) = token.claim(path) {
        return Some(value);
    }
    let mut parts = path.split('.');
    parts.by_ref().next().and_then(|first| token.claim(first)).and_then(|value| {
        parts.try_fold(value, |value, part| match value {
            Value::Object(object) => object.get(part),
            _ => None,
        })
    })
}

/// Group names with commas between them. One that has a comma would become two.
fn groups(claim: Option<&Value>) -> Result<HeaderValue, UnspeakableError> {
    let what = "groups";
    let items = match claim {
        None | Some(Value::Null) => return Ok(HeaderValue::from_static("")),
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    };
    let mut text = String::new();
    for item in items {
        let Value::String(group) = item else { return Err(UnspeakableError { what }) };
        if group.is_empty() || group.contains(',') || **group != *group.trim() {
            return Err(UnspeakableError { what });
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(group);
        if text.len() > MAX_GROUPS_BYTES {
            return Err(UnspeakableError { what });
        }
    }
    spoken(what, &text)
}
