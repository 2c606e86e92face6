//! Algorithms, keys and key names that an attacker would try.

use serde_json::{Value, json};
use signout::jose::{Algorithm, SigningKey};

use super::family::Family;
use super::forge::{Forge, HEADER, decode, encode, file, good, object, parts, with};

pub(crate) fn algorithm(forge: &Forge) -> Family {
    let mut family = Family::new("algorithm");
    let all: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
    let signers = [
        ("rsa", Algorithm::Rs256),
        ("rsa", Algorithm::Rs384),
        ("rsa", Algorithm::Rs512),
        ("rsa", Algorithm::Ps256),
        ("rsa", Algorithm::Ps384),
        ("rsa", Algorithm::Ps512),
        ("p256", Algorithm::Es256),
        ("p384", Algorithm::Es384),
        ("p521", Algorithm::Es512),
        ("ed25519", Algorithm::EdDsa),
        ("", Algorithm::Hs256),
        ("", Algorithm::Hs384),
        ("", Algorithm::Hs512),
    ];
    let typ = json!({ "typ": "logout+jwt" });
    for (key, algorithm) in signers {
        let name = algorithm.as_str();
        let token = forge.key(key, algorithm).sign(object(&typ), object(&good())).unwrap();
        let jwks = if algorithm.is_symmetric() { None } else { Some("home") };
        family
            .add(name, &["bcl_8"], "valid_both", token.clone())
            .provider(&json!({ "algorithms": [name], "jwks": jwks }));
        let others: Vec<_> = all.iter().filter(|other| **other != name).collect();
        family
            .add(
                &format!("{name}_not_configured"),
                &["bcl_8", "jwt_6"],
                "algorithm_denied",
                token.clone(),
            )
            .provider(&json!({ "algorithms": others, "client_secret": true }));

        let [header, payload, signature] = parts(&token);
        let unsigned = format!("{header}.{payload}.");
        let settings = json!({ "algorithms": all, "client_secret": true });
        family
            .add(&format!("{name}_empty_signature"), &["bcl_8"], "signature", unsigned)
            .provider(&settings);
        let mut spoiled = decode(&signature);
        spoiled[0] ^= 1;
        let spoiled = format!("{header}.{payload}.{}", encode(spoiled));
        family
            .add(&format!("{name}_one_bit_of_the_signature"), &["bcl_7"], "signature", spoiled)
            .provider(&settings);
        let changed = encode(serde_json::to_vec(&with("sub", json!("user-2"))).unwrap());
        family
            .add(
                &format!("{name}_other_claims"),
                &["bcl_7"],
                "signature",
                format!("{header}.{changed}.{signature}"),
            )
            .provider(&settings);
    }
    none(&mut family, forge);
    confusion(&mut family, forge);
    family
}

fn none(family: &mut Family, forge: &Forge) {
    let payload = encode(serde_json::to_vec(&good()).unwrap());
    let [_, _, signature] = parts(&forge.token(&good()));
    for name in ["none", "None", "NONE", "nOnE", "none ", " none", "n\u{6f}ne\u{0}", ""] {
        for (suffix, signature) in [("unsigned", ""), ("with_a_signature", &*signature)] {
            let header = encode(json!({ "alg": name, "kid": "rsa" }).to_string());
            family.add(
                &format!("none_{}_{suffix}", name.escape_unicode()),
                &["bcl_8", "A1", "conf_2"],
                "algorithm_unknown",
                format!("{header}.{payload}.{signature}"),
            );
        }
    }
    for (name, value) in [
        ("null", json!(null)),
        ("number", json!(256)),
        ("array", json!(["RS256"])),
        ("object", json!({ "RS256": true })),
        ("true", json!(true)),
    ] {
        let header = json!({ "alg": value }).to_string();
        let token = forge.bytes(header.as_bytes(), good().to_string().as_bytes());
        family.add(&format!("alg_{name}"), &["bcl_8"], "header_member", token);
    }
    let token = forge.bytes(br#"{"kid":"rsa"}"#, good().to_string().as_bytes());
    family.add("alg_absent", &["bcl_8"], "header_member", token);
    for name in ["rs256", "RS256 ", "RS1", "ES256K", "EDDSA", "Ed25519", "HS1", "RSA-OAEP", "dir"] {
        let header = json!({ "alg": name, "kid": "rsa" }).to_string();
        let token = forge.bytes(header.as_bytes(), good().to_string().as_bytes());
        family.add(&format!("alg_{name}"), &["bcl_8", "jwt_6"], "algorithm_unknown", token);
    }
}

/// Tokens whose header says one thing and whose signature is another.
fn confusion(family: &mut Family, forge: &Forge) {
    let public = public_key_spellings(forge);
    for (spelling, secret) in public {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let key = SigningKey::from_secret(&secret, algorithm).unwrap();
            for (suffix, header) in [("", json!({})), ("_with_kid", json!({ "kid": "rsa" }))] {
                let token = key.sign(object(&header), object(&good())).unwrap();
                let name = format!("{algorithm}_keyed_with_{spelling}{suffix}");
                family.add(&name, &["bcl_8", "A15", "A17"], "algorithm_denied", token.clone());
                family
                    .add(
                        &format!("{name}_where_a_secret_is_configured"),
                        &["bcl_8", "A15", "A17"],
                        "signature",
                        token,
                    )
                    .provider(&json!({
                        "algorithms": ["RS256", "HS256", "HS384", "HS512"], "client_secret": true,
                    }));
            }
        }
    }

    let relabel = |key: SigningKey, says: &str| {
        let header = json!({ "alg": says, "kid": "rsa" });
        key.sign(object(&header), object(&good())).unwrap()
    };
    let both = json!({ "algorithms": ["RS256", "PS256", "RS512"] });
    let ps_as_rs = relabel(forge.key("rsa", Algorithm::Ps256), "RS256");
    family.add("ps256_says_rs256", &["jwt_6"], "signature", ps_as_rs).provider(&both);
    let rs_as_ps = relabel(forge.rsa(), "PS256");
    family.add("rs256_says_ps256", &["jwt_6"], "signature", rs_as_ps).provider(&both);
    let rs_as_rs512 = relabel(forge.rsa(), "RS512");
    family.add("rs256_says_rs512", &["jwt_6"], "signature", rs_as_rs512).provider(&both);

    let ps256 = forge.key("rsa", Algorithm::Ps256);
    let token = ps256.sign(&serde_json::Map::new(), object(&good())).unwrap();
    family
        .add("ps256_by_a_key_without_alg", &["jwt_5"], "valid_both", token.clone())
        .provider(&both);
    family
        .add("ps256_by_a_key_for_rs256_only", &["jwt_5", "jwt_6"], "key_mismatch", token)
        .provider(&json!({ "algorithms": ["RS256", "PS256"], "jwks": "rs256-only" }));

    let es256 = forge.key("p256", Algorithm::Es256);
    let token = es256.sign(&serde_json::Map::new(), object(&good())).unwrap();
    family.add("es256_where_rs256_is_configured", &["conf_5"], "algorithm_denied", token.clone());
    let [header, payload, signature] = parts(&token);
    let mirrored = format!("{header}.{payload}.{}", encode(mirror(&decode(&signature))));
    let only_es256 = json!({ "algorithms": ["ES256"] });
    family.add("es256_first_spelling", &["jwt_11"], "valid_both", token).provider(&only_es256);
    family
        .add("es256_second_spelling", &["jwt_11"], "valid_both", mirrored)
        .provider(&only_es256)
        .same_identity_as("accept_es256_first_spelling");
    let with_signature = |signature: &[u8]| format!("{header}.{payload}.{}", encode(signature));
    let raw = decode(&signature);
    for (name, signature) in [
        ("zero", vec![0; 64]),
        ("r_zero", [&[0; 32], &raw[32..]].concat()),
        ("s_zero", [&raw[..32], &[0; 32]].concat()),
        ("all_ones", vec![0xff; 64]),
        ("short", raw[..63].to_vec()),
        ("long", [&raw[..], &[0]].concat()),
        ("der_like", [&[0x30, 0x44, 2, 0x20], &raw[..32], &[2, 0x20], &raw[32..]].concat()),
        ("5000_bytes", vec![1; 5000]),
    ] {
        family
            .add(
                &format!("es256_signature_{name}"),
                &["bcl_7", "A39"],
                "signature",
                with_signature(&signature),
            )
            .provider(&only_es256);
    }
    family
        .add("es256_signature_22000_bytes", &["A39"], "too_long", with_signature(&vec![1; 22_000]))
        .provider(&only_es256);
}

/// What an attacker takes for the HMAC secret in the hope that we do too.
fn public_key_spellings(forge: &Forge) -> Vec<(&'static str, Vec<u8>)> {
    let jwk = forge.rsa().public_jwk().unwrap();
    let number = |member: &str| decode(jwk[member].as_str().unwrap());
    let der = subject_public_key_info(&number("n"));
    let pem = file("rsa.public.pem");
    let pem_text = String::from_utf8(pem.clone()).unwrap();
    let body: String = pem_text.lines().filter(|line| !line.starts_with('-')).collect();
    let standard = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(&body).unwrap()
    };
    assert_eq!(standard, der, "keys/rsa.public.pem is the key of keys/rsa.jwk.json");
    vec![
        ("pem", pem),
        ("pem_without_newline", pem_text.trim_end().into()),
        ("pem_body", body.into()),
        ("der", der),
        ("jwk", jwk.to_string().into()),
        ("n", number("n")),
        ("n_base64url", jwk["n"].as_str().unwrap().into()),
    ]
}

fn subject_public_key_info(modulus: &[u8]) -> Vec<u8> {
    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        let mut out = vec![tag];
        match body.len() {
            0..128 => out.push(length[1]),
            128..256 => out.extend([0x81, length[1]]),
            _ => out.extend([0x82, length[0], length[1]]),
        }
        out.extend(body);
        out
    }
    const RSA: [u8; 15] = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let modulus = tlv(2, &[&[0], modulus]);
    let key = tlv(0x30, &[&modulus, &tlv(2, &[&[1, 0, 1]])]);
    tlv(0x30, &[&RSA, &tlv(3, &[&[0], &key])])
}

/// `(r, n - s)`, which verifies whenever `(r, s)` does.
fn mirror(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut mirrored = signature.to_vec();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        mirrored[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    mirrored
}

pub(crate) fn keys(forge: &Forge) -> Family {
    let mut family = Family::new("keys");
    let good_token = forge.token(&good());
    family.add("own_key", &["bcl_7"], "valid_both", good_token.clone());

    let stranger = forge.key("stranger", Algorithm::Rs256);
    let forged = stranger.sign(&serde_json::Map::new(), object(&good())).unwrap();
    family.add("another_issuers_key_same_kid", &["bcl_7", "A24"], "signature", forged);

    // The whole set is odd but for one key: that one still works.
    let odd = json!({ "jwks": "odd" });
    family
        .add("good_key_among_odd_ones", &["jwt_5"], "valid_both", good_token.clone())
        .provider(&odd);
    let named = |key: &SigningKey, kid: &str| {
        key.sign(object(&json!({ "kid": kid })), object(&good())).unwrap()
    };
    for kid in ["enc-rsa", "post-quantum", "weak", "typeless"] {
        let token = named(&forge.rsa(), kid);
        family.add(&format!("refused_key_{kid}"), &["jwt_5"], "key_refused", token).provider(&odd);
    }
    family
        .add("x5c_of_a_key_is_not_read", &["jwt_5"], "valid_both", named(&stranger, "x5c"))
        .provider(&odd);
    family
        .add("kid_7_is_not_the_number_7", &["jwt_5"], "key_unknown", named(&forge.rsa(), "7"))
        .provider(&odd);

    let nameless = |key: &str, algorithm| {
        let key = forge.key(key, algorithm);
        let header = json!({ "alg": algorithm.as_str() });
        key.sign_bytes(header.to_string().as_bytes(), good().to_string().as_bytes()).unwrap()
    };
    let without_kid = nameless("rsa", Algorithm::Rs256);
    family.add("no_kid_one_key_fits", &["jwt_5"], "valid_both", without_kid.clone());
    family
        .add("no_kid_two_keys_fit", &["jwt_5"], "key_ambiguous", without_kid.clone())
        .provider(&json!({ "jwks": "two-rsa" }));
    family
        .add("no_kid_no_key_fits", &["jwt_5"], "key_unknown", nameless("p256", Algorithm::Es256))
        .provider(&json!({ "jwks": "rs256-only", "algorithms": ["RS256", "ES256"] }));
    let mixed = json!({ "jwks": "nameless", "algorithms": ["RS256", "ES256"] });
    family.add("no_kid_keys_without_kid", &["jwt_5"], "valid_both", without_kid).provider(&mixed);
    family
        .add(
            "no_kid_keys_without_kid_es256",
            &["jwt_5"],
            "valid_both",
            nameless("p256", Algorithm::Es256),
        )
        .provider(&mixed);
    family
        .add("kid_where_keys_have_none", &["jwt_5"], "key_unknown", good_token.clone())
        .provider(&mixed);

    let shared = json!({ "jwks": "same-kid", "algorithms": ["RS256", "ES256"] });
    let es256 = forge.key("p256", Algorithm::Es256);
    family
        .add(
            "same_kid_told_apart_by_rs256",
            &["jwt_5"],
            "valid_both",
            named(&forge.rsa(), "shared"),
        )
        .provider(&shared);
    family
        .add("same_kid_told_apart_by_es256", &["jwt_5"], "valid_both", named(&es256, "shared"))
        .provider(&shared);
    family
        .add("same_kid_both_fit", &["jwt_5"], "key_ambiguous", named(&forge.rsa(), "shared"))
        .provider(&json!({ "jwks": "same-kid-twice" }));
    family
        .add(
            "kid_of_a_key_of_another_kind",
            &["jwt_6"],
            "key_mismatch",
            named(&forge.rsa(), "p256"),
        )
        .provider(&json!({ "algorithms": ["RS256", "ES256"] }));

    for (at, key) in [stranger].iter().enumerate() {
        let embedded = json!({ "jwk": key.public_jwk().unwrap() });
        let token = key.sign(object(&embedded), object(&good())).unwrap();
        family.add(
            &format!("embedded_jwk_signed_with_it_{at}"),
            &["jwt_4"],
            "header_forbidden",
            token,
        );
    }

    let secret = json!({ "jwks": null, "algorithms": ["HS256"] });
    let hs256 = forge.key("", Algorithm::Hs256);
    let token = hs256.sign(&serde_json::Map::new(), object(&good())).unwrap();
    family.add("secret_alone", &["bcl_7"], "valid_both", token.clone()).provider(&secret);
    family
        .add("secret_with_a_kid", &["bcl_7"], "valid_both", named(&hs256, "whatever"))
        .provider(&secret);
    family.add("secret_not_configured", &["bcl_7"], "algorithm_denied", token);
    let other = SigningKey::from_secret(&[b'x'; 64], Algorithm::Hs256).unwrap();
    let token = other.sign(&serde_json::Map::new(), object(&good())).unwrap();
    family.add("another_secret", &["bcl_7"], "signature", token).provider(&secret);
    family
        .add("rs256_where_only_a_secret_is", &["bcl_8"], "algorithm_denied", good_token)
        .provider(&secret);
    family
}

pub(crate) fn kid(forge: &Forge) -> Family {
    let mut family = Family::new("kid");
    family.add("known", &["jwt_4"], "valid_both", forge.token(&good()));
    let longest = "k".repeat(255);
    let hostile = [
        ("case", "RSA"),
        ("trailing_space", "rsa "),
        ("path", "../../../../dev/null"),
        ("sql", "x' UNION SELECT 'key';--"),
        ("glob", "*"),
        ("url", "https://evil.example/jwks.json"),
        ("format", "%s%n%x"),
        ("shell", "$(id)"),
        ("redis", "rsa\" EVAL"),
        ("zero_width", "rsa\u{200b}"),
        ("right_to_left", "\u{202e}asr"),
        ("cyrillic", "rs\u{0430}"),
        ("longest", &longest),
    ];
    for (name, kid) in hostile {
        let token = forge.token_with(&json!({ "kid": kid }), &good());
        family.add(name, &["jwt_4"], "key_unknown", token);
    }
    let too_long = "k".repeat(256);
    let faulty = [
        ("empty", json!("")),
        ("nul", json!("rsa\u{0}")),
        ("newline", json!("rsa\nX-Header: 1")),
        ("carriage_return", json!("rsa\r")),
        ("escape", json!("\u{1b}[2J")),
        ("delete", json!("rsa\u{7f}")),
        ("c1_control", json!("rsa\u{85}")),
        ("256_bytes", json!(too_long)),
        ("null", Value::Null),
        ("number", json!(7)),
        ("array", json!(["rsa"])),
        ("object", json!({})),
    ];
    for (name, kid) in faulty {
        let token = forge.token_with(&json!({ "kid": kid }), &good());
        family.add(name, &["jwt_4"], "header_member", token);
    }
    let flood = |bytes: usize| forge.token_with(&json!({ "kid": "k".repeat(bytes) }), &good());
    family.add("3_kib", &["jwt_4"], "header_too_long", flood(3 * 1024));
    family.add("64_kib", &["jwt_4"], "too_long", flood(64 * 1024));
    let duplicate = br#"{"alg":"RS256","kid":"rsa","kid":"rsa"}"#;
    let token = forge.bytes(duplicate, good().to_string().as_bytes());
    family.add("twice", &["jwt_2"], "header_json_duplicate", token);
    let escaped = br#"{"alg":"RS256","k\u0069d":"rs\u0061"}"#;
    let token = forge.bytes(escaped, good().to_string().as_bytes());
    family.add("escaped", &["jwt_4"], "valid_both", token);
    let plain = forge.bytes(HEADER, good().to_string().as_bytes());
    family.add("plain", &["jwt_4"], "valid_both", plain);
    family
}
