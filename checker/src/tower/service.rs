//! The layer at work.

use std::task::{Context, Poll};
use std::time::Instant;

use ::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::request::Parts;
use ::http::{HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use super::{ResponseFuture, SignoutLayer};
use crate::Claims;
use crate::gate::{Judged, Passed, Refusal};

/// A service behind [`SignoutLayer`].
#[derive(Clone, Debug)]
pub struct Signout<S> {
    pub(super) service: S,
    pub(super) layer: SignoutLayer,
}

impl<S> Signout<S> {
    fn judge(&self, request: &Parts) -> Judged {
        self.layer.guard.judge(request, Instant::now(), |request, judge| {
            judge(request.extensions.get::<Claims>())
        })
    }
}

/// Refusals have an empty body, which every body can be.
impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Signout<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        match self.judge(&parts) {
            Ok(passed) => {
                if let Passed::Checked(proof) = passed {
                    parts.extensions.insert(proof);
                }
                ResponseFuture::passed(self.service.call(Request::from_parts(parts, body)))
            }
            Err(refusal) => ResponseFuture::refused(answer(refusal)),
        }
    }
}

fn answer<B: Default>(refusal: Refusal) -> Response<B> {
    let mut answer = Response::new(B::default());
    let status = StatusCode::from_u16(refusal.status());
    *answer.status_mut() = status.unwrap_or(StatusCode::UNAUTHORIZED);
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = refusal.challenge() {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    answer
}
