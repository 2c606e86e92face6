//! `[[provider]]`: an OpenID provider that ends sessions.

use std::path::PathBuf;
use std::time::Duration;

use signout_checker::{ClientId, Issuer};

use super::encryption::Encryption;
use super::key_location::KeyAccess;
use super::mistake::Mistake;
use super::policy::CannotPersistStatus;
use super::report::Reported;
use super::section::Section;
use super::shape::{Flag, Lasting, seconds, some, text};
use super::signature::Signature;
use super::unique::Unique;
use super::{
    CannotPersist, FrontchannelLogout, KeyLocation, Profile, ProviderName, RevocationSettings,
    RevokeOffline, Secret, SessionReuse, SidScope, Warning,
};
use crate::jose::Algorithm;
use crate::logout_token::{EncryptionPolicy, MissingExp, TypPolicy};
use crate::provider::PlainHttp;

/// One provider.
///
/// `N` in a variable is its number, from 0, or its name in capitals with `_` for `-`. Defaults
/// marked (profile) depend on `profile`.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Label in metrics and part of URLs; unique. `SIGNOUT_PROVIDER__N__NAME`, required.
    pub name: ProviderName,
    /// `iss`, compared byte for byte; unique. `SIGNOUT_PROVIDER__N__ISSUER`, required.
    pub issuer: Issuer,
    /// Accepted `aud`, at least one. `SIGNOUT_PROVIDER__N__CLIENT_IDS`, required.
    pub client_ids: Vec<ClientId>,
    /// Accepted signatures. `SIGNOUT_PROVIDER__N__ALGORITHMS`, default `RS256`.
    pub algorithms: Vec<Algorithm>,
    /// Key of the HS* algorithms; there is one if such an algorithm is accepted.
    /// `SIGNOUT_PROVIDER__N__CLIENT_SECRET` or `..._FILE`.
    pub client_secret: Option<Secret>,
    /// Where the keys are. `SIGNOUT_PROVIDER__N__JWKS_URI` or `..._JWKS_FILE`, default discovery.
    pub keys: KeyLocation,
    /// Authorities to trust beside the system's, PEM. `SIGNOUT_PROVIDER__N__CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// Whether loopback hosts may be asked over http.
    /// `SIGNOUT_PROVIDER__N__ALLOW_INSECURE_HTTP`, default `false`.
    pub plain_http: PlainHttp,
    /// Make of the provider. `SIGNOUT_PROVIDER__N__PROFILE`, default `generic`.
    pub profile: Profile,
    /// What a token with `sid` and `sub` ends.
    /// `SIGNOUT_PROVIDER__N__SID_SCOPE`, default `session` (profile).
    pub sid_scope: SidScope,
    /// Whether `typ` must be `logout+jwt`.
    /// `SIGNOUT_PROVIDER__N__REQUIRE_TYP`, default `false` (profile).
    pub typ: TypPolicy,
    /// Whether `exp` may be absent.
    /// `SIGNOUT_PROVIDER__N__ALLOW_MISSING_EXP`, default `false` (profile).
    pub missing_exp: MissingExp,
    /// Greatest age since `iat`.
    /// `SIGNOUT_PROVIDER__N__MAX_LOGOUT_TOKEN_AGE`, default `5m` (profile).
    pub max_logout_token_age: Duration,
    /// Clock tolerance for `iat`, `exp` and `nbf`.
    /// `SIGNOUT_PROVIDER__N__LEEWAY`, default `60s` (profile).
    pub leeway: Duration,
    /// Answer to a logout that cannot be made durable.
    /// `SIGNOUT_PROVIDER__N__CANNOT_PERSIST_STATUS`, default 503.
    pub cannot_persist: CannotPersist,
    /// JWK files that open encrypted logout tokens.
    /// `SIGNOUT_PROVIDER__N__ENCRYPTION_KEYS`, default none.
    pub encryption_keys: Vec<PathBuf>,
    /// Whether others pass. `SIGNOUT_PROVIDER__N__REQUIRE_ENCRYPTION`, default `true` if there are
    /// encryption keys.
    pub encryption: EncryptionPolicy,
    /// Fate of offline refresh tokens. `SIGNOUT_PROVIDER__N__REVOKE_OFFLINE`, default `as_told`.
    pub revoke_offline: RevokeOffline,
    /// Whether a `sid` comes back. `SIGNOUT_PROVIDER__N__SESSION_REUSE`, default `deny`.
    pub session_reuse: SessionReuse,
    /// No access token of this provider lives longer: how long a revocation is remembered whose
    /// tokens are not all known. `SIGNOUT_PROVIDER__N__MAX_TOKEN_LIFETIME`, default `24h`.
    pub max_token_lifetime: Duration,
    /// Whether `/frontchannel-logout/{name}` ends sessions.
    /// `SIGNOUT_PROVIDER__N__FRONTCHANNEL_LOGOUT`, default `false`.
    pub frontchannel_logout: FrontchannelLogout,
    /// `[provider.revocation]`; without it the provider is not told what clients revoke here.
    pub revocation: Option<RevocationSettings>,
}

/// Below ten seconds a healthy delivery is refused; one day is the longest life of a logout token
/// that was seen. The `jti` of each is remembered as long.
const LOGOUT_TOKEN_AGE: Lasting = seconds(10, 24 * 60 * 60);
/// Revocations outlive their tokens by five minutes at least; more tolerance than that would admit
/// a token whose revocation is forgotten.
const LEEWAY: Lasting = seconds(0, 5 * 60);
/// A year. Tokens that live longer are registered with the `exp` they have.
const TOKEN_LIFETIME: Lasting = seconds(60, 366 * 24 * 60 * 60);

/// What no two providers share.
pub(super) struct Taken {
    names: Unique<ProviderName>,
    issuers: Unique<Issuer>,
}

impl Taken {
    pub(super) const fn new() -> Self {
        Self { names: Unique::new(), issuers: Unique::new() }
    }
}

impl ProviderSettings {
    pub(super) fn read(section: &mut Section<'_, '_>, taken: &mut Taken) -> Result<Self, Reported> {
        let name = section.required("name", &text::<ProviderName>());
        let access = KeyAccess::read(section);
        let client_ids = section.required("client_ids", &some::<ClientId>());
        let signature = Signature::read(section, name.as_ref().ok());
        let tokens = TokenRules::read(section);
        let cannot_persist = section.or("cannot_persist_status", 503, &CannotPersistStatus);
        let encryption = Encryption::read(section);
        let revoke_offline = section.or("revoke_offline", "as_told", &text::<RevokeOffline>());
        let session_reuse = section.or("session_reuse", "deny", &text::<SessionReuse>());
        let max_token_lifetime = section.or("max_token_lifetime", "24h", &TOKEN_LIFETIME);
        let frontchannel_logout = section.or("frontchannel_logout", false, &Flag);
        let (known_access, known_signature) = (access.as_ref().ok(), signature.as_ref().ok());
        let revocation = section.optional_section("revocation", |section| {
            RevocationSettings::read(section, known_access, known_signature)
        });

        let name =
            name.and_then(|name| match taken.names.insert(&name, section.source_of("name")) {
                None => Ok(name),
                Some(first) => Err(section.refuse("name", Mistake::DuplicateName { first })),
            });
        let access = access?;
        let issuer = access.issuer.issuer.clone();
        if let Some(first) = taken.issuers.insert(&issuer, section.source_of("issuer")) {
            return Err(section.refuse("issuer", Mistake::DuplicateIssuer { first }));
        }
        let (name, tokens, signature, encryption) = (name?, tokens?, signature?, encryption?);
        if access.asks_plainly() {
            section.warn(Warning::PlainHttp { provider: name.clone() });
        }
        Ok(Self {
            name,
            issuer,
            client_ids: client_ids?,
            algorithms: signature.algorithms,
            client_secret: signature.client_secret,
            keys: access.keys,
            ca_file: access.ca_file,
            plain_http: access.plain_http,
            profile: tokens.profile,
            sid_scope: tokens.sid_scope,
            typ: tokens.typ,
            missing_exp: tokens.missing_exp,
            max_logout_token_age: tokens.max_age,
            leeway: tokens.leeway,
            cannot_persist: cannot_persist?,
            encryption_keys: encryption.keys,
            encryption: encryption.policy,
            revoke_offline: revoke_offline?,
            session_reuse: session_reuse?,
            max_token_lifetime: max_token_lifetime?,
            frontchannel_logout: if frontchannel_logout? {
                FrontchannelLogout::Allow
            } else {
                FrontchannelLogout::Deny
            },
            revocation: revocation?,
        })
    }
}

/// `profile` and the keys whose defaults it decides.
struct TokenRules {
    profile: Profile,
    sid_scope: SidScope,
    typ: TypPolicy,
    missing_exp: MissingExp,
    max_age: Duration,
    leeway: Duration,
}

impl TokenRules {
    fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let profile = section.or("profile", "generic", &text::<Profile>());
        let defaults = profile.as_ref().map_or(Profile::Generic, |profile| *profile).defaults();
        let or = |value| defaults.fallback(value);
        let sid_scope =
            section.or("sid_scope", or(defaults.sid_scope.as_str().into()), &text::<SidScope>());
        let require_typ = section.or("require_typ", or(defaults.require_typ.into()), &Flag);
        let allow_missing_exp =
            section.or("allow_missing_exp", or(defaults.allow_missing_exp.into()), &Flag);
        let max_age = or(defaults.max_logout_token_age.into());
        let max_age = section.or("max_logout_token_age", max_age, &LOGOUT_TOKEN_AGE);
        let leeway = section.or("leeway", or(defaults.leeway.into()), &LEEWAY);
        Ok(Self {
            profile: profile?,
            sid_scope: sid_scope?,
            typ: if require_typ? { TypPolicy::Require } else { TypPolicy::Allow },
            missing_exp: if allow_missing_exp? { MissingExp::Allow } else { MissingExp::Deny },
            max_age: max_age?,
            leeway: leeway?,
        })
    }
}
