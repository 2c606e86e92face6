//! The rules, one function each.

use signout_checker::{JwtId, Timestamp};

use super::error::AccessTokenError;
use super::expected::{Dialect, Expected, Profile};
use super::named::Named;
use super::token::AccessToken;
use crate::jose::{Value, VerifiedJws};

/// Values of a *claim* `typ` that mark an access token: Keycloak and Rauthy write `Bearer`, others
/// repeat what RFC 9068 has in the header. Keycloak's `ID`, `Serialized-ID`, `Refresh`, `Offline`,
/// `Logout` and `DPoP` are not among them, nor is whatever else there may be.
const ACCESS_TYP_CLAIMS: [&str; 5] =
    ["access", "access_token", "application/at+jwt", "at+jwt", "bearer"];

/// Decides whether a verified token is an access token for us, now.
pub fn validate(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<AccessToken, AccessTokenError> {
    jwt_9_issuer(jws, expected)?;
    let typ = jwt_9_typ(jws, expected)?;
    jwt_9_not_a_security_event(jws)?;
    let mark = jwt_9_typ_claim(jws, expected, typ)?;
    jwt_9_not_an_id_token(jws, mark)?;
    jwt_9_not_bound(jws)?;
    jwt_9_audience(jws, expected, mark)?;
    jwt_9_required_claims(jws, expected)?;
    let named = Named::of(jws)?;
    let expires_at = named.expires_at.ok_or(AccessTokenError::Missing { claim: "exp" })?;
    jwt_9_not_expired(expires_at, expected, now)?;
    jwt_9_issued_at(named.issued_at, expected, now)?;
    let not_before = jwt_9_not_before(jws, expected, now)?;
    jwt_12_lifetime(&named, expires_at, expected, now)?;
    Ok(AccessToken {
        jwt_id: jwt_11_jwt_id(&named)?,
        expires_at,
        accepted_from: not_before
            .max(named.issued_at)
            .map_or(Timestamp::from_secs(0), |from| from.minus(expected.leeway)),
        refused_from: expires_at.plus(expected.leeway),
        scope: scope(jws)?,
        jws: jws.clone(),
        named,
    })
}

/// What the header's `typ` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Typ {
    /// `at+jwt`.
    AccessToken,
    /// `JWT`, or nothing.
    Unsaid,
}

/// Whether the provider itself says that this is an access token, in a way that no ID token shares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The claim `typ`, or what the provider's dialect has instead. Enough to look past a `nonce`,
    /// which Keycloak before version 24 and authentik copy into access tokens.
    Explicit,
    /// A header or a claim that only access tokens have by the norms.
    ByTheNorm,
    None,
}

/// Byte for byte: no trailing slash is added, no case is folded.
fn jwt_9_issuer(jws: &VerifiedJws, expected: &Expected<'_>) -> Result<(), AccessTokenError> {
    if jws.issuer() != expected.issuer {
        return Err(AccessTokenError::KeysOfAnotherIssuer {
            expected: expected.issuer.clone(),
            verified_by: jws.issuer().clone(),
        });
    }
    if required_string(jws, "iss")? == expected.issuer.as_str() {
        Ok(())
    } else {
        Err(AccessTokenError::IssuerMismatch { expected: expected.issuer.clone() })
    }
}

/// RFC 9068, section 4: `at+jwt`, with or without `application/`. Without the strict profile `JWT`
/// and no `typ` pass as well; any other name is that of another kind of token (`logout+jwt`,
/// `secevent+jwt`, `token-introspection+jwt`, ...) and never does (RFC 8725bis, section 3.11).
fn jwt_9_typ(jws: &VerifiedJws, expected: &Expected<'_>) -> Result<Typ, AccessTokenError> {
    let typ = jws.header().token_type().map(str::to_ascii_lowercase);
    let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    match (typ, expected.profile) {
        (Some("at+jwt"), _) => Ok(Typ::AccessToken),
        (Some("jwt") | None, Profile::Compat) => Ok(Typ::Unsaid),
        (_, _) => Err(AccessTokenError::TypForeign),
    }
}

/// `events` is what makes a logout token (Back-Channel Logout 1.0, section 2.4) and a security event
/// (RFC 8417, section 2.2), whatever their `typ` says. With any value, `null` included.
fn jwt_9_not_a_security_event(jws: &VerifiedJws) -> Result<(), AccessTokenError> {
    if jws.claims().is_present("events") { Err(AccessTokenError::SecurityEvent) } else { Ok(()) }
}

/// A *claim* `typ` comes from no norm, but where it is, it is the provider's word: it must be one for
/// an access token.
fn jwt_9_typ_claim(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    typ: Typ,
) -> Result<Mark, AccessTokenError> {
    let claims = jws.claims();
    if let Some(claim) = claims.string("typ")? {
        let claim = claim.to_ascii_lowercase();
        return if ACCESS_TYP_CLAIMS.contains(&&*claim) {
            Ok(Mark::Explicit)
        } else {
            Err(AccessTokenError::TypClaimForeign)
        };
    }
    let authentik = expected.dialect == Dialect::Authentik
        && claims.is_present("azp")
        && claims.is_present("uid");
    if authentik {
        return Ok(Mark::Explicit);
    }
    // Core 1.0, section 2, has none of these claims; RFC 9068, section 2.2, has the first two, and
    // `scp` is what some providers write instead.
    let claimed = ["scope", "client_id", "scp"].iter().any(|claim| claims.is_present(claim));
    Ok(if claimed || typ == Typ::AccessToken { Mark::ByTheNorm } else { Mark::None })
}

/// The hashes tie an ID token to what was issued with it, and `nonce` to the request of the client
/// (Core 1.0, sections 2 and 3.3.2.11). With any value, `null` included.
fn jwt_9_not_an_id_token(jws: &VerifiedJws, mark: Mark) -> Result<(), AccessTokenError> {
    let found = ["at_hash", "c_hash", "nonce", "s_hash"]
        .into_iter()
        .filter(|claim| *claim != "nonce" || mark != Mark::Explicit)
        .find(|claim| jws.claims().is_present(claim));
    found.map_or(Ok(()), |claim| Err(AccessTokenError::IdToken { claim }))
}

/// Taking a token that is bound to a key without its proof would make it one that anybody can use
/// (RFC 9449, section 7.2; RFC 8705, section 3).
fn jwt_9_not_bound(jws: &VerifiedJws) -> Result<(), AccessTokenError> {
    if jws.claims().is_present("cnf") { Err(AccessTokenError::Bound) } else { Ok(()) }
}

/// `aud` names us; others may be named too. The audience of every ID token is a client, so a token
/// that is accepted for being a client's needs a mark of its own.
fn jwt_9_audience(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    mark: Mark,
) -> Result<(), AccessTokenError> {
    let audience = jws.claims().audience("aud")?;
    let audience = audience.ok_or(AccessTokenError::Missing { claim: "aud" })?;
    let is_client = |aud: &str| expected.client_ids.iter().any(|client| client.as_str() == aud);
    let is_ours = |aud: &str| match expected.audiences {
        [] => is_client(aud),
        audiences => audiences.iter().any(|ours| ours.as_str() == aud),
    };
    if !audience.iter().any(is_ours) {
        return Err(AccessTokenError::AudienceForeign);
    }
    if mark == Mark::None && audience.iter().any(is_client) {
        return Err(AccessTokenError::Unmarked);
    }
    Ok(())
}

/// RFC 9068, section 2.2. The others are asked for in both profiles.
fn jwt_9_required_claims(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
) -> Result<(), AccessTokenError> {
    let required: &[_] = match expected.profile {
        Profile::AtJwt => &["sub", "client_id", "iat", "jti"],
        Profile::Compat => &[],
    };
    match required.iter().find(|claim| !jws.claims().is_present(claim)) {
        Some(claim) => Err(AccessTokenError::Missing { claim }),
        None => Ok(()),
    }
}

/// The current time must be before `exp` (RFC 7519, section 4.1.4).
fn jwt_9_not_expired(
    expires_at: Timestamp,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(), AccessTokenError> {
    if now >= expires_at.plus(expected.leeway) {
        Err(AccessTokenError::Expired { expires_at, now })
    } else {
        Ok(())
    }
}

/// A token from the future would outlive the cut-off of a logout that comes before that future.
fn jwt_9_issued_at(
    issued_at: Option<Timestamp>,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(), AccessTokenError> {
    match issued_at {
        Some(issued_at) if issued_at > now.plus(expected.leeway) => {
            Err(AccessTokenError::IssuedAhead { issued_at, now })
        }
        _ => Ok(()),
    }
}

/// RFC 7519, section 4.1.5.
fn jwt_9_not_before(
    jws: &VerifiedJws,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, AccessTokenError> {
    match jws.claims().date("nbf")? {
        Some(not_before) if not_before > now.plus(expected.leeway) => {
            Err(AccessTokenError::NotYetValid { not_before, now })
        }
        not_before => Ok(not_before),
    }
}

/// `jti`, else the digest of what is signed.
fn jwt_11_jwt_id(named: &Named) -> Result<JwtId, AccessTokenError> {
    named.jwt_id.clone().ok_or(AccessTokenError::Missing { claim: "jti" })
}

/// A mark for a session or a user is remembered for as long as the provider's tokens live, as it was
/// configured. What lives longer would outlive the mark.
fn jwt_12_lifetime(
    named: &Named,
    expires_at: Timestamp,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(), AccessTokenError> {
    let lifetime = expires_at.since(named.issued_at.unwrap_or(now));
    if lifetime > expected.max_lifetime {
        Err(AccessTokenError::LivesTooLong { lifetime, limit: expected.max_lifetime })
    } else {
        Ok(())
    }
}

/// One string by the norm; an array of strings from some providers.
fn scope(jws: &VerifiedJws) -> Result<Option<Box<str>>, AccessTokenError> {
    match jws.claims().get("scope") {
        Some(Value::Array(_)) => {
            let scopes = jws.claims().audience("scope")?;
            Ok(scopes.map(|scopes| scopes.iter().collect::<Vec<_>>().join(" ").into()))
        }
        _ => Ok(jws.claims().string("scope")?.map(Into::into)),
    }
}

fn required_string<'j>(
    jws: &'j VerifiedJws,
    claim: &'static str,
) -> Result<&'j str, AccessTokenError> {
    jws.claims().string(claim)?.ok_or(AccessTokenError::Missing { claim })
}
