//! Where a token may be, and requests that no client means.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reqwest::Method;

use super::gate::{House, IDENTITY, house};
use crate::harness::PATIENCE;

const PLACES: &str = "cookies = [\"at\"]\nheaders = [\"X-Forwarded-Access-Token\"]";

#[tokio::test]
async fn a_token_may_be_in_a_cookie_or_a_header() {
    let house = house(PLACES);
    let token = house.token("j", "s");
    let (bearer, cookie) = (format!("Bearer {token}"), format!("x=1; at={token}; y=2"));
    for headers in [
        &[("authorization", &*bearer)][..],
        &[("cookie", &*cookie)],
        &[("x-forwarded-access-token", &*token)],
        &[("authorization", &*bearer), ("cookie", &*cookie), ("x-forwarded-access-token", &*token)],
        &[("authorization", "Basic YTpi"), ("cookie", &*cookie)],
        &[("authorization", &*bearer), ("cookie", "at=")],
    ] {
        assert_eq!(house.ask(headers).await.status, 200, "{headers:?}");
    }
    // Not where nobody said that one may be.
    for headers in [
        &[("x-token", &*token)][..],
        &[("cookie", &*format!("other={token}"))],
        &[("bearer", &*token)],
    ] {
        House::refused(&house.ask(headers).await, "");
    }
}

#[tokio::test]
async fn tokens_that_differ_refuse_each_other() {
    let house = house(PLACES);
    let (one, two) = (house.token("j", "s"), house.token("k", "s"));
    let (bearer, other) = (format!("Bearer {one}"), format!("Bearer {two}"));
    let (cookie, both) = (format!("at={two}"), format!("at={one}; at={two}"));
    for headers in [
        &[("authorization", &*bearer), ("cookie", &*cookie)][..],
        &[("authorization", &*bearer), ("x-forwarded-access-token", &*two)],
        &[("cookie", &*both)],
        &[("x-forwarded-access-token", &*one), ("x-forwarded-access-token", &*two)],
        &[("authorization", &*bearer), ("authorization", &*other)],
        &[("authorization", &*bearer), ("authorization", &*bearer)],
        &[("authorization", &*bearer), ("authorization", "Basic YTpi")],
        &[("authorization", &*bearer), ("cookie", "at=garbage")],
    ] {
        House::refused(&house.ask(headers).await, "invalid_request");
    }
    assert_eq!(house.refusals("tokens_differ").await, 5);
    assert_eq!(house.refusals("authorization_repeated").await, 3);
}

#[tokio::test]
async fn whatever_the_proxy_says_of_the_request_only_the_token_decides() {
    let house = house("");
    let bearer = format!("Bearer {}", house.token("j", "s"));
    let spoofed = [
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-uri", "/public/health"),
        ("x-original-uri", "/public/health"),
        ("x-original-url", "/public/health"),
        ("x-forwarded-host", "public.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-auth-subject", "admin"),
        ("X-AUTH-SUBJECT", "admin"),
        ("x_auth_subject", "admin"),
        ("x-auth-groups", "admins"),
        ("connection", "x-auth-subject"),
    ];
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE"] {
        for path in
            ["/forward-auth", "/forward-auth/", "/forward-auth/a/b?c=d", "/forward-auth/..%2f"]
        {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let refused = house.ask_as(method.clone(), path, &spoofed).await;
            House::refused(&refused, "");
            let mut headers = spoofed.to_vec();
            headers.push(("authorization", &*bearer));
            let passed = house.ask_as(method.clone(), path, &headers).await;
            assert_eq!(passed.status, 200, "{method} {path} {passed:?}");
            assert_eq!(passed.header("x-auth-subject"), "alice");
            assert_eq!(passed.header("x-auth-groups"), "");
        }
    }
    let head = house.ask_as(Method::HEAD, "/forward-auth", &[("authorization", &*bearer)]).await;
    assert_eq!((head.status, head.header("x-auth-subject")), (200, "alice"));
}

#[tokio::test]
async fn malformed_tokens_of_every_kind() {
    let house = house(PLACES);
    let good = house.token("j", "s");
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let none = "eyJhbGciOiJub25lIn0";
    for token in [
        "x",
        "..",
        "...",
        "null",
        "a b",
        "a,b",
        "\"quoted\"",
        "%00",
        &"x".repeat(8193),
        &format!("{header}.{payload}."),
        &format!("{header}.{payload}"),
        &format!("{header}.{payload}.{signature}="),
        &format!("{header}.{payload}.{signature}.{signature}.x"),
        &format!("{none}.{payload}."),
        &format!("{none}.{payload}.{signature}"),
        &format!("{payload}.{payload}.{signature}"),
        &format!("{header}.{header}.{signature}"),
        &format!("{header}.{payload}.{}", "A".repeat(signature.len())),
        &good.to_uppercase(),
        &format!("{good},{good}"),
        &format!("{good} {good}"),
    ] {
        House::refused(&house.bearer(token).await, "invalid_token");
        let header = [("x-forwarded-access-token", token)];
        House::refused(&house.ask(&header).await, "invalid_token");
    }
    for end in (0..good.len()).step_by(7).skip(1) {
        House::refused(&house.bearer(&good[..end]).await, "invalid_token");
    }
    assert_eq!(house.bearer(&good).await.status, 200);
}

#[tokio::test]
async fn large_cookies_and_floods_of_headers() {
    let house = house(PLACES);
    let token = house.token("j", "s");
    let large = "x".repeat(64 << 10);
    House::refused(&house.ask(&[("cookie", &format!("at={large}"))]).await, "invalid_token");
    let beside = format!("other={large}; at={token}");
    assert_eq!(house.ask(&[("cookie", &beside)]).await.status, 200);
    let many: Vec<_> = (0..10_000).map(|number| format!("c{number}=")).collect();
    let many = format!("{}; at={token}", many.join("; "));
    assert_eq!(house.ask(&[("cookie", &many)]).await.status, 200);
    let tokens: Vec<_> = (0..500).map(|number| format!("at=t{number}")).collect();
    House::refused(&house.ask(&[("cookie", &tokens.join("; "))]).await, "invalid_request");

    let lines: Vec<_> = (0..2_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let flood = format!("Authorization: Bearer {token}\r\n{}", lines.concat());
    let megabyte = format!("Authorization: Bearer {token}\r\nx: {}\r\n", "x".repeat(1 << 20));
    for head in [flood, megabyte] {
        let status = raw(&house, &format!("GET /forward-auth HTTP/1.1\r\nHost: x\r\n{head}\r\n"));
        assert!(status.is_none_or(|status| status >= 400), "{status:?}");
    }
    assert_eq!(house.bearer(&token).await.status, 200, "the service is well");
}

#[tokio::test]
async fn smuggled_requests_pass_nobody() {
    let house = house("");
    let bearer = format!("Authorization: Bearer {}\r\n", house.token("j", "s"));
    let inner = format!("GET /forward-auth HTTP/1.1\r\nHost: x\r\n{bearer}\r\n");
    // The first answer is that of the request without a token, whatever is hidden behind it.
    for head in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", inner.len()),
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\n".to_owned(),
        "Content-Length: -1\r\n\r\n".to_owned(),
        "Authorization : Bearer x\r\n\r\n".to_owned(),
        " Authorization: Bearer x\r\n\r\n".to_owned(),
        format!("Content-Length: {}\r\n\r\n", inner.len()),
    ] {
        let request = format!("GET /forward-auth HTTP/1.1\r\nHost: x\r\n{head}{inner}");
        let status = raw(&house, &request);
        assert!(status.is_none_or(|status| status >= 400), "{head:?} {status:?}");
    }
    assert_eq!(raw(&house, &inner), Some(200), "the hidden request by itself");
}

/// The status of the first answer; `None` if there is none.
fn raw(house: &House, request: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(house.service.outer).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that has read enough closes while we still write.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    let answer = std::str::from_utf8(&answer).unwrap();
    answer.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

#[tokio::test]
async fn every_identity_header_of_an_answer_comes_once() {
    let house = house("");
    let bearer = format!("Bearer {}", house.token("j", "s"));
    let mut headers: Vec<_> = IDENTITY.iter().map(|name| (*name, "admin")).collect();
    headers.push(("authorization", &bearer));
    let answer = house.ask(&headers).await;
    for name in IDENTITY {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name} {answer:?}");
        assert_ne!(answer.header(name), "admin", "{name}");
    }
}
