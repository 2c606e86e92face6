//! The configured providers, as the routes need them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use signout_checker::{ClientId, Issuer};

use super::answer::Failure;
use crate::forwarder::Forwarder;
use crate::jose::Decrypter;
use crate::logout_token::{EncryptionPolicy, Expected, MissingExp, TypPolicy};
use crate::provider::Provider;
use crate::revoker::Policy;
use crate::settings::{CannotPersist, FrontchannelLogout};

/// One provider: its keys, what its logout tokens must say, and what they do.
#[derive(Debug)]
pub struct Configured {
    /// Whose keys verify.
    pub provider: Arc<Provider>,
    /// Accepted `aud`.
    pub client_ids: Vec<ClientId>,
    /// Opens encrypted logout tokens; absent if encryption was not negotiated.
    pub decrypter: Option<Decrypter>,
    /// Whether an unencrypted one may pass.
    pub encryption: EncryptionPolicy,
    /// Whether `typ` must say so.
    pub typ: TypPolicy,
    /// Whether `exp` may be absent.
    pub missing_exp: MissingExp,
    /// What a logout ends.
    pub policy: Policy,
    /// What to answer when a logout cannot be made durable.
    pub cannot_persist: CannotPersist,
    /// Whether a browser's word ends sessions.
    pub frontchannel: FrontchannelLogout,
    /// Tells the provider what clients revoke here, if that is configured.
    pub forwarder: Option<Forwarder>,
}

impl Configured {
    pub(super) fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: self.provider.issuer(),
            client_ids: &self.client_ids,
            encryption: self.encryption,
            typ: self.typ,
            missing_exp: self.missing_exp,
            max_age: self.policy.max_logout_token_age,
            leeway: self.policy.leeway,
        }
    }

    pub(super) fn leeway(&self) -> Duration {
        self.policy.leeway
    }
}

/// All of them. Small, and fixed while the service runs.
#[derive(Debug)]
pub struct Issuers {
    by_name: HashMap<Box<str>, Arc<Configured>>,
    by_issuer: HashMap<Issuer, Arc<Configured>>,
}

impl Issuers {
    /// Names and issuers are unique: the settings and the providers have seen to that.
    #[must_use]
    pub fn new(configured: Vec<Configured>) -> Self {
        let all: Vec<_> = configured.into_iter().map(Arc::new).collect();
        let name = |c: &Arc<Configured>| Box::from(c.provider.name());
        let issuer = |c: &Arc<Configured>| c.provider.issuer().clone();
        Self {
            by_name: all.iter().map(|c| (name(c), Arc::clone(c))).collect(),
            by_issuer: all.iter().map(|c| (issuer(c), Arc::clone(c))).collect(),
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<Configured>> {
        self.by_name.get(name)
    }

    pub(super) fn of(&self, issuer: &Issuer) -> Option<&Arc<Configured>> {
        self.by_issuer.get(issuer)
    }

    /// For the JSON routes.
    pub(super) fn require(&self, issuer: &Issuer) -> Result<&Arc<Configured>, Failure> {
        self.of(issuer).ok_or_else(Failure::foreign_issuer)
    }

    /// Every provider, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Configured>> {
        self.by_issuer.values()
    }
}
