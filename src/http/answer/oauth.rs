//! The answers of the OAuth endpoints: RFC 6749, section 5.2; RFC 7009; RFC 7662; RFC 9701.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use serde::Serialize;
use thiserror::Error;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema as _, ToSchema};

use super::{RETRY, answer};
use crate::http::oauth::{Introspection, Metadata, PublishedKeys};
use crate::settings::Scope;

/// RFC 9110, section 15.5.2 asks for a challenge with every 401, also where the credentials came in
/// the form.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"signout\"");
const INTROSPECTION_JWT: HeaderValue =
    HeaderValue::from_static("application/token-introspection+jwt");
const ACCEPT: HeaderValue = HeaderValue::from_static("accept");

/// A token was taken. What became of it is not told: the same answer, byte for byte, for one that was
/// revoked, one that is not the caller's, and one that never was (RFC 7009, section 2.2).
#[derive(Debug, IntoResponses)]
pub(in crate::http) enum TokenTaken {
    /// It is refused from now on if it is a token of the caller's, and was over or is none otherwise.
    #[response(status = 200)]
    Done,
}

impl Responder for TokenTaken {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        answer(StatusCode::OK).finish()
    }
}

/// What is known of a token, in the form that was asked for.
#[derive(Debug)]
pub(in crate::http) enum Introspected {
    Json(Box<Introspection>),
    Signed(String),
}

impl Responder for Introspected {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = answer(StatusCode::OK);
        response.insert_header((VARY, ACCEPT));
        match self {
            Self::Json(introspection) => response.json(introspection),
            Self::Signed(token) => {
                response.insert_header((CONTENT_TYPE, INTROSPECTION_JWT)).body(token)
            }
        }
    }
}

/// What `openapi.yaml` says about [`Introspected`]: one status with two forms, for which utoipa has no
/// attribute.
pub(in crate::http) struct IntrospectedAnswer;

impl IntoResponses for IntrospectedAnswer {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let json = Content::new(Some(Ref::from_schema_name("Introspection")));
        let signed = Content::new(Some(String::schema()));
        let response = ResponseBuilder::new()
            .description(
                "What is known of the token; of one that is not active, that and nothing else. With \
                 `Accept: application/token-introspection+jwt` the same within a signed token (RFC 9701).",
            )
            .content("application/json", json)
            .content("application/token-introspection+jwt", signed)
            .build();
        BTreeMap::from([(StatusCode::OK.as_str().to_owned(), RefOr::T(response))])
    }
}

/// What `openapi.yaml` says about the success of the metadata.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the success to utoipa")]
pub(in crate::http) enum MetadataAnswer {
    /// Where the endpoints are.
    #[response(status = 200)]
    Done(Metadata),
}

/// What `openapi.yaml` says about the success of the key set.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the success to utoipa")]
pub(in crate::http) enum KeysAnswer {
    /// The public half of the key that signs.
    #[response(status = 200)]
    Done(PublishedKeys),
}

/// Why an OAuth endpoint did nothing.
#[derive(Debug, Error)]
#[error("{}", .body.error_description)]
pub(in crate::http) struct OAuthFailure {
    status: StatusCode,
    body: OAuthError,
    header: Option<(HeaderName, HeaderValue)>,
}

/// The form of RFC 6749, section 5.2.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OAuthError {
    /// A fixed word.
    #[schema(examples("invalid_client"))]
    error: &'static str,
    /// What to do, for people.
    error_description: String,
}

/// What `openapi.yaml` says about [`OAuthFailure`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes `OAuthFailure` to utoipa")]
pub(in crate::http) enum OAuthFailures {
    /// Not the form of the norm (`invalid_request`), not with this client
    /// (`unauthorized_client`), or not this kind of token (`unsupported_token_type`).
    #[response(status = 400, content_type = "application/json")]
    BadRequest(OAuthError),
    /// No credentials, or not those of a client.
    #[response(
        status = 401,
        content_type = "application/json",
        headers(("WWW-Authenticate" = String, description = "RFC 7617."))
    )]
    Unauthorized(OAuthError),
    /// Only a signed answer is acceptable, and this service signs none.
    #[response(status = 406, content_type = "application/json")]
    NotAcceptable(OAuthError),
    /// The body is larger than `server.max_body_bytes`.
    #[response(status = 413, content_type = "application/json")]
    TooLarge(OAuthError),
    /// Too many wrong keys came in the client's name, or the client asked about too many unknown
    /// tokens. The right key is let in, and tokens that are at hand are told about, all the while.
    #[response(
        status = 429,
        content_type = "application/json",
        headers(("Retry-After" = u64, description = "Seconds to wait."))
    )]
    TooMany(OAuthError),
    /// It cannot be made durable, or not be told now. Ask again after `Retry-After` seconds, and
    /// take nothing for done or for active meanwhile.
    #[response(
        status = 503,
        content_type = "application/json",
        headers(("Retry-After" = u64, description = "Seconds to wait."))
    )]
    Unavailable(OAuthError),
}

impl OAuthFailure {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        let body = OAuthError { error, error_description: description.into() };
        Self { status, body, header: None }
    }

    pub(in crate::http) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    pub(in crate::http) fn invalid_client() -> Self {
        let description = "send client_id and client_secret by HTTP Basic or in the form: the name \
            of an api key, and the key";
        let failure = Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description);
        Self { header: Some((WWW_AUTHENTICATE, CHALLENGE)), ..failure }
    }

    pub(in crate::http) fn missing_scope(scope: Scope) -> Self {
        let description = format!("the api key lacks the scope {}", scope.as_str());
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", description)
    }

    pub(in crate::http) fn unsupported_token_type() -> Self {
        let description = "a logout token or a security event cannot be revoked";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_token_type", description)
    }

    pub(in crate::http) fn not_acceptable() -> Self {
        let description = "nothing is signed here without issuer in [introspection]; accept \
            application/json";
        Self::new(StatusCode::NOT_ACCEPTABLE, "invalid_request", description)
    }

    pub(in crate::http) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "the body is too large")
    }

    pub(in crate::http) fn unavailable(retry_after: Option<Duration>) -> Self {
        let description = "this cannot be answered now, ask again later";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let failure = Self::new(status, "temporarily_unavailable", description);
        let seconds = retry_after.unwrap_or(RETRY).as_secs().max(1);
        Self { header: Some((RETRY_AFTER, seconds.into())), ..failure }
    }

    /// RFC 6585, section 4. RFC 6749 has no word for it; this one is of RFC 8628, section 3.5.
    pub(in crate::http) fn slow_down(retry_after: Duration) -> Self {
        let description = "too many wrong keys or unknown tokens from this client, ask again later";
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "slow_down", description);
        let seconds = retry_after.as_millis().div_ceil(1_000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        Self { header: Some((RETRY_AFTER, seconds.into())), ..failure }
    }

    /// For the metrics.
    pub(in crate::http) fn label(&self) -> &'static str {
        self.body.error
    }
}

impl ResponseError for OAuthFailure {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = answer(self.status);
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), value.clone()));
        }
        response.json(&self.body)
    }
}
