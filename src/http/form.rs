//! Reading forms (`application/x-www-form-urlencoded`), strictly: a parameter that comes twice has no
//! value.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::web::Payload;

use super::body::{self, BodyError};

/// The pairs of a form, or of a query, which has the same form.
#[derive(Debug)]
pub(super) struct Form(String);

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
        let body = body::read(payload, limit).await.map_err(FormError::Body)?;
        // What is no UTF-8 is no name and no token of anybody.
        Ok(Self(String::from_utf8_lossy(&body).into_owned()))
    }

    /// Reads the query.
    pub(super) fn of_query(request: &HttpRequest) -> Self {
        Self(request.query_string().to_owned())
    }

    /// The one value of a parameter. An empty one counts as none (RFC 6749, section 3.2).
    ///
    /// Only what is encoded is decoded: a signed token stands for itself, and is nearly all there is.
    pub(super) fn one(&self, name: &str) -> Result<Option<Cow<'_, str>>, Repeated> {
        let pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut values = pairs.filter(|(found, _)| decoded(found) == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated),
            (Some(value), None) if !value.is_empty() => Ok(Some(decoded(value))),
            (Some(_) | None, None) => Ok(None),
        }
    }
}

/// A name or a value by itself (WHATWG URL, section 5.1).
fn decoded(part: &str) -> Cow<'_, str> {
    if !part.bytes().fold(false, |encoded, byte| encoded | matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(part);
    }
    // As the value of a pair, which may hold `=`; what `+` and `%` stand for may not become anything
    // else by that.
    let pair = format!("={part}");
    let value = form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    Cow::Owned(value.unwrap_or_default())
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
            let form = Form(text.to_owned());
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
