//! `GET /v1/feed` and `GET /v1/snapshot`: for those who keep what is refused themselves.

#![expect(unused_qualifications, reason = "utoipa's macro writes them")]

use std::convert::Infallible;
use std::time::Instant;

use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, get};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::{Events, Failure, Failures, Packs, SnapshotAnswer, StreamAnswer};
use super::api_key::ApiKeys;
use super::streamed::{Pieces, Streamed};
use crate::feed::{Audience, Feed, Refused, Snapshot, Subscriber};
use crate::journal::Position;
use crate::revoker::RevokerError;
use crate::settings::Scope;

/// What a browser's `EventSource` sends when it comes back.
const LAST_EVENT_ID: &str = "Last-Event-ID";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// Tell what came behind this position: the `id` of an event, or the position of a snapshot.
    /// Without it, and without `Last-Event-ID`, what comes from now on.
    #[param(pattern = "^[0-9a-f]{16}\\.[0-9]{1,19}$")]
    after: Option<String>,
}

/// Described here, read by hand.
#[derive(IntoParams)]
#[expect(dead_code, reason = "describes the header to utoipa")]
#[into_params(parameter_in = Header)]
pub(super) struct LastEventId {
    /// The same as `after`, and goes before it: browsers come back with the URL they began with.
    #[param(rename = "Last-Event-ID", pattern = "^[0-9a-f]{16}\\.[0-9]{1,19}$")]
    last_event_id: Option<String>,
}

/// Follows what is refused
///
/// Server-sent events: `heartbeat` at once and then every five seconds, `changes` for each act, and
/// `reset` when the stream cannot go on without a snapshot. docs/feed.md has what they hold. The
/// stream ends after an hour and when the service stops; come back with the last `id`.
#[utoipa::path(
    tag = "feed",
    operation_id = "follow_feed",
    security(("api_key" = ["feed"])),
    params(After, LastEventId),
    responses(StreamAnswer, Failures)
)]
#[get("/v1/feed")]
pub(super) async fn follow(
    request: HttpRequest,
    keys: Data<ApiKeys>,
    feed: Data<Feed>,
) -> Result<Events<Streamed<Subscriber>>, Failure> {
    let asked = Instant::now();
    let caller = keys.admit(&request, Scope::Feed)?;
    let after = after(&request)?;
    let audience = caller.issuers_for(Scope::Register).map_or(Audience::Anybody, Audience::Trusted);
    let subscriber = feed.subscribe(after, audience, asked).await?;
    Ok(Events(Streamed::new(subscriber)))
}

/// Takes all that is refused now
///
/// A stream of packs with a count and a digest at its end, and the position from which the feed goes
/// on; docs/feed.md has the form. Whatever breaks off is no snapshot.
#[utoipa::path(
    tag = "feed",
    operation_id = "take_snapshot",
    security(("api_key" = ["feed"])),
    responses(SnapshotAnswer, Failures)
)]
#[get("/v1/snapshot")]
pub(super) async fn snapshot(
    request: HttpRequest,
    keys: Data<ApiKeys>,
    feed: Data<Feed>,
) -> Result<Packs<Streamed<Snapshot>>, Failure> {
    keys.admit(&request, Scope::Feed)?;
    Ok(Packs(Streamed::new(feed.snapshot().await?)))
}

fn after(request: &HttpRequest) -> Result<Option<Position>, Failure> {
    let query = Query::<After>::from_query(request.query_string())
        .map_err(|_| Failure::bad_request("the only parameter is after"))?;
    let parse = |name: &str, text: &str| {
        let form =
            || Failure::bad_request(format!("{name} has the form <epoch>.<seq>, as an event's id"));
        text.parse::<Position>().map_err(|_| form())
    };
    // A browser that comes back asks with the URL it began with.
    if let Some(last) = request.headers().get(LAST_EVENT_ID) {
        return parse(LAST_EVENT_ID, last.to_str().unwrap_or_default()).map(Some);
    }
    query.into_inner().after.map(|after| parse("after", &after)).transpose()
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::unavailable(refused.to_string())
    }
}

impl Pieces for Subscriber {
    type Error = Infallible;

    async fn next(&mut self) -> Option<Result<Bytes, Infallible>> {
        Self::next(self).await.map(Ok)
    }
}

impl Pieces for Snapshot {
    type Error = RevokerError;

    async fn next(&mut self) -> Option<Result<Bytes, RevokerError>> {
        Self::next(self).await
    }
}
