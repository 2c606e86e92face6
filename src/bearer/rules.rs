//! What one provider's access tokens must be.

use std::sync::Arc;
use std::time::Duration;

use signout_checker::ClientId;

use crate::access_token::{AcceptedAudience, Dialect, Expected, Profile};
use crate::provider::Provider;

/// The owned form of [`Expected`], beside the provider whose keys verify.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whose keys verify.
    pub provider: Arc<Provider>,
    /// Accepted `aud`; if there are none, the `client_ids` stand in.
    pub audiences: Arc<[AcceptedAudience]>,
    /// Who we are at this provider.
    pub client_ids: Vec<ClientId>,
    /// How strict to be.
    pub profile: Profile,
    /// How the provider marks its access tokens.
    pub dialect: Dialect,
    /// Clock tolerance.
    pub leeway: Duration,
    /// No access token of this provider lives longer.
    pub max_lifetime: Duration,
}

impl Rules {
    /// As the claims are held against them.
    #[must_use]
    pub fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: self.provider.issuer(),
            audiences: &self.audiences,
            client_ids: &self.client_ids,
            profile: self.profile,
            dialect: self.dialect,
            leeway: self.leeway,
            max_lifetime: self.max_lifetime,
        }
    }
}
