//! One round: read the keys, admit them one by one, put the set in place.

use std::hash::{BuildHasher, RandomState};

use prometheus::IntCounterVec;
use signout_checker::Issuer;

use super::key_source::{Jwks, KeySource};
use super::keys::Keys;
use super::{Metrics, RefreshError};
use crate::jose::{Admission, Algorithm, KeySet, RefusedKey};

/// What the background task of one provider works with.
#[derive(Debug)]
pub(super) struct Refresher {
    pub(super) provider: Box<str>,
    pub(super) issuer: Issuer,
    /// Those of the provider that are verified with published keys.
    pub(super) algorithms: Box<[Algorithm]>,
    pub(super) source: KeySource,
    pub(super) refreshes: IntCounterVec,
    /// Text of the last failure: a provider that is down for a day gets one line, not thousands.
    pub(super) failure: Option<String>,
    /// Keys refused in the last set, in its order.
    pub(super) refused: Vec<Refused>,
}

/// Its `kid` and the reason.
type Refused = (Option<String>, String);

fn kid(key: &RefusedKey) -> Option<String> {
    key.key_id.as_ref().map(|kid| kid.as_str().to_owned())
}

impl Refresher {
    pub(super) async fn refresh(&mut self, keys: &Keys) {
        let round = keys.begin();
        let outcome = match self.fetch().await {
            Ok((set, jwks)) => {
                keys.replace(set, round, jwks.refresh_after);
                if self.failure.take().is_some() {
                    tracing::info!(provider = %self.provider, "the provider's keys are back");
                }
                Metrics::REFRESHED
            }
            Err(error) => {
                // The state of a new hasher is random; this spreads retries and guards nothing.
                keys.keep(round, RandomState::new().hash_one(0));
                let text = error.to_string();
                if self.failure.as_ref() != Some(&text) {
                    tracing::warn!(
                        provider = %self.provider,
                        error = %text,
                        "no new keys from the provider, the old ones stay in use for a day"
                    );
                    self.failure = Some(text);
                }
                error.label()
            }
        };
        self.refreshes.with_label_values(&[&*self.provider, outcome]).inc();
    }

    async fn fetch(&mut self) -> Result<(KeySet, Jwks), RefreshError> {
        let jwks = self.source.read().await?;
        let Admission { keys, refused } =
            KeySet::from_jwks(self.issuer.clone(), &jwks.text, &self.algorithms)
                .map_err(RefreshError::KeySet)?;
        let refused: Vec<_> =
            refused.into_iter().map(|key| (kid(&key), key.refusal.to_string())).collect();
        self.report(refused);
        Ok((keys, jwks))
    }

    /// Says once what was refused, and again when it changes.
    fn report(&mut self, refused: Vec<Refused>) {
        for key in refused.iter().filter(|key| !self.refused.contains(key)) {
            let (kid, reason) = key;
            tracing::warn!(
                provider = %self.provider, ?kid, %reason,
                "a key of the provider is not used"
            );
        }
        self.refused = refused;
    }
}
