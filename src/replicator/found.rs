//! What a mark ends among the tokens that other instances registered. Pure.

use std::collections::BTreeMap;

use signout_checker::{Change, Digest, IssuedBefore, KeyName, Reach, TargetKind, Timestamp};

use super::offer::{Offer, Search};
use crate::redis::Table;
use crate::revoker::Policies;
use crate::sessions::SharedToken;

impl Search {
    /// Turns the tokens of the table into what is still to be put into Redis: the tokens
    /// themselves, a longer life of the mark if one of them outlives it and, for a user, the
    /// sessions that had begun by the cut-off. `is_new` tells what is not refused already.
    pub(super) fn found(
        &self,
        tokens: &[SharedToken],
        policies: &Policies,
        is_new: impl Fn(&Change) -> bool,
        offer: &mut Offer,
    ) {
        let mark = &self.mark;
        let hit = tokens.iter().filter(|token| {
            mark.reach.includes(token.kind) && mark.issued_before.hits(Some(token.issued_at))
        });
        let mut last = mark.retain_until;
        for token in hit {
            last = last.max(token.retain_until);
            let ended = self.ended(token);
            if is_new(&ended) {
                offer.changes.push(ended);
            }
        }
        if last > mark.retain_until {
            offer.changes.push(Change { retain_until: last, ..*mark });
        }
        if mark.kind == TargetKind::Subject {
            let by = mark.issued_before.time().unwrap_or(Timestamp::MAX);
            for (session, name) in sessions_begun(tokens, by) {
                let ended = self.ended_session(session, name, policies);
                if is_new(&ended) {
                    offer.changes.push(ended);
                    let (table, issuer) = (Table::Session(session), self.issuer.clone());
                    offer.searches.push(Self { mark: ended, table, issuer });
                }
            }
        }
    }

    fn ended(&self, token: &SharedToken) -> Change {
        Change {
            target: token.token,
            name: token.name,
            kind: TargetKind::Token,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until: token.retain_until,
            ..self.mark
        }
    }

    fn ended_session(&self, target: Digest, name: Option<KeyName>, policies: &Policies) -> Change {
        Change {
            target,
            name,
            kind: TargetKind::Session,
            issued_before: policies.session_cut_off(&self.issuer, self.mark.issued_before),
            reach: Reach { long_lived: false, ..self.mark.reach },
            ..self.mark
        }
    }
}

/// The sessions that had begun by then, going by the first token of each that is listed.
fn sessions_begun(
    tokens: &[SharedToken],
    by: Timestamp,
) -> impl Iterator<Item = (Digest, Option<KeyName>)> {
    let mut began = BTreeMap::<Digest, (Timestamp, Option<KeyName>)>::new();
    for token in tokens {
        if let Some(session) = token.session {
            let first = began.entry(session).or_insert((token.issued_at, token.session_name));
            first.0 = token.issued_at.min(first.0);
        }
    }
    let begun = began.into_iter().filter(move |(_, (first, _))| *first <= by);
    begun.map(|(session, (_, name))| (session, name))
}

#[cfg(test)]
mod tests {
    use signout_checker::{Issuer, Reason, TokenKind};

    use super::*;

    fn digest(n: u8) -> Digest {
        Digest::from_bytes([n; 16])
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn token(n: u8, session: Option<u8>, kind: TokenKind, issued_at: u64) -> SharedToken {
        SharedToken {
            token: digest(n),
            name: None,
            session: session.map(digest),
            session_name: None,
            subject: Some(digest(200)),
            kind,
            issued_at: at(issued_at),
            retain_until: at(5_000 + u64::from(n)),
        }
    }

    fn search(kind: TargetKind, issued_before: IssuedBefore) -> Search {
        let target = digest(100);
        let mark = Change {
            target,
            name: None,
            kind,
            issued_before,
            reach: Reach::LOGIN,
            retain_until: at(5_002),
            reason: Reason::BackchannelLogout,
            revoked_at: at(1_000),
        };
        let issuer = Issuer::parse("https://op").unwrap();
        Search { mark, table: Table::Session(target), issuer }
    }

    fn found(search: &Search, tokens: &[SharedToken]) -> (Vec<(TargetKind, u8)>, usize) {
        let mut offer = Offer::default();
        let known = digest(2);
        let is_new = |change: &Change| change.target != known;
        search.found(tokens, &Policies::default(), is_new, &mut offer);
        let targets = offer.changes.iter().map(|c| (c.kind, c.target.to_bytes()[0])).collect();
        (targets, offer.searches.len())
    }

    #[test]
    fn a_session_ends_what_is_listed_and_new() {
        use TokenKind::{Access, OfflineRefresh};
        let tokens = [
            token(1, Some(100), Access, 10),
            token(2, Some(100), Access, 10),
            token(9, Some(100), OfflineRefresh, 10),
        ];
        let search = search(TargetKind::Session, IssuedBefore::EVERYTHING);
        assert_eq!(found(&search, &tokens), (vec![(TargetKind::Token, 1)], 0));
    }

    #[test]
    fn i4_the_mark_outlives_the_longest_token() {
        let tokens = [token(3, Some(100), TokenKind::Access, 10)];
        let search = search(TargetKind::Session, IssuedBefore::EVERYTHING);
        let changes = vec![(TargetKind::Token, 3), (TargetKind::Session, 100)];
        assert_eq!(found(&search, &tokens), (changes, 0));
    }

    #[test]
    fn i7_a_user_ends_with_the_sessions_that_had_begun() {
        use TokenKind::Access;
        let tokens = [
            token(1, Some(50), Access, 10),
            // A refresh after the cut-off, in a session from before it.
            token(1, Some(50), Access, 30),
            token(1, Some(60), Access, 30),
        ];
        let search = search(TargetKind::Subject, IssuedBefore::at(at(20)));
        let changes = vec![(TargetKind::Token, 1), (TargetKind::Session, 50)];
        assert_eq!(found(&search, &tokens), (changes, 1));
    }
}
