use super::*;

#[test]
fn check_config_prints_values_and_sources() {
    let toml = format!(
        "[server]\nmax_body_bytes = 8192\n{HOME}profile = \"lemonldap\"\nleeway = \"5s\"\n\
         algorithms = [\"HS256\"]\n{ORDERS}issuers = [\"home\"]\n"
    );
    let variables = [
        ("SIGNOUT_PROVIDER__0__CLIENT_SECRET_FILE", "/s/open"),
        ("SIGNOUT_CHECKER__WHEN_STALE", "allow"),
    ];
    let expected = r#"[server]
listen = "127.0.0.1:8080"          # default
metrics_listen = "127.0.0.1:9464"  # default
max_body_bytes = 8192              # signout.toml:2
tls_cert_file = (not set)          # default
tls_key_file = (not set)           # default

[journal]
path = "signout.redb"  # default

[provider.home]
name = "home"                   # signout.toml:5
issuer = "https://op.example/"  # signout.toml:6
jwks_uri = (not set)            # default
jwks_file = (not set)           # default
ca_file = (not set)             # default
allow_insecure_http = false     # default
client_ids = ["ha"]             # signout.toml:7
algorithms = ["HS256"]          # signout.toml:10
client_secret = "********"      # file /s/open
profile = "lemonldap"           # signout.toml:8
sid_scope = "session"           # profile lemonldap
require_typ = false             # profile lemonldap
allow_missing_exp = true        # profile lemonldap
max_logout_token_age = "5m"     # profile lemonldap
leeway = "5s"                   # signout.toml:9
cannot_persist_status = 503     # default
encryption_keys = []            # default
require_encryption = false      # default
revoke_offline = "as_told"      # default
session_reuse = "deny"          # default
max_token_lifetime = "24h"      # default

[api_key.orders-api]
name = "orders-api"  # signout.toml:13
sha256 = (not set)   # default
key = "********"     # signout.toml:14
scopes = ["check"]   # signout.toml:15
issuers = ["home"]   # signout.toml:16

[forward_auth]
audiences = []            # default
token_profile = "compat"  # default
cookies = []              # default
headers = []              # default
login_url = (not set)     # default
groups_claim = (not set)  # default

[checker]
max_staleness = "30s"  # default
when_stale = "allow"   # SIGNOUT_CHECKER__WHEN_STALE

[feed]
max_subscribers = 10000  # default
"#;
    assert_eq!(loaded(&toml, &variables).effective.to_string(), expected);
}

#[test]
fn machines_get_a_list() {
    let loaded = loaded(&format!("{HOME}{ORDERS}"), &[]);
    let rows = serde_json::to_value(&loaded.effective).unwrap();
    let find = |key: &str| rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
    for (key, expected) in [
        (
            "listen",
            r#"{"section":"server","key":"listen","value":"127.0.0.1:8080","source":"default"}"#,
        ),
        (
            "max_body_bytes",
            r#"{"section":"server","key":"max_body_bytes","value":16384,"source":"default"}"#,
        ),
        (
            "client_ids",
            r#"{"section":"provider.home","key":"client_ids","value":["ha"],"source":"signout.toml:5"}"#,
        ),
        (
            "require_typ",
            r#"{"section":"provider.home","key":"require_typ","value":false,"source":"default"}"#,
        ),
        (
            "ca_file",
            r#"{"section":"provider.home","key":"ca_file","value":null,"source":"default"}"#,
        ),
        (
            "key",
            r#"{"section":"api_key.orders-api","key":"key","value":"********","source":"signout.toml:9"}"#,
        ),
    ] {
        assert_eq!(*find(key), serde_json::from_str::<serde_json::Value>(expected).unwrap());
    }
}

#[test]
fn i17_no_secret_anywhere() {
    const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let hash = "5e".repeat(32);
    let toml = format!(
        "{HOME}client_secret = \"{SECRET}\"\nalgorithms = [\"HS256\"]\n\
         {ORDERS}\n[[api_key]]\nname = \"b\"\nsha256 = \"{hash}\"\nscopes = [\"feed\"]"
    );
    let environment = environment(&[("SIGNOUT_API_KEY__0__KEY", SECRET)]);
    let loaded = Settings::load(None, &environment, &files(&toml)).unwrap();
    let json = serde_json::to_string(&loaded.effective).unwrap();
    let mistakes = [
        // In a key that does not exist, of the wrong length, in the place of its hash, in a line
        // that is no TOML, and in a URL.
        format!("{HOME}client_secrets = \"{SECRET}\""),
        format!("{HOME}client_secret = \"hunter2\"\nalgorithms = [\"HS256\"]"),
        format!("[[api_key]]\nname = \"a\"\nscopes = [\"feed\"]\nsha256 = \"{SECRET}\""),
        format!("{HOME}client_secret = {SECRET}"),
        format!("{HOME}jwks_uri = \"https://me:{SECRET}@op.example/\""),
        format!("{HOME}client_secret = [\"{SECRET}\"]"),
    ];
    let errors = mistakes.map(|toml| {
        let error = load(&toml, &[]).unwrap_err();
        format!("{error} {error:?}")
    });
    let shown =
        [format!("{loaded:?}{loaded:#?}{}", loaded.effective), format!("{environment:?}"), json];
    for text in shown.iter().chain(&errors) {
        assert!(!text.contains("hunter2") && !text.contains(&hash), "{text}");
    }
}

/// The warnings of a configuration beyond those that it gives without `keys` and `variables`.
#[track_caller]
fn check(keys: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let toml = format!("{HOME}{keys}{ORDERS}");
    let warnings: Vec<_> =
        loaded(&toml, variables).warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, expected, "{keys}\n{variables:?}");
}

#[test]
fn warnings() {
    check("", &[], &[]);
    check(
        "",
        &[("SIGNOUT_SERVER__LISTEN", "0.0.0.0:80")],
        &[
            "server.listen 0.0.0.0:80 takes plain HTTP from other machines: put a TLS proxy in front, \
         or set tls_cert_file and tls_key_file",
        ],
    );
    let tls = [
        ("SIGNOUT_SERVER__LISTEN", "[::]:443"),
        ("SIGNOUT_SERVER__TLS_CERT_FILE", "/s/cert"),
        ("SIGNOUT_SERVER__TLS_KEY_FILE", "/s/open"),
    ];
    check("", &tls, &["\"/s/open\" holds a secret and is readable by everybody: chmod o-r it"]);
    check(
        "",
        &[("SIGNOUT_SERVER__METRICS_LISTEN", "[::]:9464")],
        &["server.metrics_listen [::]:9464 answers other machines, and /metrics asks for no key: \
         let only the monitoring reach it"],
    );
    check(
        "client_secret_file = \"/s/open\"\nalgorithms = [\"HS256\"]",
        &[],
        &["\"/s/open\" holds a secret and is readable by everybody: chmod o-r it"],
    );
    check(
        "encryption_keys = [\"/s/open\"]",
        &[],
        &["\"/s/open\" holds a secret and is readable by everybody: chmod o-r it"],
    );
    check(
        "client_secret_file = \"/s/crlf\"",
        &[],
        &["provider home has a client secret and no HS* algorithm to use it for: remove it, \
         or list the algorithm"],
    );
    check(
        "allow_insecure_http = true\njwks_uri = \"http://localhost/k\"",
        &[],
        &["provider home is asked over plain http: only for tests on this machine"],
    );
    let nothing = loaded("", &[]).warnings;
    assert_eq!(nothing, [Warning::NoProviders, Warning::NoApiKeys]);
}

#[test]
fn a_file_with_secrets_is_not_for_everybody() {
    for (toml, expected) in [
        (ORDERS, vec![Warning::EverybodyReads { path: "c.toml".into() }, Warning::NoProviders]),
        (HOME, vec![Warning::NoApiKeys]),
    ] {
        let files = FakeFiles::default().with("c.toml", toml, Readers::Everybody);
        let config = Some(Path::new("c.toml"));
        let loaded = Settings::load(config, &Environment::default(), &files).unwrap();
        assert_eq!(loaded.warnings, expected);
    }
}
