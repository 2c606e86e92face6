//! What a route does with the tokens that reach it. Pure: both middlewares ask it.

use std::time::Instant;

use crate::{Checker, Claims, NotRevoked, Policy, Unknown, Verdict};

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

    /// Whether claims are looked at.
    pub(crate) const fn looks(self) -> bool {
        !matches!(self.mode, Mode::Skip)
    }

    /// Decides about one request. `now` is the present instant.
    pub(crate) fn judge(
        self,
        checker: &Checker,
        claims: Option<&Claims>,
        now: Instant,
    ) -> Result<Passed, Refusal> {
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
