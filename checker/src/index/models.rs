//! Small histories, tried in every interleaving and with every value that the memory model lets a
//! reader see: `RUSTFLAGS="--cfg loom" cargo test --manifest-path checker/models/Cargo.toml --lib models`.

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::*;
use crate::{IssuedBefore, Reach, Reason};

/// Entries that one group takes before its table is built anew.
const FULL: u8 = 11;
const FOR_GOOD: Timestamp = Timestamp::MAX;

fn model(history: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(2);
    builder.check(history);
}

fn index() -> Arc<Index> {
    Arc::new(Index::new(DigestKey::from_bytes([3; 16])))
}

/// All of one shard and one lane, so that they meet.
fn change(number: u8, cut_off: u64) -> Change {
    let mut target = [0; 16];
    target[0] = number;
    Change {
        target: Digest::from_bytes(target),
        name: None,
        kind: TargetKind::Session,
        issued_before: IssuedBefore::at(Timestamp::from_secs(cut_off)),
        reach: Reach::ALL,
        retain_until: FOR_GOOD,
        reason: Reason::Admin,
        revoked_at: Timestamp::from_secs(cut_off),
    }
}

/// A mark that fits into a word.
fn plain(number: u8) -> Change {
    Change { issued_before: IssuedBefore::EVERYTHING, ..change(number, 1_000) }
}

fn known(index: &Index, change: &Change) -> Option<Mark> {
    index.shards.mark(Fingerprint::of(change.target))
}

#[test]
fn what_was_applied_is_seen() {
    model(|| {
        let (index, applied) = (index(), Arc::new(AtomicBool::new(false)));
        let writer = thread::spawn({
            let (index, applied) = (Arc::clone(&index), Arc::clone(&applied));
            move || {
                index.apply_change(&plain(1));
                applied.store(true, Ordering::Release);
            }
        });
        if applied.load(Ordering::Acquire) {
            assert_eq!(known(&index, &plain(1)), Some(Mark::of_change(&plain(1))));
            assert_eq!(index.len(TargetKind::Session), 1);
        }
        writer.join().unwrap();
    });
}

/// Half a fingerprint would do to take one target for another whose missing half is zero.
#[test]
fn a_stranger_is_never_taken_for_it() {
    model(|| {
        let index = index();
        let with_middle = |middle| {
            let mut target = [0; 16];
            target[3] = middle;
            Change { target: Digest::from_bytes(target), ..plain(0) }
        };
        index.apply_change(&plain(1));
        let writer = thread::spawn({
            let index = Arc::clone(&index);
            move || index.apply_change(&with_middle(1))
        });
        assert_eq!(known(&index, &with_middle(0)), None);
        writer.join().unwrap();
    });
}

#[test]
fn a_mark_is_never_torn() {
    model(|| {
        let index = index();
        // From a word to a cell and from there to another cell.
        let steps = [
            Change { reach: Reach::LOGIN, ..plain(0) },
            change(0, 500),
            Change { retain_until: FOR_GOOD, ..change(0, 600) },
        ];
        index.apply_change(&steps[0]);
        let mut marks = vec![Mark::of_change(&steps[0])];
        for step in &steps[1..] {
            marks.push(marks[marks.len() - 1].merge(Mark::of_change(step)));
        }
        let writer = thread::spawn({
            let index = Arc::clone(&index);
            move || {
                for step in &steps[1..] {
                    index.apply_change(step);
                }
            }
        });
        let mut seen = 0;
        for _ in 0..2 {
            let mark = known(&index, &steps[0]).unwrap();
            let at = marks.iter().position(|&known| known == mark).unwrap();
            assert!(at >= seen, "a mark was lowered");
            seen = at;
        }
        writer.join().unwrap();
        assert_eq!(known(&index, &steps[0]), marks.last().copied());
    });
}

#[test]
fn growth_loses_nothing() {
    model(|| {
        let index = index();
        for number in 0..FULL {
            index.apply_change(&plain(number));
        }
        let writers = [FULL, FULL + 1].map(|number| {
            let index = Arc::clone(&index);
            thread::spawn(move || index.apply_change(&plain(number)))
        });
        assert!(known(&index, &plain(FULL - 1)).is_some());
        for writer in writers {
            assert_eq!(writer.join().unwrap(), Applied::Added);
        }
        assert!((0..FULL + 2).all(|number| known(&index, &plain(number)).is_some()));
        assert_eq!(index.len(TargetKind::Session), usize::from(FULL) + 2);
    });
}

#[test]
fn writers_do_not_lower_each_other() {
    model(|| {
        let index = index();
        let writers = [change(0, 500), plain(0)].map(|change| {
            let index = Arc::clone(&index);
            thread::spawn(move || {
                index.apply_change(&change);
                assert!(index.covers(&change));
            })
        });
        for writer in writers {
            writer.join().unwrap();
        }
        let merged = Mark::of_change(&change(0, 500)).merge(Mark::of_change(&plain(0)));
        assert_eq!(known(&index, &plain(0)), Some(merged));
    });
}

#[test]
fn expiry_hides_nothing_that_stays() {
    model(|| {
        let index = index();
        let over = Change { retain_until: Timestamp::from_secs(1_000), ..plain(1) };
        index.apply_change(&plain(0));
        index.apply_change(&over);
        let writer = thread::spawn({
            let index = Arc::clone(&index);
            move || {
                assert_eq!(index.expire(Timestamp::from_secs(2_000)), 1);
                assert_eq!(index.apply_change(&plain(1)), Applied::Added);
            }
        });
        assert!(known(&index, &plain(0)).is_some());
        writer.join().unwrap();
        assert_eq!(known(&index, &plain(1)), Some(Mark::of_change(&plain(1))));
        assert_eq!(index.len(TargetKind::Session), 2);
    });
}

/// What stood where another table stands now.
#[test]
fn ground_that_is_used_again_misleads_nobody() {
    model(|| {
        let index = index();
        let over = Change { retain_until: Timestamp::from_secs(1_000), ..plain(1) };
        index.apply_change(&plain(0));
        index.apply_change(&over);
        let writer = thread::spawn({
            let index = Arc::clone(&index);
            move || {
                // The second table is built elsewhere, the third where the first was.
                index.expire(Timestamp::from_secs(2_000));
                index.apply_change(&over);
                index.expire(Timestamp::from_secs(2_000));
            }
        });
        assert_eq!(known(&index, &plain(0)), Some(Mark::of_change(&plain(0))));
        writer.join().unwrap();
        assert_eq!(known(&index, &plain(0)), Some(Mark::of_change(&plain(0))));
    });
}
