//! A service behind whose gate a test stands, and what it may bring.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Op, Service, now};

/// The headers of a 200 that name somebody.
pub(super) const IDENTITY: [&str; 5] =
    ["x-auth-subject", "x-auth-issuer", "x-auth-session", "x-auth-client", "x-auth-groups"];

pub(super) struct House {
    pub(super) folder: tempfile::TempDir,
    pub(super) op: Op,
    pub(super) service: Service,
}

/// With these keys in `[forward_auth]`, beside the audience of the test's tokens.
pub(super) fn house(keys: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let settings = format!("{}\n[forward_auth]\naudiences = [\"api\"]\n{keys}\n", op.settings());
    let service = Service::start(folder.path(), &settings);
    House { folder, op, service }
}

impl House {
    /// What a provider puts into an access token.
    pub(super) fn claims(&self, jti: &str, sid: &str) -> Value {
        self.op.access_claims(jti, sid, "alice")
    }

    pub(super) fn token(&self, jti: &str, sid: &str) -> String {
        self.op.sign("at+jwt", &self.claims(jti, sid))
    }

    /// A token with some claims changed; `null` takes one away.
    pub(super) fn token_with(&self, typ: &str, changes: &Value) -> String {
        let mut claims = self.claims("j", "s");
        for (claim, value) in changes.as_object().unwrap() {
            let claims = claims.as_object_mut().unwrap();
            match value {
                Value::Null => claims.remove(claim),
                value => claims.insert(claim.clone(), value.clone()),
            };
        }
        self.op.sign(typ, &claims)
    }

    pub(super) async fn ask(&self, headers: &[(&str, &str)]) -> Answer {
        self.ask_as(Method::GET, "/forward-auth", headers).await
    }

    pub(super) async fn ask_as(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.service.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = Answer::of(request).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        assert!(answer.header("vary").contains("Authorization"), "{answer:?}");
        answer
    }

    pub(super) async fn bearer(&self, token: &str) -> Answer {
        self.ask(&[("authorization", &format!("Bearer {token}"))]).await
    }

    #[track_caller]
    pub(super) fn refused(answer: &Answer, error: &str) {
        assert_eq!(answer.status, 401, "{answer:?}");
        let challenge = match error {
            "" => "Bearer realm=\"signout\"".to_owned(),
            error => format!("Bearer realm=\"signout\", error=\"{error}\""),
        };
        assert_eq!(answer.header("www-authenticate"), challenge);
        for name in IDENTITY {
            assert!(!answer.headers.contains_key(name), "{answer:?}");
        }
    }

    pub(super) async fn refusals(&self, reason: &str) -> u64 {
        let sample = format!("signout_forward_auth_refusals_total{{reason=\"{reason}\"}}");
        self.service.count(&sample).await
    }

    pub(super) async fn revoke(&self, target: Value) {
        let mut target = target;
        target["iss"] = json!(self.op.issuer);
        let order = json!({ "target": target, "reason": "admin" });
        self.service.post("/v1/revocations", &order).await;
    }

    /// The token without `jti`, and what it is called then.
    pub(super) fn unnamed(&self) -> (String, String) {
        use sha2::{Digest as _, Sha256};

        let token = self.token_with("at+jwt", &json!({ "jti": null }));
        let (signed, _) = token.rsplit_once('.').unwrap();
        let hex: Vec<_> = Sha256::digest(signed).iter().map(|b| format!("{b:02x}")).collect();
        (token.clone(), format!("sha-256:{}", hex.concat()))
    }

    /// Claims of a token that expired this long ago.
    pub(super) fn expired(&self, jti: &str, sid: &str, seconds: u64) -> Value {
        let mut claims = self.claims(jti, sid);
        claims["iat"] = json!(now() - 600);
        claims["exp"] = json!(now() - seconds);
        claims
    }
}
