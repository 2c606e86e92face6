//! `[introspection]`: what the service says of itself to OAuth clients, and signs.

use std::path::PathBuf;

use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::text;
use super::url::ServiceUrl;

/// The OAuth endpoints as clients know them.
#[derive(Clone, Debug)]
pub struct IntrospectionSettings {
    /// Who the service is: the `iss` of what it signs, and what the URLs in its metadata begin with.
    /// `SIGNOUT_INTROSPECTION__ISSUER`, no default: nothing is signed then, and there is no metadata.
    pub issuer: Option<ServiceUrl>,
    /// The private key, PEM or JWK. `SIGNOUT_INTROSPECTION__SIGNING_KEY_FILE`, default a key of the
    /// service's own, in a file beside the journal.
    pub signing_key_file: Option<PathBuf>,
}

impl IntrospectionSettings {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let issuer = section.optional("issuer", &text::<ServiceUrl>());
        let signing_key_file = section.optional("signing_key_file", &text::<PathBuf>());
        let (issuer, signing_key_file) = (issuer?, signing_key_file?);
        if let Some(file) = &signing_key_file {
            if issuer.is_none() {
                let mistake = Mistake::SigningKeyUnused;
                return Err(section.refuse("signing_key_file", mistake));
            }
            section.guard(file);
        }
        Ok(Self { issuer, signing_key_file })
    }
}
