//! From what the journal committed to what is put into Redis. Pure.

use std::sync::Arc;

use signout_checker::{Change, DigestKey, Issuer, Revocation, Target, TargetKind, Timestamp};

use crate::journal::Record;
use crate::redis::{Naming, Table};
use crate::revoker::Policies;
use crate::sessions::{IssuedToken, SharedToken};

/// How this deployment calls things.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) key: DigestKey,
    /// Absent if there are no denylist keys by name.
    pub(super) naming: Option<Naming>,
    pub(super) policies: Policies,
}

/// A mark, and where the tokens that it ends may be listed.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) mark: Change,
    pub(super) table: Table,
    pub(super) issuer: Issuer,
}

/// What is put into Redis together: the tokens first, then the changes, then the searches. So a
/// registration and a logout that race see each other, whichever was first.
#[derive(Debug, Default)]
pub(super) struct Offer {
    pub(super) tokens: Vec<SharedToken>,
    /// The same and those that no table lists, as they were registered.
    pub(super) registered: Vec<Arc<IssuedToken>>,
    pub(super) changes: Vec<Change>,
    pub(super) searches: Vec<Search>,
}

impl Terms {
    /// A revocation by digest and, if there are names, by name.
    pub(super) fn change(&self, revocation: &Revocation) -> Change {
        let name = self.naming.as_ref().map(|naming| naming.name(&revocation.target));
        Change::of(revocation, &self.key).named(name)
    }

    /// A token as other instances see it.
    pub(super) fn shared(&self, token: &IssuedToken) -> SharedToken {
        let IssuedToken { issuer, jwt_id, session, subject, kind, issued_at, .. } = token;
        let named = |target: &Target| self.naming.as_ref().map(|naming| naming.name(target));
        let session_target = session.clone().map(|sid| Target::Session(issuer.clone(), sid));
        SharedToken {
            token: self.key.token(issuer, jwt_id),
            name: self.naming.as_ref().map(|naming| naming.token(issuer, jwt_id)),
            session: session_target.as_ref().map(|target| self.key.target(target)),
            session_name: session_target.as_ref().and_then(named),
            subject: subject.as_ref().map(|subject| self.key.subject(issuer, subject)),
            kind: *kind,
            issued_at: *issued_at,
            retain_until: self.policies.outlives(token),
        }
    }
}

impl Offer {
    /// Adds what one entry of the journal says. What other instances said is theirs to offer.
    pub(super) fn add(&mut self, record: &Record, terms: &Terms) {
        match record {
            Record::Registered(tokens) => self.add_tokens(tokens, terms),
            Record::Revoked { revocations, .. } => {
                for revocation in revocations {
                    self.add_change(terms.change(revocation), revocation.target.issuer());
                }
            }
            // A forgotten token is over; it leaves its table with the rest of it.
            Record::Forgotten { .. } | Record::Followed(_) => {}
        }
    }

    /// Adds what one entry says as far as it is not in the log, be it from here or from elsewhere.
    pub(super) fn add_missing(
        &mut self,
        record: &Record,
        terms: &Terms,
        now: Timestamp,
        is_missing: impl Fn(&Change) -> bool,
    ) {
        let wanted = |change: &Change| change.retain_until >= now && is_missing(change);
        match record {
            Record::Revoked { revocations, .. } => {
                for revocation in revocations {
                    // The name is only made for what is missing.
                    if wanted(&Change::of(revocation, &terms.key)) {
                        self.add_change(terms.change(revocation), revocation.target.issuer());
                    }
                }
            }
            Record::Followed(changes) => {
                self.changes.extend(changes.iter().filter(|change| wanted(change)));
            }
            // Tokens come from the sessions, which hold those that are still live.
            Record::Registered(_) | Record::Forgotten { .. } => {}
        }
    }

    pub(super) fn add_tokens(&mut self, tokens: &[Arc<IssuedToken>], terms: &Terms) {
        let listed = tokens.iter().filter(|t| t.session.is_some() || t.subject.is_some());
        self.tokens.extend(listed.map(|token| terms.shared(token)));
        self.registered.extend_from_slice(tokens);
    }

    fn add_change(&mut self, mark: Change, issuer: &Issuer) {
        self.changes.push(mark);
        let table = match mark.kind {
            TargetKind::Session => Table::Session(mark.target),
            TargetKind::Subject => Table::Subject(mark.target),
            // Tokens have no table; those of a client or an issuer are ended by the instances that
            // registered them, each its own.
            TargetKind::Token | TargetKind::Client | TargetKind::Issuer => return,
        };
        self.searches.push(Search { mark, table, issuer: issuer.clone() });
    }
}
