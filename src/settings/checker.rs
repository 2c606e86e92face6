//! `[checker]`: policy of the endpoints that answer whether a token is revoked.

use std::time::Duration;

use signout_checker::StalePolicy;

use super::report::Reported;
use super::section::Section;
use super::shape::{Grain, Lasting, seconds, text};

/// The built-in endpoints.
#[derive(Clone, Debug)]
pub struct CheckerSettings {
    /// How old knowledge may be before `when_stale` decides.
    /// `SIGNOUT_CHECKER__MAX_STALENESS`, default `30s`.
    pub max_staleness: Duration,
    /// What to answer then. `SIGNOUT_CHECKER__WHEN_STALE`, default `deny`.
    pub when_stale: StalePolicy,
}

/// A heartbeat comes every 5 s: with less than two of them a living feed would count as stale.
const STALENESS: Lasting = seconds(10, 24 * 60 * 60).with(Grain::Millisecond);

impl CheckerSettings {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let max_staleness = section.or("max_staleness", "30s", &STALENESS);
        let when_stale = section.or("when_stale", "deny", &text::<StalePolicy>());
        Ok(Self { max_staleness: max_staleness?, when_stale: when_stale? })
    }
}
