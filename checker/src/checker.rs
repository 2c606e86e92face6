//! The index together with how old it is, and the policy for that.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::freshness::Freshness;
use crate::observer::Unobserved;
use crate::{
    DigestKey, Index, NotRevoked, Observer, Policy, StalePolicy, TokenFacts, Unknown, Verdict,
};

/// What an API asks on every request: an [`Index`] that somebody keeps up to date, and an honest
/// answer when nobody does.
///
/// Cheap to clone; all clones are one. A check takes no lock, allocates nothing and waits for
/// nobody.
///
/// A follower (features `http` and `redis`) feeds it: it [opens](Self::open) the index under the
/// deployment's key, applies what it is told and [vouches](Self::vouch) for how far that reaches. A
/// checker knows how old its knowledge is from that alone.
///
/// ```
/// use std::time::{Duration, Instant};
/// use signout_checker::{Checker, DigestKey, Issuer, JwtId, Policy, TokenFacts, Unknown, Verdict};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let checker = Checker::new(Policy::default());
/// let (issuer, jwt_id) = (Issuer::parse("https://op.example")?, JwtId::parse("x1")?);
/// let facts = TokenFacts::new(&issuer).jwt_id(&jwt_id);
///
/// let now = Instant::now();
/// assert_eq!(checker.check(&facts, now), Verdict::Unknown(Unknown::Stale));
///
/// checker.open(&DigestKey::from_bytes([7; 16]))?;
/// checker.vouch(now);
/// assert!(matches!(checker.check(&facts, now), Verdict::NotRevoked(_)));
///
/// let later = now + Duration::from_secs(31);
/// assert_eq!(checker.check(&facts, later), Verdict::Unknown(Unknown::Stale));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Checker(Arc<Shared>);

struct Shared {
    policy: Policy,
    index: OnceLock<Index>,
    freshness: Freshness,
    observer: Option<Arc<dyn Observer>>,
}

/// The index was opened under another key: its digests mean nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is the digest key of another signout deployment, and what is known here cannot be used \
     with it; if the deployment was really replaced, restart this process (and remove its state file)"
)]
pub struct OtherKey;

impl Checker {
    /// Knows nothing yet, not even the key.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::build(policy, None)
    }

    /// The same, and tells what it does.
    #[must_use]
    pub fn with_observer(policy: Policy, observer: Arc<dyn Observer>) -> Self {
        Self::build(policy, Some(observer))
    }

    fn build(policy: Policy, observer: Option<Arc<dyn Observer>>) -> Self {
        let (index, freshness) = (OnceLock::new(), Freshness::default());
        Self(Arc::new(Shared { policy, index, freshness, observer }))
    }

    /// Answers for one token, by what is known at `now`, the present instant.
    ///
    /// - [`Verdict::Revoked`] if anything known speaks against it, however old the knowledge is;
    /// - [`Unknown::Unidentified`] if it tells no `jti`, `sid` or `sub`;
    /// - else, where knowledge is older than [`Policy::max_staleness`] or there is none,
    ///   [`Unknown::Stale`] under [`StalePolicy::Deny`];
    /// - else [`Verdict::NotRevoked`].
    pub fn check(&self, facts: &TokenFacts<'_>, now: Instant) -> Verdict {
        self.check_by(self.0.policy, facts, now)
    }

    /// The same by another policy than its own: some routes of an API can bear less than others.
    pub fn check_by(&self, policy: Policy, facts: &TokenFacts<'_>, now: Instant) -> Verdict {
        self.answer(policy, facts, self.age(policy, now))
    }

    /// Answers for several tokens, in their order, by the same instant. Allocates the answer only.
    #[must_use = "verdicts that nobody looks at protect nothing"]
    pub fn check_many(&self, facts: &[TokenFacts<'_>], now: Instant) -> Vec<Verdict> {
        let policy = self.0.policy;
        let age = self.age(policy, now);
        facts.iter().map(|facts| self.answer(policy, facts, age)).collect()
    }

    /// How old the knowledge is: everything that was decided longer ago than this is known.
    /// [`Duration::MAX`] before anything was vouched for.
    #[must_use]
    pub fn staleness(&self, now: Instant) -> Duration {
        self.0.freshness.staleness(now)
    }

    /// What is known, once the key is.
    #[must_use]
    pub fn index(&self) -> Option<&Index> {
        self.0.index.get()
    }

    /// The policy that it was made with.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.0.policy
    }

    /// The index under the deployment's key; the first call makes it. For whoever feeds it.
    pub fn open(&self, key: &DigestKey) -> Result<&Index, OtherKey> {
        let index = self.0.index.get_or_init(|| Index::new(key.clone()));
        if index.key().as_bytes() == key.as_bytes() { Ok(index) } else { Err(OtherKey) }
    }

    /// Says that everything that was decided up to this instant is applied. Only ever moves
    /// forward. For whoever feeds it, after the index has it.
    pub fn vouch(&self, as_of: Instant) {
        self.0.freshness.vouch(as_of);
    }

    /// Who is to be told, by whoever feeds it. Does nothing if there is nobody.
    #[must_use]
    pub fn observer(&self) -> &dyn Observer {
        self.0.observer.as_deref().unwrap_or(&Unobserved)
    }

    /// To be asked before the index is: what is applied in between makes the answer better, and
    /// never one that claims to be fresher than it is.
    fn age(&self, policy: Policy, now: Instant) -> Age {
        if self.staleness(now) > policy.max_staleness { Age::Stale } else { Age::Fresh }
    }

    fn answer(&self, policy: Policy, facts: &TokenFacts<'_>, age: Age) -> Verdict {
        let known = match self.0.index.get() {
            Some(index) => index.check(facts),
            None if facts.is_unidentified() => Verdict::Unknown(Unknown::Unidentified),
            None => Verdict::NotRevoked(NotRevoked(())),
        };
        let is_stale_answer = matches!((age, known), (Age::Stale, Verdict::NotRevoked(_)));
        let when_stale = policy.when_stale;
        let verdict = match when_stale {
            StalePolicy::Deny if is_stale_answer => Verdict::Unknown(Unknown::Stale),
            StalePolicy::Deny | StalePolicy::Allow => known,
        };
        if let Some(observer) = &self.0.observer {
            if is_stale_answer {
                observer.stale_answer(when_stale);
            }
            observer.checked(&verdict);
        }
        verdict
    }
}

#[derive(Clone, Copy)]
enum Age {
    Fresh,
    Stale,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { policy, index, freshness, .. } = &*self.0;
        f.debug_struct("Checker")
            .field("policy", policy)
            .field("is_open", &index.get().is_some())
            .field("freshness", freshness)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
