//! Who may call the JSON routes.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use signout_checker::Issuer;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::answer::Failure;
use crate::access_token::AcceptedAudience;
use crate::settings::{ApiKeySettings, Issuers, Scope};

/// The configured keys. Only their SHA-256 is held.
#[derive(Debug)]
pub struct ApiKeys(Vec<ApiKeySettings>);

/// Proof that the caller may do what the route does.
#[derive(Debug)]
pub(super) struct Caller<'k> {
    key: &'k ApiKeySettings,
}

impl ApiKeys {
    /// From the settings.
    #[must_use]
    pub const fn new(keys: Vec<ApiKeySettings>) -> Self {
        Self(keys)
    }

    /// Lets a request pass whose `Authorization: Bearer` holds a key with this scope.
    pub(super) fn admit(&self, request: &HttpRequest, scope: Scope) -> Result<Caller<'_>, Failure> {
        let presented = bearer(request).ok_or_else(Failure::no_api_key)?;
        let key = self.find(presented).ok_or_else(Failure::unknown_api_key)?;
        if key.scopes.contains(&scope) {
            Ok(Caller { key })
        } else {
            Err(Failure::missing_scope(scope))
        }
    }

    /// The one of this name that has this key (RFC 6749, section 2.3.1). What it may do is asked next:
    /// [`Caller::with`].
    pub(super) fn client(&self, name: &str, key: &str) -> Option<Caller<'_>> {
        let key = self.find(key).filter(|key| key.name.as_str() == name)?;
        Some(Caller { key })
    }

    /// Of every key.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.name.as_str())
    }

    /// Compares with every key, whichever fits: the time tells nothing.
    fn find(&self, presented: &str) -> Option<&ApiKeySettings> {
        let presented = Sha256::digest(presented.as_bytes());
        let mut found = u64::MAX;
        for (i, key) in (0_u64..).zip(&self.0) {
            let fits: Choice = key.sha256.as_bytes().as_slice().ct_eq(&presented);
            found.conditional_assign(&i, fits);
        }
        self.0.get(usize::try_from(found).ok()?)
    }
}

impl Caller<'_> {
    /// Lets the caller act for this issuer.
    pub(super) fn act_for(&self, issuer: &Issuer) -> Result<(), Failure> {
        match &self.key.issuers {
            Issuers::All => Ok(()),
            Issuers::Only(issuers) if issuers.contains(issuer) => Ok(()),
            Issuers::Only(_) => Err(Failure::foreign_issuer()),
        }
    }

    /// For whom the caller may act, if its key has this scope as well.
    pub(super) fn issuers_for(&self, scope: Scope) -> Option<Issuers> {
        self.key.scopes.contains(&scope).then(|| self.key.issuers.clone())
    }

    /// The caller, if its key has this scope.
    pub(super) fn with(self, scope: Scope) -> Option<Self> {
        self.key.scopes.contains(&scope).then_some(self)
    }

    /// Which tokens it takes, if its key says so.
    pub(super) fn audiences(&self) -> Option<&[AcceptedAudience]> {
        self.key.audiences.as_deref()
    }

    pub(super) fn name(&self) -> &str {
        self.key.name.as_str()
    }
}

/// RFC 6750, section 2.1. The scheme is compared without case (RFC 9110, section 11.1).
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}
