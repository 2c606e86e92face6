//! What an API answers that embeds the checker, from the provider's door to its 401.

/// Through the feed, with the API in a process of its own.
mod api;
/// Whatever happens to the service and to the network in between.
mod feed;
/// Straight from the log in Redis.
mod redis;

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signout_checker::{Checker, Claims, Connection, Observer, Policy, RawClaims, Unknown, Verdict};

use super::harness::{Op, PATIENCE};

/// Writes down what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }

    fn has(&self, part: &str) -> bool {
        self.0.lock().unwrap().iter().any(|note| note.contains(part))
    }

    /// How many begin so.
    fn count(&self, beginning: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|note| note.starts_with(beginning)).count()
    }
}

impl Observer for Notes {
    fn connection(&self, connection: Connection) {
        self.note(format!("{connection:?}"));
    }

    fn trouble(&self, trouble: &(dyn Error + 'static)) {
        self.note(trouble.to_string());
    }

    fn loaded(&self, changes: u64, _: Duration) {
        self.note(format!("loaded {changes}"));
    }

    fn shrunk(&self, known: u64, told: u64) {
        self.note(format!("shrunk {known} {told}"));
    }
}

/// A checker in this process, with whatever feeds it.
struct Embedded {
    checker: Checker,
    notes: Arc<Notes>,
    follower: tokio::task::JoinHandle<()>,
}

impl Embedded {
    fn start<F>(policy: Policy, follower: impl FnOnce(Checker) -> F) -> Self
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let notes = Arc::<Notes>::default();
        let observer: Arc<dyn Observer> = Arc::clone(&notes) as _;
        let checker = Checker::with_observer(policy, observer);
        let following = follower(checker.clone());
        let follower = tokio::spawn(async move {
            following.await;
        });
        Self { checker, notes, follower }
    }

    fn verdict(&self, op: &Op, sid: &str) -> Verdict {
        let raw = RawClaims { iss: &op.issuer, sid: Some(sid), ..RawClaims::default() };
        self.checker.check(&Claims::of(&raw).unwrap().facts(), Instant::now())
    }

    fn staleness(&self) -> Duration {
        self.checker.staleness(Instant::now())
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = tokio::time::timeout(PATIENCE, async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let is_so = waiting.await.is_ok();
        assert!(is_so, "not {what}: {:?} {:?}", self.notes.0, self.checker);
    }

    /// Waits until it knows everything.
    async fn is_fresh(&self) {
        self.until("fresh", |it| it.staleness() < Duration::from_secs(10)).await;
    }

    async fn refuses(&self, op: &Op, sid: &str) {
        self.until("refused", |it| matches!(it.verdict(op, sid), Verdict::Revoked(_))).await;
    }

    fn passes(&self, op: &Op, sid: &str) -> bool {
        matches!(self.verdict(op, sid), Verdict::NotRevoked(_))
    }

    fn is_stale(&self, op: &Op, sid: &str) -> bool {
        self.verdict(op, sid) == Verdict::Unknown(Unknown::Stale)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// Stale after this, which is soon for a test and long beside what happens when all is well.
fn impatient() -> Policy {
    Policy { max_staleness: Duration::from_secs(3), ..Policy::default() }
}

/// The middle and the hundredth of some times.
fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    (at(50), at(99))
}
