//! What a route does with the tokens that reach it. Pure: both middlewares ask it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::{Checker, Claims, NotRevoked, Policy, Unknown, Verdict};

/// A checker, and how each request `R` of a host is held against it.
pub(crate) struct Guard<R> {
    checker: Checker,
    rule: RuleFor<R>,
    claims: Option<ClaimsOf<R>>,
}

type ClaimsOf<R> = Arc<dyn Fn(&R) -> Option<Claims> + Send + Sync>;

enum RuleFor<R> {
    All(Rule),
    Each(Arc<dyn Fn(&R) -> Rule + Send + Sync>),
}

impl<R> Guard<R> {
    pub(crate) const fn new(checker: Checker) -> Self {
        Self { checker, rule: RuleFor::All(Rule::require()), claims: None }
    }

    pub(crate) fn rule(self, rule: Rule) -> Self {
        Self { rule: RuleFor::All(rule), ..self }
    }

    pub(crate) fn rules(self, rules: impl Fn(&R) -> Rule + Send + Sync + 'static) -> Self {
        Self { rule: RuleFor::Each(Arc::new(rules)), ..self }
    }

    pub(crate) fn claims(
        self,
        claims: impl Fn(&R) -> Option<Claims> + Send + Sync + 'static,
    ) -> Self {
        Self { claims: Some(Arc::new(claims)), ..self }
    }

    /// Decides about one request. `extensions` hands on the claims that stand in the request's
    /// extensions; it is called if nothing else says where they are.
    pub(crate) fn judge(
        &self,
        request: &R,
        now: Instant,
        extensions: impl FnOnce(&R, &dyn Fn(Option<&Claims>) -> Judged) -> Judged,
    ) -> Judged {
        let rule = match &self.rule {
            RuleFor::All(rule) => *rule,
            RuleFor::Each(rules) => rules(request),
        };
        if rule.mode == Mode::Skip {
            return Ok(Passed::Unchecked);
        }
        let judge = |claims: Option<&Claims>| rule.judge(&self.checker, claims, now);
        match &self.claims {
            Some(claims) => judge(claims(request).as_ref()),
            None => extensions(request, &judge),
        }
    }
}

impl<R> Clone for Guard<R> {
    fn clone(&self) -> Self {
        let rule = match &self.rule {
            RuleFor::All(rule) => RuleFor::All(*rule),
            RuleFor::Each(rules) => RuleFor::Each(Arc::clone(rules)),
        };
        Self { checker: self.checker.clone(), rule, claims: self.claims.clone() }
    }
}

impl<R> fmt::Debug for Guard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("checker", &self.checker).finish_non_exhaustive()
    }
}

/// Whether a request goes on.
pub(crate) type Judged = Result<Passed, Refusal>;

/// How a route is guarded.
///
/// ```
/// # #[cfg(any(feature = "actix", feature = "tower"))] {
/// use std::time::Duration;
/// use signout_checker::{Policy, Rule, StalePolicy};
///
/// // Paying is refused sooner, and never by what is merely not known to be wrong.
/// let payments = Rule::require().within(Policy {
///     max_staleness: Duration::from_secs(15),
///     when_stale: StalePolicy::Deny,
/// });
/// // A page that greets those who are signed in, and shows itself to everybody.
/// let front_page = Rule::optional();
/// # let _ = (payments, front_page);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    mode: Mode,
    policy: Option<Policy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Require,
    Optional,
    Skip,
}

impl Rule {
    /// Requests without claims are refused. This is what a middleware does unless it is told
    /// otherwise.
    #[must_use]
    pub const fn require() -> Self {
        Self { mode: Mode::Require, policy: None }
    }

    /// Requests without claims pass; with claims they are checked like any other.
    #[must_use]
    pub const fn optional() -> Self {
        Self { mode: Mode::Optional, policy: None }
    }

    /// Nothing is checked: for health checks, and for routes that guard themselves.
    #[must_use]
    pub const fn skip() -> Self {
        Self { mode: Mode::Skip, policy: None }
    }

    /// The same by another policy than that of the checker.
    #[must_use]
    pub const fn within(self, policy: Policy) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// Decides about one request. `now` is the present instant.
    pub(crate) fn judge(self, checker: &Checker, claims: Option<&Claims>, now: Instant) -> Judged {
        let claims = match (self.mode, claims) {
            (Mode::Skip, _) | (Mode::Optional, None) => return Ok(Passed::Unchecked),
            (Mode::Require, None) => return Err(Refusal::NoClaims),
            (Mode::Require | Mode::Optional, Some(claims)) => claims,
        };
        let policy = self.policy.unwrap_or_else(|| checker.policy());
        match checker.check_by(policy, &claims.facts(), now) {
            Verdict::NotRevoked(proof) => Ok(Passed::Checked(proof)),
            Verdict::Revoked(_) => Err(Refusal::Revoked),
            Verdict::Unknown(Unknown::Unidentified) => Err(Refusal::Unidentified),
            Verdict::Unknown(Unknown::Stale) => Err(Refusal::Stale),
        }
    }
}

/// Why a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Nothing speaks against its token.
    Checked(NotRevoked),
    /// The rule does not ask for a check.
    Unchecked,
}

/// Why a request does not go on, and what it is answered. No text tells anything of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no token, or nobody verified it.
    NoClaims,
    /// It was revoked.
    Revoked,
    /// It tells nothing by which it could be revoked.
    Unidentified,
    /// Not known, and not to be guessed.
    Stale,
}

impl Refusal {
    /// The status code. That knowledge is stale is no fault of the token: a client that was told 401
    /// would throw a good one away.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::NoClaims | Self::Revoked | Self::Unidentified => 401,
            Self::Stale => 503,
        }
    }

    /// `WWW-Authenticate` (RFC 6750, section 3). A request without a token gets no error code
    /// (section 3.1).
    pub(crate) const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::NoClaims => Some("Bearer"),
            Self::Revoked => {
                Some("Bearer error=\"invalid_token\", error_description=\"The token was revoked\"")
            }
            Self::Unidentified => Some(
                "Bearer error=\"invalid_token\", \
                 error_description=\"The token has no jti, sid or sub\"",
            ),
            Self::Stale => None,
        }
    }

    /// `Retry-After`, in seconds: a service that restarts is back by then.
    pub(crate) const fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Stale => Some("5"),
            Self::NoClaims | Self::Revoked | Self::Unidentified => None,
        }
    }
}

#[cfg(test)]
mod tests;
