//! All configured providers.

use std::collections::HashMap;
use std::sync::Arc;

use super::{HttpClient, Metrics, Provider, ProviderConfig, ProviderConfigError};

/// All configured providers, in the order of the configuration.
#[derive(Debug, Default)]
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// Builds them, without any I/O but reading each `ca_file`. Providers with the same trust
    /// configuration share a client.
    pub fn new(
        configs: impl IntoIterator<Item = ProviderConfig>,
        metrics: &Metrics,
    ) -> Result<Self, ProviderConfigError> {
        let mut clients: HashMap<_, HttpClient> = HashMap::new();
        let mut providers = Self::default();
        for config in configs {
            providers.refuse_duplicates(&config)?;
            let client = if let Some(client) = clients.get(&config.ca_file) {
                client.clone()
            } else {
                let client = HttpClient::new(config.ca_file.as_deref()).map_err(|source| {
                    ProviderConfigError::HttpClient { name: config.name.clone(), source }
                })?;
                clients.insert(config.ca_file.clone(), client.clone());
                client
            };
            providers.0.push(Provider::new(config, client, metrics)?);
        }
        Ok(providers)
    }

    fn refuse_duplicates(&self, config: &ProviderConfig) -> Result<(), ProviderConfigError> {
        if self.by_name(&config.name).is_some() {
            return Err(ProviderConfigError::DuplicateName { name: config.name.clone() });
        }
        match self.by_issuer(config.issuer.as_str()) {
            Some(first) => Err(ProviderConfigError::DuplicateIssuer {
                first: first.name().into(),
                second: config.name.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The one of this name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.name() == name)
    }

    /// The one of this issuer, byte for byte. The text may come from an unverified token: then it
    /// only picks the configuration, and the verified `iss` must be compared again.
    pub fn by_issuer(&self, issuer: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.issuer().as_str() == issuer)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.iter()
    }
}
