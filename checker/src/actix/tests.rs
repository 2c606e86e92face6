use std::time::{Duration, Instant};

use actix_web::body::to_bytes;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};

use actix_web::HttpMessage as _;

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

async fn tell_proof(request: HttpRequest) -> HttpResponse {
    let proof = request.extensions().get::<NotRevoked>().copied();
    HttpResponse::Ok().body(if proof.is_some() { "proved" } else { "passed" })
}

/// Status, challenge, what may be cached, when to come back, and the body.
async fn ask(guard: SignoutMiddleware, path: &str, jwt_id: Option<&str>) -> [String; 5] {
    let app = App::new().default_service(web::to(tell_proof)).wrap(guard);
    let app = init_service(app).await;
    let request = TestRequest::with_uri(path).to_request();
    if let Some(jwt_id) = jwt_id {
        request.extensions_mut().insert(claims(jwt_id));
    }
    let response = call_service(&app, request).await;
    let header = |name: &str| {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let told = [header("www-authenticate"), header("cache-control"), header("retry-after")];
    let status = response.status().as_u16().to_string();
    let body = to_bytes(response.into_body()).await.ok().unwrap();
    let [challenge, cache, retry] = told;
    [status, challenge, cache, retry, String::from_utf8(body.to_vec()).unwrap()]
}

#[actix_web::test]
async fn requests_are_answered_as_rfc6750_says() {
    let fresh = || SignoutMiddleware::new(checker(Duration::ZERO));
    let stale = || SignoutMiddleware::new(checker(Duration::from_secs(31)));
    let revoked = "Bearer error=\"invalid_token\", error_description=\"The token was revoked\"";
    let by_path = |guard: SignoutMiddleware| {
        guard.rules(|request| match request.path() {
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

#[actix_web::test]
async fn claims_come_from_where_the_host_says() {
    let guard = SignoutMiddleware::new(checker(Duration::ZERO))
        .claims(|request| request.path().strip_prefix("/as/").map(claims));
    for (path, status) in [("/as/good", "200"), ("/as/gone", "401"), ("/", "401")] {
        // What stands in the extensions does not count then.
        assert_eq!(ask(guard.clone(), path, Some("good")).await[0], status, "{path}");
    }
}
