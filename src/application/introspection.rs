//! From `[introspection]` and the audiences to what the OAuth endpoints need.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ApplicationError;
use super::providers::bearer_rules;
use crate::access_token::AcceptedAudience;
use crate::bearer::Bearers;
use crate::http::{IntrospectionRules, Signing};
use crate::jose::{NewKey, Signer};
use crate::provider::Providers;
use crate::settings::{ProviderSettings, Settings};

/// Beside the journal, whose extension it takes the place of.
const KEY_FILE: &str = "introspection-key.json";

/// `bearers` reads tokens for `[forward_auth]`; where no key lists audiences of its own, it does for
/// introspection too.
pub(super) fn rules(
    settings: &Settings,
    providers: &Providers,
    bearers: &Arc<Bearers>,
) -> Result<IntrospectionRules, ApplicationError> {
    let audiences: Arc<[AcceptedAudience]> = settings.forward_auth.audiences.as_slice().into();
    let of_keys = settings.api_keys.iter().filter_map(|key| key.audiences.as_deref());
    let of_keys: Vec<_> = of_keys.flatten().cloned().collect();
    let bearers = if of_keys.is_empty() {
        Arc::clone(bearers)
    } else {
        let each = settings.providers.iter().zip(providers.iter());
        let rules = each.map(|(provider_settings, provider)| {
            let all = all_audiences(provider_settings, &audiences, &of_keys);
            bearer_rules(provider_settings, &settings.forward_auth, &all, provider)
        });
        Arc::new(Bearers::new(rules.collect()).map_err(ApplicationError::Randomness)?)
    };
    Ok(IntrospectionRules { bearers, audiences, signing: signing(settings)? })
}

/// What any caller may accept; which caller accepts what is compared again for each.
fn all_audiences(
    provider: &ProviderSettings,
    configured: &[AcceptedAudience],
    of_keys: &[AcceptedAudience],
) -> Arc<[AcceptedAudience]> {
    let clients = provider.client_ids.iter();
    let clients = clients.filter_map(|client| AcceptedAudience::parse(client.as_str()).ok());
    let by_default: Vec<_> =
        if configured.is_empty() { clients.collect() } else { configured.to_vec() };
    by_default.into_iter().chain(of_keys.iter().cloned()).collect()
}

fn signing(settings: &Settings) -> Result<Option<Signing>, ApplicationError> {
    let Some(issuer) = settings.introspection.issuer.clone() else { return Ok(None) };
    let own = settings.journal.path.with_extension(KEY_FILE);
    let (path, file) = match &settings.introspection.signing_key_file {
        Some(path) => (path, fs::read(path)),
        None => (&own, read_or_create(&own)),
    };
    let unusable = |reason: String| ApplicationError::SigningKey { path: path.clone(), reason };
    let file = file.map_err(|error| unusable(error.to_string()))?;
    let signer = Signer::parse(&file).map_err(|error| unusable(error.to_string()))?;
    Ok(Some(Signing { issuer, signer }))
}

/// The journal is open: no other instance works in this place.
fn read_or_create(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        read => read,
    }
}

/// Whole or not at all, whatever happens: answers that were signed must still verify after a crash.
fn create(path: &Path) -> io::Result<Vec<u8>> {
    let key = NewKey::generate().map_err(io::Error::other)?;
    let unfinished = PathBuf::from(format!("{}.new", path.display()));
    // Left behind by a crash.
    let _ = fs::remove_file(&unfinished);
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
    let mut file = options?;
    file.write_all(key.expose())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    tracing::info!(path = %path.display(), "a signing key was made");
    Ok(key.expose().to_vec())
}
