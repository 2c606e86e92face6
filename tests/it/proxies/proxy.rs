//! Starts a proxy with its files of `deploy/`, in which only addresses and paths are replaced.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use crate::harness::{PATIENCE, ports};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Caddy,
    Envoy,
    Haproxy,
    Nginx,
    Traefik,
}

/// Killed when it goes away.
pub(super) struct Proxy {
    child: Child,
    address: SocketAddr,
    home: tempfile::TempDir,
}

impl Kind {
    /// Whether it takes a limit for the answer of signout. Traefik's is built in, 30 s.
    pub(super) fn gives_up(self) -> bool {
        self != Self::Traefik
    }

    /// Files of `deploy/` and what is replaced in them: where it listens, and paths.
    fn files(self) -> (&'static [&'static str], &'static str, fn(u16) -> String) {
        match self {
            Self::Caddy => (&["caddy/Caddyfile"], "http://:80 {", |p| {
                format!("http://:{p} {{\nbind 127.0.0.1")
            }),
            Self::Envoy => (&["envoy/envoy.yaml"], "address: 0.0.0.0, port_value: 80 ", |p| {
                format!("address: 127.0.0.1, port_value: {p} ")
            }),
            Self::Haproxy => (&["haproxy/haproxy.cfg", "haproxy/signout.lua"], "bind :80", |p| {
                format!("bind 127.0.0.1:{p}")
            }),
            Self::Nginx => {
                (&["nginx/app.conf"], "listen 80;", |p| format!("listen 127.0.0.1:{p};"))
            }
            Self::Traefik => (&["traefik/traefik.yaml", "traefik/app.yaml"], "\":80\"", |p| {
                format!("\"127.0.0.1:{p}\"")
            }),
        }
    }

    fn command(self, home: &Path) -> Command {
        let file = |name: &str| home.join(name);
        let mut command = Command::new(match self {
            Self::Caddy => packaged("caddy"),
            Self::Envoy => packaged("envoy"),
            Self::Haproxy => installed("haproxy"),
            Self::Nginx => installed("nginx"),
            Self::Traefik => packaged("traefik"),
        });
        match self {
            Self::Caddy => {
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file("Caddyfile"));
                command.env("HOME", home).env("XDG_DATA_HOME", home).env("XDG_CONFIG_HOME", home);
            }
            Self::Envoy => {
                command.arg("-c").arg(file("envoy.yaml"));
                command.args(["--use-dynamic-base-id", "--concurrency", "1"]);
            }
            Self::Haproxy => {
                command.arg("-db").arg("-f").arg(file("haproxy.cfg"));
            }
            Self::Nginx => {
                command
                    .arg("-p")
                    .arg(home)
                    .arg("-c")
                    .arg(file("nginx.conf"))
                    .arg("-e")
                    .arg("stderr");
            }
            Self::Traefik => {
                command.arg(format!("--configFile={}", file("traefik.yaml").display()));
            }
        }
        command
    }
}

/// Debian keeps servers where only root looks for them.
fn installed(name: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/local/sbin"].map(|place| Path::new(place).join(name));
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| name.into())
}

/// Installed below target/, by the Makefile.
fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin").join(name)
}

/// What /etc/nginx/nginx.conf is elsewhere. Its paths are within the folder.
const NGINX: &str = "daemon off;
pid nginx.pid;
worker_processes 1;
events {}
http {
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    include app.conf;
}
";

impl Proxy {
    pub(super) fn start(kind: Kind, signout: SocketAddr, application: SocketAddr) -> Self {
        let home = tempfile::tempdir().unwrap();
        let port = ports::free();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (files, listen, listen_at) = kind.files();
        let mut text = String::new();
        for file in files {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
            let original = fs::read_to_string(&path).unwrap();
            let here = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
            let changed = original
                .replace(listen, &listen_at(port))
                .replace("127.0.0.1:8080", &signout.to_string())
                .replace("127.0.0.1:3000", &application.to_string())
                .replace("port_value: 8080", &format!("port_value: {}", signout.port()))
                .replace("port_value: 3000", &format!("port_value: {}", application.port()))
                .replace("/etc/haproxy/signout.lua", &here("signout.lua"))
                .replace("/etc/traefik/app.yaml", &here("app.yaml"));
            fs::write(home.path().join(path.file_name().unwrap()), &changed).unwrap();
            text += &changed;
        }
        for port in [port, signout.port(), application.port()] {
            assert!(text.contains(&port.to_string()), "{kind:?} has no place for {port}: {text}");
        }
        fs::write(home.path().join("nginx.conf"), NGINX).unwrap();
        let log = File::create(home.path().join("log")).unwrap();
        let mut command = kind.command(home.path());
        command.stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{kind:?} does not run ({error}): install it, or run make test-setup")
        });
        let proxy = Self { child, address, home };
        let asks = || Client::of(address).get("/", &[]).is_some_and(|answer| answer.status == 401);
        proxy.until("starts", asks);
        proxy
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(
                started.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {what}\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's master ends its workers, and waits for them; the others are one process each.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < PATIENCE / 6 {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
