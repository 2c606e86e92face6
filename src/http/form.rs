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
    pub(super) fn one(&self, name: &str) -> Result<Option<Cow<'_, str>>, Repeated> {
        let mut values = form_urlencoded::parse(&self.0).filter(|(found, _)| found == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated),
            (Some((_, value)), None) if !value.is_empty() => Ok(Some(value)),
            (Some(_) | None, None) => Ok(None),
        }
    }
}
