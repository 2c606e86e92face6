//! The clients of `tests/redis-clients` ask the shared denylist as its users would. Here a test
//! fills it by hand, from what is documented of its form.

use std::path::{Path, PathBuf};
use std::process::Command;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use serde_json::json;

use super::harness::redis::RedisServer;
use super::harness::{Op, Service, now, until};

const ISSUER: &str = "https://home.example";
const KEY: [u8; 16] = *b"\x00\x01an example \xfe\xff\x7f";

/// What is on the denylist: kind, issuer, value, entry.
const DENIED: &[(u8, &str, &str, &str)] = &[
    (b't', ISSUER, "spent", "4294967295 4294967295 4294967295 revocation_request 1763700000"),
    (b's', ISSUER, "ended", "4294967295 0 0 backchannel_logout 1763700000"),
    (b'u', ISSUER, "älice", "1000 2000 0 admin 1763700000"),
    (b'c', ISSUER, "old-app", "4294967295 4294967295 4294967295 security_event 1763700000"),
    (b'i', "https://gone.example", "", "1000 1000 1000 account_disabled 1763700000"),
    (b't', "https://odd.example", "odd", "1000 not a form"),
];

/// Who asks, about what, and the answer.
const CASES: &[(&str, &[&str], &str)] = &[
    (ISSUER, &["--jti", "spent", "--iat", "1"], "refused revocation_request"),
    // The largest cut-off is none: a token from after 2106 is refused as well.
    (ISSUER, &["--jti", "spent", "--iat", "4294967296"], "refused revocation_request"),
    (ISSUER, &["--jti", "other", "--sid", "ended"], "refused backchannel_logout"),
    // The same value as another kind, or of another issuer, is somebody else.
    (ISSUER, &["--jti", "ended", "--sid", "spent", "--sub", "ended"], "not refused"),
    ("https://other.example", &["--jti", "spent", "--sid", "ended"], "not refused"),
    // A logout of the session spares offline and long-lived tokens.
    (ISSUER, &["--sid", "ended", "--kind", "refresh"], "refused backchannel_logout"),
    (ISSUER, &["--sid", "ended", "--kind", "offline_refresh"], "not refused"),
    (ISSUER, &["--sid", "ended", "--kind", "long_lived"], "not refused"),
    // At the cut-off, behind it, and without a time.
    (ISSUER, &["--sub", "älice", "--iat", "1000"], "refused admin"),
    (ISSUER, &["--sub", "älice", "--iat", "1001"], "not refused"),
    (ISSUER, &["--sub", "älice"], "refused admin"),
    (ISSUER, &["--sub", "älice", "--iat", "1001", "--kind", "offline_refresh"], "refused admin"),
    (ISSUER, &["--sub", "älice", "--kind", "long_lived"], "not refused"),
    // The first entry spares the token, the second does not.
    (
        ISSUER,
        &["--sub", "älice", "--iat", "9999", "--client-id", "old-app"],
        "refused security_event",
    ),
    ("https://gone.example", &["--sub", "anybody", "--iat", "7"], "refused account_disabled"),
    ("https://gone.example", &["--sub", "anybody", "--iat", "1001"], "not refused"),
];

#[test]
fn a_python_client_needs_one_command() {
    ask_everything("target/python/bin/python", "denylist.py", ".");
}

#[test]
fn a_node_client_needs_one_command() {
    ask_everything("node", "denylist.mjs", "tests/redis-clients/node_modules/redis");
}

fn ask_everything(program: &str, script: &str, needed: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = if program.contains('/') { root.join(program) } else { PathBuf::from(program) };
    let script = root.join("tests/redis-clients").join(script);
    assert!(root.join(needed).exists(), "{needed} is missing: run make test-setup");
    let ask = |url: &str, prefix: &str, issuer: &str, facts: &[&str]| {
        let mut command = Command::new(&program);
        command.arg(&script).args([url, prefix, issuer]).args(facts);
        let output = command.output().unwrap_or_else(|error| {
            panic!("{} does not run ({error}): run make test-setup", program.display())
        });
        let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };

    let mut redis = RedisServer::start_with(&[("requirepass", "secret")]);
    let url = redis.url();
    let hex = |bytes| format!("{:032x}", u128::from_be_bytes(bytes));
    redis.cli(&["HSET", "{shared}:head", "key", &hex(KEY)]);
    for (kind, issuer, value, entry) in DENIED {
        let name = hex(name(*kind, issuer, value));
        redis.cli(&["SET", &format!("{{shared}}:deny:{name}"), entry]);
    }
    for (issuer, facts, expected) in CASES {
        let answer = ask(&url, "shared", issuer, facts);
        assert_eq!(answer, (Some(0), (*expected).to_owned(), String::new()), "{issuer} {facts:?}");
    }
    let mget = redis.info("cmdstat_mget");
    let once_each = format!("calls={},", CASES.len());
    assert!(mget.starts_with(&once_each), "{mget} instead of {once_each}");

    // Not to know is no answer.
    let fails = |url: &str, prefix: &str, issuer: &str, facts: &[&str], why: &str| {
        let (code, out, err) = ask(url, prefix, issuer, facts);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains(why), "{err:?} does not say {why:?}");
    };
    fails(&url, "signout", ISSUER, &[], "{signout}:head has no key");
    fails(&url, "shared", "https://odd.example", &["--jti", "odd"], "not in a form");
    fails(&url, "shared", ISSUER, &["--sid", "ended", "--kind", "id_token"], "kind");
    redis.cli(&["HSET", "{shared}:head", "direct_keys", "no"]);
    fails(&url, "shared", ISSUER, &["--sid", "ended"], "direct_keys = true");
    fails(&redis.url_as("", "wrong"), "shared", ISSUER, &[], "username-password pair");
    redis.kill();
    fails(&url, "shared", ISSUER, &[], "denylist: ");
}

/// The clients and signout call things alike: what a logout at signout ends, they refuse.
#[tokio::test]
async fn both_languages_refuse_what_signout_took() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let redis = RedisServer::start();
    let settings = format!("{}\n[redis]\nurls = [{:?}]\n", op.settings(), redis.url());
    let service = Service::start(folder.path(), &settings);
    let token = json!({
        "iss": op.issuer, "jti": "j", "sid": "s", "sub": "älice", "iat": now() - 10,
        "exp": now() + 600,
    });
    service.post("/v1/tokens", &token).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clients =
        [(root.join("target/python/bin/python"), "denylist.py"), ("node".into(), "denylist.mjs")];
    let ask = |facts: &[&str]| {
        clients.each_ref().map(|(program, script)| {
            let mut command = Command::new(program);
            command.arg(root.join("tests/redis-clients").join(script));
            command.args([&redis.url(), "signout", &op.issuer]).args(facts);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        })
    };
    until("the head is there", async || redis.cli(&["EXISTS", "{signout}:head"]) == "1").await;
    assert_eq!(ask(&["--jti", "j", "--sid", "s"]), ["not refused\n"; 2]);
    assert_eq!(service.logout(&op.logout_token("l", "s")).await.status, 200);
    until("the keys are there", async || {
        redis.cli(&["KEYS", "{signout}:deny:*"]).lines().count() == 2
    })
    .await;
    for facts in [["--jti", "j"], ["--sid", "s"]] {
        assert_eq!(ask(&facts), ["refused backchannel_logout\n"; 2], "{facts:?}");
    }
    assert_eq!(ask(&["--sub", "älice"]), ["not refused\n"; 2]);
}

fn name(kind: u8, issuer: &str, value: &str) -> [u8; 16] {
    let length = |part: &str| u32::try_from(part.len()).unwrap().to_le_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    mac.update(&[kind]);
    mac.update(&length(issuer));
    mac.update(issuer.as_bytes());
    mac.update(&length(value));
    mac.update(value.as_bytes());
    mac.finalize().into_bytes()[..16].try_into().unwrap()
}
