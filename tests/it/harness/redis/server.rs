//! One `redis-server`.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::PATIENCE;
use super::resp::{Connection, Reply};
use crate::harness::ports;

/// What every server is told first. Nothing is written to the disk unless a test asks for it, and
/// a replica is served at once instead of five seconds later.
const QUIET: &[(&str, &str)] =
    &[("bind", "127.0.0.1"), ("save", "\"\""), ("repl-diskless-sync-delay", "0")];

/// Something else may take a port between its choice and its use, but hardly this often.
const ATTEMPTS: usize = 20;

/// A running, stopped or dead `redis-server`. Killed when it goes away.
pub(crate) struct RedisServer {
    child: Option<Child>,
    /// Got SIGSTOP and no SIGCONT since.
    stopped: bool,
    home: TempDir,
    role: Role,
    port: u16,
    password: Option<String>,
}

/// What a process is for, where that makes a difference to its start.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    Plain,
    Tls,
    /// Listens on a second port, for the other nodes.
    ClusterNode,
    Sentinel,
}

/// What `RedisServer::copy_dump` put aside.
pub(crate) struct Dump(Vec<u8>);

impl RedisServer {
    /// A server without persistence, password and TLS.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With directives as redis.conf has them, quotes and all. They come after those that every
    /// server has, and win.
    pub(crate) fn start_with(directives: &[(&str, &str)]) -> Self {
        Self::start_as(Role::Plain, directives, |_| ())
    }

    /// Calls `furnish` with `home` before the server starts.
    pub(super) fn start_as(
        role: Role,
        directives: &[(&str, &str)],
        furnish: impl FnOnce(&Path),
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        furnish(home.path());
        let password = directives.iter().rfind(|(name, _)| *name == "requirepass");
        let password = password.map(|(_, password)| (*password).to_owned());
        let mut server = Self { child: None, stopped: false, home, role, port: 0, password };
        for _ in 0..ATTEMPTS {
            server.port = ports::free();
            server.write_conf(directives);
            if let Started::Ready = server.spawn() {
                return server;
            }
        }
        panic!("no free port for redis-server in {ATTEMPTS} attempts:\n{}", server.log());
    }

    fn write_conf(&self, directives: &[(&str, &str)]) {
        let mut conf = String::new();
        let mut say = |name: &str, value: &str| writeln!(conf, "{name} {value}").unwrap();
        let (data, socket) = (self.data(), self.socket());
        fs::create_dir_all(&data).unwrap();
        say("dir", data.to_str().unwrap());
        say("unixsocket", socket.to_str().unwrap());
        let port = self.port.to_string();
        if self.role == Role::Tls {
            say("port", "0");
            say("tls-port", &port);
        } else {
            say("port", &port);
        }
        if self.role == Role::ClusterNode {
            say("cluster-port", &ports::free().to_string());
        }
        for (name, value) in QUIET.iter().chain(directives) {
            say(name, value);
        }
        fs::write(self.conf(), conf).unwrap();
    }

    /// Starts the process and waits until it answers.
    fn spawn(&mut self) -> Started {
        let log = File::create(self.home().join("log")).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(self.conf());
        if self.role == Role::Sentinel {
            command.arg("--sentinel");
        }
        command.stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("redis-server does not run ({error}): install it, or run make test-setup")
        });
        self.child = Some(child);
        self.stopped = false;
        let started = Instant::now();
        // It makes the socket after it has bound its ports.
        while !self.try_cli(&["PING"]).is_ok_and(|pong| pong == "PONG") {
            let exited = self.child.as_mut().unwrap().try_wait().unwrap().is_some();
            if exited && self.log().contains("Address already in use") {
                self.child = None;
                return Started::PortTaken;
            }
            let still_starting = !exited && started.elapsed() < PATIENCE;
            assert!(still_starting, "redis-server did not start:\n{}", self.log());
            thread::sleep(Duration::from_millis(1));
        }
        Started::Ready
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// With the password, if there is one. `rediss` with TLS.
    pub(crate) fn url(&self) -> String {
        match &self.password {
            Some(password) => self.url_as("", password),
            None => format!("{}://127.0.0.1:{}", self.scheme(), self.port),
        }
    }

    /// For somebody else than the default user. Names and passwords are not escaped.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        format!("{}://{user}:{password}@127.0.0.1:{}", self.scheme(), self.port)
    }

    fn scheme(&self) -> &'static str {
        if self.role == Role::Tls { "rediss" } else { "redis" }
    }

    /// The process. To ask this of a dead server is a failure of the test.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Runs, and was not stopped.
    pub(super) fn is_up(&self) -> bool {
        self.child.is_some() && !self.stopped
    }

    /// Everything that the process logged since its start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home().join("log")).unwrap_or_default()
    }

    /// kill -9, and waits until it is gone. Nothing happens to a dead one.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGSTOP: it holds its connections, and answers nobody.
    pub(crate) fn stop(&mut self) {
        self.signal("STOP");
        self.stopped = true;
        // The signal is on its way when `kill` returns. Without /proc nobody can tell.
        let stat = format!("/proc/{}/stat", self.pid());
        let runs = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, s)| !s.starts_with('T'));
        while fs::read_to_string(&stat).is_ok_and(runs) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// SIGCONT: it goes on, and answers what came in the meantime.
    pub(crate) fn cont(&mut self) {
        self.signal("CONT");
        self.stopped = false;
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Kills it if it runs, and starts it on the same port in the same folder, so that it reads its
    /// dump or append-only file.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let started = Instant::now();
        // Its old port may be bound for a moment by somebody who looks for a free one.
        while let Started::PortTaken = self.spawn() {
            assert!(started.elapsed() < PATIENCE, "the port is taken:\n{}", self.log());
        }
    }

    /// Like `restart`, without anything that it had on the disk.
    pub(crate) fn restart_empty(&mut self) {
        self.kill();
        fs::remove_dir_all(self.data()).unwrap();
        fs::create_dir(self.data()).unwrap();
        self.restart();
    }

    /// Asks as the default user. Text as from `redis-cli`; an error is a failure of the test.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        self.try_cli(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// Like `cli`; `Err` is the server's error, or why there is no answer at all.
    pub(crate) fn try_cli(&self, command: &[&str]) -> Result<String, String> {
        let auth = self.password.as_deref().map(|password| ("default", password));
        self.ask(auth, command)
    }

    /// Like `try_cli`, as somebody else than the default user.
    pub(crate) fn try_cli_as(
        &self,
        user: &str,
        password: &str,
        command: &[&str],
    ) -> Result<String, String> {
        self.ask(Some((user, password)), command)
    }

    fn ask(&self, auth: Option<(&str, &str)>, command: &[&str]) -> Result<String, String> {
        let ask = || -> io::Result<Reply> {
            let stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut connection = Connection::new(stream);
            if let Some((user, password)) = auth {
                let reply = connection.ask(&["AUTH", user, password])?;
                if let Reply::Error(_) = reply {
                    return Ok(reply);
                }
            }
            connection.ask(command)
        };
        match ask() {
            Ok(Reply::Error(error)) => Err(error),
            Ok(reply) => Ok(reply.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// One line of INFO, "" if there is none.
    pub(crate) fn info(&self, field: &str) -> String {
        // A sentinel ends all connections of a server whose role it changes.
        let ask = || self.try_cli(&["INFO", "everything"]);
        let info = ask().or_else(|_| ask()).unwrap_or_else(|error| panic!("INFO: {error}"));
        let mut fields = info.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| *name == field).map_or("", |(_, value)| value).to_owned()
    }

    /// The present value of a directive.
    pub(super) fn config(&self, name: &str) -> String {
        let pair = self.cli(&["CONFIG", "GET", name]);
        pair.lines().nth(1).unwrap_or_default().to_owned()
    }

    /// Until the next restart.
    pub(crate) fn config_set(&self, name: &str, value: &str) {
        self.cli(&["CONFIG", "SET", name, value]);
    }

    /// Everything is gone, and nobody is told.
    pub(crate) fn flushall(&self) {
        self.cli(&["FLUSHALL"]);
    }

    /// A user who may run these commands (`get`, `eval`; `@read` for a category) and no others, on
    /// keys and channels that begin with the prefix. Outlives restarts.
    pub(crate) fn add_user(&self, name: &str, password: &str, prefix: &str, commands: &[&str]) {
        let (password, keys) = (format!(">{password}"), format!("~{prefix}*"));
        let channels = format!("&{prefix}*");
        let mut rules = vec!["reset", "on", &password, &keys, &channels];
        let commands: Vec<_> = commands.iter().map(|command| format!("+{command}")).collect();
        rules.extend(commands.iter().map(String::as_str));
        self.cli(&[&["ACL", "SETUSER", name], rules.as_slice()].concat());
        let mut conf = OpenOptions::new().append(true).open(self.conf()).unwrap();
        writeln!(conf, "user {name} {}", rules.join(" ")).unwrap();
    }

    /// Everything that it holds now, for `restore_dump`.
    pub(crate) fn copy_dump(&self) -> Dump {
        self.cli(&["SAVE"]);
        Dump(fs::read(self.data().join("dump.rdb")).unwrap())
    }

    /// Kills it and starts it on an older dump: everything since then is undone. Not for a server
    /// with `appendonly`, which would not read the dump.
    pub(crate) fn restore_dump(&mut self, Dump(bytes): &Dump) {
        assert_eq!(self.info("aof_enabled"), "0", "it would not read the dump");
        self.kill();
        fs::write(self.data().join("dump.rdb"), bytes).unwrap();
        self.restart();
    }

    /// The folder around the one in which it works.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Wiped by `restart_empty`.
    fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    fn conf(&self) -> PathBuf {
        self.home().join("redis.conf")
    }

    fn socket(&self) -> PathBuf {
        self.home().join("socket")
    }
}

enum Started {
    Ready,
    PortTaken,
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// `start` takes another port then, and `restart` tries again.
    #[test]
    fn a_taken_port_is_told_from_a_fault() {
        let mut redis = RedisServer::start();
        redis.kill();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
        assert!(matches!(redis.spawn(), Started::PortTaken), "{}", redis.log());
        drop(taken);
        redis.restart();
    }
}
