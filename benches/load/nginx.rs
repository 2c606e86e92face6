//! nginx with the file of `deploy/`, in which only addresses are replaced.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// What /etc/nginx/nginx.conf is elsewhere. Connections of clients stay open for the whole run.
const MAIN: &str = "daemon off;
pid nginx.pid;
worker_processes 1;
events {}
http {
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    include app.conf;
}
";

/// One master and one worker. Ended when it goes away.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) address: SocketAddr,
    _home: tempfile::TempDir,
}

impl Nginx {
    /// In front of `app`, and asks `signout` about each request.
    pub(crate) fn start(signout: SocketAddr, app: SocketAddr) -> Self {
        let home = tempfile::tempdir().unwrap();
        // Free until nginx takes it, as good as.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx/app.conf");
        let text = replaced(
            &fs::read_to_string(file).unwrap(),
            &[("127.0.0.1:8080", signout), ("127.0.0.1:3000", app), ("listen 80;", address)],
        );
        fs::write(home.path().join("app.conf"), text).unwrap();
        fs::write(home.path().join("nginx.conf"), MAIN).unwrap();
        let log = File::create(home.path().join("log")).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        let command = command.arg("-p").arg(home.path()).args(["-c", "nginx.conf", "-e", "stderr"]);
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let over = child.try_wait().unwrap().is_some() || started.elapsed() > PATIENCE;
            let log = || fs::read_to_string(home.path().join("log")).unwrap();
            assert!(!over, "nginx did not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { child, address, _home: home }
    }
}

impl Drop for Nginx {
    /// SIGTERM, so that the worker goes with the master.
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// Every address of the file must be found: it may have changed.
fn replaced(text: &str, addresses: &[(&str, SocketAddr)]) -> String {
    addresses.iter().fold(text.to_owned(), |text, (written, address)| {
        assert!(text.contains(written), "deploy/nginx/app.conf has no {written}");
        let listen = if written.starts_with("listen") { "listen " } else { "" };
        let end = if written.ends_with(';') { ";" } else { "" };
        text.replace(written, &format!("{listen}{address}{end}"))
    })
}
