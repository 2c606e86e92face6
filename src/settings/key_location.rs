//! Where a provider's keys are, and how they are fetched.

use std::path::PathBuf;

use super::ProviderUrl;
use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::{Flag, text};
use super::url::IssuerUrl;
use crate::provider::PlainHttp;

/// Where the keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// Where the provider's discovery document says.
    Discovery,
    /// In a file on this host.
    File(PathBuf),
    /// At this address; nothing is discovered.
    Uri(ProviderUrl),
}

/// The keys `issuer`, `jwks_uri`, `jwks_file`, `ca_file` and `allow_insecure_http`, which only
/// make sense together.
pub(super) struct KeyAccess {
    pub(super) issuer: IssuerUrl,
    pub(super) keys: KeyLocation,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) plain_http: PlainHttp,
}

impl KeyAccess {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let issuer = section.required("issuer", &text::<IssuerUrl>());
        let uri = section.optional("jwks_uri", &text::<ProviderUrl>());
        let file = section.optional("jwks_file", &text::<PathBuf>());
        let ca_file = section.optional("ca_file", &text::<PathBuf>());
        let insecure = section.or("allow_insecure_http", false, &Flag);

        let plain_http = if insecure? { PlainHttp::AllowLoopback } else { PlainHttp::Deny };
        let issuer = issuer.and_then(|issuer| match issuer.url.admit(plain_http) {
            Ok(()) => Ok(issuer),
            Err(mistake) => Err(section.refuse("issuer", mistake)),
        });
        let keys = match (uri?, file?) {
            (None, None) => KeyLocation::Discovery,
            (None, Some(file)) => KeyLocation::File(file),
            (Some(uri), None) => {
                let admitted = uri.admit(plain_http);
                admitted.map_err(|mistake| section.refuse("jwks_uri", mistake))?;
                KeyLocation::Uri(uri)
            }
            (Some(_), Some(_)) => {
                let other = section.source_of("jwks_uri");
                let mistake = Mistake::Conflict { other_key: "jwks_uri", other };
                return Err(section.refuse("jwks_file", mistake));
            }
        };
        Ok(Self { issuer: issuer?, keys, ca_file: ca_file?, plain_http })
    }

    /// Whether anything is asked over plain http.
    pub(super) fn asks_plainly(&self) -> bool {
        match &self.keys {
            KeyLocation::Discovery => self.issuer.url.is_plain_http(),
            KeyLocation::File(_) => false,
            KeyLocation::Uri(uri) => uri.is_plain_http(),
        }
    }
}
