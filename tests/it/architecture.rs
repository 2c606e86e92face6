//! Reads the sources and holds them against the rules of the house.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Only these rooms (folders or files below `src`) may name these crates. `telemetry`, the rooms'
/// own `metrics` and the wiring name prometheus.
const ONLY: &[(&str, &[&str])] = &[
    ("actix_web::", &["http"]),
    ("utoipa::", &["http"]),
    ("josekit::", &["jose"]),
    ("openidconnect::", &["provider"]),
    ("reqwest::", &["provider"]),
    ("redb::", &["journal"]),
    ("postcard::", &["journal"]),
    ("redis::", &["redis"]),
    ("deadpool::", &["redis"]),
    ("deadpool_redis::", &["redis"]),
    ("clap::", &["cli"]),
    ("anyhow::", &["cli"]),
    ("tracing_subscriber::", &["telemetry.rs"]),
    ("toml::", &["settings"]),
    ("SystemTime", &["clock.rs"]),
    ("StatusCode", &["http/answer"]),
];

/// Rooms without I/O, time and tasks.
const PURE: &[&str] = &[
    "access_token",
    "logout_token",
    "jose",
    "replay",
    "sessions",
    "feed/frames.rs",
    "feed/item.rs",
    "feed/ring.rs",
    "forwarder/patience.rs",
    "forwarder/token_text.rs",
    "revoker/plan.rs",
    "replicator/found.rs",
    "replicator/log_ends.rs",
    "replicator/loss.rs",
    "replicator/offer.rs",
];
/// The rooms of the checker that do I/O, each behind a feature of its own.
const CHECKER_IO: &[&str] = &[
    "checker/src/actix/service.rs",
    "checker/src/http/follower.rs",
    "checker/src/http/keeper.rs",
    "checker/src/http/no_keeper.rs",
    "checker/src/http/service.rs",
    "checker/src/http/snapshot.rs",
    "checker/src/http/stream.rs",
    "checker/src/redis/connection.rs",
    "checker/src/redis/follower.rs",
    "checker/src/redis/sentinels.rs",
    "checker/src/state",
    "checker/src/tower/service.rs",
];
const IMPURE: &[&str] =
    &["std::fs", "std::net", "Instant::now", "tokio::", "async fn", "std::thread", "std::env"];

/// Below `http` nobody knows it.
const BELOW_HTTP: &[&str] = &[
    "access_token",
    "bearer",
    "feed",
    "forwarder",
    "jose",
    "journal",
    "logout_token",
    "provider",
    "redis",
    "replay",
    "replicator",
    "revoker",
    "sessions",
    "settings",
];

const NAMELESS: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

/// A file this long has a noun inside that wants its own file.
const HARD_LOOK: usize = 600;

#[test]
fn only_one_room_names_a_crate() {
    let mut broken = Vec::new();
    for source in sources("src") {
        for (name, rooms) in ONLY {
            let allowed = rooms.iter().any(|room| source.is_in(room));
            if !allowed && source.names(name) {
                broken.push(format!("{} names {name}; only {rooms:?} may", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_rule_would_notice() {
    let source =
        Source { path: "journal/mod.rs".to_owned(), code: "use actix_web::App;".to_owned() };
    assert!(source.names("actix_web::") && !source.is_in("http") && source.is_in("journal"));
    let other = Source { path: "httpd.rs".to_owned(), code: "use my_actix_web::like;".to_owned() };
    assert!(!other.names("actix_web::") && !other.is_in("http"));
    for (code, is_crate) in [
        ("use redis::cmd;", true),
        ("::redis::cmd()", true),
        ("use crate::keys::Keys;\nredis::cmd()", true),
        ("use deadpool_redis::redis::cmd;", true),
        ("use crate::redis::Keys;", false),
        ("use crate::redis::{self, Keys};\nredis::Link", false),
        ("mod redis;\npub use redis::RedisSettings;", false),
    ] {
        let source = Source { path: "x.rs".to_owned(), code: code.to_owned() };
        let named = ["redis::", "deadpool_redis::"].iter().any(|name| source.names(name));
        assert_eq!(named, is_crate, "{code}");
    }
}

#[test]
fn pure_rooms_stay_pure() {
    let mut broken = Vec::new();
    for source in sources("src").into_iter().chain(sources("checker/src")) {
        let rooms = if source.path.starts_with("checker") { CHECKER_IO } else { PURE };
        let listed = rooms.iter().any(|room| source.is_in(room));
        let pure = source.path.starts_with("checker") != listed;
        for impure in IMPURE.iter().filter(|_| pure) {
            if source.code.contains(impure) {
                broken.push(format!("{} has {impure}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn nobody_below_http_looks_up() {
    let mut broken = Vec::new();
    for source in sources("src") {
        if BELOW_HTTP.iter().any(|room| source.is_in(room)) && source.code.contains("crate::http") {
            broken.push(source.path);
        }
    }
    assert!(broken.is_empty(), "these name crate::http: {broken:?}");
}

#[test]
fn every_room_has_a_name_of_its_own() {
    for source in sources("src").into_iter().chain(sources("checker/src")) {
        let stems = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
        let nameless: Vec<_> = stems.filter(|stem| NAMELESS.contains(stem)).collect();
        assert!(nameless.is_empty(), "{}", source.path);
    }
}

#[test]
fn files_are_short_enough_to_read() {
    for folder in ["src", "checker/src", "tests"] {
        for source in sources(folder) {
            let lines = source.code.lines().count();
            assert!(lines <= HARD_LOOK, "{} has {lines} lines", source.path);
        }
    }
}

/// The crate that others embed stays small: no OpenSSL at all, and nothing that was not asked for.
#[test]
fn the_checker_depends_on_little() {
    const OPENSSL: &[&str] = &["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "josekit"];
    const ASYNC: &[&str] = &["tokio", "reqwest", "redis", "rustls", "actix-web", "http"];
    // The features, at most so many crates with their dependencies, and what is not among them.
    for (features, at_most, without) in [
        ("", 10, ASYNC),
        ("json,file", 20, ASYNC),
        ("log", 12, ASYNC),
        ("tower", 25, &ASYNC[..5]),
        ("actix", 120, &["redis", "reqwest", "rustls"]),
        ("http", 110, &["actix-web", "redis"]),
        ("redis", 90, &["actix-web", "reqwest"]),
        ("actix,file,http,json,log,redis,tower", 190, &[]),
    ] {
        let names = dependencies(features);
        for heavy in OPENSSL.iter().chain(without) {
            assert!(!names.contains(*heavy), "with {features:?} the checker depends on {heavy}");
        }
        assert!(names.len() <= at_most, "{features:?}: {} crates: {names:?}", names.len());
    }
}

fn dependencies(features: &str) -> BTreeSet<String> {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "-p", "signout-checker", "-e", "normal", "--prefix", "none", "--offline"])
        .args(["--target", "x86_64-unknown-linux-gnu", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8(tree.stdout).unwrap();
    let names: BTreeSet<_> =
        told.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    let error = String::from_utf8_lossy(&tree.stderr);
    assert!(names.contains("signout-checker"), "{features}: {told} {error}");
    names
}

/// A file without its comments and without its tests.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) code: String,
}

impl Source {
    fn is_in(&self, room: &str) -> bool {
        self.path == room
            || self.path.strip_prefix(room).is_some_and(|rest| rest.starts_with(['/', '.']))
    }

    /// Whether the word stands in the code, as a whole word, and does not mean a module of ours.
    fn names(&self, word: &str) -> bool {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !self.has_module(word)
            && self.code.match_indices(word).any(|(at, _)| {
                let (before, after) = (&self.code[..at], &self.code[at + word.len()..]);
                let ends = word.ends_with(':') || !after.chars().next().is_some_and(is_word);
                let ours = ["crate::", "self::", "super::"].iter().any(|p| before.ends_with(p));
                ends && !ours && !before.chars().next_back().is_some_and(is_word)
            })
    }

    /// Whether a room with the name of a crate goes by that name here: `redis`.
    fn has_module(&self, word: &str) -> bool {
        let name = word.trim_end_matches(':');
        let forms =
            [format!("mod {name};"), format!("crate::{name};"), format!("crate::{name}::{{self")];
        forms.iter().any(|form| self.code.contains(form))
    }
}

pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let base = root.join(folder);
    let mut files = Vec::new();
    collect(&base, &mut files);
    assert!(!files.is_empty(), "no sources in {folder}");
    files.iter().map(|file| source(file, if folder == "src" { &base } else { root })).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn source(file: &Path, base: &Path) -> Source {
    let text = fs::read_to_string(file).unwrap();
    // Unit tests come last in a file, by the rules of the house.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let path = file.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
    let tests_only =
        path.ends_with("tests.rs") || path.contains("/tests/") || path.ends_with("fake_op.rs");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = if tests_only { String::new() } else { code.collect::<Vec<_>>().join("\n") };
    Source { path, code }
}
