//! The command line.

use std::fs;
use std::process::{Command, Output};

use crate::harness::{API_KEY, Op, Service};

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_demo_tells_its_story() {
    let (code, out, err) = run(Service::command().args(["demo", "--once"]));
    assert_eq!(code, Some(0), "{out}{err}");
    for line in [
        "8 of 8 open the api",
        "POST /backchannel-logout/demo -> 200",
        "alice  laptop  401 401  refused",
        "alice  phone   200 200  untouched",
        "bob    phone   200 200  untouched",
        "1 session ended, 3 others untouched",
        "the same logout token again -> 200, no second effect",
        "a forged one that names bob -> 400, nothing changed",
        "alice signs in again: her new token -> 200",
    ] {
        assert!(out.contains(line), "{line} is not in:\n{out}");
    }
}

/// README shows the output of the demo: every line of it, but for ports and times, is still true.
#[test]
fn the_readme_shows_what_the_demo_prints() {
    let readme = include_str!("../../README.md");
    let shown = readme.split("$ make demo ONCE=1\n").nth(1).unwrap().split("```").next().unwrap();
    let (_, out, _) = run(Service::command().args(["demo", "--once"]));
    let fixed = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.replace(|c: char| c.is_ascii_digit() || c == '.', ""))
            .collect()
    };
    let (shown, printed) = (fixed(shown.trim_end()), fixed(out.trim_end()));
    assert_eq!(shown, printed);
}

#[test]
fn check_config_shows_values_with_sources_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let config = Service::configure(folder.path(), &op.settings());
    let mut command = Service::command();
    let command = command.arg("check-config").arg("--config").arg(&config);
    let (code, out, err) = run(command.env("SIGNOUT_PROVIDER__HOME__LEEWAY", "30s"));
    assert_eq!(code, Some(0), "{err}");
    let row = |key: &str| out.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    assert!(
        row("leeway").contains("30s") && row("leeway").contains("SIGNOUT_PROVIDER__HOME__LEEWAY"),
        "{out}"
    );
    assert!(row("issuer").contains("signout.toml:"), "{out}");
    assert!(row("max_body_bytes").contains("default"), "{out}");
    assert!(!out.contains(API_KEY) && out.contains("********"), "{out}");
    let (code, json, _) = run(command.arg("--json"));
    assert_eq!(code, Some(0));
    assert!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap().is_array() || json.contains('{')
    );
}

#[test]
fn a_wrong_configuration_is_told_whole_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("signout.toml");
    fs::write(&config, "[server]\nlisten_on = \"127.0.0.1:8080\"\n[redis]\nmode = \"single\"\n")
        .unwrap();
    for command in ["check-config", "serve"] {
        let (code, _, err) = run(Service::command().arg(command).arg("--config").arg(&config));
        assert_eq!(code, Some(1), "{command}: {err}");
        for part in ["signout.toml:2", "listen_on", "listen", "redis"] {
            assert!(err.contains(part), "{command}: {part} is not in {err}");
        }
    }
}

#[tokio::test]
async fn lookup_and_revoke_talk_to_a_running_service() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let service = Service::start(folder.path(), &op.settings());
    let key_file = folder.path().join("key");
    fs::write(&key_file, format!("{API_KEY}\n")).unwrap();
    let signout = |args: &[&str]| {
        let mut command = Service::command();
        command
            .args(args)
            .env("SIGNOUT_URL", service.url(""))
            .env("SIGNOUT_API_KEY_FILE", &key_file);
        run(&mut command)
    };
    let name = ["--iss", &op.issuer, "--sid", "s"];
    let (code, out, err) = signout(&[&["lookup"][..], &name].concat());
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("not revoked"), "{out}");

    let (_, out, _) = signout(&[&["revoke", "--dry-run"][..], &name].concat());
    assert!(out.contains("would hit 0 registered tokens"), "{out}");
    let (code, out, err) = signout(&[&["revoke", "--reason", "admin"][..], &name].concat());
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("revoked: 0 registered tokens hit (rev-"), "{out}");

    let (_, out, _) = signout(&[&["lookup"][..], &name].concat());
    assert!(
        out.starts_with("revoked") && out.contains("admin") && out.contains("the session"),
        "{out}"
    );
    let token = folder.path().join("token");
    fs::write(&token, op.sign("at+jwt", &op.access_claims("t", "s", "alice"))).unwrap();
    let (_, out, _) = signout(&["lookup", "--json", "--token-file", token.to_str().unwrap()]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["target"], "session");

    let (code, _, err) = signout(&["revoke", "--iss", &op.issuer]);
    assert!(code == Some(1) && err.contains("--everything"), "{err}");
    let (code, _, err) = signout(&["lookup", "--iss", "https://nobody.example", "--jti", "x"]);
    assert!(code == Some(1) && err.contains("403"), "{err}");
}

#[test]
fn healthcheck_tells_by_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let mut service = Service::start(folder.path(), &op.settings());
    let url = format!("http://{}", service.operators);
    let ask = || run(Service::command().args(["healthcheck", "--url", &url]));
    let (code, out, _) = ask();
    assert_eq!(code, Some(0));
    assert!(out.starts_with("ok\nservice: ok\njournal: ok\nprovider home:"), "{out}");
    assert!(service.terminate().success());
    let (code, _, err) = ask();
    assert!(code == Some(1) && err.contains("does not answer"), "{err}");
}

#[test]
fn completions_and_manual_come_from_the_same_definition() {
    for (args, part) in [
        (&["completions", "bash"][..], "check-config"),
        (&["man"], "check\\-config"),
        (&["--version"], "signout 0"),
        (&["revoke", "--help"], "--dry-run"),
    ] {
        let (code, out, err) = run(Service::command().args(args));
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains(part), "{args:?}: {out}");
    }
}
