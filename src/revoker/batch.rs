//! What is decided together, and who waits for it.

use std::sync::Arc;

use signout_checker::{Index, Revoked, TargetKind, Timestamp};
use tokio::sync::oneshot;

use super::plan::{self, Plan};
use super::{Carried, LoggedOut, Policy, Registered, Repeated, RevokerError};
use crate::journal::{Position, Record};
use crate::replay::Seen;
use crate::sessions::IssuedToken;

pub(super) type Answer<T> = oneshot::Sender<Result<T, RevokerError>>;

/// What was decided and waits for one commit.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) requests: usize,
    pub(super) records: Vec<Record>,
    /// What the first `indexed` records will refuse, for the decisions behind them.
    pending: Option<Index>,
    indexed: usize,
    pub(super) replies: Vec<Reply>,
    /// Registered tokens that the records end. They leave the sessions once the index refuses them:
    /// whoever asks meanwhile finds them in one of the two.
    pub(super) ended: Vec<Arc<IssuedToken>>,
    pub(super) tidy: bool,
}

impl Batch {
    /// Makes a plan part of it, visible to the requests behind it, and tells how many tokens it hits.
    /// A plan that says nothing leaves no entry.
    pub(super) fn take(&mut self, plan: Plan, seen: Option<Seen>) -> usize {
        let tokens_hit = plan.hit.len();
        self.ended.extend(plan.hit);
        if !plan.revocations.is_empty() || seen.is_some() {
            self.records.push(Record::Revoked { revocations: plan.revocations, seen });
        }
        tokens_hit
    }

    /// Refuses a token by its `jti` as well, unless that is what refused it.
    pub(super) fn bear_revoked(
        &mut self,
        token: &IssuedToken,
        revoked: Revoked,
        policy: &Policy,
        now: Timestamp,
    ) {
        if revoked.target != TargetKind::Token {
            let revocation = plan::born_revoked(token, revoked.reason, policy, now);
            self.records.push(Record::Revoked { revocations: vec![revocation], seen: None });
        }
    }

    /// What the records will refuse, if there is anything. Only registrations ask, so nothing is
    /// indexed before the first that does: most batches hold nothing but logouts.
    pub(super) fn pending(&mut self, index: &Index) -> Option<&Index> {
        for record in self.records.iter().skip(self.indexed) {
            if let Record::Revoked { revocations, .. } = record {
                let pending = self.pending.get_or_insert_with(|| Index::new(index.key().clone()));
                for revocation in revocations {
                    pending.apply(revocation);
                }
            }
        }
        self.indexed = self.records.len();
        self.pending.as_ref()
    }
}

/// An answer that waits for the commit. `at` counts the records up to and including its own.
pub(super) enum Reply {
    Logout {
        answer: Answer<LoggedOut>,
        tokens_hit: usize,
        repeated: Repeated,
        issued_at: Timestamp,
        at: usize,
    },
    Revoke {
        answer: Answer<Carried>,
        tokens_hit: usize,
        at: usize,
    },
    Register {
        answer: Answer<Vec<Registered>>,
        registered: Vec<Registered>,
    },
    Reached {
        answer: Answer<Position>,
        at: usize,
    },
    Forget {
        answer: Answer<usize>,
        forgotten: usize,
    },
}

impl Reply {
    pub(super) fn refuse(self, reason: &str) {
        let error = RevokerError::NotDurable(reason.to_owned());
        match self {
            Self::Logout { answer, .. } => drop(answer.send(Err(error))),
            Self::Revoke { answer, .. } => drop(answer.send(Err(error))),
            Self::Register { answer, .. } => drop(answer.send(Err(error))),
            Self::Reached { answer, .. } => drop(answer.send(Err(error))),
            Self::Forget { answer, .. } => drop(answer.send(Err(error))),
        }
    }
}
