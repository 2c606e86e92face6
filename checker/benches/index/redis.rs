//! A check that asks a Redis on the same host: one connection, one question at a time.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use signout_checker::JwtId;

/// Keys in one write while loading.
const BATCH: usize = 1_000;

/// A server of its own in a folder of its own; both go with it.
pub(crate) struct Redis {
    server: Child,
    folder: PathBuf,
    connection: BufReader<TcpStream>,
}

impl Redis {
    /// None if there is no `redis-server` here.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let folder = std::env::temp_dir().join(format!("index-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let patience = Instant::now();
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => {
                    assert!(patience.elapsed() < Duration::from_secs(20), "{error}");
                    std::thread::yield_now();
                }
            }
        };
        stream.set_nodelay(true).unwrap();
        Some(Self { server, folder, connection: BufReader::new(stream) })
    }

    pub(crate) fn load(&mut self, ids: impl Iterator<Item = JwtId>) {
        let mut ids = ids.peekable();
        while ids.peek().is_some() {
            let (mut batch, mut sent) = (Vec::new(), 0);
            for id in ids.by_ref().take(BATCH) {
                command(&mut batch, &["SET", &name(&id), "", "EX", "86400"]);
                sent += 1;
            }
            self.connection.get_mut().write_all(&batch).unwrap();
            (0..sent).for_each(|_| assert_eq!(self.line(), "+OK"));
        }
    }

    pub(crate) fn exists(&mut self, id: &JwtId) -> bool {
        let mut question = Vec::with_capacity(96);
        command(&mut question, &["EXISTS", &name(id)]);
        self.connection.get_mut().write_all(&question).unwrap();
        self.line() == ":1"
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        line.truncate(line.trim_end().len());
        line
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn name(id: &JwtId) -> String {
    format!("jti:{}", id.as_str())
}

fn command(to: &mut Vec<u8>, parts: &[&str]) {
    write!(to, "*{}\r\n", parts.len()).unwrap();
    for part in parts {
        write!(to, "${}\r\n{part}\r\n", part.len()).unwrap();
    }
}
