//! The feed, from one request to its end.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{Client, Response, Url};
use tokio::time::timeout;

use super::ended::{Ended, Trouble, accepted};
use super::keeper::Keeper;
use super::sse::{Message, Parser};
use crate::{Checker, FeedEvent, Subscription, Taken, Timestamp};

/// Three heartbeats that did not come.
const SILENCE: Duration = Duration::from_secs(15);

/// One stream.
pub(super) struct Stream {
    response: Response,
    parser: Parser,
    /// When the last heartbeat came; before the first, when the request was sent.
    heard: Instant,
}

impl Stream {
    /// Asks for what comes behind where the subscription stands.
    pub(super) async fn open(
        client: &Client,
        url: Url,
        subscription: &mut Subscription,
    ) -> Result<Self, Ended> {
        let asked = Instant::now();
        subscription.asking(asked);
        let asking = client
            .get(url)
            .header(ACCEPT, "text/event-stream")
            .header(HeaderName::from_static("last-event-id"), subscription.position().to_string())
            .send();
        let response = timeout(SILENCE, asking).await.map_err(|_| Trouble::Silent(SILENCE))?;
        let response = response.map_err(|error| Trouble::of(&error))?;
        let response = accepted(response, "text/event-stream")?;
        Ok(Self { response, parser: Parser::default(), heard: asked })
    }

    /// Takes the next piece, in which events may end. Gives the service's time, if one of them said
    /// that nothing is missing.
    pub(super) async fn next(
        &mut self,
        subscription: &mut Subscription,
        checker: &Checker,
        keeper: &mut Keeper,
    ) -> Result<Option<Timestamp>, Ended> {
        // Bytes alone are no sign of life: a heartbeat is.
        let left = SILENCE.saturating_sub(self.heard.elapsed());
        let bytes = timeout(left, self.response.chunk()).await;
        let bytes = bytes.map_err(|_| Trouble::Silent(SILENCE))?;
        let bytes = bytes.map_err(|error| Trouble::of(&error))?.ok_or(Ended::Over)?;
        let arrived = Instant::now();
        let mut messages = Vec::new();
        // What came before it was too long is good.
        let parsed = self.parser.push(&bytes, |message| messages.push(message));
        let mut alive = None;
        for message in messages {
            if let Some(event) = decode(&message)? {
                let time = match &event {
                    FeedEvent::Heartbeat { heartbeat, .. } => Some(heartbeat.time),
                    _ => None,
                };
                match subscription.take(event, arrived) {
                    Taken::Alive { .. } => (self.heard, alive) = (arrived, time),
                    // At once: what is kept later claims to have all that came before.
                    Taken::Applied(news) => {
                        keeper.keep_up_to(checker, subscription.position(), &news);
                    }
                    Taken::Repeated => {}
                    Taken::Missing => return Err(Ended::Missing),
                    Taken::Reset(reason) => return Err(Ended::Reset(reason)),
                }
            }
        }
        match parsed {
            Ok(()) => Ok(alive),
            Err(_) => Err(Trouble::TooLong.into()),
        }
    }
}

/// None is an event that this version does not know.
fn decode(message: &Message) -> Result<Option<FeedEvent>, Ended> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Trouble::NoFeed);
    let id = text(message.id.as_deref().unwrap_or_default())?;
    Ok(FeedEvent::decode(text(&message.event)?, id, text(&message.data)?)?)
}
