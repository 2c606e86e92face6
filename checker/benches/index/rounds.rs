//! Variants take turns, so that what disturbs the machine disturbs all of them.

use std::hint::black_box;
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

/// Turns of a variant.
const TURNS: usize = 61;

pub(crate) struct Variant<'a> {
    name: String,
    run: Box<dyn FnMut() -> f64 + 'a>,
}

pub(crate) fn variant<'a>(name: impl Into<String>, run: impl FnMut() -> f64 + 'a) -> Variant<'a> {
    Variant { name: name.into(), run: Box::new(run) }
}

/// What the turns of each variant took, in nanoseconds for one question.
pub(crate) struct Times(pub(crate) Vec<(String, Vec<f64>)>);

impl Times {
    pub(crate) fn of(mut variants: Vec<Variant<'_>>) -> Self {
        let mut times = vec![Vec::new(); variants.len()];
        for turn in 0..=TURNS {
            for (variant, times) in variants.iter_mut().zip(&mut times) {
                let time = (variant.run)();
                // The first turn warms up.
                if turn > 0 {
                    times.push(time);
                }
            }
        }
        Self(variants.into_iter().map(|variant| variant.name).zip(times).collect())
    }

    fn turns(&self, name: &str) -> &[f64] {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, times)| times.as_slice()).unwrap()
    }

    pub(crate) fn median(&self, name: &str) -> f64 {
        median(self.turns(name).to_vec())
    }

    /// The median of what a function makes of the times of two variants in the same turn.
    pub(crate) fn paired(&self, of: &str, to: &str, make: impl Fn(f64, f64) -> f64) -> f64 {
        let pairs = self.turns(of).iter().zip(self.turns(to));
        median(pairs.map(|(&of, &to)| make(of, to)).collect())
    }

    /// A table in Markdown, with the ratio to the variant of this name.
    pub(crate) fn print(&self, what: &str, to: &str) {
        println!("\n| {what} | median | best | / {to} |\n|---|---|---|---|");
        for (name, times) in &self.0 {
            let ratio = self.paired(name, to, |of, to| of / to);
            let (median, best) = (median(times.clone()), best(times));
            println!("| {name} | {median:.1} ns | {best:.1} ns | {ratio:.2} |");
        }
    }
}

/// Nanoseconds for each of these, as fast as they can be asked. All are asked before, too: whoever
/// had the turn before has left his own things in the caches.
pub(crate) fn each<T>(all: &[T], mut ask: impl FnMut(&T) -> bool) -> f64 {
    once(all, &mut ask);
    once(all, &mut ask)
}

/// The same without asking before, for what can be done only once.
pub(crate) fn once<T>(all: &[T], mut act: impl FnMut(&T) -> bool) -> f64 {
    let start = Instant::now();
    for one in all {
        black_box(act(one));
    }
    start.elapsed().as_nanos() as f64 / all.len() as f64
}

/// The same, but none begins before the one before has its answer.
pub(crate) fn each_apart<T>(all: &[T], mut ask: impl FnMut(&T) -> bool) -> f64 {
    each(all, |one| {
        let answer = ask(one);
        fence(Ordering::SeqCst);
        answer
    })
}

pub(crate) fn best(all: &[f64]) -> f64 {
    all.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(crate) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
