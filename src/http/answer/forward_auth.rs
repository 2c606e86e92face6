//! The answers of `/forward-auth`.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError as _};
use utoipa::IntoResponses;

use super::{Failure, Problem, RETRY, answer};
use crate::http::forward_auth::Identity;

/// What a reverse proxy is told, and what the answer depends on.
#[derive(Debug)]
pub(in crate::http) struct ForwardAuth {
    pub(in crate::http) passage: Passage,
    pub(in crate::http) vary: HeaderValue,
}

/// Whether a request may pass. There is one way that it may.
#[derive(Debug)]
pub(in crate::http) enum Passage {
    /// With the headers for the application behind.
    Open(Identity),
    /// Nobody is named.
    NoToken,
    /// It is not clear by whom. RFC 6750, section 3.1, has 400 for this, but proxies make of it what
    /// they like: nginx a 500, and nobody sees the challenge.
    Ambiguous,
    /// By a token that is no good.
    Refused,
    /// By somebody who cannot be named in a header.
    Forbidden,
    /// To the login page instead.
    Login(String),
    /// It cannot be told now.
    Unavailable(Option<Duration>),
}

/// What `openapi.yaml` says about [`ForwardAuth`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes `ForwardAuth` to utoipa")]
pub(in crate::http) enum ForwardAuthAnswer {
    /// It may pass. The headers tell the application behind who comes; each is always set, and blank if
    /// the token does not say.
    #[response(status = 200, headers(
        ("X-Auth-Subject" = String, description = "`sub`."),
        ("X-Auth-Issuer" = String, description = "`iss`."),
        ("X-Auth-Session" = String, description = "`sid`."),
        ("X-Auth-Client" = String, description = "`client_id`, else `azp`."),
        ("X-Auth-Groups" = String, description = "From `groups_claim`, with commas between them."),
    ))]
    Open,
    /// It may not, and a browser is sent to `login_url`.
    #[response(status = 302, headers(("Location" = String, description = "`login_url`.")))]
    Login,
    /// It may not: no token, several that differ, or one that is no good, whatever the reason.
    #[response(
        status = 401,
        content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "RFC 6750, section 3."))
    )]
    Unauthorized(Problem),
    /// It may not: who comes cannot be named in a header.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// It may not, because it cannot be told now: the provider's keys are not at hand, or this instance
    /// has not heard of the others for too long. Ask again after `Retry-After` seconds.
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u64, description = "Seconds to wait."))
    )]
    Unavailable(Problem),
}

impl Responder for ForwardAuth {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let vary = (VARY, self.vary);
        let failure = match self.passage {
            Passage::Open(identity) => {
                let mut response = answer(StatusCode::OK);
                response.insert_header(vary);
                for header in identity.headers() {
                    response.insert_header(header);
                }
                return response.finish();
            }
            Passage::Login(url) => {
                let mut response = answer(StatusCode::FOUND);
                return response.insert_header(vary).insert_header((LOCATION, url)).finish();
            }
            Passage::NoToken => challenge("", "send an access token"),
            Passage::Ambiguous => {
                let detail = "send one access token: Authorization: Bearer <token>";
                challenge(", error=\"invalid_request\"", detail)
            }
            Passage::Refused => {
                let detail = "the access token is malformed, expired, revoked, or not for this API";
                challenge(", error=\"invalid_token\"", detail)
            }
            Passage::Forbidden => {
                let detail = "the token is good, but what it says cannot be passed on in headers";
                Failure(Problem::new(StatusCode::FORBIDDEN, detail))
            }
            Passage::Unavailable(retry_after) => {
                let after = retry_after.unwrap_or(RETRY).max(Duration::from_secs(1)).as_secs();
                let detail = "the token cannot be checked now, ask again later";
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
                Failure(problem.with(RETRY_AFTER, &after.to_string()))
            }
        };
        let mut response = failure.error_response();
        response.headers_mut().insert(vary.0, vary.1);
        response
    }
}

/// RFC 6750, section 3: a challenge has at least one attribute, and section 3.1: where nothing was
/// sent, no error code.
fn challenge(error: &str, detail: &str) -> Failure {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
    Failure(problem.with(WWW_AUTHENTICATE, &format!("Bearer realm=\"signout\"{error}")))
}
