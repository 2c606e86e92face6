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
use std::sync::Arc;

use actix_web::HttpMessage as _;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};

pub use future::ResponseFuture;
pub use service::SignoutService;

use crate::{Checker, Claims, Rule};

type ClaimsOf = Arc<dyn Fn(&ServiceRequest) -> Option<Claims> + Send + Sync>;
type RuleOf = Arc<dyn Fn(&ServiceRequest) -> Rule + Send + Sync>;

/// Refuses requests whose token was revoked.
///
/// Where claims come from: unless [`claims`](Self::claims) says otherwise, from the request's
/// extensions, where authentication has put a value of type [`Claims`]. It must run before, so it
/// is wrapped after this one.
#[derive(Clone)]
pub struct SignoutMiddleware {
    checker: Checker,
    rule: RuleFor,
    claims: Option<ClaimsOf>,
}

#[derive(Clone)]
enum RuleFor {
    All(Rule),
    Each(RuleOf),
}

impl SignoutMiddleware {
    /// Guards by [`Rule::require`].
    #[must_use]
    pub const fn new(checker: Checker) -> Self {
        Self { checker, rule: RuleFor::All(Rule::require()), claims: None }
    }

    /// One rule for all requests that come by here.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        Self { rule: RuleFor::All(rule), ..self }
    }

    /// A rule for each request.
    #[must_use]
    pub fn rules(self, rules: impl Fn(&ServiceRequest) -> Rule + Send + Sync + 'static) -> Self {
        Self { rule: RuleFor::Each(Arc::new(rules)), ..self }
    }

    /// Takes verified claims from elsewhere than the extensions. None means that there is no token.
    /// A token that was not verified must not be told here: anybody can write one.
    #[must_use]
    pub fn claims(
        self,
        claims: impl Fn(&ServiceRequest) -> Option<Claims> + Send + Sync + 'static,
    ) -> Self {
        Self { claims: Some(Arc::new(claims)), ..self }
    }

    fn rule_for(&self, request: &ServiceRequest) -> Rule {
        match &self.rule {
            RuleFor::All(rule) => *rule,
            RuleFor::Each(rules) => rules(request),
        }
    }

    /// Calls `judge` with the claims of the request.
    fn with_claims<T>(
        &self,
        request: &ServiceRequest,
        judge: impl FnOnce(Option<&Claims>) -> T,
    ) -> T {
        match &self.claims {
            Some(claims) => judge(claims(request).as_ref()),
            None => judge(request.extensions().get::<Claims>()),
        }
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
        f.debug_struct("SignoutMiddleware").field("checker", &self.checker).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
