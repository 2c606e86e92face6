//! The configuration: one TOML file, and the environment over it.
//!
//! [`Settings::load`] reads both and gives either settings that hold together, with the report
//! that `signout check-config` prints, or every mistake at once. `application` takes the settings
//! apart and hands each room its part; nobody else reads a configuration file or a variable.
//!
//! Each key has a variable: `listen` in `[server]` is `SIGNOUT_SERVER__LISTEN`. Sections that
//! occur several times are numbered from 0 in the order of the file, `SIGNOUT_PROVIDER__0__ISSUER`,
//! and a number one higher than the last adds one; or they are named, in capitals and with `_` for
//! `-`: `SIGNOUT_PROVIDER__HOME__LEEWAY`. A name of digits only, or with two underscores in a row,
//! can only be meant by its number. Lists are written with commas. A secret may stand in a file of
//! its own, which the key with `_file`, or the variable with `_FILE`, names.
//!
//! There is no global configuration, no default that comes from the machine, and no file that
//! includes another. Contents of certificates and JWK files are for the rooms that use them;
//! relative paths begin at the working directory.

mod api_key;
mod checker;
mod choice;
mod effective;
mod encryption;
mod environment;
mod feed;
mod files;
mod forward_auth;
mod introspection;
mod journal;
mod key_location;
mod lasting;
mod load;
mod mistake;
mod name;
mod nearest;
mod policy;
mod problem;
mod profile;
mod provider;
mod redis;
mod report;
mod revocation;
mod scope;
mod secret;
mod secret_source;
mod section;
mod server;
mod shape;
mod signature;
mod source;
mod token_place;
mod toml_file;
mod unique;
mod unserved;
mod url;
mod value;
mod warning;

pub use api_key::{ApiKeySettings, Issuers, KeyHash};
pub use checker::CheckerSettings;
pub use effective::{Effective, Row, Shown};
pub use environment::Environment;
pub use feed::FeedSettings;
pub use files::{Contents, Disk, Files, Readers};
pub use forward_auth::ForwardAuthSettings;
pub use introspection::IntrospectionSettings;
pub use journal::JournalSettings;
pub use key_location::KeyLocation;
pub use load::{Loaded, Settings};
pub use mistake::Mistake;
pub use name::{ApiKeyName, ProviderName};
pub use policy::{CannotPersist, FrontchannelLogout, RevokeOffline, SessionReuse, SidScope};
pub use problem::{Problem, SettingsError};
pub use profile::Profile;
pub use provider::ProviderSettings;
pub use redis::{Acknowledge, RedisLogin, RedisServers, RedisSettings};
pub use revocation::{ClientAuth, RevocationSettings};
pub use scope::Scope;
pub use secret::Secret;
pub use server::{ServerSettings, TlsFiles};
pub use source::Source;
pub use token_place::{ClaimPath, CookieName, HeaderName};
pub use url::{ProviderUrl, ServiceUrl};
pub use warning::Warning;

#[cfg(test)]
mod tests;
