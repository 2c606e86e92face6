//! Reading forms (`application/x-www-form-urlencoded`), strictly: a parameter that comes twice has no
//! value.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::web::{BytesMut, Payload};

use super::body::{self, BodyError};

/// The pairs of a form, or of a query, which has the same form.
#[derive(Debug)]
pub(super) struct Form(BytesMut);

/// Why there is no form.
#[derive(Debug)]
pub(super) enum FormError {
    /// The body was not read.
    Body(BodyError),
    /// The body says that it is something else.
    ContentType,
}

/// The parameter comes more than once (RFC 6749, section 3.2: it must not).
#[derive(Debug)]
pub(super) struct Repeated;

impl Form {
    /// Reads a body of at most `limit` bytes.
    pub(super) async fn read(
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
    ) -> Result<Self, FormError> {
        if !body::has_type(request, "application/x-www-form-urlencoded") {
            return Err(FormError::ContentType);
        }
        body::read(payload, limit).await.map(Self).map_err(FormError::Body)
    }

    /// Reads the query.
    pub(super) fn of_query(request: &HttpRequest) -> Self {
        Self(request.query_string().as_bytes().into())
    }

    /// The one value of a parameter. An empty one counts as none (RFC 6749, section 3.2).
    ///
    /// Beside the names only this value is decoded: the rest is a long token, mostly.
    pub(super) fn one(&self, name: &str) -> Result<Option<Cow<'_, str>>, Repeated> {
        let pairs = self.0.as_ref().split(|byte: &u8| *byte == b'&').map(Pair::of);
        let mut found = pairs.filter(|pair| decoded(pair.name).is_some_and(|found| found == name));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Repeated),
            (Some(pair), None) => Ok(pair.value().filter(|value| !value.is_empty())),
            (None, None) => Ok(None),
        }
    }
}

/// What stands between two `&`.
struct Pair<'f> {
    whole: &'f [u8],
    name: &'f [u8],
    value: &'f [u8],
}

impl<'f> Pair<'f> {
    fn of(whole: &'f [u8]) -> Self {
        let end = whole.iter().position(|byte| *byte == b'=').unwrap_or(whole.len());
        let (name, value) = whole.split_at(end);
        Self { whole, name, value: value.strip_prefix(b"=").unwrap_or_default() }
    }

    fn value(&self) -> Option<Cow<'f, str>> {
        // A signed token stands for itself.
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
        if self.value.iter().all(plain) {
            return Some(String::from_utf8_lossy(self.value));
        }
        form_urlencoded::parse(self.whole).next().map(|(_, value)| value)
    }
}

/// A name by itself. What is empty has none.
fn decoded(name: &[u8]) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(name).next().map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// The library reads all of it; this has to come to the same.
    #[test]
    fn one_value_is_what_the_library_reads() {
        for text in [
            "",
            "&",
            "=",
            "token",
            "token=",
            "token=a.b-c_d",
            "token=a+b%20c%3D%26",
            "token=a=b==",
            "token==",
            "token=%",
            "token=%zz%f",
            "token=%FF",
            "%74oken=a",
            "to%6ben=a&b",
            "to+ken=a&to ken",
            "a=token&b=%74oken",
            "token=a&token=b",
            "token=a&%74oken=",
            "token&token",
            "&&token=a&&",
            "=token&token=a",
            "Token=a",
            "token%3Da=b",
        ] {
            let form = Form(text.as_bytes().into());
            let all: Vec<_> = form_urlencoded::parse(text.as_bytes())
                .filter(|(name, _)| name == "token")
                .map(|(_, value)| value)
                .collect();
            let expected = match all.as_slice() {
                [] => Ok(None),
                [value] => Ok(Some(value.clone()).filter(|value| !value.is_empty())),
                _ => Err(()),
            };
            assert_eq!(form.one("token").map_err(|Repeated| ()), expected, "{text}");
        }
        let request = TestRequest::get().uri("/?sid=a%20b").to_http_request();
        assert_eq!(Form::of_query(&request).one("sid").unwrap().unwrap(), "a b");
    }
}
