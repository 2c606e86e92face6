//! The demo's provider and the demo's api, without their sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use signout_checker::{Index, Issuer, JwtId, SessionId, Subject, Timestamp, TokenFacts, Verdict};

use super::DemoError;
use crate::clock::Clock;
use crate::jose::{Algorithm, Compact, KeyId, KeySet, SigningKey};

/// Long enough that nobody could wait for it: the hole that the demo closes.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);
/// What providers are asked to use at most (OpenID Connect Back-Channel Logout 1.0, section 2.4).
const LOGOUT_TOKEN_LIFETIME: Duration = Duration::from_secs(120);
const CLIENT_ID: &str = "demo";
const AUDIENCE: &str = "demo-api";
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A provider that signs whatever the story asks for.
pub struct DemoOp {
    issuer: Issuer,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    issued: AtomicU64,
}

impl DemoOp {
    pub(super) fn new(issuer: &str, clock: Arc<dyn Clock>) -> Result<Self, DemoError> {
        let key = SigningKey::generate(Algorithm::Rs256, KeyId::parse("demo-1"))?;
        Ok(Self { issuer: Issuer::parse(issuer)?, key, clock, issued: AtomicU64::new(0) })
    }

    /// OpenID Connect Discovery 1.0, as far as a receiver of logout tokens asks.
    #[must_use]
    pub fn discovery(&self) -> Value {
        let issuer = self.issuer.as_str();
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
        })
    }

    /// Its JWK set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.key.public_jwk()] })
    }

    pub(super) fn access_token(&self, user: &str, session: &str) -> Result<String, DemoError> {
        let now = self.clock.now();
        self.sign(
            "at+jwt",
            &json!({
                "iss": self.issuer.as_str(),
                "aud": AUDIENCE,
                "client_id": CLIENT_ID,
                "sub": user,
                "sid": session,
                "jti": self.fresh("token"),
                "iat": now.as_secs(),
                "exp": now.plus(TOKEN_LIFETIME).as_secs(),
            }),
        )
    }

    pub(super) fn logout_token(&self, session: &str) -> Result<String, DemoError> {
        self.sign("logout+jwt", &self.logout_claims(session))
    }

    pub(super) fn logout_claims(&self, session: &str) -> Value {
        let now = self.clock.now();
        json!({
            "iss": self.issuer.as_str(),
            "aud": CLIENT_ID,
            "sid": session,
            "jti": self.fresh("logout"),
            "iat": now.as_secs(),
            "exp": now.plus(LOGOUT_TOKEN_LIFETIME).as_secs(),
            "events": { LOGOUT_EVENT: {} },
        })
    }

    fn sign(&self, typ: &str, claims: &Value) -> Result<String, DemoError> {
        let header = Map::from_iter([("typ".to_owned(), typ.into())]);
        let claims = claims.as_object().cloned().unwrap_or_default();
        Ok(self.key.sign(&header, &claims)?)
    }

    fn fresh(&self, kind: &str) -> String {
        format!("{kind}-{}", self.issued.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// An api that verifies its bearer tokens and asks the checker about each.
pub struct DemoApi {
    issuer: Issuer,
    keys: KeySet,
    index: Arc<Index>,
    clock: Arc<dyn Clock>,
}

/// What the api says to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Come in.
    Yes,
    /// The token is no token of this api's, or has ended.
    Invalid,
    /// The token was good until somebody signed out.
    Revoked,
}

impl DemoApi {
    pub(super) fn new(op: &DemoOp, index: Arc<Index>) -> Result<Self, DemoError> {
        let issuer = op.issuer.clone();
        let jwks = op.jwks().to_string();
        let admission = KeySet::from_jwks(issuer.clone(), jwks.as_bytes(), &[Algorithm::Rs256]);
        let keys = admission.map_err(|error| DemoError::Unexpected {
            expected: "a usable key",
            seen: error.to_string(),
        })?;
        Ok(Self { issuer, keys: keys.keys, index, clock: Arc::clone(&op.clock) })
    }

    /// Looks at a bearer token: signature, claims, and then whether it was revoked.
    #[must_use]
    pub fn open(&self, token: &str) -> Opened {
        let Some(facts) = self.verified(token) else { return Opened::Invalid };
        let (jwt_id, session, subject, issued_at) = &facts;
        let facts = TokenFacts::new(&self.issuer)
            .jwt_id(jwt_id)
            .session(session)
            .subject(subject)
            .issued_at(*issued_at);
        match self.index.check(&facts) {
            Verdict::NotRevoked(_) => Opened::Yes,
            Verdict::Revoked(_) => Opened::Revoked,
            Verdict::Unknown(_) => Opened::Invalid,
        }
    }

    fn verified(&self, token: &str) -> Option<(JwtId, SessionId, Subject, Timestamp)> {
        let token = self.keys.verify(&Compact::parse(token).ok()?).ok()?;
        let claims = token.claims();
        let is = |claim, expected| claims.string(claim).ok().flatten() == Some(expected);
        let live = claims.date("exp").ok()?? > self.clock.now();
        if !live || !is("iss", self.issuer.as_str()) || !is("aud", AUDIENCE) {
            return None;
        }
        Some((
            JwtId::parse(claims.string("jti").ok()??).ok()?,
            SessionId::parse(claims.string("sid").ok()??).ok()?,
            Subject::parse(claims.string("sub").ok()??).ok()?,
            claims.date("iat").ok()??,
        ))
    }
}
