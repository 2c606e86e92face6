use std::time::Duration;

use sha2::{Digest as _, Sha256};
use signout_checker::StalePolicy;

use super::*;
use crate::access_token::Profile as TokenProfile;
use crate::jose::Algorithm;
use crate::logout_token::{EncryptionPolicy, MissingExp, TypPolicy};
use crate::provider::PlainHttp;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn defaults() {
    let Settings { server, journal, redis, providers, api_keys, forward_auth, checker, feed } =
        loaded("", &[]).settings;
    assert!(redis.is_none());
    assert_eq!(server.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(server.metrics_listen, "127.0.0.1:9464".parse().unwrap());
    assert_eq!(server.max_body_bytes, 16_384);
    assert!(server.tls.is_none());
    assert_eq!(journal.path, Path::new("signout.redb"));
    assert!(providers.is_empty() && api_keys.is_empty());
    assert_eq!((checker.max_staleness, checker.when_stale), (secs(30), StalePolicy::Deny));
    assert_eq!(feed.max_subscribers, 10_000);
    assert!(forward_auth.audiences.is_empty() && forward_auth.cookies.is_empty());
    assert!(forward_auth.headers.is_empty() && forward_auth.groups_claim.is_none());
    assert_eq!(forward_auth.token_profile, TokenProfile::Compat);
    assert!(forward_auth.login_url.is_none());

    let home = provider("", &[]);
    assert_eq!(home.issuer.as_str(), "https://op.example/");
    assert_eq!(home.algorithms, [Algorithm::Rs256]);
    assert_eq!((home.keys, home.plain_http), (KeyLocation::Discovery, PlainHttp::Deny));
    assert_eq!((home.profile, home.sid_scope), (Profile::Generic, SidScope::Session));
    assert_eq!((home.typ, home.missing_exp), (TypPolicy::Allow, MissingExp::Deny));
    assert_eq!((home.max_logout_token_age, home.leeway), (secs(300), secs(60)));
    assert_eq!(home.cannot_persist, CannotPersist::ServiceUnavailable);
    assert_eq!(home.encryption, EncryptionPolicy::Allow);
    assert_eq!(home.revoke_offline, RevokeOffline::AsTold);
    assert_eq!(home.session_reuse, SessionReuse::Deny);
    assert_eq!(home.max_token_lifetime, secs(86_400));
}

#[test]
fn what_is_set_is_what_holds() {
    let home = provider(
        r#"
        algorithms = ["ES256", "EdDSA"]
        jwks_uri = "https://op.example/keys?version=2"
        ca_file = "/ca.pem"
        allow_insecure_http = true
        sid_scope = "subject"
        require_typ = true
        allow_missing_exp = true
        max_logout_token_age = "90s"
        leeway = "0s"
        cannot_persist_status = 400
        encryption_keys = ["/s/a", "/s/b"]
        revoke_offline = "always"
        session_reuse = "allow_later"
        max_token_lifetime = "30d"
        "#,
        &[],
    );
    assert_eq!(home.algorithms, [Algorithm::Es256, Algorithm::EdDsa]);
    let KeyLocation::Uri(uri) = home.keys else { panic!("{:?}", home.keys) };
    assert_eq!(uri.as_str(), "https://op.example/keys?version=2");
    assert_eq!(home.ca_file.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(home.plain_http, PlainHttp::AllowLoopback);
    assert_eq!(home.sid_scope, SidScope::Subject);
    assert_eq!((home.typ, home.missing_exp), (TypPolicy::Require, MissingExp::Allow));
    assert_eq!((home.max_logout_token_age, home.leeway), (secs(90), secs(0)));
    assert_eq!(home.cannot_persist, CannotPersist::BadRequest);
    assert_eq!(home.encryption_keys, [Path::new("/s/a"), Path::new("/s/b")]);
    assert_eq!(home.encryption, EncryptionPolicy::Require);
    assert_eq!(home.revoke_offline, RevokeOffline::Always);
    assert_eq!(home.session_reuse, SessionReuse::AllowLater);
    assert_eq!(home.max_token_lifetime, secs(2_592_000));
    let optional = provider("encryption_keys = [\"k\"]\nrequire_encryption = false", &[]);
    assert_eq!(optional.encryption, EncryptionPolicy::Allow);
    let pinned = provider("jwks_file = \"k\"", &[]);
    assert_eq!(pinned.keys, KeyLocation::File("k".into()));
}

#[test]
fn what_a_gateway_may_bring() {
    let toml = r#"
        [forward_auth]
        audiences = ["https://api.example.org/", "api"]
        token_profile = "at_jwt"
        cookies = ["__Host-access", "at"]
        headers = ["X-Forwarded-Access-Token"]
        login_url = "https://login.example.org/?app=a"
        groups_claim = "realm_access.roles"
    "#;
    let set = loaded(toml, &[]).settings.forward_auth;
    let audiences: Vec<_> = set.audiences.iter().map(|aud| aud.as_str()).collect();
    assert_eq!(audiences, ["https://api.example.org/", "api"]);
    assert_eq!(set.token_profile, TokenProfile::AtJwt);
    let cookies: Vec<_> = set.cookies.iter().map(CookieName::as_str).collect();
    assert_eq!(cookies, ["__Host-access", "at"]);
    let headers: Vec<_> = set.headers.iter().map(HeaderName::as_str).collect();
    assert_eq!(headers, ["x-forwarded-access-token"], "names have no case");
    assert_eq!(set.login_url.unwrap().as_str(), "https://login.example.org/?app=a");
    assert_eq!(set.groups_claim.unwrap().as_str(), "realm_access.roles");
    let variables = [("SIGNOUT_FORWARD_AUTH__COOKIES", "a, b")];
    assert_eq!(loaded("", &variables).settings.forward_auth.cookies.len(), 2);
}

#[test]
fn all_bounds_are_within_reach() {
    for keys in [
        "leeway = \"5m\"",
        "max_logout_token_age = \"10s\"",
        "max_logout_token_age = \"24h\"",
        "max_token_lifetime = \"1m\"",
        "max_token_lifetime = \"366d\"",
    ] {
        provider(keys, &[]);
    }
    for toml in [
        "[server]\nmax_body_bytes = 4096",
        "[server]\nmax_body_bytes = 0x10_0000",
        "[server]\nlisten = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"",
        "[checker]\nmax_staleness = \"10500ms\"",
        "[checker]\nmax_staleness = \"1d\"",
        "[feed]\nmax_subscribers = 1",
    ] {
        loaded(toml, &[]);
    }
}

#[test]
fn a_profile_decides_five_defaults_and_a_key_wins() {
    use crate::logout_token::{MissingExp as Exp, TypPolicy as Typ};

    for (profile, typ, exp, age) in [
        ("authentik", Typ::Allow, Exp::Deny, 300),
        ("better_auth", Typ::Require, Exp::Deny, 300),
        ("casdoor", Typ::Allow, Exp::Allow, 300),
        ("generic", Typ::Allow, Exp::Deny, 300),
        ("glewlwyd", Typ::Allow, Exp::Allow, 300),
        ("hydra", Typ::Allow, Exp::Allow, 300),
        ("idpyoidc", Typ::Allow, Exp::Deny, 300),
        ("keycloak", Typ::Allow, Exp::Deny, 300),
        ("lemonldap", Typ::Allow, Exp::Allow, 300),
        ("logto", Typ::Allow, Exp::Deny, 300),
        ("oidc_provider", Typ::Require, Exp::Deny, 300),
        ("rauthy", Typ::Allow, Exp::Deny, 300),
        ("zitadel", Typ::Allow, Exp::Deny, 900),
    ] {
        let set = provider(&format!("profile = \"{profile}\""), &[]);
        assert_eq!((set.typ, set.missing_exp), (typ, exp), "{profile}");
        assert_eq!(set.max_logout_token_age, secs(age), "{profile}");
        assert_eq!((set.sid_scope, set.leeway), (SidScope::Session, secs(60)), "{profile}");
    }
    let keys = "profile = \"better_auth\"\nrequire_typ = false\nallow_missing_exp = true";
    let set = provider(keys, &[("SIGNOUT_PROVIDER__HOME__MAX_LOGOUT_TOKEN_AGE", "2m")]);
    assert_eq!((set.typ, set.missing_exp), (TypPolicy::Allow, MissingExp::Allow));
    assert_eq!(set.max_logout_token_age, secs(120));
}

#[test]
fn three_forms_of_one_api_key() {
    let expected: [u8; 32] = Sha256::digest(b"sixteen-bytes-ok").into();
    let hex = expected.map(|byte| format!("{byte:02x}")).concat();
    for form in [
        "key = \"sixteen-bytes-ok\"".to_owned(),
        "key_file = \"/s/api\"".into(),
        format!("sha256 = \"{hex}\""),
        format!("sha256 = \"{}\"", hex.to_uppercase()),
    ] {
        let toml = format!(
            "{HOME}[[api_key]]\nname = \"a\"\nscopes = [\"revoke\", \"admin\"]\n\
             issuers = [\"home\"]\n{form}"
        );
        let Settings { providers, api_keys, .. } = loaded(&toml, &[]).settings;
        let key = api_keys.first().unwrap();
        assert_eq!(*key.sha256.as_bytes(), expected, "{form}");
        assert_eq!(key.scopes, [Scope::Revoke, Scope::Admin]);
        let issuer = providers.first().unwrap().issuer.clone();
        assert_eq!(key.issuers, Issuers::Only(vec![issuer]));
    }
    let unrestricted = loaded(ORDERS, &[]).settings.api_keys;
    assert_eq!(unrestricted.first().unwrap().issuers, Issuers::All);
}

#[test]
fn a_secret_file_loses_its_line_end_and_nothing_else() {
    for (file, secret) in
        [("x\n", "x"), ("x\r\n", "x"), ("x", "x"), ("x\n\n", "x\n"), (" x ", " x ")]
    {
        let files = files(&format!("{HOME}client_secret_file = \"/s/x\"")).with(
            "/s/x",
            file,
            Readers::Some,
        );
        let loaded = Settings::load(None, &Environment::default(), &files).unwrap();
        let provider = loaded.settings.providers.first().unwrap();
        assert_eq!(provider.client_secret.as_ref().unwrap().expose(), secret.as_bytes());
    }
}
