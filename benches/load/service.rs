//! `signout serve`, as a child process.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const API_KEY: &str = "an-api-key-for-benches-only";
const PATIENCE: Duration = Duration::from_secs(120);

/// A running service. Killed when it goes away.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    operators: SocketAddr,
    pub(crate) started_in: Duration,
}

/// A folder on the disk that the build is on: `/tmp` may be memory, where fsync costs nothing.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn journal(folder: &Path) -> PathBuf {
    folder.join("signout.redb")
}

impl Service {
    /// Starts it with the journal of the folder, and waits until it takes requests.
    pub(crate) fn start(folder: &Path, provider: &str) -> Self {
        Self::start_build(Path::new(env!("CARGO_BIN_EXE_signout")), folder, provider)
    }

    /// The same with another build of it.
    pub(crate) fn start_build(binary: &Path, folder: &Path, provider: &str) -> Self {
        let config = folder.join("signout.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n\
             [journal]\npath = {:?}\n{provider}\n\
             [[api_key]]\nname = \"bench\"\nkey = {API_KEY:?}\n\
             scopes = [\"register\", \"check\", \"feed\", \"revoke\"]\n",
            journal(folder).to_str().unwrap()
        );
        fs::write(&config, text).unwrap();
        // A file, as under most supervisors: a pipe would have to be emptied by this process.
        let log = folder.join("log");
        let mut command = Command::new(binary);
        let command = command.arg("serve").arg("--config").arg(config).stdout(Stdio::null());
        let started = Instant::now();
        let mut child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let (address, operators) = loop {
            let text = fs::read_to_string(&log).unwrap();
            if let Some(addresses) = text.lines().find_map(ready) {
                break addresses;
            }
            if started.elapsed() > PATIENCE || child.try_wait().unwrap().is_some() {
                let _ = child.kill();
                panic!("the service did not start:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        Self { child, address, operators, started_in: started.elapsed() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Targets of this kind that it refuses now: whether the load did what it should.
    pub(crate) fn refused(&self, kind: &str) -> f64 {
        self.metric(&format!("signout_denylist_entries{{target=\"{kind}\"}}"))
    }

    /// The value of one sample of `/metrics`.
    pub(crate) fn metric(&self, sample: &str) -> f64 {
        let text = self.operators("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// What the operators' listener answers, head and body.
    pub(crate) fn operators(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.operators).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// SIGTERM, and waits until it is gone.
    pub(crate) fn terminate(mut self) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap();
    }
}

/// kill -9.
impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The addresses in the log line that says that the service is ready.
fn ready(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line.get("message")? == "ready").then_some(())?;
    let address = |name: &str| line.get(name)?.as_str()?.parse().ok();
    Some((address("listen")?, address("metrics_listen")?))
}
