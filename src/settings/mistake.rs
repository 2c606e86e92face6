//! What can be wrong with a value. Every text ends with what to do.

use std::io;

use thiserror::Error;

use super::{ProviderName, Source};

/// One mistake, without the place. No text quotes a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Mistake {
    /// `none` among the algorithms.
    #[error(
        "\"none\" would accept a logout token from anybody: remove it and list what the provider \
         signs with, \"RS256\" for most"
    )]
    AlgorithmNone,
    /// A provider or api key cannot be told from another one by this variable.
    #[error("{element:?} is more than one {section} here: use its number instead, {example}")]
    AmbiguousElement {
        /// From the variable.
        element: String,
        /// `provider` or `api_key`.
        section: &'static str,
        /// A variable that is not ambiguous.
        example: String,
    },
    /// None or several of `sha256`, `key` and `key_file`.
    #[error(
        "{found} of sha256, key and key_file are set: set exactly one; \
         `openssl rand -hex 32` makes a good key"
    )]
    ApiKeyForms {
        /// `none` or `several`.
        found: &'static str,
    },
    /// An api key that could be guessed.
    #[error(
        "the key has {length} bytes, it needs {needed} or more because only its hash stands \
         between a guesser and the API: `openssl rand -hex 32` makes a good one"
    )]
    ApiKeyTooShort {
        /// Bytes it has.
        length: usize,
        /// Bytes it needs.
        needed: usize,
    },
    /// A secret is given inline and as a file.
    #[error("also set as {other_key} ({other}): remove one of them")]
    BothForms {
        /// The other key.
        other_key: &'static str,
        /// Where that is.
        other: Source,
    },
    /// A symmetric algorithm and no key for it.
    #[error("{algorithm} needs client_secret_file, the secret of the client at the provider")]
    ClientSecretMissing {
        /// The algorithm.
        algorithm: &'static str,
    },
    /// RFC 7518, section 3.2: a key as long as the hash, or longer.
    #[error(
        "the client secret has {length} bytes, {algorithm} needs {needed} or more: \
         set a longer one at the provider and here"
    )]
    ClientSecretTooShort {
        /// The algorithm.
        algorithm: &'static str,
        /// Bytes it has.
        length: usize,
        /// Bytes it needs.
        needed: usize,
    },
    /// Two things that exclude each other.
    #[error("{other_key} is set too ({other}), and only one of the two can hold: remove one")]
    Conflict {
        /// The other key.
        other_key: &'static str,
        /// Where that is.
        other: Source,
    },
    /// Two providers with one issuer.
    #[error(
        "the provider at {first} has this issuer already, and a token could be meant for either: \
         make them one provider with the client_ids of both"
    )]
    DuplicateIssuer {
        /// The earlier one.
        first: Source,
    },
    /// One word twice in a list.
    #[error("{item} is listed twice: remove one")]
    DuplicateItem {
        /// As it is written.
        item: String,
    },
    /// Two api keys with one secret.
    #[error("this is the same key as at {first}: give each caller its own")]
    DuplicateKey {
        /// The earlier one.
        first: Source,
    },
    /// Two providers or two api keys with one name.
    #[error("this name is taken already at {first}: choose another one")]
    DuplicateName {
        /// The earlier one.
        first: Source,
    },
    /// A list that must name something.
    #[error("the list is empty: write {expected}, or leave the key out if it has a default")]
    EmptyList {
        /// What to write.
        expected: String,
    },
    /// A secret of no bytes.
    #[error("the secret is empty: write it, or remove the key")]
    EmptySecret,
    /// A value that the key does not take.
    #[error("{found} does not fit: write {expected}")]
    Expected {
        /// The value, or only its type if it may be secret.
        found: String,
        /// What the key takes, with an example.
        expected: String,
    },
    /// A file cannot be read.
    #[error("{path:?} cannot be read ({kind}): check the path and the permissions")]
    FileUnreadable {
        /// The file.
        path: String,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// A configuration file that is no UTF-8.
    #[error("the file is not UTF-8: save it as UTF-8")]
    FileNotUtf8,
    /// Milliseconds where tokens count in seconds.
    #[error("{found} has a fraction of a second, and tokens carry whole seconds: write {expected}")]
    Fraction {
        /// The value.
        found: String,
        /// What the key takes, with an example.
        expected: String,
    },
    /// A header that has a meaning already.
    #[error(
        "{header} has a meaning of its own here: name the header that your gateway puts the token \
         into, or remove it"
    )]
    HeaderTaken {
        /// Its name.
        header: String,
    },
    /// An index that leaves a gap.
    #[error(
        "there is no {section} number {index}: {count} are configured, numbers begin with 0 and \
         have no gaps"
    )]
    IndexGap {
        /// `provider` or `api_key`.
        section: &'static str,
        /// The number.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A key without default is not set.
    #[error("missing: set it in the file or as {variable}; it is {expected}")]
    Missing {
        /// The environment variable that would set it.
        variable: String,
        /// What the key takes, with an example.
        expected: String,
    },
    /// A key that only makes sense together with another one.
    #[error("{needed} is missing: set both or none")]
    MissingPartner {
        /// The other key.
        needed: &'static str,
    },
    /// The variable names a provider or api key that does not exist.
    #[error(
        "no {section} is called {element:?}: write the name of one, with _ for -, or its number, \
         as in {example}"
    )]
    NoElement {
        /// `provider` or `api_key`.
        section: &'static str,
        /// From the variable.
        element: String,
        /// A variable of the right form.
        example: String,
    },
    /// An address that discovery would tell, at a provider of which nothing is discovered.
    #[error(
        "missing: nothing is discovered of a provider with jwks_uri, jwks_file or HS* signatures \
         alone, so write the address here"
    )]
    NotDiscovered,
    /// A part of the configuration that belongs to a later version.
    #[error("not served by this version: {advice}")]
    NotServed {
        /// What to do.
        advice: &'static str,
    },
    /// An environment variable of no use.
    #[error("no setting has this name{}", setting_instead(.nearest.as_deref()))]
    NoSetting {
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// An environment variable that is no Unicode.
    #[error("the value is not UTF-8: use the variable's _FILE form for a secret, or encode it")]
    NotUnicode,
    /// A number or a duration beyond its bounds.
    #[error("{found} is out of bounds: write {expected}")]
    OutOfBounds {
        /// The value.
        found: String,
        /// What the key takes, with its bounds.
        expected: String,
    },
    /// Encryption is required, and nothing could be decrypted.
    #[error("no token could be read without a key: set encryption_keys, or remove this")]
    RequiresEncryptionKeys,
    /// A database where there is but one.
    #[error("{url} names a database, and only mode = \"single\" has several: remove that part")]
    RedisDatabase {
        /// The address.
        url: String,
    },
    /// `redis://` beside `rediss://`.
    #[error(
        "{url} is reached in another way than the first: write all with redis://, or rediss://"
    )]
    RedisMixed {
        /// The address.
        url: String,
    },
    /// `min_replicas` without waiting for replicas.
    #[error("only acknowledge = \"replicas\" waits for replicas: set that, or remove this")]
    RedisReplicasUnused,
    /// Sentinels, and no name to ask them for.
    #[error(
        "mode = \"sentinel\" needs service_name, the name that the sentinels know the master by"
    )]
    RedisServiceNameMissing,
    /// A name to ask sentinels for, and no sentinels.
    #[error("only mode = \"sentinel\" asks for a service_name: set that mode, or remove this")]
    RedisServiceNameUnused,
    /// A login at sentinels, and no sentinels.
    #[error("only mode = \"sentinel\" logs in at sentinels: set that mode, or remove this")]
    RedisSentinelLoginUnused,
    /// Several servers that nobody coordinates.
    #[error("mode = \"single\" takes one URL; for several set mode to \"sentinel\" or \"cluster\"")]
    RedisSeveralServers,
    /// Two listeners at one address.
    #[error("{other_key} has the same address: give each its own port")]
    SameAddress {
        /// The other key.
        other_key: &'static str,
    },
    /// A file that should hold a secret.
    #[error("{path:?} is empty: write the secret into it")]
    SecretFileEmpty {
        /// The file.
        path: String,
    },
    /// A key that would sign nothing.
    #[error("nothing is signed without issuer, the URL of this service: set that, or remove this")]
    SigningKeyUnused,
    /// A file that is no TOML.
    #[error("this is no TOML: {parser_says}: correct the line; text stands in double quotes")]
    Syntax {
        /// The parser's message, which does not quote the file.
        parser_says: String,
    },
    /// A key that no section has.
    #[error("unknown key{}", known_instead(*.nearest, .known))]
    UnknownKey {
        /// What may have been meant.
        nearest: Option<&'static str>,
        /// All keys of the section.
        known: Vec<&'static str>,
    },
    /// An api key for a provider that is not configured.
    #[error("no provider is called \"{name}\"{}", meant(.nearest.as_deref()))]
    UnknownProvider {
        /// As written.
        name: ProviderName,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// An authority, and nobody whom it could vouch for.
    #[error(
        "no URL begins with rediss://, so nothing has a certificate: write that, or remove this"
    )]
    RedisCaFileUnused,
    /// A URL of Redis with a user name or a password.
    #[error(
        "a URL with a user name or a password ends up in logs: remove that part, and set username \
         and password_file"
    )]
    RedisCredentials,
    /// A URL with a user name or a password.
    #[error("a URL with a user name or a password ends up in logs: remove that part")]
    UrlCredentials,
    /// A URL with a part that it must not have.
    #[error("{url:?} has a {part}: remove it")]
    UrlPart {
        /// The URL.
        url: String,
        /// `query` or `fragment`.
        part: &'static str,
    },
    /// Plain http where it is not allowed.
    #[error(
        "{url:?} is plain http, and whoever is on the way could change the keys: use https \
         (allow_insecure_http = true allows http to loopback hosts, for tests)"
    )]
    UrlPlaintext {
        /// The URL.
        url: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(", did you mean {nearest}?"))
}

fn setting_instead(nearest: Option<&str>) -> String {
    match nearest {
        Some(_) => meant(nearest),
        None => ": remove it; settings are SIGNOUT_SECTION__KEY".into(),
    }
}

fn known_instead(nearest: Option<&str>, known: &[&'static str]) -> String {
    match nearest {
        Some(_) => meant(nearest),
        None => format!(": remove it; known here are {}", known.join(", ")),
    }
}
