//! From what a token is called to what is known against it.

use signout_checker::{Revoked, TokenKind, Unknown, Verdict};

use super::knowledge::Age;
use super::metrics::{Metrics, Surface};
use crate::access_token::Named;
use crate::revoker::Revoker;

/// What is known about a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    pub(super) decision: Decision,
    /// What it was registered as, if it was.
    pub(super) registered: Option<TokenKind>,
}

/// Whether to refuse it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decision {
    /// Nothing is known against it.
    NotRevoked,
    /// It was revoked.
    Revoked(Revoked),
    /// Nothing is known against it, but this instance has not heard of the others for too long.
    Stale,
    /// It does not say enough about itself to be found.
    Unnamed,
}

/// Asks the index. `age` was taken before.
pub(super) fn decide(
    named: &Named,
    revoker: &Revoker,
    age: Age,
    surface: Surface,
    metrics: &Metrics,
) -> Decided {
    // A registered token is known better than whoever asks may know it: which session a bare `jti`
    // belongs to, and which kind of token it is.
    let jwt_id = named.jwt_id.as_ref();
    let held = jwt_id.and_then(|jwt_id| revoker.sessions().token(&named.issuer, jwt_id));
    let kind = held.as_ref().map_or(TokenKind::Access, |held| held.kind);
    let mut verdict = revoker.index().check(&named.facts().kind(kind));
    if let (Verdict::NotRevoked(_), Some(held)) = (verdict, &held) {
        verdict = revoker.index().check(&held.facts());
    }
    metrics.checked(surface, &verdict);
    let decision = match verdict {
        // The index alone never says so: how old it is, `age` knows.
        Verdict::Unknown(Unknown::Stale) => Decision::Stale,
        Verdict::NotRevoked(_) if age.refuses => Decision::Stale,
        Verdict::Unknown(_) => Decision::Unnamed,
        Verdict::NotRevoked(_) => Decision::NotRevoked,
        Verdict::Revoked(revoked) => Decision::Revoked(revoked),
    };
    Decided { decision, registered: held.map(|held| held.kind) }
}
