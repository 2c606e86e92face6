//! What a request means for the tokens that are known. Pure: looks, decides, changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use signout_checker::{
    Change, Digest, IssuedBefore, Issuer, Reach, Reason, Revocation, Revoked, SessionId, Subject,
    Target, TargetKind, Timestamp, TokenKind,
};

use super::policy::{session_reach, subject_reach};
use super::{Order, Policies, Policy, RegisterError, SessionRequest, TokenRequest};
use crate::logout_token::{LogoutToken, OfflineAccess, Who};
use crate::sessions::{IssuedToken, Sessions};
use crate::settings::SidScope;

/// Registered tokens other than access tokens may live long, but not for ever: ten years, the
/// lifetime of a Home Assistant long-lived access token.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 366 * 86_400);

/// What is to be written, and which registered tokens it hits.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) revocations: Vec<Revocation>,
    pub(super) hit: Vec<Arc<IssuedToken>>,
}

/// The session belongs to another user than the logout token says (`bcl_19`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SubjectMismatch;

/// A validated logout token: three layers, see ARCHITECTURE.md.
pub(super) fn logout(
    token: &LogoutToken,
    policy: &Policy,
    sessions: &Sessions,
    now: Timestamp,
) -> Result<Plan, SubjectMismatch> {
    let act = Act {
        issuer: token.issuer(),
        ended_at: token.issued_at(),
        offline: policy.revokes_offline(token.offline()),
        reason: Reason::BackchannelLogout,
        policy,
        now,
    };
    let mut hit = Hit::default();
    let mut revocations = Vec::new();
    match token.who() {
        Who::Session(session) => revocations.push(act.end_session(session, sessions, &mut hit)),
        Who::Subject(subject) => act.end_subject(subject, sessions, &mut hit, &mut revocations),
        Who::Both(session, subject) => {
            let known = sessions.of_session(token.issuer(), session);
            bcl_19_session_of_this_subject(&known, subject)?;
            revocations.push(act.end_session(session, sessions, &mut hit));
            if policy.sid_scope == SidScope::Subject {
                act.end_subject(subject, sessions, &mut hit, &mut revocations);
            }
        }
    }
    Ok(act.plan(revocations, hit))
}

/// An order to revoke one target: whoever gave it means all of it.
pub(super) fn revoke(order: &Order, sessions: &Sessions, now: Timestamp) -> Plan {
    let Order { target, issued_before, reason, policy } = order;
    let (issued_before, reason) = (*issued_before, *reason);
    let act = Act {
        issuer: target.issuer(),
        ended_at: issued_before.unwrap_or(now),
        offline: true,
        reason,
        policy,
        now,
    };
    let cut_off = match (issued_before, target) {
        (Some(time), _) => IssuedBefore::at(time),
        (None, Target::Token(..)) => IssuedBefore::EVERYTHING,
        (None, Target::Session(..)) => policy.session_cut_off(now),
        // A user, a client or an issuer goes on living: its next login must pass.
        (None, Target::Subject(..) | Target::Client(..) | Target::Issuer(_)) => {
            IssuedBefore::at(now)
        }
    };
    let mut hit = Hit::default();
    let mut revocations = Vec::new();
    hit.add(sessions.of_target(target), cut_off, Reach::ALL);
    match target {
        Target::Subject(_, subject) => {
            act.end_sessions_of(subject, sessions, &mut hit, &mut revocations);
        }
        // Other instances do the same with it: they cannot tell an order from a client's request.
        Target::Token(..) => hit.add_grants(reason, sessions, now),
        Target::Session(..) | Target::Client(..) | Target::Issuer(_) => {}
    }
    // The token itself is among the hit ones if it is registered, with its true expiry.
    if !matches!(target, Target::Token(..)) || hit.0.is_empty() {
        revocations.insert(0, act.mark(target.clone(), cut_off, Reach::ALL, hit.last_expiry()));
    }
    act.plan(revocations, hit)
}

/// A client's own token (RFC 7009) and, with a refresh token, its grant (`rev_7`).
pub(super) fn end_token(request: &TokenRequest, sessions: &Sessions, now: Timestamp) -> Plan {
    let TokenRequest { issuer, jwt_id, expires_at, policy } = request;
    let reason = Reason::RevocationRequest;
    let act = Act { issuer, ended_at: now, offline: true, reason, policy, now };
    let mut hit = Hit::default();
    let mut revocations = Vec::new();
    if let Some(known) = sessions.token(issuer, jwt_id) {
        hit.add(vec![known], IssuedBefore::EVERYTHING, Reach::ALL);
        hit.add_grants(reason, sessions, now);
    } else {
        // jwt_12: one that does not say when it ends may live as long as any that can be registered.
        let expires_at = expires_at.unwrap_or_else(|| now.plus(LONGEST_LIFETIME));
        let target = Target::Token(issuer.clone(), jwt_id.clone());
        revocations.push(Revocation::of(target, reason, now, policy.outlives(expires_at)));
    }
    act.plan(revocations, hit)
}

/// A session that somebody unknown says is over: only if a token of it is registered, or strangers
/// could fill the denylist with sessions that never were. It ends as by a logout token that says
/// nothing of offline access.
pub(super) fn end_known_session(
    request: &SessionRequest,
    sessions: &Sessions,
    now: Timestamp,
) -> Plan {
    let SessionRequest { issuer, session, policy } = request;
    if sessions.of_session(issuer, session).is_empty() {
        return Plan::default();
    }
    let offline = policy.revokes_offline(OfflineAccess::Keep);
    let reason = Reason::FrontchannelLogout;
    let act = Act { issuer, ended_at: now, offline, reason, policy, now };
    let mut hit = Hit::default();
    let ended = act.end_session(session, sessions, &mut hit);
    act.plan(vec![ended], hit)
}

/// Refuses a registration that could not be kept as it says.
pub(super) fn admit(
    token: &IssuedToken,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), RegisterError> {
    use signout_checker::TokenKind::{Access, LongLived, OfflineRefresh, Refresh};
    let limit = match token.kind {
        Access => policy.max_token_lifetime,
        Refresh | OfflineRefresh | LongLived => LONGEST_LIFETIME,
    };
    let lifetime = token.expires_at.since(token.issued_at);
    if token.expires_at <= token.issued_at {
        Err(RegisterError::ExpiresBeforeIssued)
    } else if token.issued_at > now.plus(policy.leeway) {
        Err(RegisterError::IssuedInTheFuture { issued_at: token.issued_at, now })
    } else if lifetime > limit {
        Err(RegisterError::LivesTooLong { lifetime, limit })
    } else if policy.outlives(token.expires_at) <= now {
        Err(RegisterError::Expired { expires_at: token.expires_at, now })
    } else {
        Ok(())
    }
}

/// A user's session that becomes known after the user was signed out of all of them, by one of its
/// tokens that the user's cut-off hits. Had it been known then, it would have been ended with the
/// others, and so it is now: also for its tokens with a later `iat`.
pub(super) fn end_late_session(
    token: &IssuedToken,
    session: &SessionId,
    cut_off: &Revoked,
    offline: bool,
    policy: &Policy,
    sessions: &Sessions,
    now: Timestamp,
) -> Plan {
    let act = Act {
        issuer: &token.issuer,
        ended_at: cut_off.issued_before.time().unwrap_or(now),
        offline,
        reason: cut_off.reason,
        policy,
        now,
    };
    let mut hit = Hit::default();
    let ended = act.end_session(session, sessions, &mut hit);
    act.plan(vec![ended], hit)
}

/// Sorts what another instance acknowledged: tokens that are over and nothing else, and marks that
/// [`carry`] may end more for.
pub(super) fn sort_followed(changes: &[Change], sessions: &Sessions) -> (Vec<Digest>, Vec<Change>) {
    let is_spent = |change: &Change| {
        let ends_grant = |token: &Arc<IssuedToken>| may_end_grant(token, change.reason);
        // Hardly any has this reason, so hardly any is looked up.
        let may = change.reason == Reason::RevocationRequest
            && sessions.of_digest(change.kind, change.target).iter().any(ends_grant);
        change.kind == TargetKind::Token && !may
    };
    let (spent, marks): (Vec<_>, Vec<_>) = changes.iter().copied().partition(is_spent);
    (spent.into_iter().map(|change| change.target).collect(), marks)
}

/// What another instance's mark ends among the tokens that are registered here: they themselves;
/// for a user, the sessions that had begun by the cut-off; for a refresh token that its client
/// revoked, its grant. The mark itself is in force already.
pub(super) fn carry(mark: &Change, sessions: &Sessions, policies: &Policies) -> Plan {
    let mut hit = Hit::default();
    let mut revocations = Vec::new();
    let known = sessions.of_digest(mark.kind, mark.target);
    if mark.kind == TargetKind::Subject {
        let by = mark.issued_before.time().unwrap_or(Timestamp::MAX);
        for (issuer, session) in sessions_begun(&known, by) {
            let cut_off = policies.session_cut_off(&issuer, mark.issued_before);
            let reach = session_reach(mark.reach.offline);
            let before = hit.0.len();
            hit.add(sessions.of_session(&issuer, &session), cut_off, reach);
            let last = hit.0.iter().skip(before).map(|token| policies.outlives(token)).max();
            let retain_until = mark.retain_until.max(last.unwrap_or_default());
            let target = Target::Session(issuer, session);
            let ended = Revocation::of(target, mark.reason, mark.revoked_at, retain_until);
            revocations.push(ended.issued_before(cut_off).reaching(reach));
        }
    }
    hit.add(known, mark.issued_before, mark.reach);
    if mark.kind == TargetKind::Token {
        hit.add_grants(mark.reason, sessions, mark.revoked_at);
    }
    hit.into_plan(revocations, mark.reason, mark.revoked_at, |token| policies.outlives(token))
}

/// A token that is registered after what it belongs to ended.
pub(super) fn born_revoked(
    token: &IssuedToken,
    reason: Reason,
    policy: &Policy,
    now: Timestamp,
) -> Revocation {
    let target = Target::Token(token.issuer.clone(), token.jwt_id.clone());
    Revocation::of(target, reason, now, policy.outlives(token.expires_at))
}

/// The session is known and every token in it is somebody else's.
fn bcl_19_session_of_this_subject(
    known: &[Arc<IssuedToken>],
    subject: &Subject,
) -> Result<(), SubjectMismatch> {
    let mut subjects = known.iter().filter_map(|token| token.subject.as_ref()).peekable();
    if subjects.peek().is_some() && !subjects.any(|known| known == subject) {
        return Err(SubjectMismatch);
    }
    Ok(())
}

/// What holds for everything that one request revokes.
struct Act<'a> {
    issuer: &'a Issuer,
    /// The cut-off of whatever goes on living: the logout token's own `iat`, by the same clock
    /// that stamps the provider's tokens, so that a late or repeated delivery ends no later login.
    ended_at: Timestamp,
    offline: bool,
    reason: Reason,
    policy: &'a Policy,
    now: Timestamp,
}

impl Act<'_> {
    fn plan(&self, revocations: Vec<Revocation>, hit: Hit) -> Plan {
        let outlives = |token: &IssuedToken| self.policy.outlives(token.expires_at);
        hit.into_plan(revocations, self.reason, self.now, outlives)
    }

    fn end_session(&self, session: &SessionId, sessions: &Sessions, hit: &mut Hit) -> Revocation {
        let cut_off = self.policy.session_cut_off(self.ended_at);
        let reach = session_reach(self.offline);
        let known = sessions.of_session(self.issuer, session);
        let last = hit.add(known, cut_off, reach);
        let target = Target::Session(self.issuer.clone(), session.clone());
        self.mark(target, cut_off, reach, last)
    }

    fn end_subject(
        &self,
        subject: &Subject,
        sessions: &Sessions,
        hit: &mut Hit,
        revocations: &mut Vec<Revocation>,
    ) {
        let cut_off = IssuedBefore::at(self.ended_at);
        let reach = subject_reach(self.offline);
        let last = hit.add(sessions.of_subject(self.issuer, subject), cut_off, reach);
        let target = Target::Subject(self.issuer.clone(), subject.clone());
        revocations.push(self.mark(target, cut_off, reach, last));
        self.end_sessions_of(subject, sessions, hit, revocations);
    }

    /// Ends the known sessions of a user that had begun by the cut-off, also for their tokens that
    /// do not tell a `sub`. A session that began later is a later login.
    fn end_sessions_of(
        &self,
        subject: &Subject,
        sessions: &Sessions,
        hit: &mut Hit,
        revocations: &mut Vec<Revocation>,
    ) {
        let known = sessions.of_subject(self.issuer, subject);
        for (issuer, session) in sessions_begun(&known, self.ended_at) {
            let ended = Target::Session(issuer, session.clone());
            if !revocations.iter().any(|revocation| revocation.target == ended) {
                revocations.push(self.end_session(&session, sessions, hit));
            }
        }
    }

    fn mark(
        &self,
        target: Target,
        cut_off: IssuedBefore,
        reach: Reach,
        last_expiry: Option<Timestamp>,
    ) -> Revocation {
        let horizon = self.policy.horizon(self.now.max(self.ended_at));
        let last = last_expiry.map_or(horizon, |expiry| self.policy.outlives(expiry));
        Revocation::of(target, self.reason, self.now, horizon.max(last))
            .issued_before(cut_off)
            .reaching(reach)
    }
}

/// The sessions that had begun by then, going by the first token of each that is known.
fn sessions_begun(tokens: &[Arc<IssuedToken>], by: Timestamp) -> Vec<(Issuer, SessionId)> {
    let mut began = BTreeMap::<(&Issuer, &SessionId), Timestamp>::new();
    for token in tokens {
        if let Some(session) = &token.session {
            let first = began.entry((&token.issuer, session)).or_insert(token.issued_at);
            *first = token.issued_at.min(*first);
        }
    }
    let begun = began.into_iter().filter(|&(_, first)| first <= by);
    begun.map(|((issuer, session), _)| (issuer.clone(), session.clone())).collect()
}

/// Whether more than this token may end when it is revoked for this reason.
pub(super) fn may_end_grant(token: &IssuedToken, reason: Reason) -> bool {
    reason == Reason::RevocationRequest
        && matches!(token.kind, TokenKind::Refresh | TokenKind::OfflineRefresh)
}

/// The registered tokens of the grant that a refresh token stands for: those of its client in its
/// session or, if it tells none, those that were issued to its client for its user by now. A later
/// login of that user is another grant.
fn grant_of(refresh: &IssuedToken, sessions: &Sessions, by: Timestamp) -> Vec<Arc<IssuedToken>> {
    let IssuedToken { issuer, session, subject, client, .. } = refresh;
    // Without its client it may be anybody's.
    if client.is_none() {
        return Vec::new();
    }
    let mut tokens = match (session, subject) {
        (Some(session), _) => sessions.of_session(issuer, session),
        (None, Some(subject)) => {
            let mut tokens = sessions.of_subject(issuer, subject);
            tokens.retain(|token| token.issued_at <= by);
            tokens
        }
        (None, None) => Vec::new(),
    };
    tokens.retain(|token| token.client == *client);
    tokens
}

/// The registered tokens that a request ends. One may be in it as its session's and as its user's.
#[derive(Default)]
struct Hit(Vec<Arc<IssuedToken>>);

impl Hit {
    /// Adds those that the cut-off and the reach hit, and tells when the last of them expires.
    fn add(
        &mut self,
        tokens: Vec<Arc<IssuedToken>>,
        cut_off: IssuedBefore,
        reach: Reach,
    ) -> Option<Timestamp> {
        let before = self.0.len();
        let hit = |token: &Arc<IssuedToken>| {
            reach.includes(token.kind) && cut_off.hits(Some(token.issued_at))
        };
        self.0.extend(tokens.into_iter().filter(hit));
        self.0.iter().skip(before).map(|token| token.expires_at).max()
    }

    /// Adds the grants of the refresh tokens among them. Tokens made to outlive logins are spared.
    fn add_grants(&mut self, reason: Reason, sessions: &Sessions, by: Timestamp) {
        let refresh = self.0.iter().filter(|token| may_end_grant(token, reason));
        for token in refresh.cloned().collect::<Vec<_>>() {
            let grant = grant_of(&token, sessions, by);
            self.add(grant, IssuedBefore::EVERYTHING, session_reach(true));
        }
    }

    fn last_expiry(&self) -> Option<Timestamp> {
        self.0.iter().map(|token| token.expires_at).max()
    }

    fn into_plan(
        self,
        mut revocations: Vec<Revocation>,
        reason: Reason,
        revoked_at: Timestamp,
        outlives: impl Fn(&IssuedToken) -> Timestamp,
    ) -> Plan {
        let Self(mut hit) = self;
        // A registered token is one allocation, wherever it is listed.
        hit.sort_unstable_by_key(Arc::as_ptr);
        hit.dedup_by(|one, other| Arc::ptr_eq(one, other));
        revocations.reserve(hit.len());
        revocations.extend(hit.iter().map(|token| {
            let target = Target::Token(token.issuer.clone(), token.jwt_id.clone());
            Revocation::of(target, reason, revoked_at, outlives(token))
        }));
        Plan { revocations, hit }
    }
}
