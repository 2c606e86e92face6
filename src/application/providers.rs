//! From `[[provider]]` to what each room needs of it.

use std::path::PathBuf;
use std::sync::Arc;

use signout_checker::Issuer;

use super::ApplicationError;
use super::forwarding::Deliveries;
use crate::access_token::{AcceptedAudience, Dialect};
use crate::bearer::Rules;
use crate::forwarder::{Forwarder, Metrics};
use crate::http::Configured;
use crate::jose::Decrypter;
use crate::provider::{ClientSecret, Endpoint, KeyLocation, Provider, ProviderConfig, Providers};
use crate::revoker::Policy;
use crate::settings::{ForwardAuthSettings, Profile, ProviderSettings, Settings};

pub(super) fn policy(configured: &Configured) -> (Issuer, Policy) {
    (configured.provider.issuer().clone(), configured.policy)
}

pub(super) fn provider_config(
    settings: &ProviderSettings,
) -> Result<ProviderConfig, ApplicationError> {
    let secret = settings.client_secret.as_ref();
    Ok(ProviderConfig {
        name: settings.name.as_str().into(),
        issuer: settings.issuer.clone(),
        algorithms: settings.algorithms.clone(),
        keys: key_location(settings)?,
        client_secret: secret.map(|secret| ClientSecret::new(secret.expose())),
        ca_file: settings.ca_file.clone(),
        plain_http: settings.plain_http,
    })
}

fn key_location(settings: &ProviderSettings) -> Result<KeyLocation, ApplicationError> {
    use crate::settings::KeyLocation as Configured;
    Ok(match &settings.keys {
        Configured::Discovery => KeyLocation::Discovery,
        Configured::File(path) => KeyLocation::File(path.clone()),
        Configured::Uri(uri) => {
            let endpoint = Endpoint::parse(uri.as_str(), settings.plain_http);
            KeyLocation::Uri(endpoint.map_err(|source| ApplicationError::JwksUri {
                provider: settings.name.clone(),
                source,
            })?)
        }
    })
}

/// All of them, in the order of the settings, and the tasks that tell them what was revoked.
pub(super) fn configured(
    settings: &Settings,
    providers: &Providers,
    forwarded: &Metrics,
) -> Result<(Vec<Configured>, Deliveries), ApplicationError> {
    let mut deliveries = Deliveries::default();
    let each = settings.providers.iter().zip(providers.iter()).map(|(settings, provider)| {
        let forwarder = deliveries.forwarder(settings, provider, forwarded)?;
        configured_one(settings, Arc::clone(provider), forwarder)
    });
    let all = each.collect::<Result<Vec<_>, _>>()?;
    Ok((all, deliveries))
}

fn configured_one(
    settings: &ProviderSettings,
    provider: Arc<Provider>,
    forwarder: Option<Forwarder>,
) -> Result<Configured, ApplicationError> {
    Ok(Configured {
        provider,
        client_ids: settings.client_ids.clone(),
        decrypter: decrypter(settings)?,
        encryption: settings.encryption,
        typ: settings.typ,
        missing_exp: settings.missing_exp,
        policy: Policy {
            sid_scope: settings.sid_scope,
            revoke_offline: settings.revoke_offline,
            session_reuse: settings.session_reuse,
            max_token_lifetime: settings.max_token_lifetime,
            leeway: settings.leeway,
            max_logout_token_age: settings.max_logout_token_age,
        },
        cannot_persist: settings.cannot_persist,
        frontchannel: settings.frontchannel_logout,
        forwarder,
    })
}

pub(super) fn bearer_rules(
    settings: &ProviderSettings,
    forward_auth: &ForwardAuthSettings,
    audiences: &Arc<[AcceptedAudience]>,
    provider: &Arc<Provider>,
) -> Rules {
    Rules {
        provider: Arc::clone(provider),
        audiences: Arc::clone(audiences),
        client_ids: settings.client_ids.clone(),
        profile: forward_auth.token_profile,
        dialect: match settings.profile {
            Profile::Authentik => Dialect::Authentik,
            _ => Dialect::Norm,
        },
        leeway: settings.leeway,
        max_lifetime: settings.max_token_lifetime,
    }
}

fn decrypter(settings: &ProviderSettings) -> Result<Option<Decrypter>, ApplicationError> {
    if settings.encryption_keys.is_empty() {
        return Ok(None);
    }
    let read = |path: &PathBuf| {
        let unreadable = |source| ApplicationError::EncryptionKey { path: path.clone(), source };
        std::fs::read(path).map_err(unreadable)
    };
    let keys = settings.encryption_keys.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let decrypter = Decrypter::from_jwks(&keys).map_err(|source| ApplicationError::Decrypter {
        provider: settings.name.clone(),
        source,
    })?;
    Ok(Some(decrypter))
}
