//! From the text of a bearer token to an access token that may be acted on, or the reason why not.
//!
//! What a verified token says of itself does not change, and a signature is most of the work: so
//! what was verified once is kept for as long as the provider publishes the same keys and the token
//! has not expired. **Whether a token was revoked is never kept**: that is asked of the index for
//! each request, after this room has answered.
//!
//! Deliberately absent: a memory of tokens that were refused. Whoever sends garbage would fill it.

mod digest;
mod error;
mod rules;
mod verified;

use std::collections::HashMap;
use std::sync::Arc;

use signout_checker::{Issuer, Timestamp};
use tokio::time::Instant;

pub use error::BearerError;
pub use rules::Rules;

use crate::access_token::{self, AccessToken};
use crate::jose::Compact;
use digest::{Digester, TextDigest};
use verified::VerifiedTokens;

/// Reads bearer tokens of the configured providers.
#[derive(Debug)]
pub struct Bearers {
    rules: HashMap<Issuer, Rules>,
    digester: Digester,
    verified: VerifiedTokens,
}

impl Bearers {
    /// Issuers are unique: the providers have seen to that.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub fn new(rules: Vec<Rules>) -> Result<Self, getrandom::Error> {
        let by_issuer = |rules: Rules| (rules.provider.issuer().clone(), rules);
        Ok(Self {
            rules: rules.into_iter().map(by_issuer).collect(),
            digester: Digester::random()?,
            verified: VerifiedTokens::default(),
        })
    }

    /// Reads a token as it came with a request. Takes microseconds with the keys at hand, and at most
    /// 800 ms where the provider has to be asked for newer ones.
    pub async fn read(&self, text: &str, now: Timestamp) -> Result<Arc<AccessToken>, BearerError> {
        let name = self.digester.digest(text);
        if let Some(token) = self.held(&name, now) {
            return Ok(token);
        }
        let compact = Compact::parse(text)?;
        let issuer = compact.unverified_issuer()?.ok_or(BearerError::UnknownIssuer)?;
        let rules = self.rules.get(&issuer).ok_or(BearerError::UnknownIssuer)?;
        let epoch = rules.provider.key_epoch(Instant::now());
        let jws = rules.provider.verify(&compact).await?;
        let token = Arc::new(access_token::validate(&jws, &rules.expected(), now)?);
        if let Some(epoch) = epoch {
            self.verified.keep(name, text.len(), &token, epoch);
        }
        Ok(token)
    }

    /// What [`Bearers::read`] would give without verifying a signature.
    pub fn remembered(&self, text: &str, now: Timestamp) -> Option<Arc<AccessToken>> {
        self.held(&self.digester.digest(text), now)
    }

    fn held(&self, name: &TextDigest, now: Timestamp) -> Option<Arc<AccessToken>> {
        let (token, verified_under) = self.verified.get(name)?;
        let epoch = self.rules.get(token.issuer())?.provider.key_epoch(Instant::now());
        // Of one that does not hold now, the long way says why.
        (epoch == Some(verified_under) && token.holds_at(now)).then_some(token)
    }
}

#[cfg(test)]
mod tests;
