//! Decides and applies: one thread, one order.
//!
//! Everything that changes what is refused, and everything that registers a token, goes through
//! one thread. It takes what is waiting, decides each request against the state that the ones
//! before it leave behind, commits all of them to the journal at once, applies them to the index,
//! and only then answers. So a logout and a registration that arrive together have an order, and
//! whichever came first, the token is refused; and while one commit is on its way to the disk the
//! next ones gather, which is the whole group commit.
//!
//! Nothing is answered before it is durable, and nothing is refused that is not. After a failed
//! commit nothing is acknowledged until the journal was opened again.

mod batch;
mod error;
mod late;
mod metrics;
mod order;
mod outbox;
mod plan;
mod policy;
mod writer;

pub use error::{RegisterError, RevokerError};
pub use metrics::Metrics;
pub use order::{Order, SessionRequest, TokenRequest};
pub use outbox::{Committed, Inbox};
pub use policy::{Policies, Policy};

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwapOption;
use signout_checker::{Applied, Change, Index, Issuer, JwtId, Reason, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::journal::{Chunk, Journal, OpenError, Position, Replayed, Revoking, Seq};
use crate::logout_token::LogoutToken;
use crate::sessions::{IssuedToken, Sessions};
use order::Asked;
use outbox::Outbox;
use writer::{Job, State, Writer};

/// Requests that may wait for the disk. At some 200 bytes to 20 KiB each this bounds memory; what
/// does not fit is told so and may come again.
const QUEUE: usize = 4_096;
/// Changes of other instances in one entry, so that nobody who reads it needs much memory.
const FOLLOWED: usize = 2_000;

/// The way in. Clones share one thread.
#[derive(Clone, Debug)]
pub struct Revoker {
    jobs: mpsc::Sender<Job>,
    index: Arc<Index>,
    sessions: Arc<Sessions>,
    fault: Arc<ArcSwapOption<String>>,
    position: watch::Receiver<Position>,
    outbox: Outbox,
}

/// What a [`Revoker`] is made of.
pub struct Parts {
    /// The journal's file, to open it again after a full disk.
    pub path: PathBuf,
    /// The same, open.
    pub journal: Journal,
    /// How each provider's tokens are remembered.
    pub policies: Policies,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Metrics,
}

/// What a logout did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// Where it stands in the journal.
    pub position: Position,
    /// Registered tokens that are refused from now on.
    pub tokens_hit: usize,
    /// Whether this very token took effect before; then nothing was written.
    pub repeated: Repeated,
}

/// Whether a logout token is the first of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// It took effect now.
    No,
    /// It took effect before.
    Yes,
}

/// What an order did, or would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Where it stands in the journal.
    pub position: Position,
    /// Registered tokens that are refused from now on.
    pub tokens_hit: usize,
}

/// What became of one registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It will be refused when its session, subject or the token itself is revoked.
    New,
    /// The same facts were registered before.
    Already,
    /// What it belongs to was revoked before it came: it is refused from the start.
    BornRevoked(Reason),
    /// Nothing was registered.
    Refused(RegisterError),
}

/// The thread behind a [`Revoker`].
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<()>,
}

impl Running {
    /// Waits until everything that was asked is on the disk. Every [`Revoker`] must be dropped.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!(
                "the revoker's thread panicked; the journal holds all that was acknowledged"
            );
        }
    }
}

impl Revoker {
    /// Brings the index and the sessions back from the journal, and starts the thread.
    pub fn start(parts: Parts) -> Result<(Self, Running, Replayed), OpenError> {
        let key = parts.journal.digest_key().clone();
        let index = Arc::new(Index::new(key.clone()));
        let sessions = Arc::new(Sessions::new(key));
        let fault = Arc::new(ArcSwapOption::empty());
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (reached, position) = watch::channel(parts.journal.position());
        let outbox = Outbox::default();
        let revoker = Self {
            jobs,
            index: Arc::clone(&index),
            sessions: Arc::clone(&sessions),
            fault: Arc::clone(&fault),
            position,
            outbox: outbox.clone(),
        };
        let state = State { index, sessions, fault, reached, outbox };
        let path = parts.path.clone();
        let (writer, replayed) =
            Writer::restore(parts, state).map_err(|source| OpenError::replay(&path, source))?;
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|source| OpenError::Io { path, source })?;
        Ok((revoker, Running { thread }, replayed))
    }

    /// Everything refused by this instance.
    #[must_use]
    pub const fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// The registered tokens that may still be live.
    #[must_use]
    pub const fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// What keeps the journal from taking anything, if something does.
    #[must_use]
    pub fn fault(&self) -> Option<Arc<String>> {
        self.fault.load_full()
    }

    /// Where the journal stands.
    #[must_use]
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Waits until everything up to this position is refused here. Answers at once, with `false`,
    /// for a position of another journal.
    pub async fn reached(&self, position: Position) -> bool {
        let mut reached = self.position.clone();
        let there = |now: &Position| now.epoch != position.epoch || now.seq >= position.seq;
        // The thread never ends while a revoker exists, so this ends only when it is there.
        reached.wait_for(there).await.is_ok_and(|now| now.epoch == position.epoch)
    }

    /// Ends what a validated logout token names. Returns when it is durable and refused here.
    pub async fn logout(
        &self,
        token: LogoutToken,
        policy: Policy,
        now: Timestamp,
    ) -> Result<LoggedOut, RevokerError> {
        self.ask(|answer| Job::Logout { token, policy, now, answer }).await
    }

    /// Carries out an order. Returns when it is durable and refused here.
    pub async fn revoke(&self, order: Order, now: Timestamp) -> Result<Carried, RevokerError> {
        self.ask(|answer| Job::Revoke { asked: Asked::Order(order), now, answer }).await
    }

    /// Ends a client's token and, if that is a registered refresh token, what is registered of its
    /// grant (RFC 7009, section 2.1). Returns when it is durable and refused here.
    pub async fn end_token(
        &self,
        request: TokenRequest,
        now: Timestamp,
    ) -> Result<Carried, RevokerError> {
        self.ask(|answer| Job::Revoke { asked: Asked::Token(request), now, answer }).await
    }

    /// Ends a session of which a token is registered; another one is left alone, and nothing is
    /// written. Returns when it is durable and refused here.
    pub async fn end_known_session(
        &self,
        request: SessionRequest,
        now: Timestamp,
    ) -> Result<Carried, RevokerError> {
        self.ask(|answer| Job::Revoke { asked: Asked::Session(request), now, answer }).await
    }

    /// Tells how many registered tokens an order would hit now.
    #[must_use]
    pub fn would_hit(&self, order: &Order, now: Timestamp) -> usize {
        plan::revoke(order, &self.sessions, now).hit.len()
    }

    /// Registers tokens, each with the policy of its provider. Answers in the order given.
    pub async fn register(
        &self,
        tokens: Vec<(IssuedToken, Policy)>,
        now: Timestamp,
    ) -> Result<Vec<Registered>, RevokerError> {
        self.ask(|answer| Job::Register { tokens, now, answer }).await
    }

    /// Lets go of tokens that ended by themselves, and tells how many were known. Nothing is
    /// revoked, and nothing that was revoked becomes valid.
    pub async fn forget(&self, issuer: Issuer, jwt_ids: Vec<JwtId>) -> Result<usize, RevokerError> {
        self.ask(|answer| Job::Forget { issuer, jwt_ids, answer }).await
    }

    /// Refuses what another instance acknowledged, at once; then has it written down, and ended here
    /// what only this instance knows to belong to it. Waits while the thread has too much to do.
    ///
    /// Not lost before it is written: whoever acknowledged it keeps it in a journal, too.
    pub async fn follow(&self, changes: impl IntoIterator<Item = Change>) {
        let is_new = |change: &Change| self.index.apply_change(change) != Applied::Unchanged;
        let changes: Vec<_> = changes.into_iter().filter(is_new).collect();
        for changes in changes.chunks(FOLLOWED) {
            // Closed means that the service is stopping.
            let _ = self.jobs.send(Job::Follow { changes: changes.to_vec() }).await;
        }
    }

    /// Ends at once what logouts that other instances took mean among the tokens that are registered
    /// here, instead of giving those instances a moment to do it. Returns when it is durable, and
    /// where the journal stands then.
    pub async fn carry(&self) -> Result<Position, RevokerError> {
        self.ask(|answer| Job::Carry { answer }).await
    }

    /// Entries of the journal from this position on, some thousand at a time; none at the end.
    pub async fn read(&self, from: Seq) -> Result<Chunk, RevokerError> {
        self.ask(|answer| Job::Read { from, answer }).await
    }

    /// The entries from this position on that refuse something, with their positions, until they
    /// have this many targets or so; none at the end. Waits while the thread has too much to do.
    pub async fn read_revoking(&self, from: Seq, targets: usize) -> Result<Revoking, RevokerError> {
        self.ask_in_turn(|answer| Job::ReadRevoking { from, targets, answer }).await
    }

    /// Where the journal stands once everything that was asked before this is on the disk, what
    /// was followed included. Waits while the thread has too much to do.
    pub async fn written(&self) -> Result<Position, RevokerError> {
        self.ask_in_turn(|answer| Job::Written { answer }).await
    }

    /// Everything that is committed from now on, as it is committed. What comes may begin before
    /// [`Revoker::position`] as it is after this call, but not behind it.
    #[must_use]
    pub fn commits(&self) -> Inbox {
        self.outbox.subscribe()
    }

    /// Forgets what is over and, after a full disk, tries to resume. To be called every second or
    /// so; skipped while the thread is busy.
    pub fn tidy(&self) {
        // A full queue means that work is going on; the next tick will do.
        let _ = self.jobs.try_send(Job::Tidy);
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, RevokerError>>) -> Job,
    ) -> Result<T, RevokerError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(job(answer)).map_err(|_| RevokerError::Overloaded)?;
        answered.await.map_err(|_| stopping())?
    }

    async fn ask_in_turn<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, RevokerError>>) -> Job,
    ) -> Result<T, RevokerError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }
}

fn stopping() -> RevokerError {
    RevokerError::NotDurable("the service is stopping".to_owned())
}

#[cfg(test)]
mod tests;
