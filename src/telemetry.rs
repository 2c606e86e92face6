//! Logs: JSON when nobody watches, readable on a terminal.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The server's own lines about its workers say nothing that ours do not.
const DEFAULT: &str = "info,actix_server=warn";

/// Sends logs to standard error from now on. `filter` is the text of `SIGNOUT_LOG`, in the form of
/// `tracing`'s `EnvFilter`; ours at `info` without it. The text of a bad filter is given back.
pub fn init(filter: Option<&str>) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter.unwrap_or(DEFAULT))
        .map_err(|error| LogError::Filter(error.to_string()))?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    if io::stderr().is_terminal() {
        registry.with(layer.compact()).try_init()?;
    } else {
        registry.with(layer.json().flatten_event(true).with_current_span(false)).try_init()?;
    }
    Ok(())
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter has not the form.
    #[error("SIGNOUT_LOG: {0}; say for instance info, or info,signout::access=warn")]
    Filter(String),
    /// Somebody else logs already.
    #[error(transparent)]
    Init(#[from] TryInitError),
}
