//! What was done, and when.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The diary of one round.
pub(super) struct Trace {
    began: Instant,
    lines: Mutex<Vec<String>>,
    wrong: Mutex<Vec<String>>,
}

impl Trace {
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), lines: Mutex::default(), wrong: Mutex::default() }
    }

    /// Since the beginning of the round.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn say(&self, what: &str) {
        self.lines.lock().unwrap().push(format!("{:8.3} {what}", self.elapsed().as_secs_f64()));
    }

    /// A rule was broken. The round goes on: what follows may tell why.
    pub(super) fn wrong(&self, what: &str) {
        self.say(&format!("WRONG {what}"));
        self.wrong.lock().unwrap().push(what.to_owned());
    }

    /// Every broken rule.
    pub(super) fn all_wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    pub(super) fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}
