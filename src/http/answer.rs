//! The answers of the HTTP surface: the only file, with those below it, that knows status codes.
//!
//! A handler returns one of these types, which say what happened. The code, the headers and the
//! form of the body follow from it here, and so does what `openapi.yaml` says about them.

mod forward_auth;

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Responder, ResponseError};
use serde::Serialize;
use thiserror::Error;
use utoipa::{IntoResponses, ToSchema};

use super::body::OneOrMany;
use super::check::TokenVerdict;
use super::revocations::{Carried, DryRun};
use super::tokens::{Forgotten, TokenResult};
use crate::settings::Scope;

pub(super) use forward_auth::{ForwardAuth, ForwardAuthAnswer, Passage};

/// After a full disk or an unreachable provider it is worth asking again after this time.
const RETRY: Duration = Duration::from_secs(5);
/// RFC 9457.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Tells nginx to pass each event on as it comes.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
const NO_STORE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// What becomes of a logout token. The body has the norm's form: OpenID Connect Back-Channel Logout
/// 1.0, section 2.8.
#[derive(Debug, IntoResponses)]
pub(super) enum Logout {
    /// Durable here, and refused here from now on. Also the answer for a session nobody knows and
    /// for a retransmission, which has no second effect.
    #[response(status = 200)]
    Done,
    /// No logout token that this provider may send. Nothing was changed.
    #[response(status = 400, content_type = "application/json")]
    Refused(LogoutError),
    /// No provider of this name is configured.
    #[response(status = 404, content_type = "application/json")]
    UnknownProvider(LogoutError),
    /// The body is larger than `server.max_body_bytes`.
    #[response(status = 413, content_type = "application/json")]
    TooLarge(LogoutError),
    /// It cannot be verified or made durable now. Send the same token again after `Retry-After`
    /// seconds.
    #[response(
        status = 503,
        content_type = "application/json",
        headers(("Retry-After" = u64, description = "Seconds to wait."))
    )]
    TryAgain(LogoutError),
}

/// Why a logout token had no effect. Deliberately coarse: whoever forges tokens learns nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogoutError {
    /// A fixed word.
    #[schema(examples("invalid_request"))]
    error: &'static str,
    /// A fixed sentence for people.
    error_description: &'static str,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Duration,
}

impl Logout {
    pub(super) fn refused() -> Self {
        Self::Refused(LogoutError::new("invalid_request", "the logout token was refused"))
    }

    pub(super) fn malformed() -> Self {
        let description =
            "send one logout_token as application/x-www-form-urlencoded in the body of a POST";
        Self::Refused(LogoutError::new("invalid_request", description))
    }

    /// The norm's word for a logout that failed, for providers set to it.
    pub(super) fn failed() -> Self {
        Self::Refused(LogoutError::new("invalid_request", "the logout failed"))
    }

    pub(super) fn unknown_provider() -> Self {
        Self::UnknownProvider(LogoutError::new("invalid_request", "no such provider"))
    }

    pub(super) fn too_large() -> Self {
        Self::TooLarge(LogoutError::new("invalid_request", "the body is too large"))
    }

    pub(super) fn try_again(retry_after: Option<Duration>) -> Self {
        let description = "the logout token cannot be taken now, send it again later";
        let error = LogoutError::new("temporarily_unavailable", description);
        let retry_after = retry_after.unwrap_or(RETRY).max(Duration::from_secs(1));
        Self::TryAgain(LogoutError { retry_after, ..error })
    }
}

impl LogoutError {
    const fn new(error: &'static str, error_description: &'static str) -> Self {
        Self { error, error_description, retry_after: RETRY }
    }
}

impl Responder for Logout {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let (status, error) = match self {
            Self::Done => return answer(StatusCode::OK).finish(),
            Self::Refused(error) => (StatusCode::BAD_REQUEST, error),
            Self::UnknownProvider(error) => (StatusCode::NOT_FOUND, error),
            Self::TooLarge(error) => (StatusCode::PAYLOAD_TOO_LARGE, error),
            Self::TryAgain(error) => (StatusCode::SERVICE_UNAVAILABLE, error),
        };
        let mut response = answer(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, error.retry_after.as_secs()));
        }
        response.json(error)
    }
}

/// Answers of the JSON routes that went well.
#[derive(Debug)]
pub(super) enum Success<T> {
    Done(T),
    Created(T),
}

impl<T: Serialize> Responder for Success<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        match self {
            Self::Done(body) => answer(StatusCode::OK).json(body),
            Self::Created(body) => answer(StatusCode::CREATED).json(body),
        }
    }
}

/// What `openapi.yaml` says about the success of `POST /v1/check`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the success to utoipa")]
pub(super) enum CheckAnswer {
    /// One answer for each question, in their order.
    #[response(status = 200)]
    Done(OneOrMany<TokenVerdict>),
}

/// What `openapi.yaml` says about the success of `POST /v1/tokens`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the success to utoipa")]
pub(super) enum RegisterAnswer {
    /// What became of each token, in their order.
    #[response(status = 200)]
    Done(OneOrMany<TokenResult>),
}

/// What `openapi.yaml` says about the success of `DELETE /v1/tokens`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the success to utoipa")]
pub(super) enum ForgetAnswer {
    /// How many of them were registered.
    #[response(status = 200)]
    Done(Forgotten),
}

/// What `openapi.yaml` says about the success of `POST /v1/revocations`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the two `Success` values of that route to utoipa")]
pub(super) enum RevokeAnswer {
    /// A dry run: what it would have hit. Nothing was changed.
    #[response(status = 200)]
    DryRun(DryRun),
    /// Durable here, and refused here from now on.
    #[response(status = 201)]
    Created(Carried),
}

/// Server-sent events (HTML Living Standard, section 9.2), for as long as there is something to say.
#[derive(Debug)]
pub(super) struct Events<B>(pub(super) B);

impl<B: MessageBody + 'static> Responder for Events<B> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = answer(StatusCode::OK);
        response.content_type("text/event-stream").insert_header(UNBUFFERED);
        // The last event may be that the service stops: no further request comes this way.
        response.force_close().body(self.0)
    }
}

/// A snapshot, while it is read.
#[derive(Debug)]
pub(super) struct Packs<B>(pub(super) B);

impl<B: MessageBody + 'static> Responder for Packs<B> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        answer(StatusCode::OK).content_type("application/octet-stream").body(self.0)
    }
}

/// What `openapi.yaml` says about the success of `GET /v1/feed`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the success to utoipa")]
pub(super) enum StreamAnswer {
    /// Events, until the stream ends.
    #[response(status = 200, content_type = "text/event-stream")]
    Done(String),
}

/// What `openapi.yaml` says about the success of `GET /v1/snapshot`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the success to utoipa")]
pub(super) enum SnapshotAnswer {
    /// All that is refused.
    #[response(status = 200, content_type = "application/octet-stream")]
    Done(SnapshotBytes),
}

/// Packs of changes, their count and a digest; docs/feed.md has the form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes the body to utoipa")]
pub(super) struct SnapshotBytes(Vec<u8>);

/// What `openapi.yaml` says about [`Failure`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes `Failure` to utoipa")]
pub(super) enum Failures {
    /// The request does not have the documented form. Nothing was changed.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// No api key, or not one of this service.
    #[response(
        status = 401,
        content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "RFC 6750, section 3."))
    )]
    Unauthorized(Problem),
    /// The api key may not do this, or not for this issuer.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// No such route.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The route does not take this method.
    #[response(
        status = 405,
        content_type = "application/problem+json",
        headers(("Allow" = String, description = "The methods it takes."))
    )]
    MethodNotAllowed(Problem),
    /// It contradicts what is registered. Nothing was changed.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is larger than 2 MiB, or has more than 1,000 items.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
    /// It cannot be made durable, or not be verified now. Ask again after `Retry-After` seconds.
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u64, description = "Seconds to wait."))
    )]
    Unavailable(Problem),
}

/// Why a JSON route did not do what it was asked.
#[derive(Debug, Error)]
#[error("{}", .0.detail)]
pub(super) struct Failure(Problem);

/// RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The problem in a word or two; the same for every problem of its kind.
    #[schema(examples("Bad Request"))]
    title: &'static str,
    /// The status code again.
    #[schema(examples(400))]
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: String,
    #[serde(skip)]
    #[schema(ignore)]
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { title, status: status.as_u16(), detail: detail.into(), header: None }
    }

    fn with(self, name: HeaderName, value: &str) -> Self {
        // Only fixed texts, names from the configuration and numbers come here.
        Self { header: HeaderValue::from_str(value).ok().map(|value| (name, value)), ..self }
    }
}

impl Failure {
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self(Problem::new(StatusCode::BAD_REQUEST, detail))
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self(Problem::new(StatusCode::CONFLICT, detail))
    }

    /// RFC 6750, section 3.1: no credentials, no error code.
    pub(super) fn no_api_key() -> Self {
        let detail = "send an api key: Authorization: Bearer <api key>";
        let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
        Self(problem.with(WWW_AUTHENTICATE, "Bearer realm=\"signout\""))
    }

    pub(super) fn unknown_api_key() -> Self {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "the api key is not known here");
        let challenge = "Bearer realm=\"signout\", error=\"invalid_token\"";
        Self(problem.with(WWW_AUTHENTICATE, challenge))
    }

    pub(super) fn missing_scope(scope: Scope) -> Self {
        let detail = format!("the api key lacks the scope {}", scope.as_str());
        let challenge = format!(
            "Bearer realm=\"signout\", error=\"insufficient_scope\", scope=\"{}\"",
            scope.as_str()
        );
        let problem = Problem::new(StatusCode::FORBIDDEN, detail);
        Self(problem.with(WWW_AUTHENTICATE, &challenge))
    }

    /// One answer for issuers that are not configured and for those that the key may not touch.
    pub(super) fn foreign_issuer() -> Self {
        let detail = "iss is not an issuer that this api key may act for; see [[provider]] and \
            the key's `issuers` in the configuration";
        Self(Problem::new(StatusCode::FORBIDDEN, detail))
    }

    pub(super) fn not_found() -> Self {
        Self(Problem::new(StatusCode::NOT_FOUND, "no such route; see openapi.yaml"))
    }

    pub(super) fn method_not_allowed(allowed: &[Method]) -> Self {
        let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let detail = format!("this route takes {allowed}");
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        Self(problem.with(ALLOW, &allowed))
    }

    pub(super) fn too_large(detail: impl Into<String>) -> Self {
        Self(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
    }

    pub(super) fn not_json() -> Self {
        let detail = "send the body as application/json";
        Self(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self(problem.with(RETRY_AFTER, &RETRY.as_secs().to_string()))
    }

    /// The same about one item of an array, counted from 0.
    pub(super) fn at(mut self, number: usize) -> Self {
        self.0.detail = format!("item {number}: {}", self.0.detail);
        self
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let Self(problem) = self;
        let mut response = answer(self.status_code());
        if let Some((name, value)) = &problem.header {
            response.insert_header((name.clone(), value.clone()));
        }
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON)).json(problem)
    }
}

/// Answers of the operators' listener, as plain text.
#[derive(Debug)]
pub(super) enum Health {
    Well(String),
    Unwell(String),
}

impl Responder for Health {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let (status, body) = match self {
            Self::Well(body) => (StatusCode::OK, body),
            Self::Unwell(body) => (StatusCode::SERVICE_UNAVAILABLE, body),
        };
        answer(status).content_type("text/plain; charset=utf-8").body(body)
    }
}

/// Answers of the demo's api (RFC 6750, section 3).
#[derive(Debug)]
pub(super) enum DemoOrders {
    Open,
    NoToken,
    Refused(&'static str),
}

impl Responder for DemoOrders {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let challenge = match self {
            Self::Open => return answer(StatusCode::OK).json(["a book", "a lamp"]),
            Self::NoToken => "Bearer realm=\"demo\"".to_owned(),
            Self::Refused(why) => {
                let code = "error=\"invalid_token\"";
                format!("Bearer realm=\"demo\", {code}, error_description=\"{why}\"")
            }
        };
        answer(StatusCode::UNAUTHORIZED).insert_header((WWW_AUTHENTICATE, challenge)).finish()
    }
}

/// Prometheus text, exposition format 0.0.4.
#[derive(Debug)]
pub(super) struct MetricsText(pub(super) Vec<u8>);

impl Responder for MetricsText {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        answer(StatusCode::OK).content_type(prometheus::TEXT_FORMAT).body(self.0)
    }
}

/// Nothing that is said here may be kept by a cache.
fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header(NO_STORE);
    response
}
