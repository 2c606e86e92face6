//! The main job with a real provider: from npm `oidc-provider`'s sign-in form to the refused token.
//!
//! The service finds the provider's keys by discovery, the tokens come from the code flow, and the
//! logout tokens are the provider's own. It gives every client another `sid`, also within one
//! session.

mod browser;
mod node;
mod relay;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::harness::{Answer, PATIENCE, Service, client, install_cryptography, now};
use browser::{Browser, Wish};
use relay::{Carried, Relay};

const CLIENT_SECRET: &str = "a-client-secret-of-more-than-32-bytes";
/// Nobody listens there: the browser stops in front of it.
const REDIRECT_URI: &str = "http://127.0.0.1:1/signed-in";
/// The route that the provider's clients have as their logout URI.
const ROUTE: &str = "/backchannel-logout/node";
/// The clients whose tokens tell a `sid`, each with the signature it chose.
const ALGORITHMS: [(&str, &str); 5] = [
    ("rs256", "RS256"),
    ("ps256", "PS256"),
    ("es256", "ES256"),
    ("eddsa", "EdDSA"),
    ("hs256", "HS256"),
];
/// `server.mjs` adds the `sid` to access tokens for this API.
const WITH_SID: &str = "urn:api:with-sid";
const WITHOUT_SID: &str = "urn:api:without-sid";

#[tokio::test]
async fn each_algorithm_ends_the_session_it_signs_for() {
    let world = World::start().await;
    for (client, algorithm) in ALGORITHMS {
        let mut browser = world.browser();
        let tokens = world.sign_in(&mut browser, "alice", client).await;
        world.passes(&tokens).await;
        browser.sign_out().await;
        world.is_refused(&tokens).await;
        let logout_token = world.last_logout_token();
        assert_eq!(part(&logout_token, 0)["alg"], algorithm, "{client}");
        assert_eq!(part(&logout_token, 1)["sid"], *tokens.sid(), "{client}");
    }
}

#[tokio::test]
async fn one_sign_out_reaches_every_client_of_the_session() {
    let world = World::start().await;
    let mut browser = world.browser();
    let bystander = world.sign_in(&mut world.browser(), "alice", "rs256").await;
    let mut all = Vec::new();
    for (client, _) in ALGORITHMS {
        all.push(world.sign_in(&mut browser, "alice", client).await);
    }
    let sids: BTreeSet<_> = all.iter().map(|tokens| tokens.sid().as_str()).collect();
    assert_eq!(sids.len(), ALGORITHMS.len(), "{sids:?}");
    browser.sign_out().await;
    for tokens in &all {
        world.is_refused(tokens).await;
    }
    world.passes(&bystander).await;
    world.has_counted("applied", ALGORITHMS.len()).await;
}

#[tokio::test]
async fn one_browser_of_two_signs_out() {
    let world = World::start().await;
    let (mut desk, mut phone) = (world.browser(), world.browser());
    let at_desk = world.sign_in(&mut desk, "alice", "rs256").await;
    let on_phone = world.sign_in(&mut phone, "alice", "rs256").await;
    desk.sign_out().await;
    world.is_refused(&at_desk).await;
    world.passes(&on_phone).await;
    phone.sign_out().await;
    world.is_refused(&on_phone).await;
}

#[tokio::test]
async fn one_user_of_two_signs_out() {
    let world = World::start().await;
    let mut browser = world.browser();
    let alice = world.sign_in(&mut browser, "alice", "es256").await;
    let bob = world.sign_in(&mut world.browser(), "bob", "es256").await;
    browser.sign_out().await;
    world.is_refused(&alice).await;
    world.passes(&bob).await;
}

#[tokio::test]
async fn bcl_14_a_logout_token_without_sid_ends_all_sessions_of_its_user() {
    let world = World::start().await;
    let mut browser = world.browser();
    let here = world.sign_in(&mut browser, "alice", "sub-only").await;
    assert_eq!(*here.sid(), Value::Null, "{}", here.claims);
    let elsewhere = world.sign_in(&mut world.browser(), "alice", "rs256").await;
    let bob = world.sign_in(&mut world.browser(), "bob", "sub-only").await;
    browser.sign_out().await;
    assert_eq!(part(&world.last_logout_token(), 1)["sid"], Value::Null);
    world.is_refused(&here).await;
    world.is_refused(&elsewhere).await;
    world.passes(&bob).await;
}

#[tokio::test]
async fn whoever_signs_in_again_is_let_in_again() {
    let world = World::start().await;
    for client in ["rs256", "sub-only"] {
        let (mut browser, before) = world.signed_out("alice", client).await;
        let after = world.sign_in(&mut browser, "alice", client).await;
        world.passes(&after).await;
        world.is_refused(&before).await;
    }
}

#[tokio::test]
async fn a_replayed_logout_token_changes_nothing() {
    let world = World::start().await;
    for (client, repeats) in [("rs256", 1), ("sub-only", 2)] {
        let (mut browser, before) = world.signed_out("alice", client).await;
        let after = world.sign_in(&mut browser, "alice", client).await;
        let revocations = world.revocations().await;
        let answer = world.service.logout_at(ROUTE, &world.last_logout_token()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        world.has_counted("repeated", repeats).await;
        assert_eq!(world.revocations().await, revocations, "{client}");
        world.passes(&after).await;
        world.is_refused(&before).await;
    }
}

#[tokio::test]
async fn bcl_6_only_the_encrypted_logout_token_is_taken() {
    let world = World::start_encrypted().await;
    let mut browser = world.browser();
    let encrypted = world.sign_in(&mut browser, "alice", "encrypted").await;
    let open = world.sign_in(&mut browser, "alice", "rs256").await;
    browser.sign_out().await;
    let mut parts: Vec<_> =
        world.carried.logout_tokens().iter().map(|token| token.split('.').count()).collect();
    parts.sort_unstable();
    assert_eq!(parts, [3, 5], "one signed, one encrypted");
    world.is_refused(&encrypted).await;
    world.passes(&open).await;
    world.has_counted("applied", 1).await;
    world.has_counted("refused", 1).await;
    // Encrypted with the same key, and still no logout token.
    let answer = world.service.logout_at(ROUTE, &encrypted.id).await;
    assert_eq!((answer.status, encrypted.id.split('.').count()), (400, 5), "{answer:?}");
}

#[tokio::test]
async fn bcl_24_offline_access_outlives_the_session_and_the_rest_does_not() {
    let world = World::start().await;
    let mut browser = world.browser();
    let ordinary = Wish { client: "rs256", scope: "openid", resource: WITHOUT_SID };
    let ordinary = browser.sign_in("alice", ordinary).await;
    let offline = Wish { client: "es256", scope: "openid offline_access", resource: WITHOUT_SID };
    let offline = browser.sign_in("alice", offline).await;
    for (tokens, kind) in [(&ordinary, "refresh"), (&offline, "offline_refresh")] {
        world.register(&tokens.access_facts()).await;
        world.register(&tokens.refresh_facts(kind)).await;
    }
    browser.sign_out().await;
    for facts in
        [ordinary.access_facts(), offline.access_facts(), ordinary.refresh_facts("refresh")]
    {
        world.until_revoked(&[question(&facts)]).await;
    }
    let kept = question(&offline.refresh_facts("offline_refresh"));
    assert_eq!(world.revoked(&[kept]).await, [false]);
    // The provider is of the same mind about both.
    assert_eq!(browser.refresh("rs256", &ordinary.refresh).await.status, 400);
    let refreshed = browser.refresh("es256", &offline.refresh).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let refreshed = Tokens::of("es256", &refreshed.json());
    assert_eq!(world.revoked(&[json!({ "token": refreshed.access })]).await, [false]);
}

/// As the provider issues them unless it is told otherwise: with a `jti`, without a `sid`.
#[tokio::test]
async fn an_access_token_without_sid_ends_with_the_session_it_was_registered_for() {
    let world = World::start().await;
    let mut browser = world.browser();
    let wish = Wish { client: "rs256", scope: "openid", resource: WITHOUT_SID };
    let tokens = browser.sign_in("alice", wish).await;
    assert_eq!(tokens.claims["sid"], Value::Null, "{}", tokens.claims);
    world.register(&tokens.access_facts()).await;
    world.passes(&tokens).await;
    browser.sign_out().await;
    world.is_refused(&tokens).await;
}

#[tokio::test]
async fn a_token_registered_after_its_session_ended_is_born_revoked() {
    let world = World::start().await;
    let mut browser = world.browser();
    let tokens = browser.sign_in("alice", Wish::with_sid("rs256")).await;
    browser.sign_out().await;
    let answer = world.service.post("/v1/tokens", &json!({ "token": tokens.access })).await;
    assert_eq!(answer["status"], "born_revoked", "{answer}");
    world.is_refused(&tokens).await;
}

#[tokio::test]
async fn bcl_15_the_tokens_of_a_sign_in_are_no_logout_tokens() {
    let world = World::start().await;
    let tokens = world.sign_in(&mut world.browser(), "alice", "rs256").await;
    for route in [ROUTE, "/backchannel-logout"] {
        for token in [&tokens.id, &tokens.access] {
            let answer = world.service.logout_at(route, token).await;
            assert_eq!(answer.status, 400, "{route} {token} {answer:?}");
        }
    }
    world.has_counted("refused", 4).await;
    world.passes(&tokens).await;
}

#[tokio::test]
async fn jwt_9_a_reverse_proxy_is_told_of_the_sign_out() {
    for profile in ["at_jwt", "compat"] {
        let audiences = format!("[forward_auth]\naudiences = [{WITH_SID:?}]");
        let settings = format!("{audiences}\ntoken_profile = {profile:?}\n");
        let world = World::start_with(&Value::Null, &settings).await;
        let mut browser = world.browser();
        let tokens = browser.sign_in("alice", Wish::with_sid("rs256")).await;
        let passed = world.at_the_gate(&tokens.access).await;
        assert_eq!((passed.status, passed.header("x-auth-subject")), (200, "alice"), "{profile}");
        assert_eq!(passed.header("x-auth-client"), "rs256");
        let other = Wish { resource: WITHOUT_SID, ..Wish::with_sid("rs256") };
        let other = world.browser().sign_in("bob", other).await;
        for token in [&tokens.id, &tokens.refresh, &other.access, &other.id] {
            assert_eq!(world.at_the_gate(token).await.status, 401, "{profile} {token}");
        }
        browser.sign_out().await;
        eventually("refused", async || world.at_the_gate(&tokens.access).await.status == 401).await;
    }
}

#[tokio::test]
async fn jwt_9_the_id_tokens_of_a_provider_never_pass() {
    // Without audiences the clients stand in, which is whom ID tokens are for.
    let world = World::start().await;
    for (client, _) in ALGORITHMS {
        let tokens = world.browser().sign_in("alice", Wish::with_sid(client)).await;
        let refused = world.at_the_gate(&tokens.id).await;
        assert_eq!(refused.status, 401, "{client} {}", tokens.id);
    }
}

/// What the client revokes at signout ends at the provider too.
#[tokio::test]
async fn rev_7_the_provider_hears_of_a_revoked_refresh_token() {
    for client_auth in ["client_secret_basic", "client_secret_post"] {
        let settings = format!(
            "[provider.revocation]\nclient_id = \"rs256\"\nclient_secret = {CLIENT_SECRET:?}\n\
             client_auth = {client_auth:?}\n\
             [[api_key]]\nname = \"rs256\"\nkey = \"the-key-of-the-client\"\nscopes = [\"revoke\"]\n"
        );
        let world = World::start_with(&Value::Null, &settings).await;
        let browser = &mut world.browser();
        let mut tokens = world.sign_in(browser, "alice", "rs256").await;
        let refreshed = browser.refresh("rs256", &tokens.refresh).await;
        tokens = Tokens::of("rs256", &refreshed.json());
        let mut facts = tokens.refresh_facts("refresh");
        facts.as_object_mut().unwrap().remove("jti");
        facts["opaque_token"] = (*tokens.refresh).into();
        world.register(&facts).await;
        let request = world.service.request(Method::POST, "/oauth2/revoke");
        let request = request.basic_auth("rs256", Some("the-key-of-the-client"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::of(request.body(format!("token={}", tokens.refresh))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let sample = "signout_revocations_forwarded_total{outcome=\"taken\",provider=\"node\"}";
        eventually("taken", async || world.service.count(sample).await == 1).await;
        let answer = browser.refresh("rs256", &tokens.refresh).await;
        assert_eq!(answer.status, 400, "{client_auth} {answer:?}");
    }
}

/// An issuer of the provider, a service that takes its logouts, and the wire between them.
struct World {
    service: Service,
    /// The issuer's discovery document.
    op: Value,
    carried: Carried,
    _folder: TempDir,
}

/// What an application got.
struct Tokens {
    client: String,
    id: String,
    access: String,
    refresh: String,
    /// What the access token says.
    claims: Value,
}

impl World {
    async fn start() -> Self {
        Self::start_with(&Value::Null, "").await
    }

    /// With a key for logout tokens, which the provider's client `encrypted` uses.
    async fn start_encrypted() -> Self {
        let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys/enc-rsa.jwk.json");
        let private: Value = serde_json::from_slice(&fs::read(key).unwrap()).unwrap();
        let public: Value = ["kty", "kid", "use", "n", "e"]
            .map(|name| (name, private[name].clone()))
            .into_iter()
            .collect();
        Self::start_with(&public, &format!("encryption_keys = [{key:?}]\n")).await
    }

    async fn start_with(encryption_key: &Value, settings: &str) -> Self {
        install_cryptography();
        let relay = Relay::bind().await;
        let issuer = node::issuer(&json!({
            "logout_uri": format!("http://{}{ROUTE}", relay.address()),
            "redirect_uri": REDIRECT_URI,
            "client_secret": CLIENT_SECRET,
            "encryption_key": encryption_key,
        }));
        let (issuer, client_ids) = (issuer["issuer"].as_str().unwrap(), &issuer["client_ids"]);
        let algorithms = ALGORITHMS.map(|(_, algorithm)| algorithm);
        let folder = tempfile::tempdir().unwrap();
        let provider = format!(
            "[[provider]]\nname = \"node\"\nissuer = {issuer:?}\nclient_ids = {client_ids}\n\
             algorithms = {algorithms:?}\nclient_secret = {CLIENT_SECRET:?}\n\
             profile = \"oidc_provider\"\nallow_insecure_http = true\n{settings}"
        );
        let service = Service::start(folder.path(), &provider);
        let discovery = client().get(format!("{issuer}/.well-known/openid-configuration"));
        let op = Answer::of(discovery).await.json();
        let world = Self { carried: relay.to(service.outer), service, op, _folder: folder };
        eventually("the service has keys", async || {
            let ready = world.service.operators("/readyz?verbose").await.body;
            ready.contains("provider node: keys fetched")
        })
        .await;
        world
    }

    fn browser(&self) -> Browser<'_> {
        Browser::new(&self.op)
    }

    /// Signs in and registers the signed access token, as whoever issues or receives it would.
    async fn sign_in(&self, browser: &mut Browser<'_>, user: &str, client: &str) -> Tokens {
        let tokens = browser.sign_in(user, Wish::with_sid(client)).await;
        self.register(&json!({ "token": tokens.access })).await;
        tokens
    }

    /// A user who was signed in, is not any more, and may sign in again.
    async fn signed_out(&self, user: &str, client: &str) -> (Browser<'_>, Tokens) {
        let mut browser = self.browser();
        let tokens = self.sign_in(&mut browser, user, client).await;
        browser.sign_out().await;
        self.is_refused(&tokens).await;
        let logout = part(&self.last_logout_token(), 1);
        if logout["sid"].is_null() {
            // Then the cut-off is all there is, and it holds for the whole of its second.
            eventually("the second passes", async || logout["iat"].as_u64() < Some(now())).await;
        }
        (browser, tokens)
    }

    async fn register(&self, token: &Value) {
        let answer = self.service.post("/v1/tokens", token).await;
        assert_eq!(answer["status"], "registered", "{token} {answer}");
    }

    async fn passes(&self, tokens: &Tokens) {
        assert_eq!(self.revoked(&tokens.questions()).await, [false, false], "{}", tokens.client);
    }

    async fn is_refused(&self, tokens: &Tokens) {
        self.until_revoked(&tokens.questions()).await;
    }

    async fn until_revoked(&self, questions: &[Value]) {
        let all = vec![true; questions.len()];
        let what = format!("{questions:?} refused; {}", self.service.log());
        eventually(&what, async || self.revoked(questions).await == all).await;
    }

    async fn revoked(&self, questions: &[Value]) -> Vec<bool> {
        let answers = self.service.post("/v1/check", &questions.into()).await;
        let answers = answers.as_array().unwrap();
        answers.iter().map(|answer| answer["revoked"].as_bool().unwrap()).collect()
    }

    /// What a reverse proxy is told about a request with this token.
    async fn at_the_gate(&self, token: &str) -> Answer {
        Answer::of(self.service.request(Method::GET, "/forward-auth").bearer_auth(token)).await
    }

    fn last_logout_token(&self) -> String {
        self.carried.logout_tokens().pop().unwrap()
    }

    /// Every logout token had one outcome; this many had this one.
    async fn has_counted(&self, outcome: &str, tokens: usize) {
        let metrics = self.service.operators("/metrics").await.body;
        let sample =
            format!("signout_logout_tokens_total{{outcome=\"{outcome}\",provider=\"node\"");
        let counted: usize = metrics
            .lines()
            .filter(|line| line.starts_with(&sample))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(counted, tokens, "{outcome}: {}", self.service.log());
    }

    /// What was ever revoked, by source and kind.
    async fn revocations(&self) -> Vec<String> {
        let metrics = self.service.operators("/metrics").await.body;
        let lines = metrics.lines().filter(|line| line.starts_with("signout_revocations_total"));
        lines.map(str::to_owned).collect()
    }
}

impl<'a> Wish<'a> {
    fn with_sid(client: &'a str) -> Self {
        Self { client, scope: "openid", resource: WITH_SID }
    }
}

impl Tokens {
    /// The token endpoint's answer.
    fn of(client: &str, answer: &Value) -> Self {
        let token = |name: &str| answer[name].as_str().unwrap().to_owned();
        let access = token("access_token");
        Self {
            client: client.to_owned(),
            id: token("id_token"),
            refresh: token("refresh_token"),
            claims: part(&access, 1),
            access,
        }
    }

    /// The session, as the application knows it.
    fn sid(&self) -> &Value {
        &self.claims["sid"]
    }

    /// The two ways to ask about the access token.
    fn questions(&self) -> [Value; 2] {
        [json!({ "token": self.access }), question(&self.claims)]
    }

    /// The access token, for who does not have the signed form to show.
    fn access_facts(&self) -> Value {
        let Self { claims, .. } = self;
        json!({
            "iss": claims["iss"], "jti": claims["jti"], "sid": part(&self.id, 1)["sid"],
            "sub": claims["sub"], "client_id": self.client,
            "iat": claims["iat"], "exp": claims["exp"],
        })
    }

    /// The refresh token, which is opaque: its digest stands for it.
    fn refresh_facts(&self, kind: &str) -> Value {
        let mut facts = self.access_facts();
        facts["jti"] = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.refresh)).into();
        facts["kind"] = kind.into();
        facts
    }
}

/// By the bare `jti`: only the registration tells what else it belongs to.
fn question(facts: &Value) -> Value {
    json!({ "iss": facts["iss"], "jti": facts["jti"], "iat": facts["iat"] })
}

/// The header (0) or the claims (1) of a signed token.
fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let met = async {
        while !condition().await {
            pace.tick().await;
        }
    };
    let met = tokio::time::timeout(PATIENCE, met).await;
    assert!(met.is_ok(), "not within {PATIENCE:?}: {what}");
}
