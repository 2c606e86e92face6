//! Goes on until it is dropped.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use reqwest::{Client, Url};
use tokio::time::sleep;

use super::ended::{Ended, Trouble};
use super::keeper::Keeper;
use super::stream::Stream;
use super::{Service, SetupError, client, snapshot};
use crate::backoff::{Backoff, random, spread};
use crate::{Checker, Connection, Position, ResetReason, Subscription};
#[cfg(feature = "file")]
use crate::{Restored, StateFile};

/// Of several instances behind one address, another one may answer the next time: so often the same
/// position is tried before everything is loaded anew.
const TRIES: u32 = 4;
/// The pause before that.
const AGAIN: Duration = Duration::from_millis(100);
/// The pause behind an end that was no failure. Long enough to spread those who come back from the
/// same one, and short beside any staleness that is borne.
const AFTER_END: Duration = Duration::from_millis(500);

/// Keeps a [`Checker`] up to date from a service.
#[derive(Debug)]
pub struct Follower {
    client: Client,
    feed: Url,
    snapshot: Url,
    checker: Checker,
    /// What it stands behind; absent until a snapshot was loaded.
    subscription: Option<Subscription>,
    /// How often in a row nobody knew the position.
    unknown: u32,
    keeper: Keeper,
}

impl Follower {
    /// Connects to nothing yet.
    ///
    /// TLS is rustls. Where the process has not chosen a cryptography for it, this chooses ring.
    pub fn new(service: &Service, checker: Checker) -> Result<Self, SetupError> {
        Ok(Self {
            client: client::client(service)?,
            feed: service.route("v1/feed")?,
            snapshot: service.route("v1/snapshot")?,
            checker,
            subscription: None,
            unknown: 0,
            keeper: Keeper::nowhere(),
        })
    }

    /// The same for a checker that knows everything up to a position already, for instance from a
    /// state file.
    #[must_use]
    pub fn after(self, position: Position) -> Self {
        Self { subscription: Some(Subscription::at(&self.checker, position)), ..self }
    }

    /// Keeps what it is told in this file, and goes on where that ends, so that a process that starts
    /// anew refuses at once what it refused before. `restored` came with the file. Writes are small
    /// and happen on the task; the whole file is written on a blocking thread of the runtime.
    #[cfg(feature = "file")]
    #[must_use]
    pub fn keeping(self, file: StateFile, restored: &Restored) -> Self {
        let follower = match restored.position {
            Some(position) => self.after(position),
            None => self,
        };
        Self { keeper: Keeper::of(file), ..follower }
    }

    /// Follows for as long as it is polled. Needs a tokio runtime with time and I/O.
    pub async fn run(mut self) -> Infallible {
        let mut backoff = Backoff::default();
        loop {
            let mut up = None;
            let Err(ended) = self.connection(&mut up).await;
            if let Some(since) = up {
                self.checker.observer().connection(Connection::Down);
                self.unknown = 0;
                backoff.lasted(since.elapsed());
            }
            sleep(self.pause(ended, &mut backoff)).await;
        }
    }

    /// One connection, to its end.
    async fn connection(&mut self, up: &mut Option<Instant>) -> Result<Infallible, Ended> {
        if self.checker.index().is_none() {
            // Whatever the position, nothing is known.
            self.subscription = None;
        }
        let subscription = match &mut self.subscription {
            Some(subscription) => subscription,
            none => {
                let url = self.snapshot.clone();
                let snapshot =
                    snapshot::load(&self.client, url, &self.checker, &mut self.keeper).await?;
                let mut subscription = Subscription::at(&self.checker, snapshot.position);
                subscription.loaded(&snapshot);
                self.unknown = 0;
                none.insert(subscription)
            }
        };
        let mut stream = Stream::open(&self.client, self.feed.clone(), subscription).await?;
        loop {
            let alive = stream.next(subscription, &self.checker, &mut self.keeper).await?;
            let Some(time) = alive else { continue };
            if up.is_none() {
                *up = Some(Instant::now());
                self.checker.observer().connection(Connection::Up);
            }
            self.keeper.tidy(&self.checker, time).await;
        }
    }

    /// Tells what ended the connection, decides what the next one begins with, and when that is.
    fn pause(&mut self, ended: Ended, backoff: &mut Backoff) -> Duration {
        let trouble = match ended {
            // Everybody whose instance stops comes back in the same second.
            Ended::Over => return spread(AFTER_END, random()),
            Ended::Missing => return backoff.pause(random()),
            Ended::Reset(ResetReason::UnknownPosition) if self.unknown + 1 < TRIES => {
                self.unknown += 1;
                return spread(AGAIN, random());
            }
            Ended::Reset(reason) => {
                self.subscription = None;
                Trouble::Reset(reason)
            }
            Ended::Busy { status, retry_after } => {
                self.checker.observer().trouble(&Trouble::Busy { status });
                let asked_for = retry_after.unwrap_or_default();
                return asked_for.saturating_add(backoff.pause(random()));
            }
            Ended::Trouble(trouble) => trouble,
        };
        self.checker.observer().trouble(&trouble);
        if trouble.is_hopeless() { backoff.hopeless(random()) } else { backoff.pause(random()) }
    }
}
