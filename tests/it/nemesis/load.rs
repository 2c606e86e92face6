//! Whoever registers tokens, whoever logs out, and whoever keeps asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::LocalSet;

use super::super::harness::dice::Dice;
use super::instance::{Door, Instance};
use super::ledger::{Ends, Fact, Ledger, Told, User, refuses};
use super::trace::Trace;

/// What everybody in a round shares.
pub(super) struct Scene {
    pub(super) ledger: Ledger,
    pub(super) instances: Vec<Instance>,
    pub(super) trace: Trace,
    staleness: Staleness,
    stop: AtomicBool,
    pub(super) questions: AtomicUsize,
    /// Answers of stale instances about what they had refused before.
    pub(super) hidden: AtomicUsize,
    pub(super) unavailable: AtomicUsize,
}

/// What an instance that says how old its knowledge is may be held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staleness {
    /// Redis loses what it acknowledged, or logouts are acknowledged without it.
    Estimate,
    /// Everything acknowledged longer ago is known (I9).
    Bound,
}

/// Ends the work of a round, also of one that went wrong.
pub(super) struct Ending(pub(super) Arc<Scene>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Users of one round at most.
const USERS: usize = 40_000;
/// How often a request is sent that gets no 200, while the round lasts.
const ATTEMPTS: usize = 4;
/// Facts in one question of the asker.
const SAMPLE: usize = 60;

impl Scene {
    pub(super) fn new(ledger: Ledger, instances: Vec<Instance>, staleness: Staleness) -> Self {
        Self {
            ledger,
            instances,
            trace: Trace::begin(),
            staleness,
            stop: AtomicBool::new(false),
            questions: AtomicUsize::new(0),
            hidden: AtomicUsize::new(0),
            unavailable: AtomicUsize::new(0),
        }
    }

    /// No more work, and no more strikes.
    pub(super) fn stop(&self) {
        if !self.stop.swap(true, Ordering::Relaxed) {
            self.trace.say("stop");
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn someone(&self, dice: &mut Dice) -> (usize, Option<Door>) {
        let place = dice.place(self.instances.len());
        (place, self.instances[place].door())
    }

    /// One asks around, and all others work.
    pub(super) async fn work_together(self: Arc<Self>, mut dice: Vec<Dice>, pace: Duration) {
        let together = LocalSet::new();
        let mut tasks =
            vec![together.spawn_local(Arc::clone(&self).ask_around(dice.pop().unwrap(), pace))];
        for dice in dice {
            tasks.push(together.spawn_local(Arc::clone(&self).work(dice, pace)));
        }
        let ended = async {
            for task in tasks {
                task.await.unwrap();
            }
        };
        together.run_until(ended).await;
    }

    /// New users come, register tokens here and there, and are logged out here and there.
    async fn work(self: Arc<Self>, mut dice: Dice, pace: Duration) {
        let mut waiting = Vec::new();
        let mut ticks = tokio::time::interval(pace);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.stopped() && self.ledger.count() < USERS {
            ticks.tick().await;
            let user = self.ledger.add(&mut dice);
            match dice.below(5) {
                // The logout races the registrations.
                0 => {
                    let (mut one, mut other) = (Dice(dice.next()), Dice(dice.next()));
                    tokio::join!(self.register(user, &mut one), self.log_out(user, &mut other));
                }
                1 => {
                    self.log_out(user, &mut dice).await;
                    self.register(user, &mut dice).await;
                }
                2 => {
                    self.register(user, &mut dice).await;
                    self.log_out(user, &mut dice).await;
                }
                _ => {
                    self.register(user, &mut dice).await;
                    waiting.push(user);
                }
            }
            if waiting.len() > 4 {
                let user = waiting.swap_remove(dice.place(waiting.len()));
                self.log_out(user, &mut dice).await;
            }
        }
    }

    /// Registers the tokens of a user, each half of them somewhere else.
    pub(super) async fn register(&self, number: usize, dice: &mut Dice) {
        let user = self.ledger.user(number);
        let open: Vec<_> =
            (0..user.tokens.len()).filter(|&t| !user.tokens[t].told.is_known()).collect();
        let (one, other) = open.split_at(open.len() / 2);
        for tokens in [one, other].into_iter().filter(|tokens| !tokens.is_empty()) {
            let body = self.ledger.registration(&user, tokens);
            self.ledger.tell_tokens(number, tokens, Told::Unanswered);
            self.insist(dice, async |place, door| {
                let (status, told) = door.register(&body).await?;
                if status != 200 {
                    return Some(status);
                }
                let by = place;
                self.ledger.tell_tokens(
                    number,
                    tokens,
                    Told::Acknowledged { by, at: Instant::now() },
                );
                let user = self.ledger.user(number);
                for told in told {
                    let born_revoked = told == "born_revoked" && user.ended != Told::Nothing;
                    if !born_revoked && !["registered", "already_registered"].contains(&&*told) {
                        self.trace
                            .wrong(&format!("user {number}: a registration at {by} is {told}"));
                    }
                }
                Some(200)
            })
            .await;
        }
    }

    /// Ends what a user's logout ends, if there is one to come.
    pub(super) async fn log_out(&self, number: usize, dice: &mut Dice) {
        let user = self.ledger.user(number);
        if user.ends == Ends::Nothing || user.ended.is_known() {
            return;
        }
        self.ledger.tell_ended(number, Told::Unanswered);
        self.insist(dice, async |by, door| {
            let before = self.ledger.user(number);
            let asked = Instant::now();
            let status = door.logout(&user.logout_token).await?;
            if status == 200 {
                self.ledger.took(asked.elapsed());
                self.ledger.tell_ended(number, Told::Acknowledged { by, at: Instant::now() });
                self.is_refused_at_once(number, by, &door, &before).await;
            } else if status != 503 {
                self.trace.wrong(&format!("user {number}: a logout at {by} is answered {status}"));
            }
            Some(status)
        })
        .await;
    }

    /// Whoever acknowledged a logout refuses at once what it ends and what was registered there (I5).
    async fn is_refused_at_once(&self, number: usize, by: usize, door: &Door, before: &User) {
        let user = self.ledger.user(number);
        let here = |fact: &Fact| match fact {
            Fact::Token(_, token) => before.tokens[*token].told.by() == Some(by),
            // A session that ends with its user is known here only from its tokens.
            Fact::Session(..) => user.ends != Ends::Subject,
            Fact::Subject(_) | Fact::Later(_) => true,
        };
        let facts: Vec<_> = user.refused().into_iter().filter(here).collect();
        let questions: Vec<_> =
            facts.iter().map(|fact| self.ledger.question(*fact, &user)).collect();
        let Some(verdicts) = door.check(&questions).await else { return };
        self.questions.fetch_add(questions.len(), Ordering::Relaxed);
        for (fact, verdict) in facts.iter().zip(&verdicts) {
            if refuses(verdict) {
                self.ledger.see(by, *fact);
            } else {
                self.trace
                    .wrong(&format!("I5: {by} took the logout of {fact:?} and says {verdict}"));
            }
        }
    }

    /// Sends until a 200 comes, here and there.
    async fn insist(&self, dice: &mut Dice, send: impl AsyncFn(usize, Door) -> Option<u16>) {
        for attempt in 0..ATTEMPTS {
            let (place, door) = self.someone(dice);
            let status = match door {
                Some(door) => send(place, door).await,
                None => None,
            };
            match status {
                Some(200) => return,
                Some(503) => {
                    self.unavailable.fetch_add(1, Ordering::Relaxed);
                }
                Some(_) | None => {}
            }
            if self.stopped() && attempt > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50 + dice.below(250))).await;
        }
    }

    /// Keeps asking everybody about some users.
    async fn ask_around(self: Arc<Self>, mut dice: Dice, pace: Duration) {
        let mut ticks = tokio::time::interval(pace);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.stopped() {
            ticks.tick().await;
            let (place, door) = self.someone(&mut dice);
            if let (Some(door), 1..) = (door, self.ledger.count()) {
                self.ask_about_some(place, &door, &mut dice).await;
            }
        }
    }

    async fn ask_about_some(&self, place: usize, door: &Door, dice: &mut Dice) {
        let count = self.ledger.count();
        let mut asked: Vec<(Fact, bool, bool, Value)> = Vec::new();
        while asked.len() < SAMPLE {
            // Half of the questions are about those who came last.
            let recent = dice.below(2) == 0;
            let first = if recent { count.saturating_sub(50) } else { 0 };
            let user = self.ledger.user(first + dice.place(count - first));
            let before = asked.len();
            for fact in user.refused() {
                let question = self.ledger.question(fact, &user);
                asked.push((fact, true, self.ledger.was_seen(place, fact), question));
            }
            for fact in user.untouched() {
                asked.push((fact, false, false, self.ledger.question(fact, &user)));
            }
            assert!(asked.len() > before, "there is something to ask about everybody");
        }
        let questions: Vec<_> = asked.iter().map(|(.., question)| question.clone()).collect();
        let sent = Instant::now();
        let Some(verdicts) = door.check(&questions).await else { return };
        self.questions.fetch_add(questions.len(), Ordering::Relaxed);
        for ((fact, must, was_seen, _), verdict) in asked.into_iter().zip(&verdicts) {
            match (refuses(verdict), must) {
                (true, true) => {
                    self.ledger.see(place, fact);
                }
                (true, false) => {
                    self.trace.wrong(&format!("I8: {place} refuses {fact:?}: {verdict}"));
                }
                (false, _) if was_seen && verdict["revoked"] == true => {
                    self.hidden.fetch_add(1, Ordering::Relaxed);
                }
                (false, _) if was_seen => {
                    self.trace.wrong(&format!("I3: {place} refused {fact:?} before: {verdict}"));
                }
                (false, true) => self.may_not_know_yet(place, fact, verdict, sent),
                (false, false) => {}
            }
        }
    }

    /// Whoever does not know what was acknowledged longer ago than it says itself has said it wrong.
    fn may_not_know_yet(&self, place: usize, fact: Fact, verdict: &Value, sent: Instant) {
        let user = self.ledger.user(fact.user());
        // Other facts follow from these when the others have worked them out.
        let named = match fact {
            Fact::Session(..) => user.ends != Ends::Subject,
            Fact::Subject(_) => true,
            Fact::Token(..) | Fact::Later(_) => false,
        };
        let (Staleness::Bound, true, Told::Acknowledged { at, .. }) =
            (self.staleness, named && verdict["revoked"] == false, user.ended)
        else {
            return;
        };
        let staleness = Duration::from_millis(verdict["staleness_ms"].as_u64().unwrap());
        let age = sent.saturating_duration_since(at);
        if age > staleness {
            let known = format!("{place} does not know {fact:?} {age:?} after: {verdict}");
            self.trace.wrong(&format!("I9: {known}"));
        }
    }
}
