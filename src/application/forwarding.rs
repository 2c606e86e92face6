//! From `[provider.revocation]` to a queue for each provider that has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ApplicationError;
use crate::forwarder::{Delivery, Forwarder, Metrics};
use crate::provider::{
    ClientAuthentication, ClientSecret, Credentials, Endpoint, Provider, RevocationClient,
};
use crate::settings::{ClientAuth, ProviderSettings, RevocationSettings};

/// The tasks behind the queues.
#[derive(Default)]
pub(super) struct Deliveries(Vec<Delivery>);

/// The same, at work.
pub(super) struct Delivering(JoinSet<()>);

impl Deliveries {
    /// The queue of one provider.
    pub(super) fn forwarder(
        &mut self,
        settings: &ProviderSettings,
        provider: &Arc<Provider>,
        metrics: &Metrics,
    ) -> Result<Option<Forwarder>, ApplicationError> {
        let Some(revocation) = &settings.revocation else { return Ok(None) };
        let unusable = |reason: String| ApplicationError::Revocation {
            provider: settings.name.clone(),
            reason,
        };
        let endpoint = revocation.endpoint.as_ref();
        let endpoint = endpoint.map(|url| Endpoint::parse(url.as_str(), settings.plain_http));
        let endpoint = endpoint.transpose().map_err(|error| unusable(error.to_string()))?;
        let authentication = authentication(revocation).map_err(unusable)?;
        let client_id = revocation.client_id.as_str();
        let client =
            RevocationClient::new(Arc::clone(provider), endpoint, client_id, authentication);
        let (forwarder, delivery) = Forwarder::new(client, metrics.clone());
        self.0.push(delivery);
        Ok(Some(forwarder))
    }

    pub(super) fn start(self) -> Delivering {
        let mut tasks = JoinSet::new();
        for delivery in self.0 {
            tasks.spawn(delivery.run());
        }
        Delivering(tasks)
    }
}

impl Delivering {
    /// Waits for what is in the queues, when nobody can put more there. What is left then is lost to
    /// the providers, and holds here.
    pub(super) async fn end(mut self, within: Duration) {
        let ended = async { while self.0.join_next().await.is_some() {} };
        if tokio::time::timeout(within, ended).await.is_err() {
            tracing::warn!("the service stops before every revocation was forwarded");
        }
    }
}

fn authentication(settings: &RevocationSettings) -> Result<ClientAuthentication, String> {
    let Some(secret) = &settings.client_secret else { return Ok(ClientAuthentication::None) };
    match settings.client_auth {
        ClientAuth::Basic => Credentials::basic(settings.client_id.as_str(), secret.expose())
            .map(ClientAuthentication::Header)
            .map_err(|error| error.to_string()),
        ClientAuth::Post => Ok(ClientAuthentication::Form(ClientSecret::new(secret.expose()))),
    }
}
