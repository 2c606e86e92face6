use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use signout_checker::{ClientId, Issuer, Timestamp};

use super::*;
use crate::jose::{Algorithm, Compact, KeySet, SigningKey, VerifiedJws};

const SECRET: [u8; 32] = [7; 32];
const ISSUER: &str = "https://op.example";
const NOW: u64 = 1_800_000_000;

/// Signs with a key of `issuer`, whatever the claims say, and verifies.
fn jws(issuer: &str, header: &Json, claims: &Map<String, Json>) -> VerifiedJws {
    let key = SigningKey::from_secret(&SECRET, Algorithm::Hs256).unwrap();
    let token = key.sign(header.as_object().unwrap(), claims).unwrap();
    let issuer = Issuer::parse(issuer).unwrap();
    let keys = KeySet::from_secret(issuer, &SECRET, &[Algorithm::Hs256]).unwrap();
    keys.verify(&Compact::parse(&token).unwrap()).unwrap()
}

/// All that RFC 9068 asks for, for an API of its own.
fn claims() -> Map<String, Json> {
    let claims = json!({
        "iss": ISSUER, "aud": "api", "client_id": "app", "sub": "u", "sid": "s", "jti": "j",
        "iat": NOW - 10, "exp": NOW + 600,
    });
    claims.as_object().cloned().unwrap()
}

/// A question to the room: what is sent, and what is expected.
#[derive(Clone)]
struct Case {
    header: Json,
    claims: Map<String, Json>,
    audiences: &'static [&'static str],
    profile: Profile,
    dialect: Dialect,
    now: u64,
}

impl Case {
    /// The norm's own token, and the profile that takes nothing else.
    fn strict() -> Self {
        let header = json!({ "typ": "at+jwt" });
        let (profile, dialect) = (Profile::AtJwt, Dialect::Norm);
        Self { header, claims: claims(), audiences: &["api"], profile, dialect, now: NOW }
    }

    /// What most providers send.
    fn compat() -> Self {
        Self { header: json!({ "typ": "JWT" }), profile: Profile::Compat, ..Self::strict() }
    }

    /// Both, for rules that hold in either profile.
    fn both() -> [Self; 2] {
        [Self::strict(), Self::compat()]
    }

    fn typ(mut self, typ: &str) -> Self {
        self.header = json!({ "typ": typ });
        self
    }

    fn with(mut self, claim: &str, value: impl Into<Json>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    fn at(mut self, now: u64) -> Self {
        self.now = now;
        self
    }

    fn outcome(&self) -> Result<AccessToken, AccessTokenError> {
        let issuer = Issuer::parse(ISSUER).unwrap();
        let client_ids = [ClientId::parse("app").unwrap()];
        let audiences: Vec<_> =
            self.audiences.iter().map(|aud| AcceptedAudience::parse(aud).unwrap()).collect();
        let expected = Expected {
            issuer: &issuer,
            audiences: &audiences,
            client_ids: &client_ids,
            profile: self.profile,
            dialect: self.dialect,
            leeway: Duration::from_mins(1),
            max_lifetime: Duration::from_hours(24),
        };
        validate(
            &jws(ISSUER, &self.header, &self.claims),
            &expected,
            Timestamp::from_secs(self.now),
        )
    }

    #[track_caller]
    fn is(&self, expected: &str) {
        let found = self.outcome().map_or_else(|fault| fault.label(), |_| "valid");
        assert_eq!(found, expected, "{:?} {:?} {:?}", self.profile, self.header, self.claims);
    }
}

#[test]
fn tells_what_the_token_says() {
    let token = Case::strict().with("scope", "a b").with("groups", json!(["g"])).outcome().unwrap();
    assert_eq!(token.issuer().as_str(), ISSUER);
    assert_eq!(token.jwt_id().as_str(), "j");
    assert_eq!(token.session().unwrap().as_str(), "s");
    assert_eq!(token.subject().unwrap().as_str(), "u");
    assert_eq!(token.client().unwrap().as_str(), "app");
    assert_eq!(token.issued_at(), Some(Timestamp::from_secs(NOW - 10)));
    assert_eq!(token.expires_at(), Timestamp::from_secs(NOW + 600));
    assert_eq!(token.refused_from(), Timestamp::from_secs(NOW + 660));
    assert_eq!(token.scope(), Some("a b"));
    assert!(token.claim("groups").is_some() && token.claim("roles").is_none());
    let several = Case::compat().with("scope", json!(["a", "b"])).outcome().unwrap();
    assert_eq!(several.scope(), Some("a b"));
    let azp = Case::compat().without("client_id").with("azp", "other").outcome().unwrap();
    assert_eq!(azp.client().unwrap().as_str(), "other");
}

#[test]
fn jwt_9_typ_of_the_header() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        Case::strict().typ(typ).is("valid");
        Case::compat().typ(typ).is("valid");
    }
    for typ in ["JWT", "jwt", "application/jwt"] {
        Case::strict().typ(typ).is("typ_foreign");
        Case::compat().typ(typ).is("valid");
    }
    let unsaid = |case: Case| Case { header: json!({}), ..case };
    unsaid(Case::strict()).is("typ_foreign");
    unsaid(Case::compat()).is("valid");
    for typ in [
        "",
        "logout+jwt",
        "application/logout+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "dpop+jwt",
        "id_token+jwt",
        "xat+jwt",
        "at+jwt ",
        "application/application/at+jwt",
    ] {
        for case in Case::both() {
            case.typ(typ).is("typ_foreign");
        }
    }
}

#[test]
fn jwt_9_issuer_byte_for_byte() {
    for case in Case::both() {
        for iss in ["https://op.example/", "https://OP.example", "http://op.example", ""] {
            case.clone().with("iss", iss).is("iss_mismatch");
        }
        case.clone().without("iss").is("iss_missing");
        case.with("iss", json!([ISSUER])).is("claim_wrong_type");
    }
}

#[test]
fn jwt_9_keys_of_another_issuer_are_refused_whatever_iss_says() {
    let issuer = Issuer::parse(ISSUER).unwrap();
    let expected = Expected {
        issuer: &issuer,
        audiences: &[],
        client_ids: &[ClientId::parse("app").unwrap()],
        profile: Profile::Compat,
        dialect: Dialect::Norm,
        leeway: Duration::from_mins(1),
        max_lifetime: Duration::from_hours(24),
    };
    let jws = jws("https://other.example", &json!({}), &claims());
    let found = validate(&jws, &expected, Timestamp::from_secs(NOW));
    assert_eq!(found.unwrap_err().label(), "keys_of_another_issuer");
}

#[test]
fn jwt_9_audience() {
    for case in Case::both() {
        case.clone().with("aud", json!(["other", "api"])).is("valid");
        case.clone().with("aud", "other").is("aud_foreign");
        case.clone().with("aud", "API").is("aud_foreign");
        case.clone().with("aud", "api/").is("aud_foreign");
        case.clone().with("aud", json!([])).is("aud_foreign");
        case.clone().with("aud", json!(["api", 1])).is("claim_wrong_type");
        case.clone().with("aud", Json::Null).is("claim_wrong_type");
        case.clone().without("aud").is("aud_missing");
        // Without configured audiences the client ids stand in, and only then.
        case.clone().with("aud", "app").is("aud_foreign");
        Case { audiences: &[], ..case.clone() }.is("aud_foreign");
        Case { audiences: &[], ..case.with("aud", "app") }.is("valid");
    }
}

#[test]
fn jwt_9_required_claims() {
    for claim in ["sub", "client_id", "iat", "jti"] {
        Case::strict().without(claim).is(&format!("{claim}_missing"));
        Case::compat().without(claim).is("valid");
    }
    for case in Case::both() {
        case.clone().without("exp").is("exp_missing");
        for claim in ["sub", "client_id", "jti", "sid"] {
            case.clone().with(claim, Json::Null).is("claim_wrong_type");
            case.clone().with(claim, 7).is("claim_wrong_type");
            case.clone().with(claim, "").is("claim_malformed");
            case.clone().with(claim, "a\nb").is("claim_malformed");
        }
        case.clone().with("scope", 7).is("claim_wrong_type");
        for claim in ["iat", "exp", "nbf"] {
            case.clone().with(claim, "1800000000").is("claim_wrong_type");
            case.clone().with(claim, -1).is("claim_out_of_range");
        }
    }
}

#[test]
fn jwt_9_times_and_their_leeway() {
    for case in Case::both() {
        case.clone().at(NOW + 659).is("valid");
        case.clone().at(NOW + 660).is("exp_passed");
        case.clone().with("iat", NOW + 60).is("valid");
        case.clone().with("iat", NOW + 61).is("iat_ahead");
        case.clone().with("nbf", NOW + 60).is("valid");
        case.clone().with("nbf", NOW + 61).is("nbf_ahead");
    }
}

#[test]
fn jwt_9_logout_tokens_and_security_events_never_pass() {
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    for case in Case::both() {
        for events in [event.clone(), json!({}), Json::Null, json!("x")] {
            case.clone().with("events", events).is("security_event");
        }
    }
}

#[test]
fn jwt_9_id_tokens_never_pass() {
    for case in Case::both() {
        for claim in ["nonce", "at_hash", "c_hash", "s_hash"] {
            case.clone().with(claim, "x").is("id_token");
            case.clone().with(claim, Json::Null).is("id_token");
        }
    }
    // As bare as the norm allows: Core 1.0, section 2.
    let bare = Case { audiences: &[], ..Case::compat() };
    let bare = bare.without("client_id").without("sid").without("jti").with("aud", "app");
    bare.clone().is("unmarked");
    bare.clone().with("azp", "app").with("auth_time", NOW - 20).is("unmarked");
    // The client among the audiences of the API is no way around.
    let both = Case { audiences: &["api"], ..bare.clone() };
    both.with("aud", json!(["app", "api"])).is("unmarked");
    // What only access tokens have.
    bare.clone().with("scope", "openid").is("valid");
    bare.clone().with("scp", json!(["a"])).is("valid");
    bare.clone().with("client_id", "app").is("valid");
    bare.clone().typ("at+jwt").is("valid");
    bare.clone().with("typ", "Bearer").is("valid");
    // A token for an API of its own is no ID token of ours.
    Case { audiences: &["api"], ..bare }.with("aud", "api").is("valid");
}

#[test]
fn jwt_9_the_claim_typ_is_the_providers_word() {
    for case in Case::both() {
        for typ in ["Bearer", "bearer", "at+jwt", "application/at+jwt"] {
            case.clone().with("typ", typ).is("valid");
        }
        for typ in
            ["ID", "Serialized-ID", "Refresh", "Offline", "Logout", "logout+jwt", "DPoP", "JWT", ""]
        {
            case.clone().with("typ", typ).is("typ_claim_foreign");
        }
        case.clone().with("typ", Json::Null).is("claim_wrong_type");
        // Keycloak before version 24 copies the nonce of the login into its access tokens.
        case.clone().with("typ", "Bearer").with("nonce", "n").is("valid");
        case.with("typ", "Bearer").with("at_hash", "h").is("id_token");
    }
}

#[test]
fn jwt_9_authentik_marks_its_access_tokens_by_uid_and_azp() {
    let token = Case { audiences: &[], dialect: Dialect::Authentik, ..Case::compat() };
    let token = token.without("client_id").without("jti").with("aud", "app").with("nonce", "n");
    let marked = token.clone().with("azp", "app").with("uid", "q1w2e3");
    marked.is("valid");
    token.clone().with("azp", "app").is("id_token");
    token.clone().with("uid", "q1w2e3").is("id_token");
    token.without("nonce").with("azp", "app").is("unmarked");
    // Elsewhere `uid` is the user's name, in ID tokens too.
    Case { dialect: Dialect::Norm, ..marked.clone() }.is("id_token");
    Case { dialect: Dialect::Norm, ..marked }.without("nonce").is("unmarked");
}

#[test]
fn jwt_9_bound_tokens_are_no_bearer_tokens() {
    for case in Case::both() {
        case.clone().with("cnf", json!({ "jkt": "x" })).is("cnf_present");
        case.with("cnf", Json::Null).is("cnf_present");
    }
}

#[test]
fn jwt_11_without_jti_the_name_is_of_what_is_signed() {
    let name = |case: Case| case.outcome().unwrap().jwt_id().as_str().to_owned();
    let unnamed = Case::compat().without("jti");
    let found = name(unnamed.clone());
    assert!(found.starts_with("sha-256:") && found.len() == 8 + 64, "{found}");
    assert_eq!(found, name(unnamed.clone()));
    assert_ne!(found, name(unnamed.with("x", 1)));
    assert_eq!(name(Case::compat()), "j");
}

#[test]
fn jwt_12_no_token_outlives_its_revocation() {
    for case in Case::both() {
        let iat = NOW - 10;
        case.clone().with("exp", iat + 86_400).is("valid");
        case.clone().with("exp", iat + 86_401).is("lives_too_long");
    }
    let undated = Case::compat().without("iat");
    undated.clone().with("exp", NOW + 86_400).is("valid");
    undated.with("exp", NOW + 86_401).is("lives_too_long");
}

#[test]
fn i17_errors_and_debug_tell_no_identifier() {
    let secret = "very-secret";
    let told = Case::strict().with("sub", secret).with("sid", secret).with("jti", secret);
    assert!(!format!("{:?}", told.outcome().unwrap()).contains(secret));
    for claim in ["sid", "sub", "jti", "client_id", "iss", "aud", "typ"] {
        let fault = Case::compat().with(claim, format!("{secret}\u{1}")).outcome().unwrap_err();
        assert!(!format!("{fault} {fault:?}").contains(secret), "{fault:?}");
    }
}
