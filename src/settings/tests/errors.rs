use super::*;

/// The problems of a configuration, as they are printed.
#[track_caller]
pub(super) fn check(toml: &str, variables: &[(&str, &str)], expected: &str) {
    let found = match load(toml, variables) {
        Ok(_) => panic!("accepted:\n{toml}\n{variables:?}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "\n{toml}\n{variables:?}");
}

/// The same for keys of a provider, from line 6 on.
#[track_caller]
pub(super) fn check_provider(keys: &str, expected: &str) {
    load(HOME, &[]).expect("the provider is good without these keys");
    check(&format!("{HOME}{keys}"), &[], expected);
}

#[test]
fn syntax() {
    let error = load("[server]\nlisten = 127.0.0.1\n[journal\n", &[]).unwrap_err().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    for (line, place) in lines.iter().zip([2, 3]) {
        let begin = format!("signout.toml:{place}: this is no TOML: ");
        assert!(line.starts_with(&begin), "{line}");
        assert!(line.ends_with(": correct the line; text stands in double quotes"), "{line}");
    }
}

#[test]
fn unknown_keys_name_the_nearest() {
    for (toml, expected) in [
        ("[sever]\nlisten = 5", "signout.toml:1: sever: unknown key, did you mean server?"),
        (
            "[server]\nlitsen = 5",
            "signout.toml:2: server.litsen: unknown key, did you mean listen?",
        ),
        (
            "[journal]\ncolour = 5",
            "signout.toml:2: journal.colour: unknown key: remove it; known here are path",
        ),
        (
            "listen = 5",
            "signout.toml:1: listen: unknown key: remove it; known here are \
             server, journal, provider, api_key, forward_auth, checker, feed, redis",
        ),
    ] {
        check(toml, &[], expected);
    }
    check_provider(
        "leewai = \"5s\"",
        "signout.toml:6: provider.home.leewai: unknown key, did you mean leeway?",
    );
    check(
        "",
        &[("SIGNOUT_SERVER__LISTEM", "x")],
        "SIGNOUT_SERVER__LISTEM: server.listem: unknown key, did you mean listen?",
    );
    check(
        "",
        &[("SIGNOUT_SERVER_LISTEN", "x")],
        "SIGNOUT_SERVER_LISTEN: no setting has this name, did you mean SIGNOUT_SERVER__LISTEN?",
    );
    check(
        "[server]\nlisten = \"127.0.0.1:1\"",
        &[("SIGNOUT_SERVER__LISTEN__PORT", "x")],
        "SIGNOUT_SERVER__LISTEN__PORT: no setting has this name: \
         remove it; settings are SIGNOUT_SECTION__KEY",
    );
}

#[test]
fn wrong_types_say_what_was_expected() {
    let address = "write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"";
    for (toml, expected) in [
        (
            "server = 5",
            "signout.toml:1: server: an integer does not fit: \
                        write a section, [server], with keys below it",
        ),
        (
            "provider = 5",
            "signout.toml:1: provider: an integer does not fit: \
                          write [[provider]] in double brackets, once for each",
        ),
        (
            "[api_key]\nname = \"a\"",
            "signout.toml:1: api_key: a table does not fit: \
                                     write [[api_key]] in double brackets, once for each",
        ),
        (
            "provider = [1]",
            "signout.toml:1: provider.0: an integer does not fit: \
                            write a section, [provider], with keys below it",
        ),
        (
            "[server]\nlisten = 8080",
            &*format!("signout.toml:2: server.listen: 8080 does not fit: {address}"),
        ),
        (
            "[server]\nlisten = \"localhost:80\"",
            &*format!("signout.toml:2: server.listen: \"localhost:80\" does not fit: {address}"),
        ),
        (
            "[server]\nlisten = 1.5",
            &*format!("signout.toml:2: server.listen: a float does not fit: {address}"),
        ),
        (
            "[server]\nlisten = 2026-01-01",
            &*format!("signout.toml:2: server.listen: a date does not fit: {address}"),
        ),
        (
            "[server]\nmax_body_bytes = \"16384\"",
            "signout.toml:2: server.max_body_bytes: \
            \"16384\" does not fit: write an integer from 4096 to 1048576",
        ),
        (
            "[server]\nmax_body_bytes = 99999999999999999999",
            "signout.toml:2: \
            server.max_body_bytes: an integer beyond 64 bits does not fit: \
            write an integer from 4096 to 1048576",
        ),
        (
            "[checker]\nwhen_stale = \"maybe\"",
            "signout.toml:2: checker.when_stale: \"maybe\" \
            does not fit: write \"deny\" or \"allow\"",
        ),
        (
            "[checker]\nmax_staleness = 30",
            "signout.toml:2: checker.max_staleness: 30 does not \
            fit: write a duration from \"10s\" to \"1d\", such as \"90s\" or \"5m\"",
        ),
        (
            "[journal]\npath = \"\"",
            "signout.toml:2: journal.path: \"\" does not fit: \
            write the path of a file, such as \"/etc/signout/ca.pem\"",
        ),
    ] {
        check(toml, &[], expected);
    }
    check(
        HOME,
        &[("SIGNOUT_PROVIDER__0__REQUIRE_TYP", "yes")],
        "SIGNOUT_PROVIDER__0__REQUIRE_TYP: provider.home.require_typ: \"yes\" does not fit: \
         write true or false, without quotes",
    );
    check_provider(
        "cannot_persist_status = 500",
        "signout.toml:6: provider.home.cannot_persist_status: 500 does not fit: \
         write 503, or 400 for a provider that takes the norm by its letter",
    );
}

#[test]
fn numbers_have_bounds() {
    for (toml, expected) in [
        (
            "[server]\nmax_body_bytes = 4095",
            "signout.toml:2: server.max_body_bytes: \
            4095 is out of bounds: write an integer from 4096 to 1048576",
        ),
        (
            "[server]\nmax_body_bytes = -1",
            "signout.toml:2: server.max_body_bytes: \
            -1 is out of bounds: write an integer from 4096 to 1048576",
        ),
        (
            "[feed]\nmax_subscribers = 0",
            "signout.toml:2: feed.max_subscribers: \
            0 is out of bounds: write an integer from 1 to 1000000",
        ),
        (
            "[checker]\nmax_staleness = \"500ms\"",
            "signout.toml:2: checker.max_staleness: \
            \"500ms\" is out of bounds: write a duration from \"10s\" to \"1d\", \
            such as \"90s\" or \"5m\"",
        ),
    ] {
        check(toml, &[], expected);
    }
    for (keys, expected) in [
        (
            "leeway = \"6m\"",
            "leeway: \"6m\" is out of bounds: \
            write a duration from \"0s\" to \"5m\", such as \"90s\" or \"5m\"",
        ),
        (
            "leeway = \"1500ms\"",
            "leeway: \"1500ms\" has a fraction of a second, and tokens carry \
            whole seconds: write a duration from \"0s\" to \"5m\", such as \"90s\" or \"5m\"",
        ),
        (
            "max_logout_token_age = \"9s\"",
            "max_logout_token_age: \"9s\" is out of bounds: \
            write a duration from \"10s\" to \"1d\", such as \"90s\" or \"5m\"",
        ),
        (
            "max_token_lifetime = \"367d\"",
            "max_token_lifetime: \"367d\" is out of bounds: \
            write a duration from \"1m\" to \"366d\", such as \"90s\" or \"5m\"",
        ),
    ] {
        check_provider(keys, &format!("signout.toml:6: provider.home.{expected}"));
    }
}

#[test]
fn server() {
    for (toml, expected) in [
        (
            "[server]\nlisten = \"127.0.0.1:9464\"",
            "signout.toml:1: server.metrics_listen: \
            listen has the same address: give each its own port",
        ),
        (
            "[server]\ntls_cert_file = \"c\"",
            "signout.toml:2: server.tls_cert_file: \
            tls_key_file is missing: set both or none",
        ),
        (
            "[server]\ntls_key_file = \"k\"",
            "signout.toml:2: server.tls_key_file: \
            tls_cert_file is missing: set both or none",
        ),
    ] {
        check(toml, &[], expected);
    }
}

#[test]
fn what_is_required() {
    check(
        "[[provider]]\nname = \"home\"",
        &[],
        "signout.toml:1: provider.home.issuer: missing: set it in the file or as \
         SIGNOUT_PROVIDER__0__ISSUER; it is the provider's issuer as its discovery document has \
         it, to the last slash, such as \"https://auth.example.org/\"\n\
         signout.toml:1: provider.home.client_ids: missing: set it in the file or as \
         SIGNOUT_PROVIDER__0__CLIENT_IDS; it is a list in brackets, each of it a client_id as \
         registered at the provider, such as \"home-assistant\"",
    );
    check(
        "",
        &[("SIGNOUT_API_KEY__0__KEY", "0123456789abcdef"), ("SIGNOUT_API_KEY__0__SCOPES", "feed")],
        "SIGNOUT_API_KEY__0__KEY: api_key.0.name: missing: set it in the file or as \
         SIGNOUT_API_KEY__0__NAME; it is 1 to 63 of a-z, 0-9, _ and -, such as \"orders-api\"",
    );
}

#[test]
fn what_may_be_there_once() {
    let second = HOME.replace("home", "work").replace(".example", ".example.org");
    loaded(&format!("{HOME}{second}"), &[]);
    check(
        &format!("{HOME}{}", second.replace("work", "home")),
        &[],
        "signout.toml:8: provider.home.name: \
         this name is taken already at signout.toml:3: choose another one",
    );
    check(
        &format!("{HOME}{}", second.replace(".org", "")),
        &[],
        "signout.toml:9: provider.work.issuer: the provider at signout.toml:4 has this issuer \
         already, and a token could be meant for either: make them one provider with the \
         client_ids of both",
    );
    // What is missing in the second is not looked for in the first.
    let error = load(&format!("{HOME}[[provider]]\nname = \"home\"\nclient_ids = [\"b\"]"), &[]);
    let error = error.map(|loaded| loaded.file).unwrap_err().to_string();
    assert!(error.starts_with("signout.toml:6: provider.home.issuer: missing"), "{error}");
    let second = ORDERS.replace("orders", "stock");
    check(
        &format!("{ORDERS}{second}"),
        &[],
        "signout.toml:9: api_key.stock-api.key: \
         this is the same key as at signout.toml:4: give each caller its own",
    );
    check(
        &format!("{ORDERS}{}", ORDERS.replace("0123", "abcd")),
        &[],
        "signout.toml:8: api_key.orders-api.name: \
         this name is taken already at signout.toml:3: choose another one",
    );
}

#[test]
fn what_this_version_does_not_serve() {
    let recheck = "provider.home.recheck: not served by this version: remove it; \
                   this version ends tokens when the provider sends a logout, and not otherwise";
    check_provider("[provider.recheck]\nevery = \"5m\"", &format!("signout.toml:6: {recheck}"));
    let every = "SIGNOUT_PROVIDER__0__RECHECK__EVERY";
    check(HOME, &[(every, "5m")], &format!("{every}: {recheck}"));
}

#[test]
fn forward_auth() {
    for (keys, expected) in [
        (
            "token_profile = \"strict\"",
            "forward_auth.token_profile: \"strict\" does not fit: write \"compat\" or \"at_jwt\"",
        ),
        (
            "audiences = [\"\"]",
            "forward_auth.audiences: \"\" does not fit: write an `aud` of access tokens, such as \
             \"https://api.example.org\"",
        ),
        (
            "cookies = [\"a b\"]",
            "forward_auth.cookies: \"a b\" does not fit: write the name of a cookie, such as \
             \"access_token\"",
        ),
        (
            "headers = [\"x_token\"]",
            "forward_auth.headers: \"x_token\" does not fit: write the name of a header, letters, \
             digits and -, such as \"X-Forwarded-Access-Token\"",
        ),
        (
            "headers = [\"X-Token\", \"x-token\"]",
            "forward_auth.headers: \"x-token\" is listed twice: remove one",
        ),
        (
            "headers = [\"X-Auth-Subject\"]",
            "forward_auth.headers: x-auth-subject has a meaning of its own here: name the header that \
             your gateway puts the token into, or remove it",
        ),
        (
            "login_url = \"/login\"",
            "forward_auth.login_url: \"/login\" does not fit: write a URL, such as \
             \"https://auth.example.org/keys\"",
        ),
        (
            "groups_claim = \"\"",
            "forward_auth.groups_claim: \"\" does not fit: write the name of a claim, such as \
             \"groups\" or \"realm_access.roles\"",
        ),
        ("cookie = []", "forward_auth.cookie: unknown key, did you mean cookies?"),
    ] {
        check(&format!("[forward_auth]\n{keys}"), &[], &format!("signout.toml:2: {expected}"));
    }
}

#[test]
fn variables_for_elements() {
    for (variable, expected) in [
        (
            "SIGNOUT_PROVIDER__2__ISSUER",
            "there is no provider number 2: 1 are configured, \
            numbers begin with 0 and have no gaps",
        ),
        (
            "SIGNOUT_PROVIDER__WORK__ISSUER",
            "no provider is called \"work\": write the name of one, \
            with _ for -, or its number, as in SIGNOUT_PROVIDER__0__ISSUER",
        ),
        (
            "SIGNOUT_PROVIDER__ISSUER",
            "no provider is called \"issuer\": write the name of one, \
            with _ for -, or its number, as in SIGNOUT_PROVIDER__0__NAME",
        ),
    ] {
        check(HOME, &[(variable, "x")], &format!("{variable}: {expected}"));
    }
    let two = HOME.replace("home", "a-b") + &HOME.replace("home", "a_b").replace("op.", "oq.");
    check(
        &two,
        &[("SIGNOUT_PROVIDER__A_B__LEEWAY", "5s")],
        "SIGNOUT_PROVIDER__A_B__LEEWAY: \"a_b\" is more than one provider here: \
         use its number instead, SIGNOUT_PROVIDER__0__LEEWAY",
    );
}

#[test]
fn everything_at_once() {
    check(
        "[server]\nlisten = 5\nlitsen = 6\n[[provider]]\nname = \"A\"\nissuer = \"b\"\n\
         client_ids = []\nleeway = \"1h\"\n[[api_key]]\nname = \"x\"\nscopes = []\n\
         issuers = [\"nobody\"]\n[checker]\nwhen_stale = 1\n[redis]",
        &[("SIGNOUT_JOURNAL__PATHS", "x"), ("SIGNOUT_NONSENSE", "x")],
        "signout.toml:2: server.listen: 5 does not fit: write an IP address and a port, such as \
         \"127.0.0.1:8080\" or \"[::]:8080\"\n\
         signout.toml:3: server.litsen: unknown key, did you mean listen?\n\
         SIGNOUT_JOURNAL__PATHS: journal.paths: unknown key, did you mean path?\n\
         signout.toml:5: provider.0.name: \"A\" does not fit: write 1 to 63 of a-z, 0-9, _ and -, \
         such as \"home\"\n\
         signout.toml:6: provider.0.issuer: \"b\" does not fit: write the provider's issuer as \
         its discovery document has it, to the last slash, such as \"https://auth.example.org/\"\n\
         signout.toml:7: provider.0.client_ids: the list is empty: write a list in brackets, each \
         of it a client_id as registered at the provider, such as \"home-assistant\", or leave \
         the key out if it has a default\n\
         signout.toml:8: provider.0.leeway: \"1h\" is out of bounds: write a duration from \"0s\" \
         to \"5m\", such as \"90s\" or \"5m\"\n\
         signout.toml:9: api_key.x.sha256: none of sha256, key and key_file are set: set exactly \
         one; `openssl rand -hex 32` makes a good key\n\
         signout.toml:11: api_key.x.scopes: the list is empty: write a list in brackets, each of \
         it \"admin\", \"check\", \"feed\", \"register\" or \"revoke\", or leave the key out if \
         it has a default\n\
         signout.toml:14: checker.when_stale: 1 does not fit: write \"deny\" or \"allow\"\n\
         signout.toml:15: redis.urls: missing: set it in the file or as SIGNOUT_REDIS__URLS; it \
         is a list in brackets, each of it an address such as \"redis://127.0.0.1:6379\", or \
         rediss:// for TLS\n\
         SIGNOUT_NONSENSE: no setting has this name: remove it; settings are SIGNOUT_SECTION__KEY",
    );
}

#[test]
fn files_that_are_no_configuration() {
    let check = |config: Option<&str>, variables: &[(&str, &str)], expected: &str| {
        let files = FakeFiles::default()
            .with("latin1.toml", b"# \xe4".as_slice(), Readers::Some)
            .with("denied.toml", "denied", Readers::Some);
        let result = Settings::load(config.map(Path::new), &environment(variables), &files);
        assert_eq!(result.map(|loaded| loaded.file).unwrap_err().to_string(), expected);
    };
    check(
        Some("none.toml"),
        &[],
        "\"none.toml\" cannot be read (entity not found): check the path and the permissions",
    );
    check(
        None,
        &[("SIGNOUT_CONFIG", "none.toml")],
        "SIGNOUT_CONFIG: \"none.toml\" cannot be read (entity not found): \
         check the path and the permissions",
    );
    check(
        Some("denied.toml"),
        &[],
        "\"denied.toml\" cannot be read (permission denied): check the path and the permissions",
    );
    check(Some("latin1.toml"), &[], "latin1.toml:1: the file is not UTF-8: save it as UTF-8");
}
