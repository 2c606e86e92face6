//! The middleware at work.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpMessage as _, HttpResponse};

use super::{ResponseFuture, SignoutMiddleware};
use crate::Claims;
use crate::gate::{Judged, Passed, Refusal};

/// A service behind [`SignoutMiddleware`].
pub struct SignoutService<S> {
    pub(super) service: S,
    pub(super) middleware: SignoutMiddleware,
}

impl<S> SignoutService<S> {
    fn judge(&self, request: &ServiceRequest) -> Judged {
        self.middleware.guard.judge(request, Instant::now(), |request, judge| {
            judge(request.extensions().get::<Claims>())
        })
    }
}

impl<S, B> Service<ServiceRequest> for SignoutService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        match self.judge(&request) {
            Ok(passed) => {
                if let Passed::Checked(proof) = passed {
                    request.extensions_mut().insert(proof);
                }
                ResponseFuture::passed(self.service.call(request))
            }
            Err(refusal) => {
                let response = request.into_response(answer(refusal));
                ResponseFuture::refused(response)
            }
        }
    }
}

fn answer(refusal: Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status());
    let mut answer = HttpResponse::build(status.unwrap_or(StatusCode::UNAUTHORIZED));
    answer.insert_header((CACHE_CONTROL, "no-store"));
    if let Some(challenge) = refusal.challenge() {
        answer.insert_header((WWW_AUTHENTICATE, challenge));
    }
    if let Some(seconds) = refusal.retry_after() {
        answer.insert_header((RETRY_AFTER, seconds));
    }
    answer.finish()
}

impl<S> fmt::Debug for SignoutService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignoutService")
            .field("middleware", &self.middleware)
            .finish_non_exhaustive()
    }
}
