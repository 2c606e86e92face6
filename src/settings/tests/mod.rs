//! Tests of the room as a whole: text and variables in, settings or problems out.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;

/// The same for providers and api keys.
mod entries;
/// Every wrong value gives its own text.
mod errors;
/// The example file shows every key.
mod example;
/// File under environment, and which file.
mod layers;
/// The shared denylist, which may be left out.
mod redis;
/// What `check-config` prints, and what it does not.
mod report;
/// What a provider is told of revoked tokens, by whom and where.
mod revocation;
/// What each key means when all is well.
mod values;

/// A provider that needs nothing else.
const HOME: &str = r#"
[[provider]]
name = "home"
issuer = "https://op.example/"
client_ids = ["ha"]
"#;

/// An api key that needs nothing else.
const ORDERS: &str = r#"
[[api_key]]
name = "orders-api"
key = "0123456789abcdef"
scopes = ["check"]
"#;

/// Files in memory.
#[derive(Default)]
struct FakeFiles(BTreeMap<PathBuf, Contents>);

impl FakeFiles {
    fn with(mut self, path: &str, text: impl Into<Vec<u8>>, readers: Readers) -> Self {
        self.0.insert(path.into(), Contents { bytes: text.into(), readers });
        self
    }
}

impl Files for FakeFiles {
    fn read(&self, path: &Path) -> io::Result<Contents> {
        match self.0.get(path) {
            Some(contents) if contents.bytes == b"denied" => {
                Err(io::ErrorKind::PermissionDenied.into())
            }
            Some(contents) => Ok(contents.clone()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// The files that tests name, with `toml` as `signout.toml`.
fn files(toml: &str) -> FakeFiles {
    FakeFiles::default()
        .with("signout.toml", toml, Readers::Some)
        .with("/s/api", "sixteen-bytes-ok\n", Readers::Some)
        .with("/s/crlf", "0123456789abcdef0123456789abcdef\r\n", Readers::Some)
        .with("/s/denied", "denied", Readers::Some)
        .with("/s/empty", "\n", Readers::Some)
        .with("/s/open", "0123456789abcdef0123456789abcdef", Readers::Everybody)
        .with("/s/short", "0123456789abcdef0123456789abcde\n", Readers::Some)
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn load(toml: &str, variables: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
    Settings::load(None, &environment(variables), &files(toml))
}

/// Loads what has to be right.
#[track_caller]
fn loaded(toml: &str, variables: &[(&str, &str)]) -> Loaded {
    match load(toml, variables) {
        Ok(loaded) => loaded,
        Err(error) => panic!("{toml}\n{variables:?}\n{error}"),
    }
}

/// The one provider of a configuration that has to be right.
#[track_caller]
fn provider(keys: &str, variables: &[(&str, &str)]) -> ProviderSettings {
    let mut providers = loaded(&format!("{HOME}{keys}"), variables).settings.providers;
    assert_eq!(providers.len(), 1);
    providers.remove(0)
}
