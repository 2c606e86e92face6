//! `/oauth2/*`, what tells of it, and `/frontchannel-logout`.

mod clients;
mod forwarding;
mod frontchannel;
mod introspect;
mod metadata;
mod outages;
mod revocation_endpoint;
mod revoke;
mod throttle;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{API_KEY, Answer, Op, Service, now};

/// The keys beside the administrator's: a client, another one, one that may only ask, one that may
/// ask for another provider, and one that takes other tokens than the others.
const KEYS: &str = "\
    [[api_key]]\nname = \"app\"\nkey = \"the-secret-of-the-app\"\nscopes = [\"revoke\", \"check\"]\n\
    [[api_key]]\nname = \"other\"\nkey = \"the-secret-of-the-other\"\nscopes = [\"revoke\", \"check\"]\n\
    [[api_key]]\nname = \"reader\"\nkey = \"only-may-check-things\"\nscopes = [\"check\"]\n\
    [[api_key]]\nname = \"abroad\"\nkey = \"of-another-provider\"\n\
    scopes = [\"revoke\", \"check\", \"admin\"]\nissuers = [\"away\"]\n\
    [[api_key]]\nname = \"picky\"\nkey = \"takes-orders-only\"\nscopes = [\"check\"]\n\
    audiences = [\"orders\"]\n\
    [forward_auth]\naudiences = [\"api\"]\n";
pub(crate) const APP: [&str; 2] = ["app", "the-secret-of-the-app"];
const OTHER: [&str; 2] = ["other", "the-secret-of-the-other"];
const READER: [&str; 2] = ["reader", "only-may-check-things"];
const ABROAD: [&str; 2] = ["abroad", "of-another-provider"];
const PICKY: [&str; 2] = ["picky", "takes-orders-only"];
const ADMIN: [&str; 2] = ["tests", API_KEY];

pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) op: Op,
    pub(crate) service: Service,
}

pub(crate) fn house() -> House {
    house_with("")
}

pub(crate) fn house_with(more: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let (op, away) = (Op::new("home", folder.path()), Op::new("away", folder.path()));
    let settings = format!("{}{}{KEYS}{more}", op.settings(), away.settings());
    let service = Service::start(folder.path(), &settings);
    House { folder, op, service }
}

impl House {
    /// An access token of the client `app`.
    pub(crate) fn token(&self, jti: &str) -> String {
        self.op.sign("at+jwt", &self.op.access_claims(jti, "s", "alice"))
    }

    /// Registers a token of the client `app` in the session `s`.
    async fn register(&self, more: Value) {
        let mut facts = json!({
            "iss": self.op.issuer, "client_id": "app", "sid": "s", "sub": "alice",
            "iat": now() - 10, "exp": now() + 600,
        });
        facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        facts.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let answer = self.service.post("/v1/tokens", &facts).await;
        assert_eq!(answer["status"], "registered", "{answer}");
    }

    async fn ask(&self, path: &str, [id, secret]: [&str; 2], form: &[(&str, &str)]) -> Answer {
        let request = self.service.request(Method::POST, path).basic_auth(id, Some(secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Answer::of(request.body(encoded(form))).await
    }

    async fn revoke(&self, client: [&str; 2], token: &str) -> Answer {
        self.ask("/oauth2/revoke", client, &[("token", token)]).await
    }

    async fn introspect(&self, client: [&str; 2], token: &str) -> Answer {
        self.ask("/oauth2/introspect", client, &[("token", token)]).await
    }

    /// Whether a resource server is told that it may be used.
    async fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect(READER, token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["active"].as_bool().unwrap()
    }

    async fn revoked(&self, jti: &str) -> bool {
        let question = json!({ "iss": self.op.issuer, "jti": jti });
        self.service.post("/v1/check", &question).await["revoked"].as_bool().unwrap()
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// An error in the form of RFC 6749, section 5.2.
#[track_caller]
fn check_error(answer: &Answer, status: u16, error: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["error"]), (status, &json!(error)), "{answer:?}");
    assert!(body["error_description"].is_string(), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
}
