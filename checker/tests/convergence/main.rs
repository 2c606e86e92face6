//! Whatever happens to the feed on its way, a checker ends in the state of the full snapshot, and
//! never claims to know what it does not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy.toml allows them in tests, but not in the functions beside them"
)]

mod api;
mod service;
mod world;

use proptest::prelude::*;
use world::World;

/// Of each of the two properties below together, in the normal test run.
const HISTORIES: u32 = 60_000;

fn config() -> ProptestConfig {
    // Failures are printed with the shortest script that shows them; there is nothing to store.
    ProptestConfig { cases: HISTORIES, failure_persistence: None, ..ProptestConfig::default() }
}

/// A history, as numbers: each is read as one thing that happens. See [`World::step`].
fn script() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 0..40)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn i12_any_history_ends_in_the_full_snapshot(script in script()) {
        let mut world = World::new();
        for &number in &script {
            world.step(number);
        }
        world.settle();
    }

    /// The same, with a network that does little else than lose, repeat and mix up.
    #[test]
    fn i12_a_very_bad_network_ends_in_the_full_snapshot(script in script()) {
        let mut world = World::new();
        for &number in &script {
            world.step_badly(number);
        }
        world.settle();
    }
}

/// The histories are about something: each kind of trouble happens, and is answered as it should be.
#[test]
fn histories_have_all_kinds_of_trouble() {
    let mut seed = 1_u64;
    let mut numbers = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u16::try_from(seed >> 48).unwrap()
    });
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..300 {
        let mut world = World::new();
        for number in numbers.by_ref().take(40) {
            world.step(number);
        }
        world.settle();
        for what in world.seen() {
            *seen.entry(*what).or_insert(0) += 1;
        }
    }
    for what in [
        "alive",
        "applied",
        "cut short",
        "lagged",
        "loaded",
        "missing",
        "part",
        "repeated",
        "too_far_behind",
        "unknown_position",
    ] {
        assert!(seen.get(what).is_some_and(|&times| times > 10), "{what}: {seen:?}");
    }
}
