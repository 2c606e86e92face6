use super::errors::check_provider;
use super::*;

/// A section that needs nothing else.
const SECTION: &str = "[provider.revocation]\nclient_id = \"app\"\n";

#[track_caller]
fn revocation(keys: &str, variables: &[(&str, &str)]) -> RevocationSettings {
    provider(&format!("{SECTION}{keys}"), variables).revocation.unwrap()
}

#[test]
fn nobody_is_told_unless_asked_for() {
    assert!(provider("", &[]).revocation.is_none());
}

#[test]
fn defaults() {
    let revocation = revocation("", &[]);
    assert_eq!(revocation.client_id.as_str(), "app");
    assert!(revocation.client_secret.is_none() && revocation.endpoint.is_none());
    assert_eq!(revocation.client_auth, ClientAuth::Basic);
}

#[test]
fn each_key_and_its_variable() {
    let of = |revocation: RevocationSettings| {
        let secret = revocation.client_secret.unwrap();
        let endpoint = revocation.endpoint.unwrap();
        assert_eq!(endpoint.as_str(), "https://op.example/revoke");
        assert_eq!(secret.expose(), b"0123456789abcdef0123456789abcdef");
        assert_eq!(revocation.client_auth, ClientAuth::Post);
    };
    of(revocation(
        "client_secret_file = \"/s/open\"\nclient_auth = \"client_secret_post\"\n\
         endpoint = \"https://op.example/revoke\"",
        &[],
    ));
    let variables = [
        ("SIGNOUT_PROVIDER__HOME__REVOCATION__CLIENT_ID", "app"),
        ("SIGNOUT_PROVIDER__0__REVOCATION__CLIENT_SECRET_FILE", "/s/open"),
        ("SIGNOUT_PROVIDER__0__REVOCATION__CLIENT_AUTH", "client_secret_post"),
        ("SIGNOUT_PROVIDER__0__REVOCATION__ENDPOINT", "https://op.example/revoke"),
    ];
    of(provider("", &variables).revocation.unwrap());
    // Two providers, each with its own.
    let other =
        "[[provider]]\nname = \"b\"\nissuer = \"https://b.example\"\nclient_ids = [\"b\"]\n";
    let both = loaded(&format!("{HOME}{SECTION}{other}"), &[]).settings.providers;
    assert!(both[0].revocation.is_some() && both[1].revocation.is_none());
}

#[test]
fn what_does_not_go_together() {
    let missing = "provider.home.revocation.endpoint: missing: nothing is discovered of a provider \
                   with jwks_uri, jwks_file or HS* signatures alone, so write the address here";
    let secret = "client_secret = \"0123456789abcdef0123456789abcdef\"";
    for keys in [
        "jwks_uri = \"https://op.example/k\"\n".to_owned(),
        "jwks_file = \"/k\"\n".to_owned(),
        format!("algorithms = [\"HS256\"]\n{secret}\n"),
    ] {
        let line = 6 + keys.lines().count();
        check_provider(&format!("{keys}{SECTION}"), &format!("signout.toml:{line}: {missing}"));
        let endpoint = "endpoint = \"https://op.example/r\"";
        assert!(provider(&format!("{keys}{SECTION}{endpoint}"), &[]).revocation.is_some());
    }
    for (keys, expected) in [
        (
            "[provider.revocation]",
            "6: provider.home.revocation.client_id: missing: set it in the file or as \
             SIGNOUT_PROVIDER__0__REVOCATION__CLIENT_ID; it is a client_id as registered at the \
             provider, such as \"home-assistant\"",
        ),
        (
            "revocation = 5",
            "6: provider.home.revocation: an integer does not fit: \
          write a section, [provider.revocation], with keys below it",
        ),
        (
            "[provider.revocation]\nclient_id = \"app\"\nendpoint = \"http://op.example/r\"",
            "8: provider.home.revocation.endpoint: \"http://op.example/r\" is plain http, and \
             whoever is on the way could change the keys: use https (allow_insecure_http = true \
             allows http to loopback hosts, for tests)",
        ),
        (
            "[provider.revocation]\nclient_id = \"app\"\nclient_autj = \"x\"",
            "8: provider.home.revocation.client_autj: unknown key, did you mean client_auth?",
        ),
    ] {
        check_provider(keys, &format!("signout.toml:{expected}"));
    }
}

#[test]
fn i17_the_secret_is_masked() {
    let loaded = loaded(&format!("{HOME}{SECTION}client_secret = \"hunter2\""), &[]);
    let shown = format!("{} {loaded:?}", loaded.effective);
    assert!(shown.contains("[provider.home.revocation]") && !shown.contains("hunter2"), "{shown}");
}
