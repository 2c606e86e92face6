use std::convert::Infallible;
use std::time::{Duration, Instant};

use ::http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use super::*;
use crate::{DigestKey, Issuer, JwtId, NotRevoked, Policy, Reason, Revocation, Target, Timestamp};

fn claims(jwt_id: &str) -> Claims {
    let issuer = Issuer::parse("https://op.example").unwrap();
    Claims::new(issuer).jwt_id(JwtId::parse(jwt_id).unwrap())
}

/// Knows that `gone` is revoked, and is fresh or knows nothing newer than long ago.
fn checker(age: Duration) -> Checker {
    let checker = Checker::new(Policy::default());
    let issuer = Issuer::parse("https://op.example").unwrap();
    let target = Target::Token(issuer, JwtId::parse("gone").unwrap());
    let (at, until) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
    let index = checker.open(&DigestKey::from_bytes([1; 16])).unwrap();
    index.apply(&Revocation::of(target, Reason::Admin, at, until));
    checker.vouch(Instant::now().checked_sub(age).unwrap());
    checker
}

async fn tell_proof(request: Request<&'static str>) -> Result<Response<String>, Infallible> {
    assert_eq!(*request.body(), "the body");
    let proof = request.extensions().get::<NotRevoked>();
    Ok(Response::new(if proof.is_some() { "proved" } else { "passed" }.into()))
}

/// Status, challenge, what may be cached, when to come back, and the body.
async fn ask(guard: SignoutLayer, path: &str, jwt_id: Option<&str>) -> [String; 5] {
    let service = ServiceBuilder::new().layer(guard).service(service_fn(tell_proof));
    let mut request = Request::new("the body");
    *request.uri_mut() = path.parse().unwrap();
    if let Some(jwt_id) = jwt_id {
        request.extensions_mut().insert(claims(jwt_id));
    }
    let response = service.oneshot(request).await.unwrap();
    let header = |name: &str| {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let [challenge, cache, retry] =
        ["www-authenticate", "cache-control", "retry-after"].map(header);
    let status = response.status().as_u16().to_string();
    [status, challenge, cache, retry, response.into_body()]
}

#[tokio::test]
async fn requests_are_answered_as_rfc6750_says() {
    let fresh = || SignoutLayer::new(checker(Duration::ZERO));
    let stale = || SignoutLayer::new(checker(Duration::from_secs(31)));
    let revoked = "Bearer error=\"invalid_token\", error_description=\"The token was revoked\"";
    let by_path = |guard: SignoutLayer| {
        guard.rules(|request| match request.uri.path() {
            "/health" => Rule::skip(),
            "/front" => Rule::optional(),
            _ => Rule::require(),
        })
    };
    for (guard, path, jwt_id, expected) in [
        (fresh(), "/", Some("good"), ["200", "", "", "", "proved"]),
        (fresh(), "/", Some("gone"), ["401", revoked, "no-store", "", ""]),
        (fresh(), "/", None, ["401", "Bearer", "no-store", "", ""]),
        (stale(), "/", Some("good"), ["503", "", "no-store", "5", ""]),
        (stale(), "/", Some("gone"), ["401", revoked, "no-store", "", ""]),
        (by_path(stale()), "/health", Some("gone"), ["200", "", "", "", "passed"]),
        (by_path(fresh()), "/front", None, ["200", "", "", "", "passed"]),
        (by_path(fresh()), "/front", Some("gone"), ["401", revoked, "no-store", "", ""]),
        (by_path(fresh()), "/other", None, ["401", "Bearer", "no-store", "", ""]),
    ] {
        assert_eq!(ask(guard, path, jwt_id).await, expected, "{path} {jwt_id:?}");
    }
}

#[tokio::test]
async fn claims_come_from_where_the_host_says() {
    let guard = SignoutLayer::new(checker(Duration::ZERO))
        .claims(|request| request.uri.path().strip_prefix("/as/").map(claims));
    for (path, status) in [("/as/good", "200"), ("/as/gone", "401"), ("/", "401")] {
        // What stands in the extensions does not count then.
        assert_eq!(ask(guard.clone(), path, Some("good")).await[0], status, "{path}");
    }
}
