//! Middleware for tower, and so for axum, tonic and whatever else takes a layer.
//!
//! It stands behind whatever verifies tokens: it is handed verified [`Claims`], asks the
//! [`Checker`], and refuses what was revoked. It reads no header and verifies nothing itself.
//!
//! ```
//! use signout_checker::tower::SignoutLayer;
//! use signout_checker::{Checker, Policy, Rule};
//!
//! let checker = Checker::new(Policy::default());
//! let guard = SignoutLayer::new(checker).rules(|request| match request.uri.path() {
//!     "/health" => Rule::skip(),
//!     _ => Rule::require(),
//! });
//! // axum: Router::new().route(...).layer(guard).layer(verification). The last layer runs first.
//! # let _ = guard;
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

use ::http::request::Parts;
use tower_layer::Layer;

pub use future::ResponseFuture;
pub use service::Signout;

use crate::gate::Guard;
use crate::{Checker, Claims, Rule};

/// Refuses requests whose token was revoked.
///
/// Where claims come from: unless [`claims`](Self::claims) says otherwise, from the request's
/// extensions, where authentication has put a value of type [`Claims`]. It must run before, so it
/// is layered after this one.
#[derive(Clone)]
pub struct SignoutLayer {
    guard: Guard<Parts>,
}

impl SignoutLayer {
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
    pub fn rules(self, rules: impl Fn(&Parts) -> Rule + Send + Sync + 'static) -> Self {
        Self { guard: self.guard.rules(rules) }
    }

    /// Takes verified claims from elsewhere than the extensions. None means that there is no token.
    /// A token that was not verified must not be told here: anybody can write one.
    #[must_use]
    pub fn claims(self, claims: impl Fn(&Parts) -> Option<Claims> + Send + Sync + 'static) -> Self {
        Self { guard: self.guard.claims(claims) }
    }
}

impl<S> Layer<S> for SignoutLayer {
    type Service = Signout<S>;

    fn layer(&self, service: S) -> Signout<S> {
        Signout { service, layer: self.clone() }
    }
}

impl fmt::Debug for SignoutLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignoutLayer").field("guard", &self.guard).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
