//! The thread that decides, commits, applies and answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use signout_checker::{
    Change, Index, Issuer, JwtId, Revocation, Revoked, Target, TargetKind, Timestamp, TokenFacts,
    TokenKind, Verdict,
};
use tokio::sync::{mpsc, watch};

use super::batch::{Answer, Batch, Reply};
use super::late::{LateMarks, PATIENCE};
use super::order::Asked;
use super::outbox::Outbox;
use super::{
    Carried, LoggedOut, Metrics, Parts, Policies, Policy, RegisterError, Registered, Repeated,
    RevokerError, plan,
};
use crate::clock::Clock;
use crate::journal::{
    Chunk, Journal, JournalError, OpenError, Position, Progress, Record, Replayed, Revoking, Seq,
    Space,
};
use crate::logout_token::LogoutToken;
use crate::replay::{ReplayLog, Seen, Sighting};
use crate::sessions::{IssuedToken, Registration, Sessions};

/// Requests committed together. More would make the first of them wait.
const BATCH: usize = 256;
/// Changes from elsewhere that count as one request: whoever reads them again reads all that was
/// committed together.
const LIKE_ONE_REQUEST: usize = 50;
/// Entries that are read together for whoever passes them on. Commits wait meanwhile: a
/// millisecond or two.
const CHUNK: usize = 1_000;
/// Changes that were followed while the disk was full, in one entry.
const TOGETHER: usize = 1_000;
/// The index is walked as a whole to expire it, so not every second.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Tokens that end within this time are journalled apart from those that live longer, so that a
/// long-lived one does not keep a thousand short-lived ones on the disk.
const SHORT_LIVED: Duration = Duration::from_secs(86_400);

/// One request.
#[derive(Debug)]
pub(super) enum Job {
    Logout { token: LogoutToken, policy: Policy, now: Timestamp, answer: Answer<LoggedOut> },
    Revoke { asked: Asked, now: Timestamp, answer: Answer<Carried> },
    Register { tokens: Vec<(IssuedToken, Policy)>, now: Timestamp, answer: Answer<Vec<Registered>> },
    Forget { issuer: Issuer, jwt_ids: Vec<JwtId>, answer: Answer<usize> },
    Follow { changes: Vec<Change> },
    Carry { answer: Answer<Position> },
    Read { from: Seq, answer: Answer<Chunk> },
    ReadRevoking { from: Seq, targets: usize, answer: Answer<Revoking> },
    Written { answer: Answer<Position> },
    Tidy,
}

/// What the thread writes and everybody may look at.
pub(super) struct State {
    pub(super) index: Arc<Index>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) fault: Arc<ArcSwapOption<String>>,
    pub(super) reached: watch::Sender<Position>,
    pub(super) outbox: Outbox,
}

pub(super) struct Writer {
    path: PathBuf,
    /// Absent after a failure, until it was opened again.
    journal: Option<Journal>,
    recoverable: bool,
    state: State,
    replay: ReplayLog,
    late: LateMarks,
    /// What was followed, is in force, and found no room in the journal. As many as come while the
    /// disk is full; each is in the index, too.
    unwritten: Vec<Change>,
    policies: Policies,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    swept: Instant,
}

impl Writer {
    /// Brings the state back from the journal.
    pub(super) fn restore(parts: Parts, state: State) -> Result<(Self, Replayed), JournalError> {
        let Parts { path, journal, policies, clock, metrics } = parts;
        let replay = ReplayLog::new(journal.digest_key().clone());
        let mut writer = Self {
            path,
            journal: None,
            recoverable: true,
            state,
            replay,
            late: LateMarks::default(),
            unwritten: Vec::new(),
            policies,
            clock,
            metrics,
            swept: Instant::now(),
        };
        let replayed = writer.adopt(journal)?;
        Ok((writer, replayed))
    }

    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(job) = queue.blocking_recv() {
            let mut batch = Batch::default();
            self.decide(job, &mut batch);
            while batch.requests < BATCH {
                let Ok(job) = queue.try_recv() else { break };
                self.decide(job, &mut batch);
            }
            self.finish(batch);
        }
    }

    /// Takes requests as if they had been waiting together.
    #[cfg(test)]
    pub(super) fn take_together(&mut self, jobs: impl Iterator<Item = Job>) {
        let mut batch = Batch::default();
        jobs.for_each(|job| self.decide(job, &mut batch));
        self.finish(batch);
    }

    /// Carries late marks on as if their time had come.
    #[cfg(test)]
    pub(super) fn carry_now(&mut self) {
        let mut batch = Batch::default();
        self.carry_late_marks(Instant::now() + PATIENCE, &mut batch);
        self.finish(batch);
    }

    #[cfg(test)]
    pub(super) fn position(&self) -> Option<Position> {
        self.journal.as_ref().map(Journal::position)
    }

    #[cfg(test)]
    pub(super) fn into_journal(self) -> Option<Journal> {
        self.journal
    }

    /// Loads a journal's entries in place of whatever was in memory. The index only grows.
    fn adopt(&mut self, journal: Journal) -> Result<Replayed, JournalError> {
        let now = self.clock.settled();
        let key = journal.digest_key().clone();
        let sessions = Sessions::new(key.clone());
        let mut replay = ReplayLog::new(key);
        let index = &self.state.index;
        let mut followed: Vec<Change> = Vec::new();
        let mut entry = |record| match record {
            Record::Registered(tokens) => {
                // A late session is ended in the same commit, by an entry before this one. One that
                // is refused for its session alone stays: after a full disk the index knows marks
                // that were not carried on to their tokens, or to their grant.
                let ended = |token: &IssuedToken| match index.check(&token.facts()) {
                    Verdict::Revoked(by) => {
                        by.target == TargetKind::Token && !plan::may_end_grant(token, by.reason)
                    }
                    Verdict::NotRevoked(_) | Verdict::Unknown(_) => false,
                };
                for token in tokens.into_iter().filter(|t| t.expires_at >= now && !ended(t)) {
                    sessions.insert(token);
                }
            }
            Record::Revoked { revocations, seen } => {
                for revocation in &revocations {
                    index.apply(revocation);
                }
                sessions.remove(revocations.iter().filter_map(token_target));
                if let Some(seen) = seen.filter(|seen| seen.retain_until >= now) {
                    replay.insert(&seen);
                }
            }
            Record::Forgotten { issuer, jwt_ids, .. } => {
                sessions.remove(jwt_ids.iter().map(|jwt_id| (&issuer, jwt_id)));
            }
            Record::Followed(changes) => {
                for change in &changes {
                    index.apply_change(change);
                }
                let (ended, marks) = plan::sort_followed(&changes, &sessions);
                sessions.remove_digests(&ended);
                followed.extend(marks);
            }
        };
        let (mut targets, mut begun) = (0_usize, 0);
        let entry = |record: Record, progress: Progress| {
            if progress.begun > begun {
                begun = progress.begun;
                index.expect(targets.saturating_mul(progress.all - begun) / begun);
            }
            targets += record.targets();
            entry(record);
        };
        let replayed = journal.replay(entry, |seq, error| {
            tracing::error!(seq, %error, "an entry of the journal is damaged; the others are fine, \
                what it said is lost unless a backup has it");
        })?;
        index.expect(0);
        index.expire(now);
        replay.expire(now);
        sessions.expire(now);
        // What was followed and not yet carried on to the tokens that only this instance knows.
        followed.retain(|mark| !sessions.of_digest(mark.kind, mark.target).is_empty());
        self.late.extend(followed);
        self.state.sessions.replace(sessions);
        self.replay = replay;
        self.state.reached.send_replace(journal.position());
        self.journal = Some(journal);
        self.metrics.gauges(&self.state.index, &self.state.sessions);
        Ok(replayed)
    }

    fn decide(&mut self, job: Job, batch: &mut Batch) {
        batch.requests += 1;
        match job {
            Job::Logout { token, policy, now, answer } => {
                self.decide_logout(&token, &policy, now, answer, batch);
            }
            Job::Revoke { asked, now, answer } => {
                let tokens_hit = batch.take(asked.plan(&self.state.sessions, now), None);
                let at = batch.records.len();
                batch.replies.push(Reply::Revoke { answer, tokens_hit, at });
            }
            Job::Register { tokens, now, answer } => {
                let registered = self.decide_registrations(tokens, now, batch);
                batch.replies.push(Reply::Register { answer, registered });
            }
            Job::Forget { issuer, jwt_ids, answer } => {
                let forgotten = self.decide_forgetting(issuer, &jwt_ids, batch);
                batch.replies.push(Reply::Forget { answer, forgotten });
            }
            Job::Follow { changes } => {
                batch.requests += changes.len() / LIKE_ONE_REQUEST;
                let (ended, marks) = plan::sort_followed(&changes, &self.state.sessions);
                self.state.sessions.remove_digests(&ended);
                self.late.extend(marks);
                batch.records.push(Record::Followed(changes));
            }
            Job::Carry { answer } => {
                self.carry_late_marks(Instant::now() + PATIENCE, batch);
                batch.replies.push(Reply::Reached { answer, at: batch.records.len() });
            }
            Job::Read { from, answer } => {
                // What this batch holds is not committed yet; it comes with a later read.
                let _ = answer.send(self.read_with(|journal| journal.read(from, CHUNK)));
            }
            Job::ReadRevoking { from, targets, answer } => {
                let _ = answer.send(self.read_with(|journal| journal.read_revoking(from, targets)));
            }
            Job::Written { answer } => {
                batch.replies.push(Reply::Reached { answer, at: batch.records.len() });
            }
            Job::Tidy => {
                self.carry_late_marks(Instant::now(), batch);
                batch.tidy = true;
            }
        }
    }

    fn decide_logout(
        &mut self,
        token: &LogoutToken,
        policy: &Policy,
        now: Timestamp,
        answer: Answer<LoggedOut>,
        batch: &mut Batch,
    ) {
        let identity = *token.identity().as_bytes();
        let issued_at = token.issued_at();
        let (tokens_hit, repeated) =
            match self.replay.sighting(token.issuer(), token.jwt_id(), &identity) {
                Sighting::Reused => {
                    // Whoever asked may be gone; there is nobody else to tell.
                    let _ = answer.send(Err(RevokerError::ReusedJwtId));
                    return;
                }
                Sighting::Repeated => (0, Repeated::Yes),
                Sighting::New => match plan::logout(token, policy, &self.state.sessions, now) {
                    Err(plan::SubjectMismatch) => {
                        let _ = answer.send(Err(RevokerError::SubjectMismatch));
                        return;
                    }
                    Ok(plan) => {
                        let retain_until = policy.replay_until(issued_at);
                        let (issuer, jwt_id) = (token.issuer().clone(), token.jwt_id().clone());
                        let seen = Seen { issuer, jwt_id, identity, retain_until };
                        self.replay.insert(&seen);
                        (batch.take(plan, Some(seen)), Repeated::No)
                    }
                },
            };
        let at = batch.records.len();
        batch.replies.push(Reply::Logout { answer, tokens_hit, repeated, issued_at, at });
    }

    fn decide_registrations(
        &mut self,
        tokens: Vec<(IssuedToken, Policy)>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Vec<Registered> {
        let (mut short, mut long) = (Vec::new(), Vec::new());
        let mut registered = Vec::with_capacity(tokens.len());
        for (token, policy) in tokens {
            let token = Arc::new(token);
            let outcome = self.decide_registration(&token, &policy, now, batch);
            if !matches!(outcome, Registered::Refused(_)) {
                self.end_late_session(&token, &policy, now, batch);
            }
            if outcome == Registered::New {
                let lives = token.expires_at.since(now);
                if lives > SHORT_LIVED { &mut long } else { &mut short }.push(token);
            }
            registered.push(outcome);
        }
        let records = [short, long].into_iter().filter(|tokens| !tokens.is_empty());
        batch.records.extend(records.map(Record::Registered));
        registered
    }

    fn decide_registration(
        &self,
        token: &Arc<IssuedToken>,
        policy: &Policy,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Registered {
        if let Err(error) = plan::admit(token, policy, now) {
            return Registered::Refused(error);
        }
        if let Some(revoked) = self.revoked(&token.facts(), batch) {
            batch.bear_revoked(token, revoked, policy, now);
            return Registered::BornRevoked(revoked.reason);
        }
        match self.state.sessions.insert(Arc::clone(token)) {
            Registration::New => Registered::New,
            Registration::Known => Registered::Already,
            Registration::Conflict => Registered::Refused(RegisterError::Conflict),
        }
    }

    /// Ends the session of a token that was issued before its user was signed out of all of them,
    /// unless that is done. The token itself may be of a kind that is spared.
    fn end_late_session(
        &mut self,
        token: &IssuedToken,
        policy: &Policy,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        let (Some(session), Some(subject)) = (&token.session, &token.subject) else { return };
        let facts = TokenFacts::new(&token.issuer).issued_at(token.issued_at);
        let of_subject = facts.subject(subject);
        let Some(cut_off) = self.revoked(&of_subject, batch) else { return };
        if cut_off.target != TargetKind::Subject {
            return;
        }
        let offline = self.revoked(&of_subject.kind(TokenKind::OfflineRefresh), batch).is_some();
        let kind = if offline { TokenKind::OfflineRefresh } else { TokenKind::Access };
        if self.revoked(&facts.session(session).kind(kind), batch).is_none() {
            let plan = plan::end_late_session(
                token,
                session,
                &cut_off,
                offline,
                policy,
                &self.state.sessions,
                now,
            );
            batch.take(plan, None);
        }
    }

    /// Ends the tokens that another instance's logout meant and that only this one knows.
    fn carry_late_marks(&mut self, now: Instant, batch: &mut Batch) {
        let due: Vec<_> = self.late.due(now).collect();
        for mark in due {
            batch.take(plan::carry(&mark, &self.state.sessions, &self.policies), None);
        }
    }

    fn read_with<T>(
        &self,
        read: impl FnOnce(&Journal) -> Result<T, JournalError>,
    ) -> Result<T, RevokerError> {
        let read = self.journal.as_ref().ok_or(JournalError::Closed).and_then(read);
        read.map_err(|error| RevokerError::NotDurable(error.to_string()))
    }

    fn decide_forgetting(&mut self, issuer: Issuer, jwt_ids: &[JwtId], batch: &mut Batch) -> usize {
        let known: Vec<_> = jwt_ids
            .iter()
            .filter_map(|jwt_id| self.state.sessions.token(&issuer, jwt_id))
            .collect();
        let forgotten = known.len();
        if let Some(until) = known.iter().map(|token| token.expires_at).max() {
            self.state.sessions.remove(known.iter().map(|token| (&token.issuer, &token.jwt_id)));
            let jwt_ids = known.iter().map(|token| token.jwt_id.clone()).collect();
            batch.records.push(Record::Forgotten { issuer, jwt_ids, until });
        }
        forgotten
    }

    /// What speaks against a token, including what this batch is about to commit.
    fn revoked(&self, facts: &TokenFacts<'_>, batch: &mut Batch) -> Option<Revoked> {
        let index = &*self.state.index;
        let revoked = |index: &Index| match index.check(facts) {
            Verdict::Revoked(revoked) => Some(revoked),
            Verdict::NotRevoked(_) | Verdict::Unknown(_) => None,
        };
        revoked(index).or_else(|| revoked(batch.pending(index)?))
    }

    fn finish(&mut self, batch: Batch) {
        let Batch { records, replies, ended, tidy, .. } = batch;
        match self.commit(&records) {
            Ok(committed) => {
                self.apply(&records);
                let ended = ended.iter().map(|token| (&token.issuer, &token.jwt_id));
                self.state.sessions.remove(ended);
                let seq = committed.seq + records.len() as u64;
                self.state.reached.send_replace(Position { seq, ..committed });
                self.metrics.gauges(&self.state.index, &self.state.sessions);
                for reply in replies {
                    self.answer(reply, committed);
                }
                if !records.is_empty() {
                    self.state.outbox.put(committed.seq + 1, records);
                }
            }
            Err(reason) => {
                // Nobody waits for an answer to these, and nobody sends them again.
                self.unwritten.extend(records.into_iter().flat_map(|record| match record {
                    Record::Followed(changes) => changes,
                    Record::Registered(_) | Record::Revoked { .. } | Record::Forgotten { .. } => {
                        Vec::new()
                    }
                }));
                for reply in replies {
                    reply.refuse(&reason);
                }
            }
        }
        if tidy {
            self.tidy();
        }
    }

    /// Commits, and returns the position before the first of the records.
    fn commit(&mut self, records: &[Record]) -> Result<Position, String> {
        let Some(journal) = &mut self.journal else {
            let fault = self.state.fault.load();
            return Err(fault.as_deref().cloned().unwrap_or_default());
        };
        let before = journal.position();
        if records.is_empty() {
            return Ok(before);
        }
        let started = Instant::now();
        match journal.commit(records) {
            Ok(_) => {
                self.metrics.committed(started.elapsed());
                Ok(before)
            }
            Err(error) => Err(self.close(&error)),
        }
    }

    /// After a failure nothing more is acknowledged through this journal.
    fn close(&mut self, error: &JournalError) -> String {
        tracing::error!(%error, "the journal failed: logouts are answered 503 until it works again");
        let reason = error.to_string();
        self.state.fault.store(Some(Arc::new(reason.clone())));
        self.recoverable = error.is_recoverable();
        self.journal = None;
        reason
    }

    fn apply(&self, records: &[Record]) {
        for record in records {
            // What was followed was in force before it came here.
            if let Record::Revoked { revocations, .. } = record {
                for revocation in revocations {
                    self.state.index.apply(revocation);
                }
                self.metrics.revoked(revocations);
            }
        }
    }

    fn answer(&self, reply: Reply, committed: Position) {
        let position = |at: usize| Position { seq: committed.seq + at as u64, ..committed };
        // A closed channel means that whoever asked is gone. What was asked is done all the same.
        match reply {
            Reply::Logout { answer, tokens_hit, repeated, issued_at, at } => {
                if repeated == Repeated::No {
                    let issued_at = Duration::from_secs(issued_at.as_secs());
                    self.metrics.propagated(self.clock.since_epoch().saturating_sub(issued_at));
                }
                let _ = answer.send(Ok(LoggedOut { position: position(at), tokens_hit, repeated }));
            }
            Reply::Revoke { answer, tokens_hit, at } => {
                let _ = answer.send(Ok(Carried { position: position(at), tokens_hit }));
            }
            Reply::Register { answer, registered } => {
                let _ = answer.send(Ok(registered));
            }
            Reply::Reached { answer, at } => {
                let _ = answer.send(Ok(position(at)));
            }
            Reply::Forget { answer, forgotten } => {
                let _ = answer.send(Ok(forgotten));
            }
        }
    }

    fn tidy(&mut self) {
        let now = self.clock.settled();
        self.state.sessions.expire(now);
        self.replay.expire(now);
        if self.swept.elapsed() >= SWEEP_EVERY {
            self.swept = Instant::now();
            self.state.index.expire(now);
        }
        match &mut self.journal {
            Some(journal) => {
                if let Err(error) = journal.expire(now) {
                    self.close(&error);
                }
            }
            None if self.recoverable => self.reopen(),
            None => {}
        }
        self.metrics.gauges(&self.state.index, &self.state.sessions);
        self.metrics.journal_up(self.journal.is_some());
        // What cannot be told just now stays as it was.
        if let Ok(space) = Space::of(&self.path) {
            self.metrics.journal_space(space);
        }
    }

    /// Tries to resume after a full disk. What is on the disk is the truth, so all of it is read
    /// again: requests that were decided but not committed leave no trace. What was followed was
    /// acknowledged elsewhere, and is in force here already: it is written now.
    fn reopen(&mut self) {
        match self.try_reopen() {
            Ok(replayed) => {
                self.state.fault.store(None);
                tracing::info!(entries = replayed.read, "the journal works again");
            }
            Err(error) => tracing::debug!(%error, "the journal still fails"),
        }
    }

    fn try_reopen(&mut self) -> Result<Replayed, OpenError> {
        let failed = |error| OpenError::replay(&self.path, error);
        let mut journal = Journal::open(&self.path)?;
        journal.probe().map_err(failed)?;
        for changes in self.unwritten.chunks(TOGETHER) {
            journal.commit(&[Record::Followed(changes.to_vec())]).map_err(failed)?;
        }
        self.unwritten = Vec::new();
        let path = self.path.clone();
        let replayed = self.adopt(journal).map_err(|error| OpenError::replay(&path, error))?;
        // Whoever receives commits sees by this one, which is empty, that it missed some.
        if let Some(journal) = &self.journal {
            self.state.outbox.put(journal.position().seq + 1, Vec::new());
        }
        Ok(replayed)
    }
}

fn token_target(revocation: &Revocation) -> Option<(&Issuer, &JwtId)> {
    match &revocation.target {
        Target::Token(issuer, jwt_id) => Some((issuer, jwt_id)),
        _ => None,
    }
}
