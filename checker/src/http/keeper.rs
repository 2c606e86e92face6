//! Keeps what is known in a file.

use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use crate::{Change, Checker, Position, StateError, StateFile, Timestamp};

/// How often it is looked whether the file is to be written anew.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Where what is known is kept, if anywhere. Trouble with the file is told and ends nothing: the
/// checker knows all the same.
#[derive(Debug)]
pub(super) struct Keeper {
    file: Option<StateFile>,
    tidied: Option<Instant>,
}

impl Keeper {
    pub(super) const fn nowhere() -> Self {
        Self { file: None, tidied: None }
    }

    pub(super) fn of(file: StateFile) -> Self {
        Self { file: Some(file), tidied: None }
    }

    /// Keeps a part of a snapshot that is not at its end.
    pub(super) fn keep(&mut self, checker: &Checker, changes: &[Change]) {
        if let Some(file) = &mut self.file {
            tell(checker, file.keep(changes));
        }
    }

    /// Keeps changes that are, with all before them, everything up to a position.
    pub(super) fn keep_up_to(&mut self, checker: &Checker, at: Position, changes: &[Change]) {
        if let Some(file) = &mut self.file {
            tell(checker, file.keep_up_to(at, changes));
        }
    }

    /// Writes the file anew if that is due; on a thread where it may take its time.
    pub(super) async fn tidy(&mut self, checker: &Checker, time: Timestamp) {
        if self.tidied.is_some_and(|at| at.elapsed() < TIDY_EVERY) {
            return;
        }
        self.tidied = Some(Instant::now());
        let Some(mut file) = self.file.take() else { return };
        let tidying = spawn_blocking(move || {
            let tidied = file.tidy(time);
            (file, tidied)
        });
        // Without an answer the runtime is about to end, or it panicked: then nothing is kept.
        if let Ok((file, tidied)) = tidying.await {
            self.file = Some(file);
            tell(checker, tidied);
        }
    }
}

fn tell(checker: &Checker, done: Result<(), StateError>) {
    if let Err(error) = done {
        checker.observer().trouble(&error);
    }
}
