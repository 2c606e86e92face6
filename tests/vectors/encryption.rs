//! Tokens within tokens (JWE).

use josekit::jwe::{self, JweEncrypter, JweHeader};
use josekit::jwk::Jwk;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::family::Family;
use super::forge::{Forge, ISSUER, decode, encode, file, good, object, with};

const CONTENT: [(&str, usize); 6] = [
    ("A128GCM", 16),
    ("A192GCM", 24),
    ("A256GCM", 32),
    ("A128CBC-HS256", 32),
    ("A192CBC-HS384", 48),
    ("A256CBC-HS512", 64),
];

const MANAGEMENT: [(&str, &str); 11] = [
    ("RSA-OAEP", "enc-rsa"),
    ("RSA-OAEP-256", "enc-rsa"),
    ("ECDH-ES", "enc-p256"),
    ("ECDH-ES+A128KW", "enc-p256"),
    ("ECDH-ES+A192KW", "enc-p256"),
    ("ECDH-ES+A256KW", "enc-p256"),
    ("ECDH-ES", "enc-x25519"),
    ("ECDH-ES+A128KW", "enc-x25519"),
    ("ECDH-ES+A192KW", "enc-x25519"),
    ("ECDH-ES+A256KW", "enc-x25519"),
    ("dir", ""),
];

pub(crate) fn encryption(forge: &Forge) -> Family {
    let mut family = Family::new("bcl_6_encryption");
    let inner = forge.token(&good());
    let all = json!({
        "encryption_keys": ["enc-rsa", "enc-p256", "enc-x25519"],
        "encryption_secret": true,
        "require_encryption": true,
    });
    let seal = |alg: &str, key: &str, enc: &str, more: Value, plaintext: &str| {
        encrypt(forge, alg, key, enc, &more, plaintext.as_bytes())
    };
    for (alg, key) in MANAGEMENT {
        for (enc, _) in CONTENT {
            let token = seal(alg, key, enc, json!({ "iss": ISSUER, "aud": "app" }), &inner);
            family
                .add(&format!("{alg}_{enc}_{key}"), &["bcl_6", "jwt_7"], "valid_both", token)
                .provider(&all);
        }
    }

    let usual = seal("RSA-OAEP-256", "enc-rsa", "A256GCM", json!({}), &inner);
    let rsa = json!({ "encryption_keys": ["enc-rsa"], "require_encryption": true });
    family.add("no_header_issuer", &["bcl_6"], "valid_both", usual.clone()).provider(&rsa);
    family.add("not_configured", &["bcl_6"], "encrypted", usual.clone());
    family.add("plain_where_required", &["bcl_6"], "not_encrypted", inner.clone()).provider(&rsa);
    family
        .add("plain_where_optional", &["bcl_6"], "valid_both", inner.clone())
        .provider(&json!({ "encryption_keys": ["enc-rsa"] }));
    let secret_only = json!({ "encryption_secret": true });
    family
        .add("wrong_kind_of_key", &["bcl_6"], "decryption", usual.clone())
        .provider(&json!({ "encryption_keys": ["enc-p256"] }));
    family
        .add("no_key_but_a_secret", &["bcl_6"], "decryption", usual.clone())
        .provider(&secret_only);
    let direct = seal("dir", "", "A256GCM", json!({}), &inner);
    family
        .add("dir_without_a_secret", &["jwt_7"], "encryption_unknown", direct.clone())
        .provider(&rsa);
    family.add("dir_with_a_secret", &["jwt_7"], "valid_both", direct).provider(&secret_only);

    let foreign = seal(
        "RSA-OAEP-256",
        "enc-rsa",
        "A256GCM",
        json!({ "iss": "https://evil.example" }),
        &inner,
    );
    family.add("other_header_issuer", &["bcl_6"], "envelope_iss_mismatch", foreign).provider(&rsa);
    for (name, issuer, expect) in [
        ("slash", json!("https://op.example/"), "envelope_iss_mismatch"),
        ("empty", json!(""), "envelope_iss_mismatch"),
    ] {
        let token = seal("RSA-OAEP-256", "enc-rsa", "A256GCM", json!({ "iss": issuer }), &inner);
        family.add(&format!("header_issuer_{name}"), &["bcl_6"], expect, token).provider(&rsa);
    }

    let plaintexts = [
        ("bare_claims", good().to_string(), "unsigned"),
        ("empty_object", "{}".to_owned(), "unsigned"),
        ("text", "hello".to_owned(), "unsigned"),
        ("encrypted_again", usual.clone(), "unsigned"),
        ("newline_after_token", format!("{inner}\n"), "unsigned"),
        ("signature_cut", inner[..inner.len() - 2].to_owned(), "signature"),
        ("signature_empty", inner[..=inner.rfind('.').unwrap()].to_owned(), "signature"),
        (
            "alg_none",
            format!("{}.{}.", encode(br#"{"alg":"none"}"#), encode(good().to_string())),
            "algorithm_unknown",
        ),
        ("wrong_audience", forge.token(&with("aud", json!("other"))), "aud_foreign"),
        ("nonce", forge.token(&with("nonce", json!("n"))), "nonce_present"),
    ];
    for (name, plaintext, expect) in plaintexts {
        let token = seal("RSA-OAEP-256", "enc-rsa", "A256GCM", json!({}), &plaintext);
        family.add(&format!("plaintext_{name}"), &["bcl_6", "jwt_7"], expect, token).provider(&rsa);
    }
    let bytes = encrypt(forge, "RSA-OAEP-256", "enc-rsa", "A256GCM", &json!({}), b"\xff\xfe");
    family.add("plaintext_not_utf_8", &["jwt_7"], "unsigned", bytes).provider(&rsa);

    headers(&mut family, &usual, &rsa);
    lengths(&mut family, forge, &inner, &all);
    kids(&mut family, forge, &inner);
    family
}

/// Other headers before the parts of a valid token: all are refused before any computation.
fn headers(family: &mut Family, token: &str, settings: &Value) {
    let (_, rest) = token.split_once('.').unwrap();
    let with_header = |header: &Value| format!("{}.{rest}", encode(header.to_string()));
    let forbidden = [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("jku", json!("https://evil.example")),
        ("jwk", json!({})),
        ("x5u", json!("https://evil.example")),
        ("x5c", json!([])),
    ];
    for (at, (member, value)) in forbidden.into_iter().enumerate() {
        let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", member: value });
        family
            .add(
                &format!("header_{member}_{at}"),
                &["jwt_7", "A21", "A30"],
                "header_forbidden",
                with_header(&header),
            )
            .provider(settings);
    }
    for alg in [
        "RSA1_5",
        "PBES2-HS256+A128KW",
        "PBES2-HS384+A192KW",
        "PBES2-HS512+A256KW",
        "A128KW",
        "A256KW",
        "A128GCMKW",
        "A256GCMKW",
        "RSA-OAEP-384",
        "rsa-oaep",
        "none",
        "RS256",
        "",
    ] {
        let header =
            json!({ "alg": alg, "enc": "A256GCM", "p2c": 1_000_000, "p2s": "AAAAAAAAAAA" });
        family
            .add(
                &format!("alg_{alg}"),
                &["jwt_7", "A25", "A34"],
                "encryption_unknown",
                with_header(&header),
            )
            .provider(settings);
    }
    for enc in ["A128CBC", "A256CTR", "XC20P", "a256gcm", "A256GCM ", "none", ""] {
        let header = json!({ "alg": "RSA-OAEP-256", "enc": enc });
        family
            .add(&format!("enc_{enc}"), &["jwt_7"], "encryption_unknown", with_header(&header))
            .provider(settings);
    }
    let broken = [
        ("alg_absent", json!({ "enc": "A256GCM" })),
        ("alg_number", json!({ "alg": 1, "enc": "A256GCM" })),
        ("enc_absent", json!({ "alg": "RSA-OAEP-256" })),
        ("enc_null", json!({ "alg": "RSA-OAEP-256", "enc": null })),
        ("kid_number", json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": 1 })),
        ("iss_number", json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "iss": 1 })),
    ];
    for (name, header) in broken {
        family.add(name, &["jwt_7"], "header_member", with_header(&header)).provider(settings);
    }
    let twice = encode(br#"{"alg":"RSA-OAEP-256","enc":"A256GCM","enc":"A256GCM"}"#);
    family
        .add("enc_twice", &["jwt_2"], "header_json_duplicate", format!("{twice}.{rest}"))
        .provider(settings);
    // The header is authenticated: one more harmless member breaks the tag.
    let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "x": 1 });
    family
        .add("header_not_the_sealed_one", &["jwt_7"], "decryption", with_header(&header))
        .provider(settings);
}

/// Parts of other lengths and contents.
fn lengths(family: &mut Family, forge: &Forge, inner: &str, settings: &Value) {
    let replaced = |token: &str, at: usize, bytes: &[u8]| {
        let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        parts[at] = encode(bytes);
        parts.join(".")
    };
    let part = |token: &str, at: usize| decode(token.split('.').nth(at).unwrap());
    for (alg, key, enc) in [
        ("RSA-OAEP-256", "enc-rsa", "A256GCM"),
        ("ECDH-ES", "enc-p256", "A128CBC-HS256"),
        ("ECDH-ES+A128KW", "enc-x25519", "A256CBC-HS512"),
        ("dir", "", "A192CBC-HS384"),
    ] {
        let token = encrypt(forge, alg, key, enc, &json!({}), inner.as_bytes());
        let mut add = |name: &str, expect: &str, token: String| {
            family
                .add(&format!("{alg}_{name}"), &["jwt_7", "A38"], expect, token)
                .provider(settings);
        };
        for length in [0, 1, 11, 13, 15, 17, 64] {
            add(&format!("iv_{length}"), "length", replaced(&token, 2, &vec![1; length]));
        }
        for length in [0, 1, 4, 12, 15, 17, 33] {
            add(&format!("tag_{length}"), "length", replaced(&token, 4, &vec![1; length]));
        }
        for length in [1, 4, 7, 9, 15, 1000] {
            add(&format!("key_{length}"), "length", replaced(&token, 1, &vec![1; length]));
        }
        add("ciphertext_0", "length", replaced(&token, 3, &[]));
        for at in [2, 3, 4] {
            let mut spoiled = part(&token, at);
            *spoiled.last_mut().unwrap() ^= 1;
            add(&format!("part_{at}_spoiled"), "decryption", replaced(&token, at, &spoiled));
        }
        let mut cut = part(&token, 3);
        cut.truncate(cut.len() - 16);
        add("ciphertext_cut_by_a_block", "decryption", replaced(&token, 3, &cut));
        if !part(&token, 1).is_empty() {
            let mut spoiled = part(&token, 1);
            spoiled[9] ^= 1;
            add("key_spoiled", "decryption", replaced(&token, 1, &spoiled));
        }
    }

    let token = encrypt(forge, "ECDH-ES", "enc-p256", "A256GCM", &json!({}), inner.as_bytes());
    let (header, rest) = token.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    let ephemeral = [
        ("absent", json!(null)),
        ("text", json!("x")),
        ("empty", json!({})),
        ("other_curve", json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" })),
        (
            "zero",
            json!({ "kty": "EC", "crv": "P-256", "x": encode([0; 32]), "y": encode([0; 32]) }),
        ),
        (
            "off_curve",
            json!({ "kty": "EC", "crv": "P-256", "x": encode([1; 32]), "y": encode([1; 32]) }),
        ),
        ("short", json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" })),
        ("numbers", json!({ "kty": "EC", "crv": "P-256", "x": 1, "y": 1 })),
        ("x25519", json!({ "kty": "OKP", "crv": "X25519", "x": encode([0; 32]) })),
    ];
    for (name, key) in ephemeral {
        let mut header = header.clone();
        header["epk"] = key;
        family
            .add(
                &format!("ephemeral_key_{name}"),
                &["jwt_7", "A38"],
                "decryption",
                format!("{}.{rest}", encode(header.to_string())),
            )
            .provider(settings);
    }
    let token = encrypt(forge, "ECDH-ES", "enc-x25519", "A256GCM", &json!({}), inner.as_bytes());
    let (header, rest) = token.split_once('.').unwrap();
    let mut header: Value = serde_json::from_slice(&decode(header)).unwrap();
    header["epk"]["x"] = json!(encode([0; 32]));
    family
        .add(
            "ephemeral_key_of_small_order",
            &["jwt_7"],
            "decryption",
            format!("{}.{rest}", encode(header.to_string())),
        )
        .provider(settings);
}

fn kids(family: &mut Family, forge: &Forge, inner: &str) {
    let none = json!({ "kid": null });
    let seal =
        |more: &Value| encrypt(forge, "ECDH-ES", "enc-p256", "A256GCM", more, inner.as_bytes());
    let both = json!({ "encryption_keys": ["enc-p256", "enc-x25519"] });
    let one = json!({ "encryption_keys": ["enc-p256", "enc-rsa"] });
    family.add("no_kid_one_key_fits", &["jwt_7"], "valid_both", seal(&none)).provider(&one);
    family.add("no_kid_two_keys_fit", &["jwt_7"], "key_ambiguous", seal(&none)).provider(&both);
    let other = json!({ "kid": "unheard-of" });
    family.add("unknown_kid", &["jwt_7"], "decryption", seal(&other)).provider(&both);
    for (name, more) in [("kid", &other), ("no_kid", &none)] {
        family
            .add(&format!("{name}_where_our_key_has_none"), &["jwt_7"], "valid_both", seal(more))
            .provider(&json!({ "encryption_keys": ["enc-nameless", "enc-rsa"] }));
    }
    let wrong = json!({ "kid": "enc-x25519" });
    family.add("kid_of_another_key", &["jwt_7"], "decryption", seal(&wrong)).provider(&both);
}

/// `more` replaces header members; null removes one.
fn encrypt(
    forge: &Forge,
    alg: &str,
    key: &str,
    enc: &str,
    more: &Value,
    plaintext: &[u8],
) -> String {
    let mut header = json!({ "alg": alg, "enc": enc, "cty": "JWT" });
    if !key.is_empty() {
        header["kid"] = json!(key);
    }
    for (member, value) in object(more) {
        header[member] = value.clone();
    }
    header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let header = JweHeader::from_map(object(&header).clone()).unwrap();
    jwe::serialize_compact(plaintext, &header, &*encrypter(forge, alg, key, enc)).unwrap()
}

fn encrypter(forge: &Forge, alg: &str, key: &str, enc: &str) -> Box<dyn JweEncrypter> {
    if alg == "dir" {
        let (_, length) = CONTENT.into_iter().find(|(name, _)| *name == enc).unwrap();
        let hash = match length {
            ..=32 => Sha256::digest(&forge.client_secret).to_vec(),
            33..=48 => Sha384::digest(&forge.client_secret).to_vec(),
            _ => Sha512::digest(&forge.client_secret).to_vec(),
        };
        return Box::new(jwe::Dir.encrypter_from_bytes(&hash[..length]).unwrap());
    }
    let mut jwk = Jwk::from_bytes(file(&format!("{key}.jwk.json"))).unwrap();
    // Without it josekit does not insist on the header's `kid`.
    jwk.set_parameter("kid", None).unwrap();
    match alg {
        "RSA-OAEP" => Box::new(jwe::RSA_OAEP.encrypter_from_jwk(&jwk).unwrap()),
        "RSA-OAEP-256" => Box::new(jwe::RSA_OAEP_256.encrypter_from_jwk(&jwk).unwrap()),
        "ECDH-ES" => Box::new(jwe::ECDH_ES.encrypter_from_jwk(&jwk).unwrap()),
        "ECDH-ES+A128KW" => Box::new(jwe::ECDH_ES_A128KW.encrypter_from_jwk(&jwk).unwrap()),
        "ECDH-ES+A192KW" => Box::new(jwe::ECDH_ES_A192KW.encrypter_from_jwk(&jwk).unwrap()),
        "ECDH-ES+A256KW" => Box::new(jwe::ECDH_ES_A256KW.encrypter_from_jwk(&jwk).unwrap()),
        other => panic!("no encrypter for {other}"),
    }
}
