//! The shapes of tokens that deployed providers send, values invented.

use serde_json::{Value, json};
use signout::jose::Algorithm;

use super::family::Family;
use super::forge::{EVENT, Forge, ISSUER, NOW, object};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn providers(forge: &Forge) -> Family {
    let mut family = Family::new("providers");
    let no_exp = json!({ "allow_missing_exp": true });
    let events = json!({ EVENT: {} });

    let oidc_provider = json!({
        "iss": ISSUER, "sub": "alice", "aud": "app", "iat": NOW, "exp": NOW + 120,
        "jti": "Yz0G6mW1mQ4yVt0G2gS3k8u9aXcVbNmLoPqRsTuVwX1", "events": events,
        "sid": "h2c6m_gqUuQ1m0N5vT7xZ-3bKdLwPyRsEaFiJoOuCt4",
    });
    let logout_jwt = json!({ "typ": "logout+jwt" });
    family.add("oidc_provider", &["bcl_12"], "valid_both", forge.token(&oidc_provider));
    let mut subject_only = oidc_provider.clone();
    subject_only.as_object_mut().unwrap().remove("sid");
    let token = forge.token(&subject_only);
    family.add("oidc_provider_without_session", &["bcl_14"], "valid_subject", token);
    for (name, key, algorithm) in [
        ("ps256", "rsa", Algorithm::Ps256),
        ("es256", "p256", Algorithm::Es256),
        ("eddsa", "ed25519", Algorithm::EdDsa),
        ("hs256", "", Algorithm::Hs256),
    ] {
        let key = forge.key(key, algorithm);
        let token = key.sign(object(&logout_jwt), object(&oidc_provider)).unwrap();
        let jwks = if algorithm.is_symmetric() { None } else { Some("home") };
        family
            .add(&format!("oidc_provider_{name}"), &["bcl_8"], "valid_both", token)
            .provider(&json!({ "algorithms": [algorithm.as_str()], "jwks": jwks }));
    }

    let better_auth = json!({
        "iss": ISSUER, "sub": "k2JfQp9sXv", "sid": "Zb3kqLw8nT5yRf1mHc7dVx2gPs9uEj4a",
        "aud": "app", "iat": NOW, "exp": NOW + 120, "jti": "9a8B7c6D5e4F3g2H1i0JkLmNoPqRsTuV",
        "events": events,
    });
    let ed25519 = forge.key("ed25519", Algorithm::EdDsa);
    let token = ed25519.sign(object(&logout_jwt), object(&better_auth)).unwrap();
    family
        .add("better_auth", &["bcl_8"], "valid_both", token)
        .provider(&json!({ "algorithms": ["EdDSA"] }));

    let lemonldap = json!({
        "iss": ISSUER, "sub": "dwho", "aud": ["app"], "iat": NOW, "jti": "7QX2M9KD",
        "events": events, "sid": "J4n+8sTq/3kZrLw0uYxVbPmHdGcEfAaOiNj5K1l2M3o",
    });
    let jwt = json!({ "typ": "JWT" });
    let token = forge.token_with(&jwt, &lemonldap);
    family.add("lemonldap", &["bcl_12"], "valid_both", token.clone()).provider(&no_exp);
    family.add("lemonldap_where_exp_is_required", &["bcl_12"], "exp_missing", token);
    let rs512 = forge.key("rsa", Algorithm::Rs512);
    let token = rs512.sign(object(&jwt), object(&lemonldap)).unwrap();
    family
        .add("lemonldap_with_the_access_tokens_alg", &["bcl_8", "A8"], "valid_both", token.clone())
        .provider(&json!({ "allow_missing_exp": true, "algorithms": ["RS256", "RS512"] }));
    family
        .add("lemonldap_alg_not_listed", &["bcl_8", "A8"], "algorithm_denied", token)
        .provider(&no_exp);

    let glewlwyd = json!({
        "iss": ISSUER, "sub": "h8Jk2LmN", "aud": "app", "iat": NOW,
        "jti": "Qw3rTy7uIoP1aSdF9gHjK2lZxC4vBnM6", "events": events,
        "sid": "p0O9i8U7y6T5r4E3w2Q1aSdFgHjKlZxC",
    });
    let token = forge.token_with(&jwt, &glewlwyd);
    family.add("glewlwyd", &["bcl_12"], "valid_both", token.clone()).provider(&no_exp);
    family.add("glewlwyd_where_exp_is_required", &["bcl_12"], "exp_missing", token);

    let rauthy = |who: Value| {
        let mut claims = json!({
            "iss": ISSUER, "aud": "app", "azp": "app", "iat": NOW, "nbf": NOW, "exp": NOW + 30,
            "jti": "aB3dE6gH", "typ": "logout+jwt", "events": events,
        });
        claims.as_object_mut().unwrap().extend(object(&who).clone());
        claims
    };
    let session = rauthy(json!({ "sid": "Zx81Kq", "sub": null }));
    let user = rauthy(json!({ "sub": "6f1c" }));
    family.add(
        "rauthy_session",
        &["bcl_14", "bcl_20"],
        "valid_session",
        forge.token_with(&jwt, &session),
    );
    family.add("rauthy_user", &["bcl_14"], "valid_subject", forge.token_with(&jwt, &user));
    family
        .add(
            "rauthy_typ_in_the_payload_is_none",
            &["bcl_17"],
            "typ_foreign",
            forge.token_with(&jwt, &session),
        )
        .provider(&json!({ "require_typ": true }));

    let idpyoidc = json!({
        "iss": ISSUER, "sid": format!("{}==", "gAAAAABn".repeat(38).split_at(302).0),
        "aud": ["app"], "iat": NOW, "exp": NOW + 86_400,
        "jti": "0123456789abcdef0123456789abcdef", "events": events,
    });
    assert_eq!(idpyoidc["sid"].as_str().unwrap().len(), 304);
    let token = forge.token_with(&json!({}), &idpyoidc);
    family.add("idpyoidc", &["bcl_12", "bcl_23"], "valid_session", token);
    let mut stale = idpyoidc.clone();
    stale["iat"] = json!(NOW - 3600);
    stale["exp"] = json!(NOW - 3600 + 86_400);
    let token = forge.token_with(&json!({}), &stale);
    family.add("idpyoidc_an_hour_old_and_unexpired", &["bcl_11"], "iat_too_old", token);

    let hydra = json!({
        "iss": ISSUER, "aud": ["app"], "iat": NOW, "jti": "5f0c2f6e-7d0b-4b43-8f0a-1d9b7e1f0a11",
        "events": events, "sid": "9b2f6c1e-3a54-4e7c-9d55-0f7a6b1c2d3e",
    });
    let token = forge.token_with(&json!({}), &hydra);
    family.add("hydra", &["bcl_12", "bcl_14"], "valid_session", token.clone()).provider(&no_exp);
    family.add("hydra_where_exp_is_required", &["bcl_12"], "exp_missing", token);

    let keycloak = json!({
        "iat": NOW, "exp": NOW + 120, "jti": "c4d2f1aa-0b6e-4f55-8c3d-7a1b2c3d4e5f", "iss": ISSUER,
        "aud": "app", "sub": "f:ldap:alice", "typ": "Logout", "sid": "2b7e6c0d-11aa-4c1e-b7d0-aa",
        "events": { EVENT: {}, "revoke_offline_access": true },
    });
    let token = forge.token_with(&jwt, &keycloak);
    family.add("keycloak_offline", &["bcl_24"], "valid_both_and_offline", token);
    let mut online = keycloak.clone();
    online["events"] = events.clone();
    family.add("keycloak", &["bcl_15"], "valid_both", forge.token_with(&jwt, &online));

    let casdoor = json!({
        "iss": ISSUER, "sub": "3b6d", "aud": ["app"], "iat": NOW, "sid": "e7f1",
        "jti": "built-in/8a6b2c4d-0e1f-4a2b-9c3d-4e5f6a7b8c9d", "events": events,
    });
    let token = forge.token_with(&jwt, &casdoor);
    family.add("casdoor", &["bcl_13"], "valid_both", token).provider(&no_exp);

    let authentik = json!({
        "iss": "https://op.example/application/o/app/", "sub": "a".repeat(64), "aud": "app",
        "iat": NOW, "exp": NOW + 120, "jti": "f0e1d2c3b4a5", "events": events,
        "sid": "0123456789abcdef".repeat(4),
    });
    let hs256 = forge.key("", Algorithm::Hs256);
    let token = hs256.sign(object(&logout_jwt), object(&authentik)).unwrap();
    family.add("authentik_hs256", &["bcl_7"], "valid_both", token.clone()).provider(&json!({
        "issuer": "https://op.example/application/o/app/", "algorithms": ["HS256"], "jwks": null,
    }));
    family.add("authentik_slash_missing", &["bcl_9"], "iss_mismatch", token).provider(&json!({
        "issuer": "https://op.example/application/o/app", "algorithms": ["HS256"], "jwks": null,
    }));

    let suite = json!({
        "iss": ISSUER, "sub": "user-subject-1234531", "aud": "app", "iat": NOW, "exp": NOW + 120,
        "jti": "0ad6a3cf-74be-4f4b-8a3b-2c8a1e4c5f6d", "sid": "abcdefghijklmnopqrst0123456789!\"#$%",
        "events": events, "ignored_claim": "x",
    });
    let token = forge.token_with(&json!({}), &suite);
    family.add("conformance_suite", &["conf_1"], "valid_both", token);

    // Tokens of the same issuer, key and client that are something else.
    let id_token = json!({
        "iss": ISSUER, "sub": "alice", "aud": "app", "iat": NOW, "exp": NOW + 300, "sid": "s",
        "nonce": "n", "at_hash": "x", "auth_time": NOW,
    });
    family.add("id_token", &["bcl_13"], "jti_missing", forge.token_with(&jwt, &id_token));
    let mut with_jti = id_token.clone();
    with_jti["jti"] = json!("j");
    family.add(
        "id_token_with_jti",
        &["bcl_15"],
        "events_missing",
        forge.token_with(&jwt, &with_jti),
    );
    let access = json!({
        "iss": ISSUER, "sub": "alice", "aud": "app", "iat": NOW, "exp": NOW + 300, "jti": "j",
        "sid": "s", "client_id": "app", "scope": "openid",
    });
    let at_jwt = json!({ "typ": "at+jwt" });
    family.add("access_token", &["bcl_15"], "events_missing", forge.token_with(&at_jwt, &access));
    let mut disguised = access.clone();
    disguised["events"] = json!({ EVENT: {} });
    let token = forge.token_with(&at_jwt, &disguised);
    family.add("access_token_with_events", &["bcl_17"], "typ_foreign", token);
    let security_event = json!({
        "iss": ISSUER, "aud": "app", "iat": NOW, "exp": NOW + 60, "jti": "j", "sub": "alice",
        "events": {
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {
                "event_timestamp": NOW,
            },
        },
    });
    let token = forge.token_with(&json!({ "typ": "secevent+jwt" }), &security_event);
    family.add("security_event_token", &["bcl_15"], "event_missing", token);
    family
}
