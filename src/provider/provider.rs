//! One configured provider.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use signout_checker::Issuer;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::key_source::KeySource;
use super::keys::{KeyEpoch, Keys};
use super::refresher::Refresher;
use super::{
    HttpClient, Metadata, Metrics, PlainHttp, ProviderConfig, ProviderConfigError, VerifyError,
};
use crate::jose::{Algorithm, Compact, JoseError, KeySet, VerifiedJws};

/// A configured provider: its issuer, its keys, and the way to it.
#[derive(Debug)]
pub struct Provider {
    name: Box<str>,
    issuer: Issuer,
    algorithms: Box<[Algorithm]>,
    client: HttpClient,
    plain_http: PlainHttp,
    metadata: Arc<ArcSwapOption<Metadata>>,
    /// Made from the client secret, for the symmetric algorithms.
    secret: Option<KeySet>,
    /// Published keys, unless every algorithm is symmetric: then nothing is ever fetched.
    published: Option<Published>,
}

#[derive(Debug)]
struct Published {
    keys: Keys,
    /// Held by the one task that fetches.
    refresher: Mutex<Refresher>,
}

impl Provider {
    /// Builds it, without any I/O: [`Provider::keep_keys`] does that.
    pub fn new(
        config: ProviderConfig,
        client: HttpClient,
        metrics: &Metrics,
    ) -> Result<Arc<Self>, ProviderConfigError> {
        let ProviderConfig { name, issuer, algorithms, keys, client_secret, plain_http, .. } =
            config;
        if algorithms.is_empty() {
            return Err(ProviderConfigError::NoAlgorithms { name });
        }
        let (symmetric, asymmetric): (Vec<_>, Vec<_>) =
            algorithms.iter().copied().partition(|algorithm| algorithm.is_symmetric());
        let secret = match (symmetric.first(), client_secret) {
            (None, _) => None,
            (Some(&algorithm), None) => {
                return Err(ProviderConfigError::NoClientSecret { name, algorithm });
            }
            (Some(_), Some(secret)) => {
                match KeySet::from_secret(issuer.clone(), secret.bytes(), &symmetric) {
                    Ok(set) => Some(set),
                    Err(source) => return Err(ProviderConfigError::ClientSecret { name, source }),
                }
            }
        };
        let metadata = Arc::new(ArcSwapOption::empty());
        let published = (!asymmetric.is_empty()).then(|| Published {
            keys: Keys::new(Instant::now()),
            refresher: Mutex::new(Refresher {
                provider: name.clone(),
                issuer: issuer.clone(),
                algorithms: asymmetric.into(),
                source: KeySource {
                    client: client.clone(),
                    issuer: issuer.clone(),
                    location: keys,
                    plain_http,
                    metadata: Arc::clone(&metadata),
                    discovered_at: None,
                },
                refreshes: metrics.refreshes(&name),
                failure: None,
                refused: Vec::new(),
            }),
        });
        let algorithms = algorithms.into();
        let provider = Arc::new(Self {
            name,
            issuer,
            algorithms,
            client,
            plain_http,
            metadata,
            secret,
            published,
        });
        metrics.watch(&provider);
        Ok(provider)
    }

    /// Fetches the keys now and whenever they are due, until `shutdown` ends. Without this task no
    /// key ever arrives. A second one waits for the first to end.
    pub async fn keep_keys(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let Some(Published { keys, refresher }) = &self.published else { return };
        let keep = async {
            let mut refresher = refresher.lock().await;
            loop {
                keys.due().await;
                refresher.refresh(keys).await;
            }
        };
        tokio::select! {
            biased;
            () = shutdown => {}
            () = keep => {}
        }
    }

    /// Verifies a token's signature. With a key that is not there yet it waits up to 800 ms.
    pub async fn verify(&self, token: &Compact<'_>) -> Result<VerifiedJws, VerifyError> {
        let algorithm = token.header().algorithm();
        // Here as well as in the key set: a token that can never be accepted causes no fetch, and
        // is refused even while there are no keys.
        if !self.algorithms.contains(&algorithm) {
            return Err(JoseError::AlgorithmDenied { algorithm }.into());
        }
        match (&self.secret, &self.published) {
            (Some(secret), _) if algorithm.is_symmetric() => Ok(secret.verify(token)?),
            (_, Some(published)) => published.keys.verify(token).await,
            (_, None) => Err(JoseError::AlgorithmDenied { algorithm }.into()),
        }
    }

    /// Which keys a token would be verified with now; `None` if there are none that may be used. To be
    /// taken before [`Provider::verify`] by whoever keeps its result: that is good for as long as
    /// this says the same.
    pub fn key_epoch(&self, now: Instant) -> Option<KeyEpoch> {
        match &self.published {
            Some(published) => published.keys.epoch(now),
            // Of a client secret there is one, for as long as the service runs.
            None => Some(KeyEpoch::default()),
        }
    }

    /// Label in metrics and part of URLs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `iss` of every token of this provider.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The way to this provider, with its trust configuration.
    pub fn client(&self) -> &HttpClient {
        &self.client
    }

    /// The rule for further URLs of this provider.
    pub fn plain_http(&self) -> PlainHttp {
        self.plain_http
    }

    /// What the provider said about itself, if it was discovered and has answered.
    pub fn metadata(&self) -> Option<Arc<Metadata>> {
        self.metadata.load_full()
    }

    /// Time since the last good fetch. `None` before the first, and if nothing is ever fetched.
    pub fn keys_age(&self, now: Instant) -> Option<Duration> {
        self.published.as_ref()?.keys.age(now)
    }
}
