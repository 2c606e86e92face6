//! `[forward_auth]`: the sub-request of reverse proxies.

use super::choice::Choice;
use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::{Refusal, Word, any, text};
use super::token_place::{ClaimPath, CookieName, HeaderName};
use super::url::ProviderUrl;
use crate::access_token::{AcceptedAudience, Profile};

/// How the tokens that come through a reverse proxy are found and held against the norm.
#[derive(Clone, Debug)]
pub struct ForwardAuthSettings {
    /// Accepted `aud` of access tokens; if there are none, each provider's `client_ids`.
    /// `SIGNOUT_FORWARD_AUTH__AUDIENCES`, default none.
    pub audiences: Vec<AcceptedAudience>,
    /// How strictly they are held against RFC 9068.
    /// `SIGNOUT_FORWARD_AUTH__TOKEN_PROFILE`, default `compat`.
    pub token_profile: Profile,
    /// Cookies that a token may be in. `SIGNOUT_FORWARD_AUTH__COOKIES`, default none.
    pub cookies: Vec<CookieName>,
    /// Headers that a token may be in, beside `Authorization`.
    /// `SIGNOUT_FORWARD_AUTH__HEADERS`, default none.
    pub headers: Vec<HeaderName>,
    /// Where browsers are sent instead of a 401. `SIGNOUT_FORWARD_AUTH__LOGIN_URL`, no default.
    pub login_url: Option<ProviderUrl>,
    /// The claim that `X-Auth-Groups` is filled from. `SIGNOUT_FORWARD_AUTH__GROUPS_CLAIM`, no default:
    /// the header is blank then.
    pub groups_claim: Option<ClaimPath>,
}

impl ForwardAuthSettings {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let audiences = section.or("audiences", [], &any::<AcceptedAudience>());
        let token_profile = section.or("token_profile", "compat", &text::<Profile>());
        let cookies = section.or("cookies", [], &any::<CookieName>());
        let headers = section.or("headers", [], &any::<HeaderName>());
        let login_url = section.optional("login_url", &text::<ProviderUrl>());
        let groups_claim = section.optional("groups_claim", &text::<ClaimPath>());
        if let Ok(headers) = &headers
            && let Some(taken) = headers.iter().find(|header| header.is_taken())
        {
            let header = taken.as_str().to_owned();
            return Err(section.refuse("headers", Mistake::HeaderTaken { header }));
        }
        Ok(Self {
            audiences: audiences?,
            token_profile: token_profile?,
            cookies: cookies?,
            headers: headers?,
            login_url: login_url?,
            groups_claim: groups_claim?,
        })
    }
}

impl Choice for Profile {
    const ALL: &'static [Self] = &[Self::Compat, Self::AtJwt];

    fn as_str(self) -> &'static str {
        match self {
            Self::AtJwt => "at_jwt",
            Self::Compat => "compat",
        }
    }
}

impl Word for AcceptedAudience {
    fn expected() -> String {
        "an `aud` of access tokens, such as \"https://api.example.org\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).map_err(|_| Refusal::Unfit)
    }
}
