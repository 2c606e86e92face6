//! Several instances share a Redis while things are done to all of them, to Redis and to the network.
//! An oracle outside records every acknowledged logout, and asks every instance until the end.
//!
//! `NEMESIS_SEED` repeats the choices of an earlier run, though not the scheduler's;
//! `NEMESIS_SECONDS` lets round follow round for that long (`make nemesis`).

mod acknowledged;
mod corruption;
mod group;
mod instance;
mod ledger;
mod load;
mod losses;
mod namespace;
#[expect(clippy::module_inception, reason = "it is what the folder is named after")]
mod nemesis;
mod outages;
mod registrations;
mod round;
mod stage;
mod strikes;
mod trace;
mod verdict;

use std::panic;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::harness::dice::{Dice, number_from, random_seed};
use super::harness::tell;
use load::Staleness;
use round::{Plan, Report, Total, play};
use stage::{Keeping, Setting};

const ROUND: Plan = Plan {
    name: "",
    setting: Setting::Limited,
    acknowledge: "journal",
    instances: 3,
    clients: 8,
    pace: Duration::from_millis(100),
    lasts: Duration::from_secs(12),
    staleness: Staleness::Estimate,
};

/// Every kind of round.
const ROUNDS: [Plan; 9] = [
    Plan { name: "single, no disk", setting: Setting::Single(Keeping::Nothing), ..ROUND },
    Plan { name: "sentinels", setting: Setting::Sentinels, ..ROUND },
    Plan { name: "cluster", setting: Setting::Cluster, ..ROUND },
    Plan { name: "moving", setting: Setting::Moving, ..ROUND },
    Plan { name: "single, everysec", setting: Setting::Single(Keeping::EverySecond), ..ROUND },
    Plan {
        name: "single, always",
        setting: Setting::Single(Keeping::Always),
        acknowledge: "redis",
        staleness: Staleness::Bound,
        ..ROUND
    },
    Plan { name: "host of its own", setting: Setting::Namespace, ..ROUND },
    Plan { name: "limited user", setting: Setting::Limited, ..ROUND },
    Plan { name: "moving, replicas", setting: Setting::Moving, acknowledge: "replicas", ..ROUND },
];

/// So many rounds are played beside each other.
const TOGETHER: usize = 4;

#[test]
fn i2_nothing_acknowledged_is_lost_whatever_happens_to_redis() {
    let seed = number_from("NEMESIS_SEED").unwrap_or_else(random_seed);
    let seconds = number_from("NEMESIS_SECONDS").unwrap_or(0);
    let only = std::env::var("NEMESIS_ROUND").ok();
    tell(&format!("nemesis: NEMESIS_SEED={seed} NEMESIS_SECONDS={seconds}"));
    tell(Report::HEADER);
    let began = Instant::now();
    let mut dice = Dice(seed);
    let chosen = |plan: &&Plan| only.as_deref().is_none_or(|only| plan.name == only);
    let chosen: Vec<_> = ROUNDS.iter().filter(chosen).collect();
    let (done, is_done) = mpsc::channel();
    let (mut begun, mut running, mut wrong) = (0, 0, 0);
    let mut total = Total::default();
    loop {
        let more = begun < chosen.len() || began.elapsed().as_secs() < seconds;
        if more && running < TOGETHER {
            let plan = *chosen[begun % chosen.len()];
            let seed = if begun == 0 { seed } else { dice.next() };
            let done = done.clone();
            thread::spawn(move || {
                let report = panic::catch_unwind(|| play(plan, seed));
                done.send(report.ok()).unwrap();
            });
            (begun, running) = (begun + 1, running + 1);
            continue;
        }
        if running == 0 {
            break;
        }
        running -= 1;
        match is_done.recv().unwrap() {
            Some(report) => {
                tell(&report.to_string());
                total.add(&report);
                wrong += usize::from(!report.is_clean());
            }
            None => wrong += 1,
        }
    }
    let seconds = began.elapsed().as_secs();
    tell(&format!("nemesis: {begun} rounds in {seconds} s, {wrong} of them went wrong; {total}"));
    assert_eq!(wrong, 0, "see above");
}
