//! Prometheus' own judge of metrics and rules.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs promtool in `deploy/prometheus` and expects it to be content. Gives what it said.
#[track_caller]
pub(super) fn promtool(arguments: &[&str], input: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool does not run ({error}): run make test-setup"));
    // It may have said what it thinks before it read all of this.
    let _ = promtool.stdin.take().unwrap().write_all(input.as_bytes());
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    said
}
