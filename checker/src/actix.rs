//! Middleware for actix-web.
//!
//! It stands behind whatever verifies tokens: it is handed verified [`Claims`], asks the
//! [`Checker`], and refuses what was revoked. It reads no header and verifies nothing itself.
//!
//! ```no_run
//! use actix_web::{App, web};
//! use signout_checker::actix::SignoutMiddleware;
//! use signout_checker::{Checker, Policy, Rule};
//!
//! let checker = Checker::new(Policy::default());
//! let guard = SignoutMiddleware::new(checker).rules(|request| match request.path() {
//!     "/health" => Rule::skip(),
//!     _ => Rule::require(),
//! });
//! // What is wrapped last runs first, so that verification goes below this line.
//! let app = App::new().route("/orders", web::get().to(|| async { "orders" })).wrap(guard);
//! ```
//!
//! | request | answer |
//! |---|---|
//! | its token was revoked, or tells no `jti`, `sid` or `sub` | 401, `Bearer error="invalid_token"` |
//! | no claims, and the [`Rule`] requires them | 401, `Bearer` |
//! | knowledge is stale, and the policy denies | 503, `Retry-After` |
//! | nothing speaks against it | goes on, with the proof ([`NotRevoked`]) in its extensions |
//!
//! [`NotRevoked`]: crate::NotRevoked

mod future;
mod service;

use std::fmt;
use std::future::{Ready, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};

pub use future::ResponseFuture;
pub use service::SignoutService;

use crate::gate::Guard;
use crate::{Checker, Claims, Rule};

/// Refuses requests whose token was revoked.
///
/// Where claims come from: unless [`claims`](Self::claims) says otherwise, from the request's
/// extensions, where authentication has put a value of type [`Claims`]. It must run before, so it
/// is wrapped after this one.
#[derive(Clone)]
pub struct SignoutMiddleware {
    guard: Guard<ServiceRequest>,
}

impl SignoutMiddleware {
    /// Guards by [`Rule::require`].
    #[must_use]
    pub const fn new(checker: Checker) -> Self {
        Self { guard: Guard::new(checker) }
    }

    /// One rule for all requests that come by here.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        Self { guard: self.guard.rule(rule) }
    }

    /// A rule for each request.
    #[must_use]
    pub fn rules(self, rules: impl Fn(&ServiceRequest) -> Rule + Send + Sync + 'static) -> Self {
        Self { guard: self.guard.rules(rules) }
    }

    /// Takes verified claims from elsewhere than the extensions. None means that there is no token.
    /// A token that was not verified must not be told here: anybody can write one.
    #[must_use]
    pub fn claims(
        self,
        claims: impl Fn(&ServiceRequest) -> Option<Claims> + Send + Sync + 'static,
    ) -> Self {
        Self { guard: self.guard.claims(claims) }
    }
}

impl<S, B> Transform<S, ServiceRequest> for SignoutMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
    B: MessageBody,
{
    type Response = <SignoutService<S> as Service<ServiceRequest>>::Response;
    type Error = S::Error;
    type Transform = SignoutService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(SignoutService { service, middleware: self.clone() }))
    }
}

impl fmt::Debug for SignoutMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignoutMiddleware").field("guard", &self.guard).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
