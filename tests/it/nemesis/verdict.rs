//! After the faults: does everybody refuse everything that was acknowledged, and nothing else?

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::harness::dice::Dice;
use super::instance::Instance;
use super::ledger::{Fact, Told, User, refuses};
use super::load::Scene;

/// Within this time after the last fault everybody knows everything.
pub(super) const BOUND: Duration = Duration::from_secs(10);
/// How long it is waited to tell what comes late from what is lost.
const GIVE_UP: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(50);
/// As many lines tell what is wrong.
const SHOWN: usize = 12;

impl Scene {
    /// Sends again what was never answered, as providers and APIs should.
    pub(super) async fn settle(&self, dice: &mut Dice) {
        for user in self.ledger.users() {
            let open = user
                .tokens
                .iter()
                .any(|token| token.told != Told::Nothing && !token.told.is_known());
            if open {
                self.register(user.number, dice).await;
            }
            if user.ended == Told::Unanswered {
                self.log_out(user.number, dice).await;
            }
        }
    }

    /// Waits until an instance refuses all it has to, and tells how long that took since then.
    pub(super) async fn knows_all(&self, instance: &Instance, since: Instant) -> Duration {
        let users = self.ledger.users();
        let mut open: Vec<Fact> = users.iter().flat_map(User::refused).collect();
        let mut told_late = false;
        loop {
            let questions: Vec<_> =
                open.iter().map(|fact| self.ledger.question(*fact, &users[fact.user()])).collect();
            let door = instance.door();
            let verdicts = match &door {
                Some(door) => door.check(&questions).await,
                None => None,
            };
            if let Some(verdicts) = verdicts {
                self.questions.fetch_add(questions.len(), Ordering::Relaxed);
                let mut verdicts = verdicts.iter();
                open.retain(|_| !verdicts.next().is_some_and(refuses));
                if open.is_empty() {
                    break;
                }
            }
            let late = since.elapsed();
            if late > BOUND && !told_late {
                told_late = true;
                let health = health(instance).await;
                let number = instance.number;
                self.trace.wrong(&format!(
                    "I2: {number} does not refuse {} facts after {BOUND:?}; {health}",
                    open.len()
                ));
            }
            if late > GIVE_UP {
                for fact in open.iter().take(SHOWN) {
                    let user = &users[fact.user()];
                    let (ended, tokens) = (user.ended, &user.tokens);
                    let ends = user.ends;
                    let number = instance.number;
                    self.trace.wrong(&format!(
                        "I2: lost at {number}: {fact:?} ({ends:?}, {ended:?}, {tokens:?})"
                    ));
                }
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        since.elapsed()
    }

    /// Who knows everything says so before long.
    pub(super) async fn becomes_fresh(&self, instance: &Instance) {
        let since = Instant::now();
        while !is_fresh(instance).await {
            if since.elapsed() > GIVE_UP {
                let health = health(instance).await;
                let number = instance.number;
                self.trace.wrong(&format!("I9: {number} is not fresh after {GIVE_UP:?}; {health}"));
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Nobody refuses what nobody ended.
    pub(super) async fn spares_all(&self, instance: &Instance) {
        let users = self.ledger.users();
        let facts: Vec<Fact> = users.iter().flat_map(User::untouched).collect();
        let questions: Vec<_> =
            facts.iter().map(|fact| self.ledger.question(*fact, &users[fact.user()])).collect();
        let door = instance.door().unwrap();
        let verdicts = door.check(&questions).await.unwrap();
        self.questions.fetch_add(questions.len(), Ordering::Relaxed);
        let number = instance.number;
        for (fact, verdict) in facts.iter().zip(&verdicts) {
            if verdict["revoked"] != false {
                self.trace.wrong(&format!("I8: {number} refuses {fact:?}: {verdict}"));
            }
        }
    }
}

async fn is_fresh(instance: &Instance) -> bool {
    let Some(door) = instance.door() else { return false };
    door.staleness().await.is_some_and(|staleness| staleness < BOUND / 2)
}

/// What the instance says of itself.
async fn health(instance: &Instance) -> String {
    match instance.door() {
        Some(door) => door.operators("/readyz?verbose").await.unwrap_or_default(),
        None => "it does not run".to_owned(),
    }
}
