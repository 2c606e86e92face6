//! One round: instances share a Redis, work goes on, and things are done to all of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::super::harness::dice::Dice;
use super::super::harness::{Op, tell};
use super::instance::Instance;
use super::ledger::Ledger;
use super::load::{Ending, Scene, Staleness};
use super::nemesis::{strike_network, strike_processes};
use super::stage::{Setting, Stage};

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) setting: Setting,
    pub(super) acknowledge: &'static str,
    pub(super) instances: usize,
    /// How many send requests at once, and how long each waits between two users.
    pub(super) clients: usize,
    pub(super) pace: Duration,
    pub(super) lasts: Duration,
    pub(super) staleness: Staleness,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Report {
    name: &'static str,
    seed: u64,
    logouts: usize,
    tokens: usize,
    strikes: usize,
    unavailable: usize,
    hidden: usize,
    questions: usize,
    slowest: Duration,
    worst: Duration,
    wrong: Vec<String>,
}

impl Report {
    pub(super) const HEADER: &str = "round              logouts  tokens  strikes    503  hidden  questions  slowest  healed  wrong  seed";

    pub(super) fn is_clean(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// A line of the table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<18} {:>7} {:>7} {:>8} {:>6} {:>7} {:>10} {:>6} ms {:>4.1} s {:>6}  {}",
            self.name,
            self.logouts,
            self.tokens,
            self.strikes,
            self.unavailable,
            self.hidden,
            self.questions,
            self.slowest.as_millis(),
            self.worst.as_secs_f64(),
            self.wrong.len(),
            self.seed,
        )
    }
}

/// What came of all rounds together.
#[derive(Debug, Default)]
pub(super) struct Total {
    logouts: usize,
    tokens: usize,
    strikes: usize,
    questions: usize,
    worst: Duration,
}

impl Total {
    pub(super) fn add(&mut self, report: &Report) {
        self.logouts += report.logouts;
        self.tokens += report.tokens;
        self.strikes += report.strikes;
        self.questions += report.questions;
        self.worst = self.worst.max(report.worst);
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { logouts, tokens, strikes, questions, worst } = self;
        write!(
            f,
            "{logouts} logouts and {tokens} tokens acknowledged, {strikes} strikes, {questions} \
             questions; at worst {:.1} s until everybody knew everything",
            worst.as_secs_f64()
        )
    }
}

/// Plays a round to its end, whatever goes wrong in it. Blocks, as most of what it does.
pub(super) fn play(plan: Plan, seed: u64) -> Report {
    let mut dice = Dice(seed);
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(Op::new("home", folder.path()));
    // One more way, for the instance that comes last.
    let stage = block_on(Stage::set(plan.setting, plan.instances + 1));
    let settings = |place: usize| {
        let (providers, redis) = (ledger.settings(), stage.settings(place, plan.acknowledge));
        format!("{providers}{redis}[checker]\nmax_staleness = \"10s\"\n")
    };
    let instances = (0..plan.instances).map(|place| {
        let instance = Instance::new(place, settings(place));
        let instance = match &stage.namespace {
            Some(host) if place == 0 => {
                instance.launched_by(&host.launcher(), &format!("{}:0", host.questions()))
            }
            _ => instance,
        };
        instance.start();
        instance
    });
    let instances = instances.collect();
    let newcomer = Instance::new(plan.instances, settings(plan.instances));
    let scene = Arc::new(Scene::new(ledger, instances, plan.staleness));
    let _ending = Ending(Arc::clone(&scene));

    let work = {
        let scene = Arc::clone(&scene);
        let dice: Vec<_> = (0..=plan.clients).map(|_| Dice(dice.next())).collect();
        apart(async move || scene.work_together(dice, plan.pace).await)
    };
    let processes = {
        let (scene, dice) = (Arc::clone(&scene), Dice(dice.next()));
        apart(async move || strike_processes(&scene, dice).await)
    };
    let network = {
        let (scene, dice) = (Arc::clone(&scene), Dice(dice.next()));
        let (network, namespace) = (Arc::clone(&stage.network), stage.namespace.clone());
        apart(async move || strike_network(&scene, &network, namespace.as_deref(), dice).await)
    };
    let redis = {
        let (scene, dice) = (Arc::clone(&scene), Dice(dice.next()));
        apart(async move || {
            let mut stage = stage;
            let strikes = stage.strike_on(&scene.trace, dice, || scene.stopped()).await;
            (stage, strikes)
        })
    };
    thread::sleep(plan.lasts);
    scene.stop();
    let (stage, mut strikes) = redis.join().unwrap();
    strikes += processes.join().unwrap() + network.join().unwrap();
    let healed = Instant::now();
    scene.trace.say("everything is whole again");
    work.join().unwrap();

    let worst = block_on(take_stock(&scene, &newcomer, healed, &mut dice));
    drop(stage);
    let report = report(&plan, seed, &scene, strikes, worst);
    if !report.is_clean() {
        show(&scene, &newcomer, &report);
    }
    report
}

/// Asks everybody about everything, and tells how long the last of them took to know it.
async fn take_stock(
    scene: &Scene,
    newcomer: &Instance,
    healed: Instant,
    dice: &mut Dice,
) -> Duration {
    scene.settle(dice).await;
    scene.trace.say("settled");
    let mut worst = Duration::ZERO;
    for instance in &scene.instances {
        worst = worst.max(scene.knows_all(instance, healed).await);
        scene.trace.say(&format!("{} knows all", instance.number));
    }
    // It comes to a Redis that the others have put in order, with nothing of its own.
    newcomer.start();
    worst = worst.max(scene.knows_all(newcomer, Instant::now()).await);
    scene.trace.say("the newcomer knows all");
    for instance in scene.instances.iter().chain([newcomer]) {
        scene.becomes_fresh(instance).await;
        scene.spares_all(instance).await;
    }
    worst
}

/// Runs on a thread of its own, so that what blocks there holds up nobody else.
fn apart<T: Send + 'static>(
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::spawn(move || block_on(work()))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn report(plan: &Plan, seed: u64, scene: &Scene, strikes: usize, worst: Duration) -> Report {
    let users = scene.ledger.users();
    let tokens = users.iter().flat_map(|user| &user.tokens);
    Report {
        name: plan.name,
        seed,
        logouts: users.iter().filter(|user| user.ended.is_known()).count(),
        tokens: tokens.filter(|token| token.told.is_known()).count(),
        strikes,
        unavailable: scene.unavailable.load(Ordering::Relaxed),
        hidden: scene.hidden.load(Ordering::Relaxed),
        questions: scene.questions.load(Ordering::Relaxed),
        slowest: scene.ledger.slowest(),
        worst,
        wrong: scene.trace.all_wrong(),
    }
}

fn show(scene: &Scene, newcomer: &Instance, report: &Report) {
    tell(&format!("-- {}: seed {}\n{}", report.name, report.seed, scene.trace.text()));
    for instance in scene.instances.iter().chain([newcomer]) {
        tell(&format!("-- {}: instance {}\n{}", report.name, instance.number, instance.log()));
    }
}
