//! A provider: a key, its published half in a file, and whatever tokens a test asks for.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use signout::jose::{Algorithm, KeyId, SigningKey};

use super::now;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

pub(crate) struct Op {
    pub(crate) name: &'static str,
    pub(crate) issuer: String,
    pub(crate) key: SigningKey,
    jwks: PathBuf,
}

impl Op {
    /// A provider that signs with ES256, the quickest key to make.
    pub(crate) fn new(name: &'static str, folder: &Path) -> Self {
        let key_id = KeyId::parse(&format!("{name}-1"));
        let key = SigningKey::generate(Algorithm::Es256, key_id).unwrap();
        let jwks = folder.join(format!("{name}.jwks.json"));
        fs::write(&jwks, json!({ "keys": [key.public_jwk()] }).to_string()).unwrap();
        Self { name, issuer: format!("https://{name}.example"), key, jwks }
    }

    /// Its `[[provider]]`.
    pub(crate) fn settings(&self) -> String {
        let Self { name, issuer, jwks, .. } = self;
        let jwks = jwks.to_str().unwrap();
        format!(
            "[[provider]]\nname = {name:?}\nissuer = {issuer:?}\nclient_ids = [\"app\"]\n\
             algorithms = [\"ES256\"]\njwks_file = {jwks:?}\n"
        )
    }

    /// The claims of a logout token for this session.
    pub(crate) fn logout_claims(&self, jti: &str, sid: &str) -> Value {
        json!({
            "iss": self.issuer, "aud": "app", "iat": now(), "exp": now() + 120,
            "jti": jti, "sid": sid, "events": { EVENT: {} },
        })
    }

    /// A logout token for this session.
    pub(crate) fn logout_token(&self, jti: &str, sid: &str) -> String {
        self.sign("logout+jwt", &self.logout_claims(jti, sid))
    }

    /// The claims of an access token.
    pub(crate) fn access_claims(&self, jti: &str, sid: &str, sub: &str) -> Value {
        json!({
            "iss": self.issuer, "aud": "api", "client_id": "app", "sub": sub, "sid": sid,
            "jti": jti, "iat": now() - 10, "exp": now() + 600,
        })
    }

    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = Map::from_iter([("typ".to_owned(), typ.into())]);
        self.key.sign(&header, claims.as_object().unwrap()).unwrap()
    }
}
