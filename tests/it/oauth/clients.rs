//! Clients that exist already use the endpoints as they find them: one in Python, one in Node.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::harness::ports;
use super::*;

#[tokio::test]
async fn authlib_revokes_and_introspects() {
    use_it("target/python/bin/python", "client.py", ".").await;
}

#[tokio::test]
async fn openid_client_revokes_and_introspects() {
    use_it("node", "client.mjs", "tests/oauth-clients/node_modules/openid-client").await;
}

/// The client prints what it sees, one line for each step.
async fn use_it(program: &str, script: &str, needed: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = if program.contains('/') { root.join(program) } else { PathBuf::from(program) };
    let script = root.join("tests/oauth-clients").join(script);
    assert!(root.join(needed).exists(), "{needed} is missing: run make test-setup");

    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    // Clients hold the issuer in the metadata against the address that they asked.
    let address = format!("127.0.0.1:{}", ports::free());
    let issuer = format!("http://{address}");
    let keys = KEYS.replace("issuers = [\"away\"]\n", "");
    let settings = format!("{}{keys}[introspection]\nissuer = {issuer:?}\n", op.settings());
    let mut command = Service::command();
    command.env("SIGNOUT_SERVER__LISTEN", &address);
    let service = Service::start_with(folder.path(), &settings, &mut command);
    let house = House { folder, op, service };
    house.register(json!({ "opaque_token": "a-refresh-token", "kind": "refresh" })).await;
    house.register(json!({ "jti": "granted" })).await;
    let (access, granted) = (house.token("access"), house.token("granted"));

    let run = tokio::process::Command::from({
        let mut command = Command::new(&program);
        command.arg(script).args([&issuer, APP[0], APP[1], &access, "a-refresh-token", &granted]);
        command
    });
    let output = { run }.output().await.unwrap_or_else(|error| {
        panic!("{} does not run ({error}): run make test-setup", program.display())
    });
    let (told, error) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "{told}\n{error}\n{}", house.service.log());
    let expected = "\
        access: active, of app, for alice\n\
        signed: active, of app, for alice\n\
        unknown: inactive\n\
        access, revoked: inactive\n\
        signed, revoked: inactive\n\
        granted: active, of app, for alice\n\
        granted, refresh token revoked: inactive\n\
        unknown, revoked: no error\n\
        wrong secret: invalid_client\n";
    assert_eq!(told, expected, "{error}");
    assert!(house.revoked("access").await && house.revoked("granted").await);
}
