//! A service under test, the provider whose logouts it takes, and the Redis and the network that it
//! depends on.

pub(crate) mod dice;
mod op;
pub(crate) mod ports;
pub(crate) mod proxy;
pub(crate) mod redis;
mod service;

pub(crate) use op::Op;
pub(crate) use service::{API_KEY, Answer, Service, client};

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nothing here takes a second on an idle machine; CI may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a test is its own clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Asks again and again, within the patience of these tests.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let asking = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    asking.await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"));
}

/// Writes a summary past the capture of `cargo test`.
pub(crate) fn tell(line: &str) {
    // Nobody reads it if this fails.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Installs the TLS cryptography that clients and services of this process share.
pub(crate) fn install_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_service_takes_a_logout() {
        let folder = tempfile::tempdir().unwrap();
        let op = Op::new("home", folder.path());
        let service = Service::start(folder.path(), &op.settings());
        let answer = service.logout(&op.logout_token("l", "s")).await;
        assert_eq!(answer.status, 200, "{}", service.log());
    }
}
