//! Text, encoding and JSON.

use serde_json::{Value, json};

use super::family::Family;
use super::forge::{EVENT, Forge, HEADER, encode, good, parts, with};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn header(forge: &Forge) -> Family {
    let mut family = Family::new("header");
    family.add(
        "alg_and_kid_only",
        &["conf_1"],
        "valid_both",
        forge.token_with(&json!({}), &good()),
    );
    for member in ["crit", "b64", "jwk", "jku", "x5u", "x5c", "zip"] {
        let values = [
            ("null", json!(null)),
            ("empty_array", json!([])),
            ("empty_object", json!({})),
            ("false", json!(false)),
            ("true", json!(true)),
            ("text", json!("https://evil.example/keys.json")),
        ];
        for (name, value) in values {
            let token = forge.token_with(&json!({ member: value }), &good());
            family.add(&format!("{member}_{name}"), &["jwt_3", "jwt_4"], "header_forbidden", token);
        }
    }
    let critical = [
        ("exp", json!(["exp"])),
        ("b64", json!(["b64"])),
        ("alg", json!(["alg"])),
        ("unknown", json!(["urn:example:x"])),
        ("number", json!([1])),
    ];
    for (name, value) in critical {
        let token = forge.token_with(&json!({ "crit": value }), &good());
        family.add(&format!("crit_lists_{name}"), &["jwt_3", "A19"], "header_forbidden", token);
    }
    let unencoded = json!({ "crit": ["b64"], "b64": false });
    let token = forge.token_with(&unencoded, &good());
    family.add("unencoded_payload", &["jwt_3", "A20"], "header_forbidden", token);
    let deflate = forge.token_with(&json!({ "zip": "DEF" }), &good());
    family.add("zip_def", &["A30"], "header_forbidden", deflate);

    let ignored = [
        ("x5t", json!({ "x5t": "AAAA", "x5t#S256": "AAAA" })),
        ("iss", json!({ "iss": "https://evil.example" })),
        ("nonce", json!({ "nonce": "n" })),
        ("cty", json!({ "cty": "JWT" })),
        ("unknown", json!({ "urn:example:x": { "a": [1, 2] } })),
        ("epk", json!({ "epk": {}, "apu": 1, "p2c": 1_000_000_000 })),
    ];
    for (name, members) in ignored {
        let token = forge.token_with(&members, &good());
        family.add(&format!("ignored_{name}"), &["jwt_4"], "valid_both", token);
    }
    for (name, value) in [("number", json!(1)), ("null", json!(null)), ("array", json!(["JWT"]))] {
        let token = forge.token_with(&json!({ "typ": value }), &good());
        family.add(&format!("typ_{name}"), &["bcl_17"], "header_member", token);
        let token = forge.token_with(&json!({ "cty": value }), &good());
        family.add(&format!("cty_{name}"), &["jwt_1"], "header_member", token);
    }
    let padding = |bytes: usize| forge.token_with(&json!({ "x": "x".repeat(bytes) }), &good());
    family.add("1900_bytes_more", &["jwt_4"], "valid_both", padding(1900));
    family.add("2100_bytes_more", &["jwt_4"], "header_too_long", padding(2100));
    family
}

pub(crate) fn duplicates(forge: &Forge) -> Family {
    let mut family = Family::new("duplicates");
    let payload = good().to_string();
    let headers = [
        ("alg", r#"{"alg":"RS256","alg":"RS256","kid":"rsa"}"#),
        ("alg_none", r#"{"alg":"none","alg":"RS256","kid":"rsa"}"#),
        ("alg_escaped", r#"{"alg":"RS256","\u0061lg":"none","kid":"rsa"}"#),
        ("typ", r#"{"alg":"RS256","kid":"rsa","typ":"JWT","typ":"at+jwt"}"#),
        ("unknown", r#"{"alg":"RS256","kid":"rsa","x":1,"x":1}"#),
        ("deep", r#"{"alg":"RS256","kid":"rsa","x":[{"y":1,"\u0079":2}]}"#),
        ("crit", r#"{"alg":"RS256","kid":"rsa","crit":["b64"],"crit":[]}"#),
    ];
    for (name, header) in headers {
        let token = forge.bytes(header.as_bytes(), payload.as_bytes());
        family.add(&format!("header_{name}"), &["jwt_2"], "header_json_duplicate", token);
    }
    let appended = |members: &str| format!("{},{members}}}", payload.strip_suffix('}').unwrap());
    let claims = [
        ("iss", r#""iss":"https://op.example""#),
        ("aud", r#""aud":"app""#),
        ("aud_other", r#""aud":"other""#),
        ("sub", r#""sub":"user-2""#),
        ("sub_escaped", r#""s\u0075b":"user-2""#),
        ("sub_escaped_upper_case", r#""\u0073\u0075\u0062":"user-2""#),
        ("sid", r#""sid":"session-2""#),
        ("exp", r#""exp":9999999999"#),
        ("iat", r#""iat":1"#),
        ("jti", r#""jti":"other""#),
        ("events", r#""events":{}"#),
        ("unknown", r#""x":1,"x":2"#),
        ("unknown_deep", r#""x":{"y":{"z":1,"z":1}}"#),
        ("unknown_in_array", r#""x":[[{"z":1,"z":1}]]"#),
        ("unknown_escaped", r#""ab":1,"\u0061b":2"#),
        ("empty_name", r#""":1,"":2"#),
    ];
    for (name, members) in claims {
        let token = forge.bytes(HEADER, appended(members).as_bytes());
        family.add(&format!("claims_{name}"), &["jwt_2"], "claims_json_duplicate", token);
    }
    let events = format!(r#"{{"{EVENT}":{{}},"{EVENT}":{{}}}}"#);
    let doubled = payload.replace(&format!(r#"{{"{EVENT}":{{}}}}"#), &events);
    let token = forge.bytes(HEADER, doubled.as_bytes());
    family.add("claims_event", &["jwt_2", "bcl_15"], "claims_json_duplicate", token);

    let different = [
        ("case", r#""SUB":"user-2""#),
        ("same_name_at_another_depth", r#""x":{"sub":"user-2","iss":"x"}"#),
        ("same_name_in_siblings", r#""x":[{"a":1},{"a":1}]"#),
        ("composed_and_decomposed", "\"\u{e9}\":1,\"e\u{301}\":2"),
    ];
    for (name, members) in different {
        let token = forge.bytes(HEADER, appended(members).as_bytes());
        family.add(&format!("not_{name}"), &["jwt_2"], "valid_both", token);
    }
    family
}

pub(crate) fn base64(forge: &Forge) -> Family {
    let mut family = Family::new("base64");
    let token = forge.token(&good());
    family.add("canonical", &["jwt_1"], "valid_both", token.clone());
    let [header, payload, signature] = parts(&token);
    let around = [
        ("leading_space", format!(" {token}")),
        ("trailing_space", format!("{token} ")),
        ("trailing_newline", format!("{token}\n")),
        ("trailing_crlf", format!("{token}\r\n")),
        ("leading_tab", format!("\t{token}")),
        ("byte_order_mark", format!("\u{feff}{token}")),
        ("nul", format!("{token}\u{0}")),
        ("padded", format!("{token}==")),
        ("padded_header", format!("{header}=.{payload}.{signature}")),
        ("padded_payload", format!("{header}.{payload}=.{signature}")),
        ("plus", format!("{header}.{payload}.+{}", &signature[1..])),
        ("slash", format!("{header}.{payload}./{}", &signature[1..])),
        ("percent", format!("{header}.{payload}.{signature}%3D")),
        ("comma", format!("{token},{token}")),
        ("line_break_within", format!("{header}.\n{payload}.{signature}")),
        ("full_width_dot", format!("{header}\u{ff0e}{payload}.{signature}")),
        ("bearer", format!("Bearer {token}")),
        ("json_string", format!("\"{token}\"")),
        (
            "json_serialisation",
            json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
        ),
        (
            "general_json_serialisation",
            json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] })
                .to_string(),
        ),
    ];
    for (name, token) in around {
        family.add(name, &["jwt_1", "jwt_6"], "character", token);
    }
    let dots = [
        ("no_text", String::new()),
        ("no_dot", "abcd".to_owned()),
        ("one_dot", format!("{header}.{payload}")),
        ("three_dots", format!("{token}.")),
        ("three_dots_and_text", format!("{token}.{signature}")),
        ("leading_dot", format!(".{token}")),
        ("five_dots", format!("{token}...")),
        ("8192_dots", ".".repeat(8192)),
    ];
    for (name, token) in dots {
        family.add(name, &["jwt_1", "A35"], "parts", token);
    }
    family.add("four_dots", &["jwt_1"], "encrypted", format!("{token}.."));
    family.add("8193_dots", &["A36"], "too_long", ".".repeat(8193));
    family.add("16_kib", &["bcl_5", "A37"], "too_long", "A".repeat(16 * 1024));

    // The signature has 256 bytes, so its last character carries four bits that must be zero.
    let last = signature.chars().last().unwrap();
    let at = ALPHABET.find(last).unwrap();
    for stray in [1, 2, 8, 15] {
        let respelled = ALPHABET.chars().nth(at | stray).unwrap();
        let stem = &signature[..signature.len() - 1];
        let token = format!("{header}.{payload}.{stem}{respelled}");
        family.add(&format!("stray_bits_{stray}"), &["jwt_1", "jwt_11"], "base64", token);
    }
    // A last group of one character holds no whole byte.
    assert_eq!(header.len() % 4, 2);
    let impossible = [
        ("header", format!("{header}AAA.{payload}.{signature}")),
        ("payload", format!("{header}.A.{signature}")),
        ("signature", format!("{header}.{payload}.A")),
    ];
    for (name, token) in impossible {
        family.add(&format!("impossible_length_{name}"), &["jwt_1"], "base64", token);
    }
    let empty = [
        ("header", format!(".{payload}.{signature}"), "header_json_syntax"),
        ("payload", format!("{header}..{signature}"), "signature"),
        ("signature", format!("{header}.{payload}."), "signature"),
        ("everything", "..".to_owned(), "header_json_syntax"),
    ];
    for (name, token, expect) in empty {
        family.add(&format!("empty_{name}"), &["jwt_1", "bcl_8"], expect, token);
    }
    family.add("detached_payload", &["jwt_1"], "claims_json_syntax", forge.bytes(HEADER, b""));
    let twice = encode(header.as_bytes());
    let token = format!("{twice}.{payload}.{signature}");
    family.add("header_encoded_twice", &["jwt_1"], "header_json_syntax", token);
    family
}

pub(crate) fn json(forge: &Forge) -> Family {
    let mut family = Family::new("json");
    let payload = good().to_string();
    let spaced = serde_json::to_string_pretty(&good()).unwrap();
    family.add(
        "with_white_space",
        &["jwt_1"],
        "valid_both",
        forge.bytes(HEADER, spaced.as_bytes()),
    );
    let utf16: Vec<u8> = payload.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let appended = |members: &str| format!("{},{members}}}", payload.strip_suffix('}').unwrap());
    let bytes = |text: &str| text.as_bytes().to_vec();
    let spliced = |fault: &[u8]| {
        let mut text = payload.replace("user-1", "user-X").into_bytes();
        let at = text.windows(6).position(|window| window == b"user-X").unwrap();
        text.splice(at..at + 6, fault.iter().copied());
        text
    };
    let syntax: [(&str, Vec<u8>); 24] = [
        ("trailing_brace", bytes(&format!("{payload}}}"))),
        ("trailing_object", bytes(&format!("{payload}{{}}"))),
        ("trailing_nul", bytes(&format!("{payload}\u{0}"))),
        ("trailing_comma", bytes(&payload.replace('}', ",}"))),
        ("byte_order_mark", bytes(&format!("\u{feff}{payload}"))),
        ("utf_16", utf16),
        ("single_quotes", bytes(&payload.replace('"', "'"))),
        ("comment", bytes(&format!("/**/{payload}"))),
        ("unfinished", bytes(&payload[..payload.len() - 1])),
        ("form", b"iss=https%3A%2F%2Fop.example&sub=user-1".to_vec()),
        ("nan", bytes(&appended(r#""x":NaN"#))),
        ("infinity", bytes(&appended(r#""x":Infinity"#))),
        ("number_too_large", bytes(&appended(r#""x":1e400"#))),
        ("leading_zero", bytes(&appended(r#""x":01"#))),
        ("plus_sign", bytes(&appended(r#""x":+1"#))),
        ("hexadecimal", bytes(&appended(r#""x":0x10"#))),
        ("raw_newline", spliced(b"user\n1")),
        ("raw_nul", spliced(b"user\x001")),
        ("overlong_slash", spliced(b"\xc0\xaf")),
        ("overlong_nul", spliced(b"\xc0\x80")),
        ("raw_surrogate", spliced(b"\xed\xa0\x80")),
        ("latin_1", spliced(b"us\xe9r")),
        ("beyond_unicode", spliced(b"\xf4\x90\x80\x80")),
        ("unfinished_sequence", spliced(b"user\xe2\x82")),
    ];
    for (name, text) in syntax {
        family.add(name, &["jwt_1"], "claims_json_syntax", forge.bytes(HEADER, &text));
    }
    let escapes = [
        ("high_surrogate", br"\ud83d".as_slice()),
        ("low_surrogate", br"\ude00"),
        ("surrogates_swapped", br"\ude00\ud83d"),
        ("two_high_surrogates", br"\ud83d\ud83d"),
        ("short_escape", br"\u12"),
        ("unknown_escape", br"\x41"),
    ];
    for (name, escape) in escapes {
        let token = forge.bytes(HEADER, &spliced(escape));
        family.add(name, &["jwt_1"], "claims_json_syntax", token);
    }
    let token = forge.bytes(HEADER, &spliced(br"\ud83d\ude00"));
    family.add("surrogate_pair", &["jwt_1"], "valid_both", token);
    for (name, text) in [
        ("array", "[]"),
        ("array_of_claims", "[{}]"),
        ("string", "\"claims\""),
        ("number", "1"),
        ("null", "null"),
        ("true", "true"),
    ] {
        let token = forge.bytes(HEADER, text.as_bytes());
        family.add(&format!("claims_{name}"), &["jwt_1"], "claims_json_not_object", token);
        let token = forge.bytes(text.as_bytes(), payload.as_bytes());
        family.add(&format!("header_{name}"), &["jwt_1"], "header_json_not_object", token);
    }
    for (name, text) in [
        ("empty", ""),
        ("garbage", "\u{1}\u{2}"),
        ("trailing", r#"{"alg":"RS256"}x"#),
        ("byte_order_mark", "\u{feff}{\"alg\":\"RS256\"}"),
        ("lone_surrogate", r#"{"alg":"RS256","kid":"\ud83d"}"#),
    ] {
        let token = forge.bytes(text.as_bytes(), payload.as_bytes());
        family.add(&format!("header_{name}"), &["jwt_1"], "header_json_syntax", token);
    }
    bounds(&mut family, forge);
    family
}

/// Depth and width, on both sides of their limits.
fn bounds(family: &mut Family, forge: &Forge) {
    let payload = good().to_string();
    let appended = |members: &str| format!("{},{members}}}", payload.strip_suffix('}').unwrap());
    let nested = |depth: usize| {
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        [("arrays", arrays), ("objects", objects)]
    };
    for (depth, expect) in
        [(7, "valid_both"), (8, "claims_json_too_deep"), (500, "claims_json_too_deep")]
    {
        for (kind, json) in nested(depth) {
            let token = forge.bytes(HEADER, appended(&format!(r#""x":{json}"#)).as_bytes());
            family.add(&format!("{depth}_nested_{kind}"), &["jwt_1", "I18"], expect, token);
        }
    }
    let token = forge.bytes(br#"{"alg":"RS256","x":[[[[[[[[[]]]]]]]]]}"#, payload.as_bytes());
    family.add("header_nested", &["jwt_1", "I18"], "header_json_too_deep", token);
    for (items, expect) in [(128, "valid_both"), (129, "claims_json_too_wide")] {
        let token = forge.token(&with("x", Value::Array(vec![json!(1); items])));
        family.add(&format!("array_of_{items}"), &["I18"], expect, token);
    }
    for (members, expect) in [(120, "valid_both"), (121, "claims_json_too_wide")] {
        let extra: Vec<_> = (0..members).map(|at| format!("\"x{at}\":1")).collect();
        let token = forge.bytes(HEADER, appended(&extra.join(",")).as_bytes());
        family.add(&format!("{members}_more_claims"), &["bcl_20", "I18"], expect, token);
    }
    let header = format!(r#"{{"alg":"RS256","x":[{}1]}}"#, "1,".repeat(128));
    let token = forge.bytes(header.as_bytes(), payload.as_bytes());
    family.add("header_array_of_129", &["I18"], "header_json_too_wide", token);
}

/// A valid token, cut (A40).
pub(crate) fn truncation(forge: &Forge) -> Family {
    let mut family = Family::new("truncation");
    let token = forge.token(&good());
    let [header, payload, _] = parts(&token);
    let signature_starts = header.len() + payload.len() + 2;
    for end in (0..token.len()).step_by(13).chain(token.len() - 5..token.len()) {
        let cut = &token[..end];
        let expect = match end.checked_sub(signature_starts) {
            None => "parts",
            Some(left) => match left % 4 {
                0 => "signature",
                // One character is no byte; two and three must end in zero bits.
                2 if cut.ends_with(['A', 'Q', 'g', 'w']) => "signature",
                3 if cut.ends_with(|last| "AEIMQUYcgkosw048".contains(last)) => "signature",
                _ => "base64",
            },
        };
        let name = format!("at_{end}");
        if family.has(&format!("reject_{name}")) {
            continue;
        }
        family.add(&name, &["A40"], expect, cut.to_owned());
    }
    family.add("whole", &["A40"], "valid_both", token);
    family
}
