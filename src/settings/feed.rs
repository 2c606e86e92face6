//! `[feed]`: those who follow what is refused.

use super::report::Reported;
use super::section::Section;
use super::shape::Integer;

/// The feed.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// Streams at a time; what comes beyond is told to come back.
    /// `SIGNOUT_FEED__MAX_SUBSCRIBERS`, default 10000.
    pub max_subscribers: u32,
}

/// Each stream is a connection, and each connection a file to the system: its limit
/// (`LimitNOFILE`) comes first.
const SUBSCRIBERS: Integer = Integer(1..=1_000_000);

impl FeedSettings {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let max_subscribers = section.or("max_subscribers", 10_000, &SUBSCRIBERS);
        Ok(Self { max_subscribers: max_subscribers? })
    }
}
