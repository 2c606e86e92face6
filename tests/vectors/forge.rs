//! Makes tokens, right and wrong ones.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use signout::jose::{Algorithm, SigningKey};

/// When all tokens arrive.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) const ISSUER: &str = "https://op.example";

pub(crate) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

pub(crate) struct Forge {
    pub(crate) client_secret: Vec<u8>,
}

impl Forge {
    pub(crate) fn load() -> Self {
        let document: Value = serde_json::from_slice(&file("client-secret.json")).unwrap();
        Self { client_secret: document["client_secret"].as_str().unwrap().into() }
    }

    /// A private key of `keys/`, or the client secret for HS*.
    pub(crate) fn key(&self, name: &str, algorithm: Algorithm) -> SigningKey {
        if algorithm.is_symmetric() {
            SigningKey::from_secret(&self.client_secret, algorithm).unwrap()
        } else {
            SigningKey::from_jwk(&file(&format!("{name}.jwk.json")), algorithm).unwrap()
        }
    }

    /// The default provider's key.
    pub(crate) fn rsa(&self) -> SigningKey {
        self.key("rsa", Algorithm::Rs256)
    }

    /// A well-made token of the default provider with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "typ": "logout+jwt" }), claims)
    }

    /// The same with these header members beside `alg` and `kid`.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.rsa().sign(object(header), object(claims)).unwrap()
    }

    /// Really signed, byte for byte.
    pub(crate) fn bytes(&self, header: &[u8], payload: &[u8]) -> String {
        self.rsa().sign_bytes(header, payload).unwrap()
    }
}

/// The header that [`Forge::token`] writes.
pub(crate) const HEADER: &[u8] = br#"{"alg":"RS256","kid":"rsa","typ":"logout+jwt"}"#;

/// The claims of a valid token.
pub(crate) fn good() -> Value {
    json!({
        "iss": ISSUER,
        "aud": "app",
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "b1f0a9c2-5a4e-4d1c-9a55-3a3f6c1de001",
        "sub": "user-1",
        "sid": "session-1",
        "events": { EVENT: {} },
    })
}

/// A valid token's claims with one replaced or added.
pub(crate) fn with(claim: &str, value: Value) -> Value {
    let mut claims = good();
    claims[claim] = value;
    claims
}

/// A valid token's claims without one.
pub(crate) fn without(claim: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

pub(crate) fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/keys").join(name);
    fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// Header, payload and signature of a token.
pub(crate) fn parts(token: &str) -> [String; 3] {
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}
