//! A provider that signs, mostly with RS256, and whoever registers its tokens.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use signout::jose::{Algorithm, KeyId, SigningKey};

use crate::client::post;
use crate::service::API_KEY;

pub(crate) const ISSUER: &str = "https://op.example/application/o/bench/";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Tokens registered with one request.
pub(crate) const ARRAY: usize = 100;

pub(crate) struct Op {
    key: SigningKey,
    algorithm: Algorithm,
}

/// Identifiers with the length of a UUID.
pub(crate) fn id(kind: char, number: usize) -> String {
    format!("{kind}{number:08x}-3f0a-4c51-9d3e-5b1a7c90e2f4")
}

#[expect(clippy::disallowed_methods, reason = "a bench is its own clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Op {
    pub(crate) fn new() -> Self {
        Self::with(Algorithm::Rs256)
    }

    /// Its tokens are signed in a tenth of the time, for those who need very many.
    pub(crate) fn with_short_signatures() -> Self {
        Self::with(Algorithm::Es256)
    }

    fn with(algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm, KeyId::parse("bench-1")).unwrap();
        Self { key, algorithm }
    }

    pub(crate) fn public_jwk(&self) -> Value {
        self.key.public_jwk().unwrap()
    }

    /// Its `[[provider]]`. Tokens are signed long before they are sent.
    pub(crate) fn settings(&self, folder: &Path) -> String {
        let jwks = folder.join("jwks.json");
        fs::write(&jwks, json!({ "keys": [self.public_jwk()] }).to_string()).unwrap();
        let (jwks, algorithm) = (jwks.to_str().unwrap(), self.algorithm.as_str());
        format!(
            "[[provider]]\nname = \"bench\"\nissuer = {ISSUER:?}\nclient_ids = [\"app\"]\n\
             algorithms = [{algorithm:?}]\njwks_file = {jwks:?}\nmax_logout_token_age = \"1h\"\n"
        )
    }

    /// One logout token for each session.
    pub(crate) fn logout_tokens(&self, sessions: Range<usize>) -> Vec<String> {
        self.each("logout+jwt", sessions, |session| {
            logout_claims(&id('l', session), Some(&id('s', session)), &id('u', session))
        })
    }

    /// One access token for each session, as `registrations` with one for each registers them.
    pub(crate) fn access_tokens(&self, sessions: Range<usize>) -> Vec<String> {
        let now = now();
        self.each("at+jwt", sessions, |session| {
            json!({
                "iss": ISSUER, "aud": "api", "client_id": "app", "sub": id('u', session),
                "sid": id('s', session), "jti": id('t', session), "iat": now, "exp": now + 3_600,
                "scope": "openid orders",
            })
        })
    }

    /// Signs on all cores.
    fn each(
        &self,
        typ: &str,
        sessions: Range<usize>,
        claims: impl Fn(usize) -> Value + Sync,
    ) -> Vec<String> {
        let (all, claims): (Vec<_>, _) = (sessions.collect(), &claims);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let sign = |part: &[usize]| -> Vec<_> {
            part.iter().map(|&session| self.sign(typ, &claims(session))).collect()
        };
        thread::scope(|scope| {
            let parts = all.chunks(all.len().div_ceil(cores));
            let parts: Vec<_> = parts.map(|part| scope.spawn(move || sign(part))).collect();
            parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
        })
    }

    /// A logout token for all sessions of a user.
    pub(crate) fn subject_logout_token(&self, subject: &str) -> String {
        self.sign("logout+jwt", &logout_claims(&format!("all-of-{subject}"), None, subject))
    }

    fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = Map::from_iter([("typ".to_owned(), typ.into())]);
        self.key.sign(&header, claims.as_object().unwrap()).unwrap()
    }
}

fn logout_claims(jti: &str, sid: Option<&str>, sub: &str) -> Value {
    let now = now();
    let mut claims = json!({
        "iss": ISSUER, "aud": "app", "iat": now, "exp": now + 3_600,
        "jti": jti, "sub": sub, "events": { EVENT: {} },
    });
    claims.as_object_mut().unwrap().extend(sid.map(|sid| ("sid".to_owned(), sid.into())));
    claims
}

/// The callback's request.
pub(crate) fn logout(token: &String) -> Vec<u8> {
    let body = format!("logout_token={token}");
    post("/backchannel-logout", "application/x-www-form-urlencoded", None, &body)
}

/// Requests that register `per_session` tokens for each session, in arrays.
pub(crate) fn registrations(sessions: Range<usize>, per_session: usize) -> Vec<Vec<u8>> {
    let now = now();
    let token = |number: usize| {
        let session = number / per_session;
        json!({
            "iss": ISSUER, "jti": id('t', number), "sid": id('s', session),
            "sub": id('u', session), "client_id": "app", "iat": now, "exp": now + 3_600,
        })
    };
    let all: Vec<_> = (sessions.start * per_session..sessions.end * per_session).collect();
    all.chunks(ARRAY)
        .map(|chunk| {
            let items = Value::Array(chunk.iter().copied().map(token).collect());
            post("/v1/tokens", "application/json", Some(API_KEY), &items.to_string())
        })
        .collect()
}
