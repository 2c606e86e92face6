//! Why a connection to the service ended.

use std::error::Error;
use std::time::Duration;

use reqwest::{Response, StatusCode};

use crate::{EventError, OtherKey, ResetReason, SnapshotError};

/// How one attempt ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The service ended the stream, as it does every hour and when it stops.
    Over,
    /// Something before an event was not sent: what is missing lies behind the position.
    Missing,
    /// The feed does not go on behind the position.
    Reset(ResetReason),
    /// The service takes nobody in just now.
    Busy {
        /// The status code.
        status: u16,
        /// When to come back, if it says so.
        retry_after: Option<Duration>,
    },
    /// Something is wrong.
    Trouble(Trouble),
}

/// Why a follower has no feed. The texts say what to do, and hold neither the key nor anything of a
/// token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The connection broke off in the middle of something.
    #[error("the connection to the service broke off ({reason})")]
    BrokenOff {
        /// The innermost cause.
        reason: Box<str>,
    },
    /// 503 or 429: it has as many subscribers as it may have, or is not ready.
    #[error("the service is busy ({status}): look at its [feed] max_subscribers and its log")]
    Busy {
        /// The status code.
        status: u16,
    },
    /// An event of the feed is not what it should be.
    #[error(transparent)]
    Event(#[from] EventError),
    /// 401.
    #[error("the service refuses the API key (401): configure this key there, as an [[api_key]]")]
    KeyRefused,
    /// 403.
    #[error("the API key may not follow the feed (403): give it the scope \"feed\"")]
    NotAllowed,
    /// What answers is no feed.
    #[error("what answers at this address is no feed of signout: check the address")]
    NoFeed,
    /// The digests are of another deployment.
    #[error(transparent)]
    OtherKey(#[from] OtherKey),
    /// A redirect, which is not followed: the key is meant for one address only.
    #[error("the service answers with a redirect ({status}): set the address to where it leads")]
    Redirected {
        /// The status code.
        status: u16,
    },
    /// The feed cannot go on from where this follower stands; the snapshot is loaded.
    #[error("the feed does not go on from here ({0}): everything is loaded anew")]
    Reset(ResetReason),
    /// No heartbeat, or no answer at all, for three times as long as it may take.
    #[error("nothing was heard of the service for {} s", .0.as_secs())]
    Silent(Duration),
    /// The snapshot is not what it should be.
    #[error(transparent)]
    Snapshot(SnapshotError),
    /// Another status code.
    #[error("the service answers with status {status}: check the address, and the service's log")]
    Status {
        /// The status code.
        status: u16,
    },
    /// An event takes more memory than any event of the feed.
    #[error("the feed sends more than fits into an event")]
    TooLong,
    /// No connection.
    #[error("the service cannot be reached ({reason}): check the address, and that it runs")]
    Unreachable {
        /// The innermost cause.
        reason: Box<str>,
    },
}

impl Trouble {
    /// Of the client library. Its own text names the whole URL and little else; the cause is inside.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut innermost: &dyn Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let reason = innermost.to_string().into();
        if error.is_connect() { Self::Unreachable { reason } } else { Self::BrokenOff { reason } }
    }

    /// Whether the next attempt will most likely meet the same, until somebody mends it.
    pub(super) fn is_hopeless(&self) -> bool {
        match self {
            Self::KeyRefused
            | Self::NotAllowed
            | Self::NoFeed
            | Self::OtherKey(_)
            | Self::Redirected { .. }
            | Self::Snapshot(SnapshotError::OtherKey(_) | SnapshotError::Version(_)) => true,
            Self::Status { status } => (400..500).contains(status),
            _ => false,
        }
    }
}

impl<T: Into<Trouble>> From<T> for Ended {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl From<SnapshotError> for Trouble {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::OtherKey(other) => Self::OtherKey(other),
            error => Self::Snapshot(error),
        }
    }
}

/// Lets an answer pass that is one: 200, with this type.
pub(super) fn accepted(response: Response, content_type: &str) -> Result<Response, Ended> {
    let status = response.status();
    let trouble = match status {
        StatusCode::OK => {
            let told = response.headers().get(reqwest::header::CONTENT_TYPE);
            let told = told.and_then(|value| value.to_str().ok()).unwrap_or_default();
            let essence = told.split(';').next().unwrap_or_default().trim();
            if essence.eq_ignore_ascii_case(content_type) {
                return Ok(response);
            }
            Trouble::NoFeed
        }
        StatusCode::UNAUTHORIZED => Trouble::KeyRefused,
        StatusCode::FORBIDDEN => Trouble::NotAllowed,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            return Err(Ended::Busy {
                status: status.as_u16(),
                retry_after: retry_after(&response),
            });
        }
        status if status.is_redirection() => Trouble::Redirected { status: status.as_u16() },
        status => Trouble::Status { status: status.as_u16() },
    };
    Err(trouble.into())
}

/// The form in seconds; a date would need a clock. An hour at most: nobody should be sent away for
/// good.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.parse().ok()?;
    Some(Duration::from_secs(seconds).min(Duration::from_secs(3_600)))
}
