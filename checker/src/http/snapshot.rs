//! Loading a snapshot.

use std::time::{Duration, Instant};

use reqwest::{Client, Url};
use tokio::time::timeout;

use super::ended::{Ended, Trouble, accepted};
use super::keeper::Keeper;
use crate::{Checker, Loading, Snapshot};

/// Of silence, between two pieces.
const PATIENCE: Duration = Duration::from_secs(15);

/// Loads everything, block by block, into the checker. What was loaded before an error stays: it is
/// true all the same.
pub(super) async fn load(
    client: &Client,
    url: Url,
    checker: &Checker,
    keeper: &mut Keeper,
) -> Result<Snapshot, Ended> {
    let began = Instant::now();
    let asking = client.get(url).send();
    let response = timeout(PATIENCE, asking).await.map_err(|_| Trouble::Silent(PATIENCE))?;
    let response = response.map_err(|error| Trouble::of(&error))?;
    let mut response = accepted(response, "application/octet-stream")?;
    let mut loading = Loading::into_checker(checker);
    loop {
        let piece = timeout(PATIENCE, response.chunk()).await;
        let piece = piece.map_err(|_| Trouble::Silent(PATIENCE))?;
        let Some(piece) = piece.map_err(|error| Trouble::of(&error))? else { break };
        let mut bytes = &*piece;
        while let Some(news) = loading.read(&mut bytes)? {
            keeper.keep(checker, &news);
            // A block takes milliseconds to apply, and others wait for this thread.
            tokio::task::yield_now().await;
        }
    }
    let snapshot = loading.finish()?;
    keeper.keep_up_to(checker, snapshot.position, &[]);
    checker.observer().loaded(snapshot.changes, began.elapsed());
    Ok(snapshot)
}
