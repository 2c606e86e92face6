//! `[forward_auth]`, as the route needs it.

use actix_web::http::header::HeaderValue;

use crate::settings::{ClaimPath, CookieName, ForwardAuthSettings, HeaderName, ProviderUrl};

/// Where tokens are looked for, and what is answered.
#[derive(Clone, Debug)]
pub struct ForwardAuthRules {
    cookies: Vec<CookieName>,
    headers: Vec<HeaderName>,
    login_url: Option<ProviderUrl>,
    groups_claim: Option<ClaimPath>,
    vary: HeaderValue,
}

impl ForwardAuthRules {
    /// From the settings.
    #[must_use]
    pub fn new(settings: &ForwardAuthSettings) -> Self {
        let names = ["Accept", "Authorization", "Cookie", "X-Forwarded-Method"].into_iter();
        let names: Vec<_> = names.chain(settings.headers.iter().map(HeaderName::as_str)).collect();
        let vary = HeaderValue::from_str(&names.join(", "));
        Self {
            cookies: settings.cookies.clone(),
            headers: settings.headers.clone(),
            login_url: settings.login_url.clone(),
            groups_claim: settings.groups_claim.clone(),
            // Names of headers always make one; were it not so, this would forbid every cache.
            vary: vary.unwrap_or(HeaderValue::from_static("*")),
        }
    }

    pub(super) fn cookies(&self) -> &[CookieName] {
        &self.cookies
    }

    pub(super) fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    pub(super) fn login_url(&self) -> Option<&str> {
        self.login_url.as_ref().map(ProviderUrl::as_str)
    }

    pub(super) fn groups(&self) -> Option<&ClaimPath> {
        self.groups_claim.as_ref()
    }

    pub(super) fn vary(&self) -> HeaderValue {
        self.vary.clone()
    }
}
