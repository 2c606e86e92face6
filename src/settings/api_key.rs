//! `[[api_key]]`: who may call the JSON routes.

use std::fmt;

use sha2::{Digest as _, Sha256};
use signout_checker::Issuer;

use super::mistake::Mistake;
use super::nearest::nearest;
use super::report::Reported;
use super::section::Section;
use super::shape::{Privacy, Refusal, Shape, some, text};
use super::unique::Unique;
use super::value::{Kind, Value};
use super::{ApiKeyName, ProviderName, ProviderSettings, Scope, Secret};
use crate::access_token::AcceptedAudience;

/// One key. `N` in a variable is its number, from 0, or its name in capitals with `_` for `-`.
#[derive(Clone, Debug)]
pub struct ApiKeySettings {
    /// In the audit trail, and `client_id` at the OAuth endpoints; unique.
    /// `SIGNOUT_API_KEY__N__NAME`, required.
    pub name: ApiKeyName,
    /// All that is kept of the key; unique. Exactly one of `SIGNOUT_API_KEY__N__SHA256` (64 hex
    /// digits), `SIGNOUT_API_KEY__N__KEY` and `SIGNOUT_API_KEY__N__KEY_FILE` (16 bytes or more).
    pub sha256: KeyHash,
    /// What it may do, at least one. `SIGNOUT_API_KEY__N__SCOPES`, required.
    pub scopes: Vec<Scope>,
    /// For whose tokens. `SIGNOUT_API_KEY__N__ISSUERS`, provider names, default all.
    pub issuers: Issuers,
    /// At `/oauth2/introspect`: whose tokens are for this caller, by their `aud`.
    /// `SIGNOUT_API_KEY__N__AUDIENCES`, default those of `[forward_auth]`.
    pub audiences: Option<Vec<AcceptedAudience>>,
}

/// SHA-256 of an api key. Comparing it in constant time is for the one who does it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

/// The providers whose tokens a key may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuers {
    /// All that are configured.
    All,
    /// These; at least one.
    Only(Vec<Issuer>),
}

/// Sixteen random bytes are beyond guessing; a hash without salt and stretching protects no less.
const LEAST_KEY_BYTES: usize = 16;

/// What no two api keys share.
pub(super) struct Taken {
    names: Unique<ApiKeyName>,
    hashes: Unique<KeyHash>,
}

impl Taken {
    pub(super) const fn new() -> Self {
        Self { names: Unique::new(), hashes: Unique::new() }
    }
}

impl KeyHash {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(key: &Secret) -> Self {
        Self(Sha256::digest(key.expose()).into())
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

impl ApiKeySettings {
    pub(super) fn read(
        section: &mut Section<'_, '_>,
        providers: Result<&[ProviderSettings], Reported>,
        taken: &mut Taken,
    ) -> Result<Self, Reported> {
        let name = section.required("name", &text::<ApiKeyName>());
        let sha256 = KeyHash::read(section);
        let scopes = section.required("scopes", &some::<Scope>());
        let issuers = Issuers::read(section, providers);
        let audiences = section.optional("audiences", &some::<AcceptedAudience>());

        let name =
            name.and_then(|name| match taken.names.insert(&name, section.source_of("name")) {
                None => Ok(name),
                Some(first) => Err(section.refuse("name", Mistake::DuplicateName { first })),
            });
        let (sha256, key) = sha256?;
        if let Some(first) = taken.hashes.insert(&sha256, section.source_of(key)) {
            return Err(section.refuse(key, Mistake::DuplicateKey { first }));
        }
        Ok(Self { name: name?, sha256, scopes: scopes?, issuers: issuers?, audiences: audiences? })
    }
}

impl KeyHash {
    /// The hash, and the configuration key that gave it.
    fn read(section: &mut Section<'_, '_>) -> Result<(Self, &'static str), Reported> {
        let sha256 = section.optional("sha256", &Sha256Hex);
        let key = section.secret("key", "key_file");
        match (sha256?, key?) {
            (Some(hash), None) => Ok((hash, "sha256")),
            (None, Some(key)) if key.expose().len() < LEAST_KEY_BYTES => {
                let length = key.expose().len();
                let mistake = Mistake::ApiKeyTooShort { length, needed: LEAST_KEY_BYTES };
                Err(section.refuse("key", mistake))
            }
            (None, Some(key)) => Ok((Self::of(&key), "key")),
            (None, None) => Err(section.refuse("sha256", Mistake::ApiKeyForms { found: "none" })),
            (Some(_), Some(_)) => {
                Err(section.refuse("sha256", Mistake::ApiKeyForms { found: "several" }))
            }
        }
    }
}

impl Issuers {
    fn read(
        section: &mut Section<'_, '_>,
        providers: Result<&[ProviderSettings], Reported>,
    ) -> Result<Self, Reported> {
        let Some(names) = section.optional("issuers", &some::<ProviderName>())? else {
            return Ok(Self::All);
        };
        // Whatever is wrong with the providers was recorded when they were read.
        let providers = providers?;
        let issuer_of = |name: ProviderName| {
            if let Some(provider) = providers.iter().find(|provider| provider.name == name) {
                return Ok(provider.issuer.clone());
            }
            let known = providers.iter().map(|provider| provider.name.as_str());
            let nearest = nearest(name.as_str(), known).map(str::to_owned);
            Err(section.refuse("issuers", Mistake::UnknownProvider { name, nearest }))
        };
        let only: Vec<_> = names.into_iter().map(issuer_of).collect();
        only.into_iter().collect::<Result<_, _>>().map(Self::Only)
    }
}

/// 32 bytes as hex digits. Masked: whoever writes the key itself here should not find it in a log.
struct Sha256Hex;

impl Shape for Sha256Hex {
    type Output = KeyHash;
    const KIND: Kind = Kind::Text;

    fn expected(&self) -> String {
        "64 hex digits, the output of `printf %s \"$KEY\" | sha256sum`".into()
    }

    fn parse(&self, value: &Value) -> Result<KeyHash, Refusal> {
        let Value::Text(text) = value else { return Err(Refusal::Unfit) };
        let mut hash = [0; 32];
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(Refusal::Unfit) };
        if pairs.len() != hash.len() {
            return Err(Refusal::Unfit);
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let [Some(high), Some(low)] = pair.map(digit) else { return Err(Refusal::Unfit) };
            *byte = high << 4 | low;
        }
        Ok(KeyHash(hash))
    }

    fn privacy(&self) -> Privacy {
        Privacy::Mask
    }
}
