//! `[provider.revocation]`: telling the provider what clients revoked here.

use signout_checker::ClientId;

use super::choice::choice;
use super::key_location::KeyAccess;
use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::text;
use super::signature::Signature;
use super::{KeyLocation, ProviderUrl, Secret};

/// A client of the provider, and where it revokes tokens (RFC 7009).
#[derive(Clone, Debug)]
pub struct RevocationSettings {
    /// Whose tokens the provider is told of. `SIGNOUT_PROVIDER__N__REVOCATION__CLIENT_ID`, required.
    pub client_id: ClientId,
    /// Its password; a public client has none.
    /// `SIGNOUT_PROVIDER__N__REVOCATION__CLIENT_SECRET` or `..._FILE`.
    pub client_secret: Option<Secret>,
    /// How the password is sent. `SIGNOUT_PROVIDER__N__REVOCATION__CLIENT_AUTH`, default
    /// `client_secret_basic`.
    pub client_auth: ClientAuth,
    /// Where to. `SIGNOUT_PROVIDER__N__REVOCATION__ENDPOINT`, default what discovery says.
    pub endpoint: Option<ProviderUrl>,
}

choice! {
    /// How a client proves who it is, by the names of OpenID Connect Core 1.0, section 9.
    pub enum ClientAuth {
        /// By HTTP Basic.
        Basic = "client_secret_basic",
        /// In the form.
        Post = "client_secret_post",
    }
}

impl RevocationSettings {
    /// Beside how the keys of the provider are had, as far as that could be read: nothing else is
    /// discovered than what keys need.
    pub(super) fn read(
        section: &mut Section<'_, '_>,
        access: Option<&KeyAccess>,
        signature: Option<&Signature>,
    ) -> Result<Self, Reported> {
        let client_id = section.required("client_id", &text::<ClientId>());
        let client_secret = section.secret("client_secret", "client_secret_file");
        let client_auth = section.or("client_auth", "client_secret_basic", &text::<ClientAuth>());
        let endpoint = section.optional("endpoint", &text::<ProviderUrl>())?;
        if let Some((endpoint, access)) = endpoint.as_ref().zip(access) {
            let admitted = endpoint.admit(access.plain_http);
            admitted.map_err(|mistake| section.refuse("endpoint", mistake))?;
        }
        let elsewhere = access.is_some_and(|access| access.keys != KeyLocation::Discovery);
        let symmetric = |signature: &Signature| {
            signature.algorithms.iter().all(|algorithm| algorithm.is_symmetric())
        };
        if endpoint.is_none() && (elsewhere || signature.is_some_and(symmetric)) {
            return Err(section.refuse("endpoint", Mistake::NotDiscovered));
        }
        Ok(Self {
            client_id: client_id?,
            client_secret: client_secret?,
            client_auth: client_auth?,
            endpoint,
        })
    }
}
