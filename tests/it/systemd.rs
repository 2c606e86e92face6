//! The unit in `deploy/systemd`, judged by systemd itself, and what the service tells a service manager.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{Op, PATIENCE, Service};

/// What `systemd-analyze security` may count at most, times ten. Without any sandbox it is 96.
const EXPOSURE_AT_MOST: u8 = 15;

#[test]
fn the_unit_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    // It insists that the binary is there.
    let binary = env!("CARGO_BIN_EXE_signout");
    let text = fs::read_to_string(unit()).unwrap().replace("/usr/local/bin/signout", binary);
    assert_eq!(text.matches(binary).count(), 3, "one in a comment, two commands");
    let here = folder.path().join("signout.service");
    fs::write(&here, text).unwrap();
    let said = analyze(&["verify", "--man=no", here.to_str().unwrap()]);
    assert!(!said.contains("signout.service"), "{said}");
}

#[test]
fn the_unit_is_sandboxed() {
    let (unit, threshold) = (unit(), format!("--threshold={EXPOSURE_AT_MOST}"));
    let said =
        analyze(&["security", "--offline=true", "--no-pager", &threshold, unit.to_str().unwrap()]);
    assert!(said.contains("Overall exposure level for signout.service"), "{said}");
}

/// The first command of the unit says what is wrong; the second has the same words.
#[test]
fn the_unit_runs_commands_that_there_are() {
    let text = fs::read_to_string(unit()).unwrap();
    for command in ["check-config", "serve"] {
        assert!(text.contains(&format!("/usr/local/bin/signout {command} --config ")), "{command}");
        let help = Service::command().args([command, "--help"]).output().unwrap();
        assert!(String::from_utf8(help.stdout).unwrap().contains("--config <FILE>"), "{command}");
    }
}

#[tokio::test]
async fn a_service_manager_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let op = Op::new("home", folder.path());
    let mut command = Service::command();
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "200000");
    let mut service = Service::start_with(folder.path(), &op.settings(), &mut command);
    assert!(hear(&manager).starts_with("READY=1\n"));
    for _ in 0..3 {
        assert_eq!(hear(&manager), "WATCHDOG=1\n");
    }
    assert_eq!(service.logout(&op.logout_token("l", "s")).await.status, 200);
    service.signal("TERM");
    while let message = hear(&manager)
        && !message.starts_with("STOPPING=1\n")
    {
        assert_eq!(message, "WATCHDOG=1\n");
    }
    assert!(service.wait().success(), "{}", service.log());
}

/// A frozen process says nothing any more: that is what systemd restarts it for.
#[test]
fn a_service_that_hangs_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let op = Op::new("home", folder.path());
    let mut command = Service::command();
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "100000");
    let service = Service::start_with(folder.path(), &op.settings(), &mut command);
    hear(&manager);
    assert_eq!(hear(&manager), "WATCHDOG=1\n");
    service.signal("STOP");
    // Ten times as long as it is silent otherwise, once what it said before is read.
    manager.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
    let silent = (0..10).any(|_| manager.recv(&mut [0; 256]).is_err());
    service.signal("CONT");
    assert!(silent);
}

fn hear(manager: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = manager.recv(&mut message).unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
}

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd/signout.service")
}

#[track_caller]
fn analyze(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new("systemd-analyze")
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("no systemd-analyze ({error}): run make test-setup"));
    let said = [stdout, stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(status.success(), "systemd-analyze {arguments:?}:\n{said}");
    said
}
