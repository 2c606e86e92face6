//! OpenID Connect Front-Channel Logout 1.0 (`fcl`).

use reqwest::Method;
use serde_json::json;

use super::*;

/// A house whose first provider may use the front channel, and that knows a session.
async fn open_house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let (op, away) = (Op::new("home", folder.path()), Op::new("away", folder.path()));
    let settings = format!("{}frontchannel_logout = true\n{}", op.settings(), away.settings());
    let service = Service::start(folder.path(), &settings);
    let house = House { folder, op, service };
    house.register(json!({ "jti": "mine" })).await;
    house.register(json!({ "jti": "elsewhere", "sid": "t" })).await;
    house
}

impl House {
    async fn frame(&self, name: &str, query: &[(&str, &str)]) -> Answer {
        let path = format!("/frontchannel-logout/{name}?{}", encoded(query));
        Answer::of(self.service.request(Method::GET, &path)).await
    }

    async fn entries(&self) -> u64 {
        self.service
            .count("signout_revocations_total{source=\"frontchannel_logout\",target=\"session\"}")
            .await
    }
}

/// The address is below the name of the application, as the norm asks; nothing else is served
/// there, and what a provider is not configured for is not there.
#[tokio::test]
async fn fcl_1_off_unless_a_provider_is_configured_for_it() {
    let house = open_house().await;
    let away = format!("https://{}.example", "away");
    for (name, issuer) in [("away", &*away), ("nobody", &*house.op.issuer), ("", &house.op.issuer)]
    {
        let answer = house.frame(name, &[("iss", issuer), ("sid", "s")]).await;
        assert_eq!(answer.status, 404, "{name}: {answer:?}");
    }
    let path = format!(
        "/frontchannel-logout/home?{}",
        encoded(&[("iss", &house.op.issuer), ("sid", "s")])
    );
    assert_eq!(Answer::of(house.service.request(Method::POST, &path)).await.status, 405);
    assert!(!house.revoked("mine").await);
}

#[tokio::test]
async fn fcl_2_both_or_nothing() {
    let house = open_house().await;
    let iss = ("iss", &*house.op.issuer);
    for query in [
        &[][..],
        &[iss],
        &[("sid", "s")],
        &[iss, ("sid", "")],
        &[("iss", ""), ("sid", "s")],
        &[iss, ("sid", "s"), ("sid", "s")],
        &[iss, iss, ("sid", "s")],
        &[iss, ("sub", "alice")],
        &[iss, ("sid", "a\nb")],
    ] {
        assert_eq!(house.frame("home", query).await.status, 200, "{query:?}");
        assert!(!house.revoked("mine").await, "{query:?}");
    }
    assert_eq!(house.entries().await, 0);
    assert_eq!(house.frame("home", &[iss, ("sid", "s")]).await.status, 200);
    assert!(house.revoked("mine").await);
}

#[tokio::test]
async fn fcl_3_the_one_session_if_it_is_known() {
    let house = open_house().await;
    let issuer = house.op.issuer.clone();
    let slash = format!("{issuer}/");
    for (iss, sid) in
        [("https://away.example", "s"), (&*slash, "s"), (&*issuer, "S"), (&*issuer, "unknown")]
    {
        let answer = house.frame("home", &[("iss", iss), ("sid", sid)]).await;
        assert_eq!(answer.status, 200);
    }
    assert!(!house.revoked("mine").await);
    let query = [("iss", &*issuer), ("sid", "s")];
    let first = house.frame("home", &query).await;
    assert!(house.revoked("mine").await && !house.revoked("elsewhere").await);
    // The same page for a session that is over and for one that never was.
    let again = house.frame("home", &query).await;
    let never = house.frame("home", &[("iss", &*issuer), ("sid", "never")]).await;
    assert_eq!((&first.body, &first.body), (&again.body, &never.body));
    assert_eq!(house.entries().await, 1, "nothing is written twice, and nothing for strangers");
    let question = json!({ "iss": issuer, "sid": "s" });
    let told = house.service.post("/v1/check", &question).await;
    assert_eq!(told["reason"], "frontchannel_logout", "{told}");
    let heard = |outcome: &str| {
        let sample = "signout_frontchannel_logouts_total";
        format!("{sample}{{outcome=\"{outcome}\",provider=\"home\"}}")
    };
    for (outcome, times) in [("ended", 1), ("repeated", 0), ("ignored", 6)] {
        assert_eq!(house.service.count(&heard(outcome)).await, times, "{outcome}");
    }
    let log = house.service.log();
    assert!(log.contains("front-channel logout") && !log.contains("sid="), "{log}");
}

#[tokio::test]
async fn fcl_4_no_cache_keeps_it() {
    let house = open_house().await;
    for sid in ["s", "unknown"] {
        let answer = house.frame("home", &[("iss", &house.op.issuer), ("sid", sid)]).await;
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn fcl_5_framed_by_the_provider_alone() {
    let house = open_house().await;
    let answer = house.frame("home", &[]).await;
    let policy = format!("default-src 'none'; frame-ancestors {}", house.op.issuer);
    assert_eq!(answer.header("content-security-policy"), policy);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    for absent in ["x-frame-options", "set-cookie"] {
        assert_eq!(answer.header(absent), "");
    }
}

/// A browser that keeps third-party cookies back changes nothing: none is looked at.
#[tokio::test]
async fn fcl_6_cookies_have_no_part_in_it() {
    let house = open_house().await;
    let query = encoded(&[("iss", &house.op.issuer), ("sid", "s")]);
    let request = house.service.request(Method::GET, &format!("/frontchannel-logout/home?{query}"));
    let request = request.header("cookie", "sid=t; session=t").header("origin", "null");
    assert_eq!(Answer::of(request).await.status, 200);
    assert!(house.revoked("mine").await && !house.revoked("elsewhere").await);
}

/// What the provider has to be told stands in the how-to: it needs to send `iss` and `sid`.
#[test]
fn fcl_7_the_page_says_what_to_register() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/how-to/oauth.md");
    let page = std::fs::read_to_string(page).unwrap();
    for word in ["frontchannel_logout_uri", "frontchannel_logout_session_required"] {
        assert!(page.contains(word), "{word}");
    }
}
