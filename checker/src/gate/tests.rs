use std::time::Duration;

use super::*;
use crate::{DigestKey, Issuer, JwtId, Reason, Revocation, StalePolicy, Target, Timestamp};

fn issuer() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

fn claims(jwt_id: &str) -> Claims {
    Claims::new(issuer()).jwt_id(JwtId::parse(jwt_id).unwrap())
}

/// Knows, as of `as_of`, that the token `gone` is revoked.
fn checker(as_of: Instant) -> Checker {
    let checker = Checker::new(Policy::default());
    let target = Target::Token(issuer(), JwtId::parse("gone").unwrap());
    let (at, until) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
    let index = checker.open(&DigestKey::from_bytes([1; 16])).unwrap();
    index.apply(&Revocation::of(target, Reason::Admin, at, until));
    checker.vouch(as_of);
    checker
}

fn word(judged: Result<Passed, Refusal>) -> &'static str {
    match judged {
        Ok(Passed::Checked(_)) => "checked",
        Ok(Passed::Unchecked) => "unchecked",
        Err(Refusal::NoClaims) => "no claims",
        Err(Refusal::Revoked) => "revoked",
        Err(Refusal::Unidentified) => "unidentified",
        Err(Refusal::Stale) => "stale",
    }
}

#[test]
fn every_rule_for_every_token() {
    let start = Instant::now();
    let checker = checker(start);
    let (fresh, old) = (start, start + Duration::from_secs(20));
    let strict = Policy { max_staleness: Duration::from_secs(15), when_stale: StalePolicy::Deny };
    let mild = Policy { max_staleness: Duration::ZERO, when_stale: StalePolicy::Allow };
    let (good, gone, nobody) = (claims("good"), claims("gone"), Claims::new(issuer()));
    let [none, good, gone, nobody] = [None, Some(&good), Some(&gone), Some(&nobody)];
    for (rule, now, expected) in [
        (Rule::require(), fresh, ["no claims", "checked", "revoked", "unidentified"]),
        (Rule::require(), old, ["no claims", "checked", "revoked", "unidentified"]),
        (Rule::optional(), fresh, ["unchecked", "checked", "revoked", "unidentified"]),
        (Rule::skip(), old, ["unchecked"; 4]),
        (
            Rule::require().within(strict),
            fresh,
            ["no claims", "checked", "revoked", "unidentified"],
        ),
        (Rule::require().within(strict), old, ["no claims", "stale", "revoked", "unidentified"]),
        (Rule::optional().within(strict), old, ["unchecked", "stale", "revoked", "unidentified"]),
        (Rule::require().within(mild), old, ["no claims", "checked", "revoked", "unidentified"]),
    ] {
        let judged =
            [none, good, gone, nobody].map(|claims| word(rule.judge(&checker, claims, now)));
        assert_eq!(judged, expected, "{rule:?}");
    }
}

#[test]
fn rfc6750_3_what_a_challenge_may_hold() {
    for refusal in [Refusal::NoClaims, Refusal::Revoked, Refusal::Unidentified, Refusal::Stale] {
        let challenge = refusal.challenge().unwrap_or_default();
        assert_eq!(refusal.status() == 401, !challenge.is_empty(), "{refusal:?}");
        assert_eq!(refusal.retry_after().is_some(), refusal.status() == 503, "{refusal:?}");
        // %x20-21 / %x23-5B / %x5D-7E within the quotes.
        let quoted = challenge.split('"').skip(1).step_by(2);
        for byte in quoted.flat_map(str::bytes) {
            assert!(matches!(byte, 0x20..=0x7e) && !b"\"\\".contains(&byte), "{challenge}");
        }
    }
    assert_eq!(Refusal::NoClaims.challenge(), Some("Bearer"));
    assert_eq!(
        Refusal::Revoked.challenge(),
        Some("Bearer error=\"invalid_token\", error_description=\"The token was revoked\"")
    );
}
