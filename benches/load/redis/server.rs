//! `redis-server`, as a child process.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::service;

/// Below those that Linux gives to outgoing connections, one of which could take the port while
/// the server is down.
const PORTS: std::ops::Range<u16> = 16_384..32_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// A running or stopped server. Killed when it goes away.
pub(crate) struct RedisServer {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    directives: &'static [&'static str],
}

impl RedisServer {
    /// Starts one on a free port; it writes nothing to the disk unless the directives say so.
    pub(crate) fn start(directives: &'static [&'static str]) -> Self {
        let folder = service::folder();
        let port = free_port();
        let child = spawn(&folder, port, directives);
        Self { child, folder, port, directives }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// On the same port, with what it wrote to its disk.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.folder, self.port, self.directives);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.port).unwrap()
    }

    /// In bytes, as the server counts it.
    pub(crate) fn used_memory(&self) -> f64 {
        field(&self.connect().ask(&["INFO", "memory"]), "used_memory")
    }

    /// Processor time so far, to the microsecond.
    pub(crate) fn cpu(&self) -> Duration {
        let info = self.connect().ask(&["INFO", "cpu"]);
        let seconds: f64 =
            ["used_cpu_user", "used_cpu_sys"].map(|name| field(&info, name)).iter().sum();
        Duration::from_secs_f64(seconds)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &tempfile::TempDir, port: u16, directives: &[&str]) -> Child {
    let log = File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    command.arg("--dir").arg(folder.path()).args(directives);
    let child = command.stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn();
    let child = child.expect("redis-server does not run: install it, or run make test-setup");
    let started = Instant::now();
    while !Connection::open(port).is_ok_and(|mut connection| connection.ask(&["PING"]) == "PONG") {
        assert!(started.elapsed() < PATIENCE, "redis-server did not start");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn free_port() -> u16 {
    let size = u32::from(PORTS.end - PORTS.start);
    let start = std::process::id().wrapping_mul(2_654_435_761) % size;
    let port = |at: u32| PORTS.start + u16::try_from((start + at) % size).unwrap();
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (0..size).map(port).find(is_free).expect("a free port")
}

/// One field of what `INFO` says.
fn field(info: &str, name: &str) -> f64 {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap().parse().unwrap()
}

/// A connection of the bench's own, without any library: what is compared with signout should
/// cost as little as it can.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(1 << 20, stream)))
    }

    /// The answer as text; for an array, its members one behind the other.
    pub(crate) fn ask(&mut self, words: &[&str]) -> String {
        self.send(words);
        let mut answer = Vec::new();
        self.read(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) fn send(&mut self, words: &[&str]) {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            write!(command, "${}\r\n{word}\r\n", word.len()).unwrap();
        }
        // A server that is still loading, or just went down, shows in the answer.
        let _ = self.0.get_mut().write_all(command.as_bytes());
    }

    /// Reads one answer of RESP2, without its punctuation.
    pub(crate) fn read(&mut self, answer: &mut Vec<u8>) {
        let mut line = String::new();
        let _ = self.0.read_line(&mut line);
        let Some((kind, rest)) = line.trim_end().split_at_checked(1) else { return };
        match (kind, rest.parse::<u64>()) {
            ("$", Ok(length)) => {
                let mut bulk = self.0.by_ref().take(length + 2);
                bulk.read_to_end(answer).unwrap();
                answer.truncate(answer.len() - 2);
            }
            ("*", Ok(members)) => (0..members).for_each(|_| self.read(answer)),
            _ => answer.extend(rest.as_bytes()),
        }
    }
}
