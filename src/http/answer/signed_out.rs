//! The page that a provider loads into a frame (Front-Channel Logout 1.0).

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use actix_web::{HttpRequest, HttpResponse, Responder};
use utoipa::IntoResponses;

use super::answer;

/// Nothing to look at: the frame is invisible. The same whether a session ended or not, because
/// whoever asks is not known.
const PAGE: &str = "<!doctype html><title>Sign-out</title>\n";

/// The request was heard.
#[derive(Debug)]
pub(in crate::http) struct SignedOut {
    /// Scheme, host and port of the provider, the only one that may frame the page (`fcl_5`).
    pub(in crate::http) provider_origin: String,
}

/// What `openapi.yaml` says about [`SignedOut`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes `SignedOut` to utoipa")]
pub(in crate::http) enum SignedOutAnswer {
    /// Heard. Whether there was such a session is not told.
    #[response(
        status = 200,
        content_type = "text/html; charset=utf-8",
        headers(("Content-Security-Policy" = String, description = "Who may frame it."))
    )]
    Done(String),
}

impl Responder for SignedOut {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let origin = self.provider_origin;
        let policy = format!("default-src 'none'; frame-ancestors {origin}");
        // No `X-Frame-Options`, which knows no other origin than our own.
        answer(StatusCode::OK)
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, policy))
            // The address names a session.
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .body(PAGE)
    }
}
