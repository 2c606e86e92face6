use super::errors::check;
use super::*;
use crate::redis::Address;

fn toml(keys: &str) -> String {
    format!("[redis]\n{keys}")
}

/// The section of a configuration that has to be right.
#[track_caller]
fn redis(keys: &str, variables: &[(&str, &str)]) -> RedisSettings {
    loaded(&toml(keys), variables).settings.redis.unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

const URLS: &str = "urls = [\"redis://127.0.0.1\"]\n";

#[test]
fn without_the_section_there_is_no_redis() {
    assert!(loaded(HOME, &[]).settings.redis.is_none());
    assert!(!loaded(HOME, &[]).effective.to_string().contains("[redis]"));
    // A variable is enough.
    let urls = [("SIGNOUT_REDIS__URLS", "redis://127.0.0.1:7000")];
    let redis = loaded(HOME, &urls).settings.redis.unwrap();
    let RedisServers::Single(single) = redis.servers else { panic!("{redis:?}") };
    assert_eq!(single, address("redis://127.0.0.1:7000"));
}

#[test]
fn defaults() {
    let redis = redis(URLS, &[]);
    assert!(redis.login.username.is_none() && redis.login.password.is_none());
    assert_eq!((redis.ca_file, redis.key_prefix.as_str()), (None, "signout"));
    assert_eq!(redis.acknowledge, Acknowledge::Journal);
    assert!(redis.direct_keys && !redis.accept_volatile_redis);
    assert_eq!(
        (redis.connect_timeout.as_millis(), redis.response_timeout.as_millis()),
        (1_000, 500)
    );
}

#[test]
fn each_key() {
    let all = "mode = \"sentinel\"\nurls = [\"rediss://a:1\", \"rediss://b\"]\n\
               service_name = \"main\"\nusername = \"u\"\npassword_file = \"/s/api\"\n\
               sentinel_username = \"s\"\nsentinel_password = \"hunter2\"\nca_file = \"/ca\"\n\
               key_prefix = \"p:1\"\nacknowledge = \"replicas\"\nmin_replicas = 2\n\
               direct_keys = false\naccept_volatile_redis = true\n\
               connect_timeout = \"2s\"\nresponse_timeout = \"50ms\"";
    let settings = redis(all, &[]);
    let RedisServers::Sentinel { sentinels, service_name, login } = &settings.servers else {
        panic!("{settings:?}")
    };
    assert_eq!(*sentinels, [address("rediss://a:1"), address("rediss://b")]);
    assert_eq!((&**service_name, login.username.as_deref()), ("main", Some("s")));
    assert_eq!(login.password.as_ref().unwrap().expose(), b"hunter2");
    assert_eq!(settings.login.password.as_ref().unwrap().expose(), b"sixteen-bytes-ok");
    assert_eq!(settings.ca_file.as_deref(), Some(Path::new("/ca")));
    assert_eq!(settings.acknowledge, Acknowledge::Replicas(2));
    assert!(!settings.direct_keys && settings.accept_volatile_redis);
    // I17
    let shown = format!("{settings:?}{}", loaded(&toml(all), &[]).effective);
    assert!(!shown.contains("hunter2") && !shown.contains("sixteen"), "{shown}");

    for (words, acknowledge) in [
        ("acknowledge = \"redis\"", Acknowledge::Redis),
        ("acknowledge = \"replicas\"", Acknowledge::Replicas(1)),
    ] {
        assert_eq!(redis(&format!("{URLS}{words}"), &[]).acknowledge, acknowledge);
    }
    let nodes = "mode = \"cluster\"\nurls = [\"redis://localhost:1\", \"redis://localhost:2\"]";
    assert!(matches!(redis(nodes, &[]).servers, RedisServers::Cluster(nodes) if nodes.len() == 2));
    let several = [("SIGNOUT_REDIS__URLS", "redis://::1, redis://b")];
    assert!(load("", &several).is_err());
}

#[test]
fn what_does_not_go_together() {
    let one = |key: &str, expected: &str| {
        let toml = format!("[redis]\nurls = [\"redis://127.0.0.1\"]\n{key}");
        check(&toml, &[], &format!("signout.toml:3: redis.{expected}"));
    };
    one(
        "service_name = \"m\"",
        "service_name: only mode = \"sentinel\" asks for a service_name: set that mode, or remove \
         this",
    );
    one(
        "sentinel_password = \"x\"",
        "sentinel_password: only mode = \"sentinel\" logs in at sentinels: set that mode, or \
         remove this",
    );
    one("username = \"u\"", "username: password_file is missing: set both or none");
    one(
        "min_replicas = 1",
        "min_replicas: only acknowledge = \"replicas\" waits for replicas: set that, or remove this",
    );
    one(
        "ca_file = \"/ca\"",
        "ca_file: no URL begins with rediss://, so nothing has a certificate: write that, or \
         remove this",
    );
    one(
        "key_prefix = \"{p}\"",
        "key_prefix: \"{p}\" does not fit: write 1 to 64 of a-z, A-Z, 0-9, '_', '.', ':' and '-'",
    );
    one(
        "response_timeout = \"49ms\"",
        "response_timeout: \"49ms\" is out of bounds: write a duration from \"50ms\" to \"10s\", \
         such as \"90s\" or \"5m\"",
    );

    let urls = |mode: &str, urls: &str, line: usize, expected: &str| {
        let toml = format!("[redis]\nmode = \"{mode}\"\nurls = {urls}");
        check(&toml, &[], &format!("signout.toml:{line}: redis.{expected}"));
    };
    urls(
        "single",
        "[\"redis://a\", \"redis://b\"]",
        3,
        "urls: mode = \"single\" takes one URL; for several set mode to \"sentinel\" or \"cluster\"",
    );
    urls(
        "sentinel",
        "[\"redis://a\"]",
        1,
        "service_name: mode = \"sentinel\" needs service_name, the name that the sentinels know \
         the master by",
    );
    urls(
        "cluster",
        "[\"redis://a/1\"]",
        3,
        "urls: redis://a/1 names a database, and only mode = \"single\" has several: remove that \
         part",
    );
    urls(
        "cluster",
        "[\"redis://a\", \"rediss://b:1\"]",
        3,
        "urls: rediss://b:1 is reached in another way than the first: write all with redis://, or \
         rediss://",
    );
}

#[test]
fn i17_a_password_in_a_url_is_not_repeated() {
    for url in ["redis://me:hunter2@host", "redis:me:hunter2@host"] {
        check(
            &format!("[redis]\nurls = [\"{url}\"]"),
            &[],
            "signout.toml:2: redis.urls: a URL with a user name or a password ends up in logs: \
             remove that part, and set username and password_file",
        );
    }
}

#[test]
fn plain_redis_over_a_network_is_warned_of() {
    let warned = |url: &str| {
        let toml = format!("{HOME}{ORDERS}[redis]\nurls = [\"{url}\"]");
        let warnings = loaded(&toml, &[]).warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for url in ["redis://localhost", "redis://[::1]:7000", "rediss://redis.example"] {
        assert_eq!(warned(url), Vec::<String>::new(), "{url}");
    }
    assert_eq!(
        warned("redis://redis.example:7000"),
        ["redis.urls redis://redis.example:7000 is not encrypted, and not on this machine: use \
          rediss://, or a network that nobody else listens on"]
    );
}
