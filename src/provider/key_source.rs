//! Where a provider's keys come from.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use signout_checker::Issuer;
use thiserror::Error;
use tokio::time::Instant;

use super::freshness::{MIN_REFRESH, refresh_after};
use super::http_client::DOCUMENT_LIMIT;
use super::{DiscoveryError, Endpoint, FetchError, HttpClient, Metadata, PlainHttp};

/// How old a discovery document may be. It changes about never; a `jwks_uri` that moved shows as
/// a failed fetch, after which the document is read again at once.
const DISCOVERY_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the keys are, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// Where the provider's discovery document says.
    Discovery,
    /// `jwks_file`: in a file, which is read again on each refresh.
    File(PathBuf),
    /// `jwks_uri`: at this address. Nothing is discovered.
    Uri(Endpoint),
}

/// Why no JWK set could be had.
#[derive(Debug, Error)]
pub enum KeySourceError {
    /// Discovery failed.
    #[error("discovery failed: {0}")]
    Discovery(#[from] DiscoveryError),
    /// The `jwks_uri` gave nothing.
    #[error("no keys: {0}")]
    Fetch(#[from] FetchError),
    /// `jwks_file` is larger than a JWK set may be.
    #[error(
        "`jwks_file` {path:?} is larger than {DOCUMENT_LIMIT} bytes: check that it is the right file"
    )]
    FileTooLarge {
        /// `jwks_file`.
        path: PathBuf,
    },
    /// `jwks_file` cannot be read.
    #[error("`jwks_file` {path:?} cannot be read ({kind}): check the path and the permissions")]
    FileUnreadable {
        /// `jwks_file`.
        path: PathBuf,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
}

/// The text of a JWK set.
#[derive(Debug)]
pub(super) struct Jwks {
    pub(super) text: Vec<u8>,
    /// When to read it again.
    pub(super) refresh_after: Duration,
}

/// Reads the keys of one provider. Only one task does.
#[derive(Debug)]
pub(super) struct KeySource {
    pub(super) client: HttpClient,
    pub(super) issuer: Issuer,
    pub(super) location: KeyLocation,
    pub(super) plain_http: PlainHttp,
    /// Shared with the provider, which shows it.
    pub(super) metadata: Arc<ArcSwapOption<Metadata>>,
    /// When the metadata was read, unless it has to be read again.
    pub(super) discovered_at: Option<Instant>,
}

impl KeySource {
    pub(super) async fn read(&mut self) -> Result<Jwks, KeySourceError> {
        let result = match &self.location {
            KeyLocation::File(path) => return read_file(path.clone()).await,
            KeyLocation::Uri(uri) => fetch(&self.client, uri).await,
            KeyLocation::Discovery => {
                let metadata = self.discover().await?;
                fetch(&self.client, metadata.jwks_uri()).await
            }
        };
        if result.is_err() {
            self.discovered_at = None;
        }
        Ok(result?)
    }

    async fn discover(&mut self) -> Result<Arc<Metadata>, DiscoveryError> {
        let recent = self.discovered_at.is_some_and(|at| at.elapsed() < DISCOVERY_LIMIT);
        if let (true, Some(metadata)) = (recent, self.metadata.load_full()) {
            return Ok(metadata);
        }
        let metadata = Metadata::fetch(&self.client, &self.issuer, self.plain_http).await?;
        let metadata = Arc::new(metadata);
        self.metadata.store(Some(Arc::clone(&metadata)));
        self.discovered_at = Some(Instant::now());
        Ok(metadata)
    }
}

async fn fetch(client: &HttpClient, uri: &Endpoint) -> Result<Jwks, FetchError> {
    let response = client.get(uri, None, DOCUMENT_LIMIT).await?.ok()?;
    let refresh_after = refresh_after(response.headers("cache-control"));
    Ok(Jwks { text: response.body().to_vec(), refresh_after })
}

async fn read_file(path: PathBuf) -> Result<Jwks, KeySourceError> {
    let unreadable = {
        let path = path.clone();
        move |kind| KeySourceError::FileUnreadable { path, kind }
    };
    let reading = path.clone();
    let text = match tokio::task::spawn_blocking(move || read_some(&reading)).await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(unreadable(error.kind())),
        // The runtime is shutting down.
        Err(_) => return Err(unreadable(io::ErrorKind::Interrupted)),
    };
    if text.len() > DOCUMENT_LIMIT {
        return Err(KeySourceError::FileTooLarge { path });
    }
    // A file costs nothing to read, and whoever replaced it waits for the effect.
    Ok(Jwks { text, refresh_after: MIN_REFRESH })
}

/// At most one byte more than a set may have.
fn read_some(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(DOCUMENT_LIMIT as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
