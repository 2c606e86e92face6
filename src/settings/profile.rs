//! What is known of providers by their name.

use super::choice::choice;
use super::section::Fallback;
use super::value::Value;
use super::{SidScope, Source};

choice! {
    /// A make of provider. It sets the defaults of `sid_scope`, `require_typ`,
    /// `allow_missing_exp`, `max_logout_token_age` and `leeway`; a key that is set wins.
    pub enum Profile {
        /// Says `typ: logout+jwt` and sets `exp`.
        Authentik = "authentik",
        /// Says `typ: logout+jwt` and sets `exp`, 120 s.
        BetterAuth = "better_auth",
        /// Sends no `exp`, and `typ: JWT`.
        Casdoor = "casdoor",
        /// As the norm has it, tolerant of a `typ` that is absent or `JWT`.
        Generic = "generic",
        /// Sends no `exp`, and `typ: JWT`.
        Glewlwyd = "glewlwyd",
        /// Sends no `exp`, and `sid` without `sub`.
        Hydra = "hydra",
        /// Sets `exp`, one day, and no `typ`: the age since `iat` bounds its tokens.
        Idpyoidc = "idpyoidc",
        /// Sets `exp` since version 22; tokens of older ones need `allow_missing_exp = true`.
        Keycloak = "keycloak",
        /// Sends no `exp`, and `typ: JWT`.
        Lemonldap = "lemonldap",
        /// Like `oidc_provider`, on which it is built.
        Logto = "logto",
        /// The one for Node: says `typ: logout+jwt` and sets `exp`, 120 s.
        OidcProvider = "oidc_provider",
        /// Says `typ: JWT` in the header, and sets `exp`, 30 s; repeats come with a new token.
        Rauthy = "rauthy",
        /// Queues logout tokens, which are good for 15 minutes.
        Zitadel = "zitadel",
    }
}

/// The defaults that a profile decides.
#[derive(Clone, Copy)]
pub(super) struct ProfileDefaults {
    profile: Profile,
    pub(super) sid_scope: SidScope,
    pub(super) require_typ: bool,
    pub(super) allow_missing_exp: bool,
    pub(super) max_logout_token_age: &'static str,
    pub(super) leeway: &'static str,
}

impl Profile {
    pub(super) const fn defaults(self) -> ProfileDefaults {
        let generic = ProfileDefaults {
            profile: self,
            sid_scope: SidScope::Session,
            require_typ: false,
            allow_missing_exp: false,
            max_logout_token_age: "5m",
            leeway: "60s",
        };
        match self {
            // Only where logout tokens were seen on the wire: a wrong demand loses logouts.
            Self::BetterAuth | Self::OidcProvider => {
                ProfileDefaults { require_typ: true, ..generic }
            }
            Self::Casdoor | Self::Glewlwyd | Self::Hydra | Self::Lemonldap => {
                ProfileDefaults { allow_missing_exp: true, ..generic }
            }
            Self::Authentik
            | Self::Generic
            | Self::Idpyoidc
            | Self::Keycloak
            | Self::Logto
            | Self::Rauthy => generic,
            Self::Zitadel => ProfileDefaults { max_logout_token_age: "15m", ..generic },
        }
    }
}

impl ProfileDefaults {
    /// One of the defaults, with the profile as its source.
    pub(super) fn fallback(&self, value: Value) -> Fallback {
        let source = match self.profile {
            Profile::Generic => Source::Default,
            named => Source::Profile(named),
        };
        Fallback::new(value, source)
    }
}
