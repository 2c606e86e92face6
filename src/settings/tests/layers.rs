use signout_checker::ClientId;

use super::*;
use crate::logout_token::TypPolicy;

/// The value and the source of a key in effect.
#[track_caller]
fn check(loaded: &Loaded, key: &str, value: &str, source: &str) {
    let row =
        loaded.effective.rows().iter().find(|row| format!("{}.{}", row.section, row.key) == key);
    let found = row.map(|row| (row.value.to_string(), row.source.to_string()));
    assert_eq!(found, Some((value.into(), source.into())), "{key}");
}

#[test]
fn environment_over_file_over_default() {
    let toml = "[server]\nlisten = \"127.0.0.1:1\"\nmax_body_bytes = 5_000";
    let loaded = loaded(toml, &[("SIGNOUT_SERVER__LISTEN", "127.0.0.1:2")]);
    check(&loaded, "server.listen", "\"127.0.0.1:2\"", "SIGNOUT_SERVER__LISTEN");
    check(&loaded, "server.max_body_bytes", "5000", "signout.toml:3");
    check(&loaded, "server.metrics_listen", "\"127.0.0.1:9464\"", "default");
    assert_eq!(loaded.settings.server.listen.port(), 2);
}

#[test]
fn the_environment_alone_is_enough() {
    let variables = [
        ("SIGNOUT_PROVIDER__0__NAME", "home"),
        ("SIGNOUT_PROVIDER__0__ISSUER", "https://op.example/"),
        ("SIGNOUT_PROVIDER__0__CLIENT_IDS", "ha, web ,"),
        ("SIGNOUT_PROVIDER__0__REQUIRE_TYP", "true"),
        ("SIGNOUT_PROVIDER__0__CANNOT_PERSIST_STATUS", "400"),
        ("SIGNOUT_PROVIDER__0__CLIENT_SECRET_FILE", "/s/crlf"),
        ("SIGNOUT_PROVIDER__0__ALGORITHMS", "RS256,HS256"),
        ("SIGNOUT_API_KEY__0__NAME", "orders-api"),
        ("SIGNOUT_API_KEY__0__KEY_FILE", "/s/api"),
        ("SIGNOUT_API_KEY__0__SCOPES", "register,check"),
    ];
    let loaded = Settings::load(
        None,
        &environment(&variables),
        &FakeFiles::default()
            .with("/s/crlf", "0123456789abcdef0123456789abcdef\r\n", Readers::Some)
            .with("/s/api", "sixteen-bytes-ok\n", Readers::Some),
    )
    .unwrap();
    assert_eq!(loaded.file, None);
    assert_eq!(loaded.warnings, []);
    let provider = loaded.settings.providers.first().unwrap();
    let client_ids = ["ha", "web"].map(|id| ClientId::parse(id).unwrap());
    assert_eq!(provider.client_ids, client_ids);
    assert_eq!(
        (provider.typ, provider.cannot_persist),
        (TypPolicy::Require, CannotPersist::BadRequest)
    );
    assert_eq!(provider.client_secret.as_ref().unwrap().expose().len(), 32);
    check(
        &loaded,
        "provider.home.client_ids",
        "[\"ha\", \"web\"]",
        "SIGNOUT_PROVIDER__0__CLIENT_IDS",
    );
    check(&loaded, "provider.home.client_secret", "\"********\"", "file /s/crlf");
    check(&loaded, "api_key.orders-api.key", "\"********\"", "file /s/api");
}

#[test]
fn elements_by_number_and_by_name() {
    let variables = [
        ("SIGNOUT_PROVIDER__HOME__LEEWAY", "10s"),
        ("SIGNOUT_PROVIDER__0__MAX_TOKEN_LIFETIME", "2h"),
        ("SIGNOUT_PROVIDER__1__NAME", "at-work"),
        ("SIGNOUT_PROVIDER__1__ISSUER", "https://work.example"),
        ("SIGNOUT_PROVIDER__1__CLIENT_IDS", "web"),
        ("SIGNOUT_PROVIDER__AT_WORK__PROFILE", "hydra"),
    ];
    let loaded = loaded(HOME, &variables);
    check(&loaded, "provider.home.leeway", "\"10s\"", "SIGNOUT_PROVIDER__HOME__LEEWAY");
    check(
        &loaded,
        "provider.home.max_token_lifetime",
        "\"2h\"",
        "SIGNOUT_PROVIDER__0__MAX_TOKEN_LIFETIME",
    );
    check(&loaded, "provider.at-work.profile", "\"hydra\"", "SIGNOUT_PROVIDER__AT_WORK__PROFILE");
    check(&loaded, "provider.at-work.allow_missing_exp", "true", "profile hydra");
}

#[test]
fn more_than_ten_elements_keep_their_order() {
    let variables: Vec<_> = (0..12)
        .flat_map(|i| {
            [
                ("NAME", format!("p{i}")),
                ("ISSUER", format!("https://{i}.example")),
                ("CLIENT_IDS", "c".into()),
            ]
            .map(|(key, value)| (format!("SIGNOUT_PROVIDER__{i}__{key}"), value))
        })
        .collect();
    let loaded =
        Settings::load(None, &variables.into_iter().collect(), &FakeFiles::default()).unwrap();
    let names: Vec<_> = loaded.settings.providers.iter().map(|p| p.name.to_string()).collect();
    assert_eq!(names, (0..12).map(|i| format!("p{i}")).collect::<Vec<_>>());
}

#[test]
fn variables_that_are_no_settings() {
    loaded(
        HOME,
        &[
            ("SIGNOUT_URL", "https://signout.example"),
            ("SIGNOUT_API_KEY_FILE", "/s/none"),
            ("SIGNOUT_LOG", "debug"),
            ("SIGNOUT_CONFIG", ""),
            // What Kubernetes says of services called signout and signout-redis.
            ("SIGNOUT_SERVICE_HOST", "10.0.0.1"),
            ("SIGNOUT_SERVICE_PORT", "8080"),
            ("SIGNOUT_SERVICE_PORT_HTTP", "8080"),
            ("SIGNOUT_PORT", "tcp://10.0.0.1:8080"),
            ("SIGNOUT_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("SIGNOUT_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("SIGNOUT_REDIS_PORT_6379_TCP_PROTO", "tcp"),
            ("PATH", "/bin"),
        ],
    );
    let error = load(HOME, &[("SIGNOUT_PORT", "8080")]).unwrap_err().to_string();
    assert!(error.starts_with("SIGNOUT_PORT: no setting has this name"), "{error}");
}

#[test]
fn the_first_file_wins() {
    let all = ["named.toml", "variable.toml", "signout.toml", "/etc/signout/signout.toml"];
    let check =
        |config: Option<&str>, variables: &[(&str, &str)], there: &[&str], read: Option<&str>| {
            let put = |files: FakeFiles, path: &&str| files.with(path, "", Readers::Some);
            let files = there.iter().fold(FakeFiles::default(), put);
            let loaded =
                Settings::load(config.map(Path::new), &environment(variables), &files).unwrap();
            assert_eq!(loaded.file.as_deref(), read.map(Path::new));
        };
    let variable = [("SIGNOUT_CONFIG", "variable.toml")];
    check(Some("named.toml"), &variable, &all, Some("named.toml"));
    check(None, &variable, &all, Some("variable.toml"));
    check(None, &[], &all, Some("signout.toml"));
    check(None, &[], &["/etc/signout/signout.toml"], Some("/etc/signout/signout.toml"));
    check(None, &[], &[], None);
}

#[cfg(unix)]
#[test]
fn the_disk_tells_who_else_reads() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let path = std::env::temp_dir().join(format!("signout-settings-{}", std::process::id()));
    fs::write(&path, "secret").unwrap();
    for (mode, readers) in
        [(0o600, Readers::Some), (0o640, Readers::Some), (0o644, Readers::Everybody)]
    {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let contents = Disk.read(&path).unwrap();
        assert_eq!((contents.bytes.as_slice(), contents.readers), (b"secret".as_slice(), readers));
    }
    fs::remove_file(&path).unwrap();
    let endless = Disk.read(Path::new("/dev/zero")).map(|contents| contents.readers);
    assert_eq!(endless.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}
