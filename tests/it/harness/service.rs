//! `signout serve`, as a child process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Instant;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::{PATIENCE, install_cryptography};

/// The key of every service under test, with every scope.
pub(crate) const API_KEY: &str = "an-api-key-for-tests-only";

/// A running service. Killed when it goes away.
pub(crate) struct Service {
    child: Child,
    pub(crate) outer: SocketAddr,
    pub(crate) operators: SocketAddr,
    log: Arc<Log>,
    client: reqwest::Client,
}

/// What a service wrote to standard error so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Service {
    /// Writes a configuration into the folder, with the journal beside it, and starts a service.
    pub(crate) fn start(folder: &Path, providers: &str) -> Self {
        Self::start_with(folder, providers, &mut Self::command())
    }

    /// The binary under test, to be started in another way.
    pub(crate) fn command() -> Command {
        Command::new(env!("CARGO_BIN_EXE_signout"))
    }

    pub(crate) fn start_with(folder: &Path, providers: &str, command: &mut Command) -> Self {
        let config = Self::configure(folder, providers);
        Self::spawn(command.arg("serve").arg("--config").arg(config))
    }

    /// Writes the configuration file.
    pub(crate) fn configure(folder: &Path, providers: &str) -> PathBuf {
        let journal = folder.join("signout.redb");
        let journal = journal.to_str().unwrap();
        let config = folder.join("signout.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n\
             [journal]\npath = {journal:?}\n{providers}\n\
             [[api_key]]\nname = \"tests\"\nkey = {API_KEY:?}\n\
             scopes = [\"register\", \"check\", \"feed\", \"revoke\", \"admin\"]\n"
        );
        fs::write(&config, text).unwrap();
        config
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        install_cryptography();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        let (ready, is_ready) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::clone(&log);
        // Ends with the child.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(addresses) = addresses(&line) {
                    let _ = ready.send(addresses);
                }
                lines.lines.lock().unwrap().push(line);
                lines.more.notify_all();
            }
        });
        let Ok((outer, operators)) = is_ready.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("the service did not start:\n{}", log.text());
        };
        let client = client();
        Self { child, outer, operators, log, client }
    }

    /// kill -9, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits until it is gone.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal and does not wait for what it does.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// SIGSTOP, and waits until every thread stands still: until then some go on answering.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let started = Instant::now();
        while !self.is_frozen() {
            assert!(started.elapsed() < PATIENCE, "not stopped");
            thread::yield_now();
        }
    }

    fn is_frozen(&self) -> bool {
        // Without /proc nobody can tell.
        let Ok(mut tasks) = fs::read_dir(format!("/proc/{}/task", self.pid())) else { return true };
        tasks.all(|task| {
            let status = fs::read_to_string(task.unwrap().path().join("status"));
            status.is_ok_and(|status| status.contains("State:\tT"))
        })
    }

    /// Waits until it is gone by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until the log is as it should be, and gives it. The log is read by another thread, so a
    /// line may come a moment after the answer that it is about.
    pub(crate) fn log_when(&self, as_it_should_be: impl Fn(&str) -> bool) -> String {
        let lines = self.log.lines.lock().unwrap();
        let not_yet = |lines: &mut Vec<String>| !as_it_should_be(&lines.join("\n"));
        let (lines, timeout) = self.log.more.wait_timeout_while(lines, PATIENCE, not_yet).unwrap();
        assert!(!timeout.timed_out(), "{}", lines.join("\n"));
        lines.join("\n")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.outer)
    }

    /// A request without credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Posts a logout token as providers do.
    pub(crate) async fn logout(&self, token: &str) -> Answer {
        self.logout_at("/backchannel-logout", token).await
    }

    pub(crate) async fn logout_at(&self, path: &str, token: &str) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("logout_token", token)
            .finish();
        self.post_form(path, form).await
    }

    pub(crate) async fn post_form(&self, path: &str, form: String) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Answer::of(request.body(form)).await
    }

    /// Calls a JSON route with the key of the tests.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.call_as(API_KEY, method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Answer {
        let request = self.request(method, path).bearer_auth(key);
        Answer::of(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// Posts to a JSON route and expects it to go well.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.call(Method::POST, path, body).await;
        assert!((200..300).contains(&answer.status), "{path} {answer:?}");
        answer.json()
    }

    /// What the operators' listener says.
    pub(crate) async fn operators(&self, path: &str) -> Answer {
        Answer::of(self.client.get(format!("http://{}{path}", self.operators))).await
    }

    /// The value of one counter or gauge of `/metrics`, 0 if it is not there.
    pub(crate) async fn count(&self, sample: &str) -> u64 {
        let text = self.operators("/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }
}

impl Log {
    fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, body: answer.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[expect(clippy::disallowed_methods, reason = "a test sends what our own client would not")]
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// The addresses in the log line that says the service is ready.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| line.get(name)?.as_str()?.parse().ok();
    (line.get("message")? == "ready").then_some(())?;
    Some((address("listen")?, address("metrics_listen")?))
}
