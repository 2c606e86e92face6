//! The rules, one function each, in the order of their numbers.

use signout_checker::{IdError, JwtId, SessionId, Subject, Timestamp};

use crate::jose::{ClaimError, Envelope, Object, Value, VerifiedJws};

use super::error::{Claim, LogoutTokenError};
use super::expected::{EncryptionPolicy, Expected, MissingExp, TypPolicy};
use super::token::{LogoutToken, OfflineAccess, Who};

/// The member that makes a token a logout token. The scheme is `http` (section 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Beside it in Keycloak's tokens.
const REVOKE_OFFLINE_ACCESS: &str = "revoke_offline_access";

/// Decides whether a verified token is a logout token for us, now.
pub fn validate(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<LogoutToken, LogoutTokenError> {
    bcl_6_encryption(jws, expected)?;
    bcl_9_issuer(jws, expected)?;
    bcl_10_audience(jws, expected)?;
    let issued_at = bcl_11_issued_at(jws, expected, now)?;
    let expires_at = bcl_12_expires_at(jws, expected, now)?;
    let jwt_id = bcl_13_jwt_id(jws)?;
    let who = bcl_14_who(jws)?;
    let offline = bcl_15_events(jws)?;
    bcl_16_nonce(jws)?;
    bcl_17_typ(jws, expected)?;
    bcl_20_not_before(jws, expected, now)?;
    Ok(LogoutToken {
        issuer: expected.issuer.clone(),
        who,
        jwt_id,
        issued_at,
        expires_at,
        offline,
        identity: jws.identity(),
    })
}

/// Encrypted if that was negotiated; and the envelope, if it names an issuer, names this one
/// (RFC 7519, section 5.3).
fn bcl_6_encryption(jws: &VerifiedJws, expected: &Expected<'_>) -> Result<(), LogoutTokenError> {
    match (jws.envelope(), expected.encryption) {
        (Envelope::Plain, EncryptionPolicy::Require) => Err(LogoutTokenError::NotEncrypted),
        (Envelope::Encrypted { issuer: Some(issuer) }, _)
            if **issuer != *expected.issuer.as_str() =>
        {
            Err(LogoutTokenError::EnvelopeIssuer)
        }
        _ => Ok(()),
    }
}

/// Byte for byte: no trailing slash is added, no case is folded.
fn bcl_9_issuer(jws: &VerifiedJws, expected: &Expected<'_>) -> Result<(), LogoutTokenError> {
    if jws.issuer() != expected.issuer {
        return Err(LogoutTokenError::KeysOfAnotherIssuer {
            expected: expected.issuer.clone(),
            verified_by: jws.issuer().clone(),
        });
    }
    if required_string(jws, Claim::Iss)? == expected.issuer.as_str() {
        Ok(())
    } else {
        Err(LogoutTokenError::IssuerMismatch { expected: expected.issuer.clone() })
    }
}

/// At least one of us, and nobody we do not know.
fn bcl_10_audience(jws: &VerifiedJws, expected: &Expected<'_>) -> Result<(), LogoutTokenError> {
    let audience = jws.claims().audience(Claim::Aud.as_str()).map_err(fault(Claim::Aud))?;
    let audience = audience.ok_or(LogoutTokenError::Missing { claim: Claim::Aud })?;
    let ours = |aud: &&str| expected.client_ids.iter().any(|client| client.as_str() == *aud);
    let all = audience.iter().count();
    match audience.iter().filter(ours).count() {
        0 => Err(LogoutTokenError::AudienceForeign),
        ours if ours < all => Err(LogoutTokenError::AudienceShared { others: all - ours }),
        _ => Ok(()),
    }
}

/// Neither from the future nor too old.
fn bcl_11_issued_at(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Timestamp, LogoutTokenError> {
    let issued_at =
        date(jws, Claim::Iat)?.ok_or(LogoutTokenError::Missing { claim: Claim::Iat })?;
    if issued_at > now.plus(expected.leeway) {
        return Err(LogoutTokenError::IssuedAhead { issued_at, now });
    }
    if now.since(issued_at) > expected.max_age {
        return Err(LogoutTokenError::TooOld { issued_at, now, max_age: expected.max_age });
    }
    Ok(issued_at)
}

/// The current time must be before `exp` (RFC 7519, section 4.1.4).
fn bcl_12_expires_at(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, LogoutTokenError> {
    match (date(jws, Claim::Exp)?, expected.missing_exp) {
        (Some(expires_at), _) if now >= expires_at.plus(expected.leeway) => {
            Err(LogoutTokenError::Expired { expires_at, now })
        }
        (None, MissingExp::Deny) => Err(LogoutTokenError::Missing { claim: Claim::Exp }),
        (expires_at, _) => Ok(expires_at),
    }
}

/// Required by section 2.4; section 2.6 forgets to check it.
fn bcl_13_jwt_id(jws: &VerifiedJws) -> Result<JwtId, LogoutTokenError> {
    JwtId::parse(required_string(jws, Claim::Jti)?).map_err(malformed(Claim::Jti))
}

/// `sid`, `sub` or both. `sub: null` counts as absent, because a provider sends it beside a `sid`.
/// `sid: null` does not: taken for absent beside a `sub`, it would end all of a user's sessions.
fn bcl_14_who(jws: &VerifiedJws) -> Result<Who, LogoutTokenError> {
    let session = string(jws, Claim::Sid)?
        .map(|sid| SessionId::parse(sid).map_err(malformed(Claim::Sid)))
        .transpose()?;
    let subject = match jws.claims().get(Claim::Sub.as_str()) {
        Some(Value::Null) => None,
        _ => string(jws, Claim::Sub)?,
    };
    let subject =
        subject.map(|sub| Subject::parse(sub).map_err(malformed(Claim::Sub))).transpose()?;
    match (session, subject) {
        (Some(session), Some(subject)) => Ok(Who::Both(session, subject)),
        (Some(session), None) => Ok(Who::Session(session)),
        (None, Some(subject)) => Ok(Who::Subject(subject)),
        (None, None) => Err(LogoutTokenError::NobodyNamed),
    }
}

/// `events` is an object and so is its logout member. What else either holds is not our business,
/// with one exception.
fn bcl_15_events(jws: &VerifiedJws) -> Result<OfflineAccess, LogoutTokenError> {
    let events = jws.claims().object(Claim::Events.as_str()).map_err(fault(Claim::Events))?;
    let events = events.ok_or(LogoutTokenError::Missing { claim: Claim::Events })?;
    match events.get(LOGOUT_EVENT) {
        None => Err(LogoutTokenError::EventMissing),
        Some(Value::Object(_)) => Ok(offline_access(events)),
        Some(other) => Err(LogoutTokenError::EventMalformed { found: other.json_type() }),
    }
}

/// Only the very value `true` orders more than the norm does.
fn offline_access(events: &Object) -> OfflineAccess {
    match events.get(REVOKE_OFFLINE_ACCESS) {
        Some(Value::Boolean(true)) => OfflineAccess::Revoke,
        _ => OfflineAccess::Keep,
    }
}

/// With any value, `null` included.
fn bcl_16_nonce(jws: &VerifiedJws) -> Result<(), LogoutTokenError> {
    if jws.claims().is_present("nonce") { Err(LogoutTokenError::NoncePresent) } else { Ok(()) }
}

/// Media types compare without case, and a name without a slash stands for `application/` and
/// itself (RFC 7515, section 4.1.9).
fn bcl_17_typ(jws: &VerifiedJws, expected: &Expected<'_>) -> Result<(), LogoutTokenError> {
    let typ = jws.header().token_type().map(|typ| {
        let lower = typ.to_ascii_lowercase();
        lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
    });
    match (typ.as_deref(), expected.typ) {
        (Some("logout+jwt"), _) | (Some("jwt") | None, TypPolicy::Allow) => Ok(()),
        (None, TypPolicy::Require) => Err(LogoutTokenError::TypMissing),
        (Some(_), _) => Err(LogoutTokenError::TypForeign),
    }
}

/// The norm does not speak of `nbf`; RFC 7519, section 4.1.5, does.
fn bcl_20_not_before(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(), LogoutTokenError> {
    match date(jws, Claim::Nbf)? {
        Some(not_before) if not_before > now.plus(expected.leeway) => {
            Err(LogoutTokenError::NotYetValid { not_before, now })
        }
        _ => Ok(()),
    }
}

fn date(jws: &VerifiedJws, claim: Claim) -> Result<Option<Timestamp>, LogoutTokenError> {
    jws.claims().date(claim.as_str()).map_err(fault(claim))
}

fn string(jws: &VerifiedJws, claim: Claim) -> Result<Option<&str>, LogoutTokenError> {
    jws.claims().string(claim.as_str()).map_err(fault(claim))
}

fn required_string(jws: &VerifiedJws, claim: Claim) -> Result<&str, LogoutTokenError> {
    string(jws, claim)?.ok_or(LogoutTokenError::Missing { claim })
}

fn fault(claim: Claim) -> impl Fn(ClaimError) -> LogoutTokenError {
    move |fault| match fault {
        ClaimError::DateOutOfRange { .. } => LogoutTokenError::OutOfRange { claim },
        ClaimError::WrongType { found, .. } => LogoutTokenError::WrongType { claim, found },
    }
}

fn malformed(claim: Claim) -> impl Fn(IdError) -> LogoutTokenError {
    move |fault| LogoutTokenError::Malformed { claim, fault }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Map, Value as Json, json};
    use signout_checker::{ClientId, Issuer};

    use super::*;
    use crate::jose::{Algorithm, Compact, KeySet, SigningKey};

    const SECRET: [u8; 32] = [7; 32];
    const ISSUER: &str = "https://op.example";
    const NOW: u64 = 1_800_000_000;

    fn jws(issuer: &str, header: &Json, claims: &Json) -> VerifiedJws {
        let key = SigningKey::from_secret(&SECRET, Algorithm::Hs256).unwrap();
        let token = key.sign(header.as_object().unwrap(), claims.as_object().unwrap()).unwrap();
        let issuer = Issuer::parse(issuer).unwrap();
        let keys = KeySet::from_secret(issuer, &SECRET, &[Algorithm::Hs256]).unwrap();
        keys.verify(&Compact::parse(&token).unwrap()).unwrap()
    }

    fn good() -> Map<String, Json> {
        let claims = json!({
            "iss": ISSUER, "aud": "app", "iat": NOW, "exp": NOW + 120, "jti": "j", "sid": "s",
            "sub": "u", "events": { LOGOUT_EVENT: {} },
        });
        claims.as_object().unwrap().clone()
    }

    /// `changes` replace the members of a valid token; `null` in a list of its own cannot remove.
    fn outcome_at(now: u64, changes: &Json) -> Result<LogoutToken, LogoutTokenError> {
        let mut claims = good();
        claims.extend(changes.as_object().unwrap().clone());
        let issuer = Issuer::parse(ISSUER).unwrap();
        let client_ids = [ClientId::parse("app").unwrap(), ClientId::parse("app2").unwrap()];
        let expected = Expected {
            issuer: &issuer,
            client_ids: &client_ids,
            encryption: EncryptionPolicy::Allow,
            typ: TypPolicy::Allow,
            missing_exp: MissingExp::Deny,
            max_age: Duration::from_mins(5),
            leeway: Duration::from_mins(1),
        };
        let jws = jws(ISSUER, &json!({}), &Json::Object(claims));
        validate(&jws, &expected, Timestamp::from_secs(now))
    }

    fn label_at(now: u64, changes: &Json) -> &'static str {
        outcome_at(now, changes).map_or_else(|fault| fault.label(), |_| "valid")
    }

    #[test]
    fn tells_what_the_token_says() {
        let token = outcome_at(NOW, &json!({})).unwrap();
        let (sid, sub) = (SessionId::parse("s").unwrap(), Subject::parse("u").unwrap());
        assert_eq!(token.issuer().as_str(), ISSUER);
        assert_eq!(token.who(), &Who::Both(sid, sub));
        assert_eq!(token.jwt_id().as_str(), "j");
        assert_eq!(token.issued_at(), Timestamp::from_secs(NOW));
        assert_eq!(token.expires_at(), Some(Timestamp::from_secs(NOW + 120)));
        assert_eq!(token.offline(), OfflineAccess::Keep);
    }

    #[test]
    fn a24_keys_of_another_issuer_are_refused_whatever_iss_says() {
        let issuer = Issuer::parse(ISSUER).unwrap();
        let client_ids = [ClientId::parse("app").unwrap()];
        let expected = Expected {
            issuer: &issuer,
            client_ids: &client_ids,
            encryption: EncryptionPolicy::Allow,
            typ: TypPolicy::Allow,
            missing_exp: MissingExp::Deny,
            max_age: Duration::from_mins(5),
            leeway: Duration::from_mins(1),
        };
        let jws = jws("https://other.example", &json!({}), &Json::Object(good()));
        let found = validate(&jws, &expected, Timestamp::from_secs(NOW));
        assert_eq!(found.unwrap_err().label(), "keys_of_another_issuer");
    }

    #[test]
    fn bcl_11_edges() {
        assert_eq!(label_at(NOW - 60, &json!({})), "valid");
        assert_eq!(label_at(NOW - 61, &json!({})), "iat_ahead");
        let late = json!({ "exp": NOW + 86_400 });
        assert_eq!(label_at(NOW + 300, &late), "valid");
        assert_eq!(label_at(NOW + 301, &late), "iat_too_old");
        assert_eq!(label_at(NOW - 60, &json!({ "iat": 1_800_000_000.9 })), "valid");
    }

    #[test]
    fn bcl_12_edges() {
        assert_eq!(label_at(NOW + 179, &json!({})), "valid");
        assert_eq!(label_at(NOW + 180, &json!({})), "exp_passed");
        assert_eq!(label_at(NOW, &json!({ "exp": 253_402_300_799_u64 })), "valid");
    }

    #[test]
    fn bcl_20_edges() {
        assert_eq!(label_at(NOW, &json!({ "nbf": NOW + 60 })), "valid");
        assert_eq!(label_at(NOW, &json!({ "nbf": NOW + 61 })), "nbf_ahead");
    }

    #[test]
    fn errors_carry_both_times() {
        let found = outcome_at(NOW + 180, &json!({})).unwrap_err();
        let (expires_at, now) = (Timestamp::from_secs(NOW + 120), Timestamp::from_secs(NOW + 180));
        assert_eq!(found, LogoutTokenError::Expired { expires_at, now });
        assert!(found.to_string().contains("1800000120"), "{found}");
    }

    #[test]
    fn bcl_15_offline_access_needs_the_very_value() {
        let events =
            |extra: Json| json!({ "events": { LOGOUT_EVENT: {}, REVOKE_OFFLINE_ACCESS: extra } });
        let offline = |extra| outcome_at(NOW, &events(extra)).unwrap().offline();
        assert_eq!(offline(json!(true)), OfflineAccess::Revoke);
        for other in [json!(false), json!("true"), json!(1), json!({}), Json::Null] {
            assert_eq!(offline(other), OfflineAccess::Keep);
        }
    }

    #[test]
    fn i17_errors_and_debug_tell_no_identifier() {
        let secret = "very-secret";
        let who = json!({ "sid": secret, "sub": secret, "jti": secret });
        assert!(!format!("{:?}", outcome_at(NOW, &who).unwrap()).contains(secret));
        for claim in ["sid", "sub", "jti", "iss", "aud"] {
            let fault = outcome_at(NOW, &json!({ claim: format!("{secret}\u{1}") })).unwrap_err();
            assert!(!format!("{fault} {fault:?}").contains(secret), "{fault:?}");
        }
    }
}
