//! The claims of a logout token, point by point.

use serde_json::{Value, json};

use super::family::Family;
use super::forge::{EVENT, Forge, ISSUER, NOW, good, with, without};

/// Values of every JSON type but a string.
fn not_strings() -> [(&'static str, Value); 6] {
    [
        ("null", json!(null)),
        ("number", json!(5)),
        ("true", json!(true)),
        ("array", json!(["x"])),
        ("empty_array", json!([])),
        ("object", json!({ "x": "x" })),
    ]
}

/// Values that are no date, each with the kind of refusal.
fn not_dates() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("string", json!(NOW.to_string()), "wrong_type"),
        ("empty_string", json!(""), "wrong_type"),
        ("null", json!(null), "wrong_type"),
        ("true", json!(true), "wrong_type"),
        ("array", json!([NOW]), "wrong_type"),
        ("object", json!({}), "wrong_type"),
        ("negative", json!(-1), "out_of_range"),
        ("negative_float", json!(-0.5), "out_of_range"),
        ("1e12", json!(1e12), "out_of_range"),
        ("milliseconds", json!(NOW * 1000), "out_of_range"),
        ("1e300", json!(1e300), "out_of_range"),
        ("2_to_63", json!(1_u64 << 63), "out_of_range"),
        ("2_to_64", json!(18_446_744_073_709_551_616.0), "out_of_range"),
        ("least_i64", json!(i64::MIN), "out_of_range"),
        ("year_10000", json!(253_402_300_800_u64), "out_of_range"),
    ]
}

fn add_not_dates(family: &mut Family, forge: &Forge, claim: &str, norm: &str) {
    for (name, value, kind) in not_dates() {
        let token = forge.token(&with(claim, value));
        family.add(name, &[norm, "A18"], &format!("{claim}_{kind}"), token);
    }
}

pub(crate) fn issuer(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_9_iss");
    family.add("exact", &["bcl_9"], "valid_both", forge.token(&good()));
    for issuer in ["https://op.example/", "https://op.example/realms/A b%20ü", "http://[::1]:8080"]
    {
        family
            .add(
                &format!("exact_{}", issuer.escape_default()),
                &["bcl_9"],
                "valid_both",
                forge.token(&with("iss", json!(issuer))),
            )
            .provider(&json!({ "issuer": issuer }));
    }
    let others = [
        ("suffix", "https://op.exampleINVALID"),
        ("trailing_slash", "https://op.example/"),
        ("host_case", "https://OP.example"),
        ("scheme_case", "HTTPS://op.example"),
        ("http", "http://op.example"),
        ("port", "https://op.example:443"),
        ("leading_space", " https://op.example"),
        ("trailing_space", "https://op.example "),
        ("trailing_nul", "https://op.example\u{0}"),
        ("zero_width", "https://op.exa\u{200b}mple"),
        ("cyrillic", "https://\u{43e}p.example"),
        ("punycode", "https://xn--p-wtb.example"),
        ("dot_segment", "https://op.example/."),
        ("query", "https://op.example?"),
        ("other", "https://evil.example"),
        ("empty", ""),
    ];
    for (name, issuer) in others {
        let token = forge.token(&with("iss", json!(issuer)));
        family.add(name, &["bcl_9", "conf_8"], "iss_mismatch", token);
    }
    family.add("absent", &["bcl_9"], "iss_missing", forge.token(&without("iss")));
    for (name, value) in not_strings() {
        family.add(name, &["bcl_9"], "iss_wrong_type", forge.token(&with("iss", value)));
    }
    let array = forge.token(&with("iss", json!([ISSUER])));
    family.add("array_of_the_issuer", &["bcl_9"], "iss_wrong_type", array);
    family
}

pub(crate) fn audience(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_10_aud");
    let two = json!({ "client_ids": ["app", "app-2"] });
    family.add("string", &["bcl_10"], "valid_both", forge.token(&good()));
    for (name, audience) in [("array", json!(["app"])), ("array_twice", json!(["app", "app"]))] {
        let token = forge.token(&with("aud", audience));
        family.add(name, &["bcl_10"], "valid_both", token);
    }
    for (name, audience) in [
        ("second_client", json!("app-2")),
        ("both_clients", json!(["app", "app-2"])),
        ("both_clients_swapped", json!(["app-2", "app"])),
    ] {
        let token = forge.token(&with("aud", audience));
        family.add(name, &["bcl_10"], "valid_both", token).provider(&two);
    }
    let foreign = [
        ("suffix", json!("appINVALID")),
        ("prefix", json!("ap")),
        ("case", json!("App")),
        ("space", json!("app ")),
        ("list_in_a_string", json!("app other")),
        ("empty", json!("")),
        ("empty_array", json!([])),
        ("other_in_array", json!(["other"])),
        ("two_others", json!(["other", "another"])),
        ("issuer", json!(ISSUER)),
    ];
    for (name, audience) in foreign {
        let token = forge.token(&with("aud", audience));
        family.add(name, &["bcl_10", "conf_6"], "aud_foreign", token);
    }
    let shared = [
        ("other_first", json!(["other", "app"])),
        ("other_last", json!(["app", "other"])),
        ("unlisted_second_client", json!(["app", "app-2"])),
        ("empty_beside_us", json!(["app", ""])),
    ];
    for (name, audience) in shared {
        let token = forge.token(&with("aud", audience));
        family.add(name, &["bcl_10"], "aud_shared", token);
    }
    family.add("absent", &["bcl_10"], "aud_missing", forge.token(&without("aud")));
    let wrong = [
        ("null", json!(null)),
        ("number", json!(5)),
        ("true", json!(true)),
        ("object", json!({ "app": true })),
        ("number_beside_us", json!(["app", 5])),
        ("null_beside_us", json!(["app", null])),
        ("nested_array", json!([["app"]])),
    ];
    for (name, audience) in wrong {
        let token = forge.token(&with("aud", audience));
        family.add(name, &["bcl_10"], "aud_wrong_type", token);
    }
    family
}

pub(crate) fn issued_at(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_11_iat");
    let late = |iat: Value| {
        let mut claims = with("iat", iat);
        claims["exp"] = json!(NOW + 86_400);
        forge.token(&claims)
    };
    let valid = [
        ("now", json!(NOW)),
        ("float", json!(1_799_999_999.25)),
        ("float_without_fraction", json!(1_800_000_000.0)),
        ("ahead_within_leeway", json!(NOW + 60)),
        ("ahead_within_leeway_float", json!(1_800_000_060.9)),
        ("oldest", json!(NOW - 300)),
    ];
    for (name, iat) in valid {
        family.add(name, &["bcl_11"], "valid_both", late(iat));
    }
    let beyond = [
        ("ahead", NOW + 61, "iat_ahead"),
        ("far_ahead", 253_402_300_799, "iat_ahead"),
        ("one_second_too_old", NOW - 301, "iat_too_old"),
        ("a_day_old", NOW - 86_400, "iat_too_old"),
        ("epoch", 0, "iat_too_old"),
    ];
    for (name, iat, expect) in beyond {
        family.add(name, &["bcl_11"], expect, late(json!(iat)));
    }
    family
        .add("an_hour_where_allowed", &["bcl_11"], "valid_both", late(json!(NOW - 3600)))
        .provider(&json!({ "max_logout_token_age": 3600 }));
    family
        .add("no_leeway", &["bcl_11"], "iat_ahead", late(json!(NOW + 1)))
        .provider(&json!({ "leeway": 0 }));
    family.add("absent", &["bcl_11"], "iat_missing", forge.token(&without("iat")));
    add_not_dates(&mut family, forge, "iat", "bcl_11");
    family
}

pub(crate) fn expires_at(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_12_exp");
    let valid = [
        ("two_minutes", json!(NOW + 120)),
        ("a_day", json!(NOW + 86_400)),
        ("last_date", json!(253_402_300_799_u64)),
        ("float", json!(1_800_000_000.5)),
        ("just_passed_within_leeway", json!(NOW - 1)),
        ("passed_within_leeway", json!(NOW - 59)),
    ];
    for (name, exp) in valid {
        family.add(name, &["bcl_12"], "valid_both", forge.token(&with("exp", exp)));
    }
    for (name, exp) in [("at_the_leeway", NOW - 60), ("an_hour_ago", NOW - 3600), ("epoch", 0)] {
        family.add(name, &["bcl_12"], "exp_passed", forge.token(&with("exp", json!(exp))));
    }
    let now = forge.token(&with("exp", json!(NOW)));
    family
        .add("now_without_leeway", &["bcl_12"], "exp_passed", now)
        .provider(&json!({ "leeway": 0 }));
    let allow = json!({ "allow_missing_exp": true });
    family.add("absent", &["bcl_12"], "exp_missing", forge.token(&without("exp")));
    family
        .add("absent_where_allowed", &["bcl_12"], "valid_both", forge.token(&without("exp")))
        .provider(&allow);
    let mut old = without("exp");
    old["iat"] = json!(NOW - 301);
    family
        .add("absent_where_allowed_but_old", &["bcl_12"], "iat_too_old", forge.token(&old))
        .provider(&allow);
    family
        .add(
            "passed_where_absence_is_allowed",
            &["bcl_12"],
            "exp_passed",
            forge.token(&with("exp", json!(NOW - 60))),
        )
        .provider(&allow);
    family
        .add(
            "null_where_absence_is_allowed",
            &["bcl_12", "A18"],
            "exp_wrong_type",
            forge.token(&with("exp", json!(null))),
        )
        .provider(&allow);
    add_not_dates(&mut family, forge, "exp", "bcl_12");
    family
}

pub(crate) fn not_before(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_20_nbf");
    for (name, nbf) in [("now", NOW), ("past", 0), ("ahead_within_leeway", NOW + 60)] {
        family.add(name, &["bcl_20"], "valid_both", forge.token(&with("nbf", json!(nbf))));
    }
    for (name, nbf) in [("ahead", NOW + 61), ("far_ahead", 253_402_300_799)] {
        family.add(name, &["bcl_20"], "nbf_ahead", forge.token(&with("nbf", json!(nbf))));
    }
    add_not_dates(&mut family, forge, "nbf", "bcl_20");
    for claim in ["ignored_claim", "typ", "azp", "auth_time", "cnf", "toe", "txn"] {
        for (name, value) in [("string", json!("x")), ("null", json!(null)), ("number", json!(-1))]
        {
            let token = forge.token(&with(claim, value));
            family.add(&format!("unknown_{claim}_{name}"), &["bcl_20"], "valid_both", token);
        }
    }
    family
}

/// Texts that no identifier may be.
fn malformed(limit: usize) -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("nul", "a\u{0}b".to_owned()),
        ("only_nul", "\u{0}".to_owned()),
        ("carriage_return_line_feed", "a\r\nSET x y".to_owned()),
        ("escape_sequence", "\u{1b}[2J".to_owned()),
        ("tab", "a\tb".to_owned()),
        ("delete", "a\u{7f}".to_owned()),
        ("c1_control", "a\u{9b}1m".to_owned()),
        ("too_long", "x".repeat(limit + 1)),
        ("too_long_in_bytes", "\u{e9}".repeat(limit / 2 + 1)),
    ]
}

pub(crate) fn jwt_id(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_13_jti");
    let longest = "x".repeat(512);
    for jti in ["8CHARS07", "owner/2f1c", "onrtac:b1f0", "a b%c*d", "e\u{301}", &*longest] {
        let name = format!("{:.12}", jti.escape_default().to_string());
        family.add(&name, &["bcl_13"], "valid_both", forge.token(&with("jti", json!(jti))));
    }
    family.add("absent", &["bcl_13"], "jti_missing", forge.token(&without("jti")));
    for (name, value) in not_strings() {
        family.add(name, &["bcl_13"], "jti_wrong_type", forge.token(&with("jti", value)));
    }
    for (name, text) in malformed(512) {
        let token = forge.token(&with("jti", json!(text)));
        family.add(name, &["bcl_13", "A40"], "jti_malformed", token);
    }
    family
}

pub(crate) fn who(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_14_sid_sub");
    family.add("both", &["bcl_14"], "valid_both", forge.token(&good()));
    family.add("sid_only", &["bcl_14"], "valid_session", forge.token(&without("sub")));
    family.add("sub_only", &["bcl_14", "A11"], "valid_subject", forge.token(&without("sid")));
    family.add(
        "sub_null_beside_sid",
        &["bcl_14"],
        "valid_session",
        forge.token(&with("sub", json!(null))),
    );
    let longest = "x".repeat(1024);
    let opaque = [
        ("suite", r#"aBcDeFgHiJkLmNoPqRsT0123456789%*{ ""#),
        ("separators", "a*b:{c} d%"),
        ("standard_base64", "q+/Zk1=="),
        ("format", "%s%n"),
        ("leading_and_trailing_space", " s "),
        ("composed", "caf\u{e9}"),
        ("decomposed", "cafe\u{301}"),
        ("right_to_left", "\u{5d0}\u{5d1}"),
        ("zero_width", "a\u{200b}b"),
        ("turkish", "\u{131}\u{130}"),
        ("longest", &longest),
    ];
    for (name, sid) in opaque {
        let token = forge.token(&with("sid", json!(sid)));
        family.add(&format!("sid_{name}"), &["bcl_14", "bcl_23"], "valid_both", token);
    }
    for (name, claim) in [("sid", "sid"), ("sub", "sub")] {
        for (kind, value) in not_strings() {
            if (claim, kind) == ("sub", "null") {
                continue;
            }
            let token = forge.token(&with(claim, value.clone()));
            let expect = format!("{claim}_wrong_type");
            family.add(&format!("{name}_{kind}"), &["bcl_14"], &expect, token);
        }
        let limit = if claim == "sid" { 1024 } else { 255 };
        for (kind, text) in malformed(limit) {
            let token = forge.token(&with(claim, json!(text)));
            let expect = format!("{claim}_malformed");
            family.add(&format!("{name}_{kind}"), &["bcl_14", "bcl_23"], &expect, token);
        }
    }
    let mut nobody = without("sub");
    nobody.as_object_mut().unwrap().remove("sid");
    family.add("neither", &["bcl_14"], "nobody_named", forge.token(&nobody));
    nobody["sub"] = json!(null);
    family.add("sub_null_alone", &["bcl_14"], "nobody_named", forge.token(&nobody));
    nobody["sub"] = json!("");
    family.add("sub_empty_alone", &["bcl_14"], "sub_malformed", forge.token(&nobody));
    nobody["sub"] = json!(null);
    nobody["sid"] = json!(null);
    family.add("both_null", &["bcl_14"], "sid_wrong_type", forge.token(&nobody));
    let mut id_only = nobody.clone();
    id_only["sub_id"] = json!({ "format": "iss_sub", "iss": ISSUER, "sub": "user-1" });
    id_only.as_object_mut().unwrap().remove("sid");
    family.add("sub_id_only", &["bcl_14"], "nobody_named", forge.token(&id_only));
    family
}

pub(crate) fn events(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_15_events");
    let valid = [
        ("empty_object", json!({ EVENT: {} }), "valid_both"),
        ("members_within", json!({ EVENT: { "x": 1, "y": [null] } }), "valid_both"),
        ("object_beside", json!({ EVENT: {}, "urn:x": {} }), "valid_both"),
        ("boolean_beside", json!({ EVENT: {}, "urn:x": true }), "valid_both"),
        ("null_beside", json!({ EVENT: {}, "urn:x": null }), "valid_both"),
        ("array_beside", json!({ "urn:x": [1], EVENT: {} }), "valid_both"),
        (
            "revoke_offline_access",
            json!({ EVENT: {}, "revoke_offline_access": true }),
            "valid_both_and_offline",
        ),
        (
            "revoke_offline_access_false",
            json!({ EVENT: {}, "revoke_offline_access": false }),
            "valid_both",
        ),
        (
            "revoke_offline_access_text",
            json!({ EVENT: {}, "revoke_offline_access": "true" }),
            "valid_both",
        ),
        (
            "revoke_offline_access_within",
            json!({ EVENT: { "revoke_offline_access": true } }),
            "valid_both",
        ),
    ];
    for (name, events, expect) in valid {
        family.add(name, &["bcl_15", "bcl_24"], expect, forge.token(&with("events", events)));
    }
    for (name, value) in [
        ("null", json!(null)),
        ("true", json!(true)),
        ("false", json!(false)),
        ("number", json!(1)),
        ("string", json!(EVENT)),
        ("array", json!([EVENT])),
        ("array_of_objects", json!([{ EVENT: {} }])),
        ("empty_array", json!([])),
        ("empty_string", json!("")),
    ] {
        let token = forge.token(&with("events", value.clone()));
        family.add(name, &["bcl_15"], "events_wrong_type", token);
        if value.is_object() {
            continue;
        }
        let token = forge.token(&with("events", json!({ EVENT: value })));
        family.add(&format!("member_{name}"), &["bcl_15"], "event_malformed", token);
    }
    let missing = [
        ("empty", json!({})),
        ("foobar", json!({ "http://schemas.openid.net/event/foobar": {} })),
        ("https", json!({ "https://schemas.openid.net/event/backchannel-logout": {} })),
        ("case", json!({ "http://schemas.openid.net/event/Backchannel-Logout": {} })),
        ("host_case", json!({ "http://Schemas.openid.net/event/backchannel-logout": {} })),
        ("slash", json!({ "http://schemas.openid.net/event/backchannel-logout/": {} })),
        ("space", json!({ "http://schemas.openid.net/event/backchannel-logout ": {} })),
        ("short_name", json!({ "backchannel-logout": {} })),
        ("only_the_extension", json!({ "revoke_offline_access": true })),
        ("nested", json!({ "events": { EVENT: {} } })),
        (
            "caep",
            json!({ "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {} }),
        ),
        (
            "risc",
            json!({ "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked": {} }),
        ),
        (
            "oauth",
            json!({ "https://schemas.openid.net/secevent/oauth/event-type/token-revoked": {} }),
        ),
    ];
    for (name, events) in missing {
        let token = forge.token(&with("events", events));
        family.add(name, &["bcl_15", "conf_7"], "event_missing", token);
    }
    family.add("absent", &["bcl_15", "conf_3"], "events_missing", forge.token(&without("events")));
    let mut singular = without("events");
    singular["event"] = json!({ EVENT: {} });
    family.add("singular", &["bcl_15"], "events_missing", forge.token(&singular));
    family
}

pub(crate) fn nonce(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_16_nonce");
    family.add("absent", &["bcl_16"], "valid_both", forge.token(&good()));
    for (name, value) in [("other_case", "Nonce"), ("other_name", "c_nonce")] {
        let token = forge.token(&with(value, json!("n")));
        family.add(name, &["bcl_16"], "valid_both", token);
    }
    for (name, value) in [
        ("string", json!("n-0S6_WzA2Mj")),
        ("empty", json!("")),
        ("null", json!(null)),
        ("false", json!(false)),
        ("zero", json!(0)),
        ("array", json!([])),
        ("object", json!({})),
    ] {
        let token = forge.token(&with("nonce", value));
        family.add(name, &["bcl_16", "conf_4"], "nonce_present", token);
    }
    let escaped = good().to_string().replacen('{', r#"{"\u006eonce":1,"#, 1);
    let token = forge.bytes(super::forge::HEADER, escaped.as_bytes());
    family.add("escaped", &["bcl_16"], "nonce_present", token);
    family
}

pub(crate) fn typ(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_17_typ");
    let require = json!({ "require_typ": true });
    let logout = [
        "logout+jwt",
        "LOGOUT+JWT",
        "Logout+Jwt",
        "application/logout+jwt",
        "APPLICATION/Logout+JWT",
    ];
    for typ in logout {
        let token = forge.token_with(&json!({ "typ": typ }), &good());
        family.add(typ, &["bcl_17"], "valid_both", token.clone());
        family.add(&format!("{typ}_required"), &["bcl_17"], "valid_both", token).provider(&require);
    }
    for typ in ["JWT", "jwt", "application/jwt"] {
        let token = forge.token_with(&json!({ "typ": typ }), &good());
        family.add(typ, &["bcl_17"], "valid_both", token.clone());
        family
            .add(&format!("{typ}_required"), &["bcl_17"], "typ_foreign", token)
            .provider(&require);
    }
    let absent = forge.token_with(&json!({}), &good());
    family.add("absent", &["bcl_17", "conf_1"], "valid_both", absent.clone());
    family.add("absent_required", &["bcl_17"], "typ_missing", absent).provider(&require);
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "secevent+jwt",
        "command+jwt",
        "dpop+jwt",
        "statuslist+jwt",
        "global-token-revocation+jwt",
        "token-introspection+jwt",
        "JOSE",
        "JWS",
        "logout",
        "logout+jwt ",
        " logout+jwt",
        "logout+jwt;v=1",
        "text/logout+jwt",
        "application/application/logout+jwt",
        "logout\u{2b}\u{200b}jwt",
        "",
    ] {
        let token = forge.token_with(&json!({ "typ": typ }), &good());
        let name =
            if typ.is_empty() { "empty".to_owned() } else { typ.escape_default().to_string() };
        family.add(&name, &["bcl_17", "jwt_6"], "typ_foreign", token);
    }
    family
}
