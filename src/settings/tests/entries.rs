//! What is wrong with a provider or an api key.

use super::errors::{check, check_provider};
use super::*;

#[test]
fn names() {
    for name in ["", "Home", "a b", "ä", "a/b", &"x".repeat(64)] {
        check(
            &HOME.replace("home", name),
            &[],
            &format!(
                "signout.toml:3: provider.0.name: {name:?} does not fit: \
                 write 1 to 63 of a-z, 0-9, _ and -, such as \"home\""
            ),
        );
    }
    loaded(&HOME.replace("home", &"x".repeat(63)), &[]);
}

#[test]
fn issuers() {
    let expected = "write the provider's issuer as its discovery document has it, to the last \
                    slash, such as \"https://auth.example.org/\"";
    for (issuer, text) in [
        ("op.example", format!("\"op.example\" does not fit: {expected}")),
        ("HTTPS://op.example", format!("\"HTTPS://op.example\" does not fit: {expected}")),
        (
            "https://op.example/?a",
            "\"https://op.example/?a\" has a query: remove it".into(),
        ),
        (
            "https://op.example/#a",
            "\"https://op.example/#a\" has a fragment: remove it".into(),
        ),
        (
            "https://me:hunter2@op.example/",
            "a URL with a user name or a password ends up in logs: remove that part".into(),
        ),
        (
            "http://localhost/",
            "\"http://localhost/\" is plain http, and whoever is on the way could change the keys: \
             use https (allow_insecure_http = true allows http to loopback hosts, for tests)"
                .into(),
        ),
    ] {
        check(
            &HOME.replace("https://op.example/", issuer),
            &[],
            &format!("signout.toml:4: provider.home.issuer: {text}"),
        );
    }
    let insecure = [("SIGNOUT_PROVIDER__0__ALLOW_INSECURE_HTTP", "true")];
    let other_host = HOME.replace("https://", "http://");
    assert!(load(&other_host, &insecure).unwrap_err().to_string().contains("is plain http"));
    loaded(&other_host.replace("op.example", "localhost:8080"), &insecure);
}

#[test]
fn keys_of_a_provider() {
    for (keys, expected) in [
        (
            "jwks_uri = \"http://op.example/k\"",
            "6: provider.home.jwks_uri: \
            \"http://op.example/k\" is plain http, and whoever is on the way could change the \
            keys: use https (allow_insecure_http = true allows http to loopback hosts, for tests)",
        ),
        (
            "jwks_uri = \"keys\"",
            "6: provider.home.jwks_uri: \"keys\" does not fit: \
            write a URL, such as \"https://auth.example.org/keys\"",
        ),
        (
            "jwks_uri = \"https://op.example/k\"\njwks_file = \"k\"",
            "7: provider.home.jwks_file: \
            jwks_uri is set too (signout.toml:6), and only one of the two can hold: remove one",
        ),
        (
            "require_encryption = true",
            "6: provider.home.require_encryption: no token could be \
            read without a key: set encryption_keys, or remove this",
        ),
    ] {
        check_provider(keys, &format!("signout.toml:{expected}"));
    }
}

#[test]
fn bcl_8_algorithms() {
    let none = "\"none\" would accept a logout token from anybody: remove it and list what the \
                provider signs with, \"RS256\" for most";
    let unknown = "does not fit: write one of RS, PS, ES or HS with 256, 384 or 512, or EdDSA, \
                   such as \"RS256\"";
    for (algorithms, expected) in [
        ("[\"none\"]", none.into()),
        ("[\"RS256\", \"nOnE\"]", none.into()),
        ("[\"rs256\"]", format!("\"rs256\" {unknown}")),
        ("[5]", format!("5 {unknown}")),
        (
            "\"RS256\"",
            format!(
                "\"RS256\" {}",
                unknown.replace("write", "write a list in brackets, each of it")
            ),
        ),
        (
            "[]",
            "the list is empty: write a list in brackets, each of it one of RS, PS, ES or HS \
            with 256, 384 or 512, or EdDSA, such as \"RS256\", or leave the key out if it has a \
            default"
                .into(),
        ),
        ("[\"RS256\", \"RS256\"]", "\"RS256\" is listed twice: remove one".into()),
        (
            "[\"HS256\"]",
            "HS256 needs client_secret_file, the secret of the client at the provider".into(),
        ),
    ] {
        check_provider(
            &format!("algorithms = {algorithms}"),
            &format!("signout.toml:6: provider.home.algorithms: {expected}"),
        );
    }
}

#[test]
fn a_client_secret_is_as_long_as_the_hash() {
    for (algorithm, needed) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        let keys = |length| {
            let secret = "x".repeat(length);
            format!("client_secret = \"{secret}\"\nalgorithms = [\"RS256\", \"{algorithm}\"]")
        };
        check_provider(
            &keys(needed - 1),
            &format!(
                "signout.toml:6: provider.home.client_secret: the client secret has {} bytes, \
                 {algorithm} needs {needed} or more: set a longer one at the provider and here",
                needed - 1
            ),
        );
        provider(&keys(needed), &[]);
    }
    check_provider(
        "client_secret_file = \"/s/short\"\nalgorithms = [\"HS256\"]",
        "file /s/short: provider.home.client_secret: the client secret has 31 bytes, \
         HS256 needs 32 or more: set a longer one at the provider and here",
    );
}

#[test]
fn secrets_and_their_files() {
    for (keys, expected) in [
        ("client_secret = \"\"", "client_secret: the secret is empty: write it, or remove the key"),
        (
            "client_secret_file = \"/s/empty\"",
            "client_secret_file: \"/s/empty\" is empty: write the secret into it",
        ),
        (
            "client_secret = 5",
            "client_secret: an integer does not fit: \
            write the secret in double quotes, or its file as the _file form",
        ),
        (
            "client_secret_file = 5",
            "client_secret_file: an integer does not fit: \
            write the path of a file, such as \"/etc/signout/ca.pem\"",
        ),
        (
            "client_secret_file = \"/s/none\"",
            "client_secret_file: \"/s/none\" cannot be read \
            (entity not found): check the path and the permissions",
        ),
        (
            "client_secret_file = \"/s/denied\"",
            "client_secret_file: \"/s/denied\" cannot be read \
            (permission denied): check the path and the permissions",
        ),
        (
            "client_secret_file = \"/s/open\"\nclient_secret = \"hunter2\"",
            "client_secret_file: \
            also set as client_secret (signout.toml:7): remove one of them",
        ),
    ] {
        check_provider(keys, &format!("signout.toml:6: provider.home.{expected}"));
    }
    check(
        &format!("{HOME}client_secret = \"hunter2\""),
        &[("SIGNOUT_PROVIDER__0__CLIENT_SECRET_FILE", "/s/open")],
        "SIGNOUT_PROVIDER__0__CLIENT_SECRET_FILE: provider.home.client_secret_file: \
         also set as client_secret (signout.toml:6): remove one of them",
    );
}

#[test]
fn api_keys() {
    let of = |keys: &str| format!("[[api_key]]\nname = \"a\"\nscopes = [\"feed\"]\n{keys}");
    let hex = "64 hex digits, the output of `printf %s \"$KEY\" | sha256sum`";
    let forms = "of sha256, key and key_file are set: set exactly one; \
                 `openssl rand -hex 32` makes a good key";
    for (keys, expected) in [
        ("", format!("signout.toml:1: api_key.a.sha256: none {forms}")),
        (
            &*format!("sha256 = \"{}\"\nkey_file = \"/s/api\"", "0".repeat(64)),
            format!("signout.toml:4: api_key.a.sha256: several {forms}"),
        ),
        (
            "sha256 = \"hunter2\"",
            format!("signout.toml:4: api_key.a.sha256: a string does not fit: write {hex}"),
        ),
        (
            &*format!("sha256 = \"{}\"", "g".repeat(64)),
            format!("signout.toml:4: api_key.a.sha256: a string does not fit: write {hex}"),
        ),
        (
            "key = \"0123456789abcde\"",
            "signout.toml:4: api_key.a.key: the key has 15 bytes, it needs 16 or more because \
             only its hash stands between a guesser and the API: `openssl rand -hex 32` makes a \
             good one"
                .into(),
        ),
        (
            "key_file = \"/s/api\"\nissuers = [\"hom\"]",
            "signout.toml:5: api_key.a.issuers: no provider is called \"hom\", did you mean home?"
                .into(),
        ),
        (
            "key_file = \"/s/api\"\nissuers = [\"elsewhere\"]",
            "signout.toml:5: api_key.a.issuers: no provider is called \"elsewhere\"".into(),
        ),
        (
            "key_file = \"/s/api\"\naudiences = []",
            "signout.toml:5: api_key.a.audiences: the list is empty: write a list in brackets, each \
             of it an `aud` of access tokens, such as \"https://api.example.org\", or leave the key \
             out if it has a default"
                .into(),
        ),
        (
            "key_file = \"/s/api\"\nissuers = []",
            "signout.toml:5: api_key.a.issuers: the list is empty: write a list in brackets, each \
             of it 1 to 63 of a-z, 0-9, _ and -, such as \"home\", or leave the key out if it has \
             a default"
                .into(),
        ),
    ] {
        check(&format!("{}{HOME}", of(keys)), &[], &expected);
    }
    check(
        &ORDERS.replace("check", "write"),
        &[],
        "signout.toml:5: api_key.orders-api.scopes: \"write\" does not fit: \
         write \"admin\", \"check\", \"feed\", \"register\" or \"revoke\"",
    );
}
