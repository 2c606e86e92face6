//! One `signout serve` with a journal of its own: killed, frozen, started again, lost.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::harness::{API_KEY, Service, client};

/// Whoever gets no answer for so long takes it that there is none.
const IMPATIENCE: Duration = Duration::from_secs(3);
/// Questions of one request; what `/v1/check` takes at most.
const AT_ONCE: usize = 1_000;

const STALENESS: &str = "signout_checker_staleness_seconds";

pub(super) struct Instance {
    /// Its place among the others.
    pub(super) number: usize,
    settings: String,
    environment: Vec<(&'static str, String)>,
    /// In another network namespace, for instance.
    launcher: Vec<String>,
    host: Mutex<Host>,
    door: RwLock<Option<Door>>,
}

/// What it has on its host.
struct Host {
    folder: TempDir,
    service: Option<Service>,
    /// What earlier processes logged.
    logged: String,
}

/// Where a running process is asked.
#[derive(Clone)]
pub(super) struct Door {
    outer: SocketAddr,
    operators: SocketAddr,
    client: reqwest::Client,
}

impl Instance {
    /// An instance that is not running yet. `settings` are its providers and its `[redis]`.
    pub(super) fn new(number: usize, settings: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The log of a request costs more than the request.
        let log = "info,signout::access=warn,signout::http=warn".to_owned();
        Self {
            number,
            settings,
            environment: vec![("SIGNOUT_LOG", log)],
            launcher: Vec::new(),
            host: Mutex::new(Host { folder, service: None, logged: String::new() }),
            door: RwLock::new(None),
        }
    }

    /// To be started by this command, which takes the program and its arguments.
    pub(super) fn launched_by(mut self, launcher: &[&str], listen: &str) -> Self {
        self.launcher = launcher.iter().map(|&word| word.to_owned()).collect();
        self.environment.push(("SIGNOUT_SERVER__LISTEN", listen.to_owned()));
        self.environment.push(("SIGNOUT_SERVER__METRICS_LISTEN", listen.to_owned()));
        self
    }

    pub(super) fn started(number: usize, settings: String) -> Self {
        let instance = Self::new(number, settings);
        instance.start();
        instance
    }

    /// Starts it on its journal, and waits until it is ready. Blocks.
    pub(super) fn start(&self) {
        let mut host = self.host();
        let config = Service::configure(host.folder.path(), &self.settings);
        let binary = Service::command();
        let mut command = match self.launcher.split_first() {
            None => binary,
            Some((launcher, arguments)) => {
                let mut command = Command::new(launcher);
                command.args(arguments).arg(binary.get_program());
                command
            }
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let service = Service::spawn(command.arg("serve").arg("--config").arg(config));
        let door = Door { outer: service.outer, operators: service.operators, client: client() };
        host.service = Some(service);
        *self.door.write().unwrap() = Some(door);
    }

    /// kill -9, and waits until it is gone.
    pub(super) fn kill(&self) {
        *self.door.write().unwrap() = None;
        let mut host = self.host();
        if let Some(mut service) = host.service.take() {
            service.kill();
            let log = service.log();
            host.logged.push_str(&log);
            host.logged.push_str("\n-- killed\n");
        }
    }

    /// SIGSTOP or SIGCONT.
    pub(super) fn signal(&self, name: &str) {
        if let Some(service) = &self.host().service {
            service.signal(name);
        }
    }

    /// Its host burns down: the process and the journal are gone for good.
    pub(super) fn lose(&self) {
        self.kill();
        self.host().folder = tempfile::tempdir().unwrap();
    }

    /// The door, while it runs.
    pub(super) fn door(&self) -> Option<Door> {
        self.door.read().unwrap().clone()
    }

    /// Everything that all its processes logged.
    pub(super) fn log(&self) -> String {
        let host = self.host();
        let now = host.service.as_ref().map(Service::log).unwrap_or_default();
        format!("{}{now}", host.logged)
    }

    fn host(&self) -> std::sync::MutexGuard<'_, Host> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Door {
    /// The status of a logout; nothing if no whole answer came.
    pub(super) async fn logout(&self, token: &str) -> Option<u16> {
        let request = self.client.post(format!("http://{}/backchannel-logout", self.outer));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(format!("logout_token={token}"))).await.map(|(status, _)| status)
    }

    /// The status of a registration, and what became of each token.
    pub(super) async fn register(&self, tokens: &[Value]) -> Option<(u16, Vec<String>)> {
        let (status, body) = self.call("/v1/tokens", &json!(tokens)).await?;
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let results = body.as_array().into_iter().flatten();
        let told = results.map(|result| result["status"].as_str().unwrap_or("?").to_owned());
        Some((status, told.collect()))
    }

    /// A verdict for each question; nothing if no whole answer came to one of them.
    pub(super) async fn check(&self, questions: &[Value]) -> Option<Vec<Value>> {
        let mut verdicts = Vec::with_capacity(questions.len());
        for questions in questions.chunks(AT_ONCE) {
            let (status, body) = self.call("/v1/check", &json!(questions)).await?;
            assert_eq!(status, 200, "{body}");
            let body: Value = serde_json::from_str(&body).unwrap();
            verdicts.extend(body.as_array().unwrap().iter().cloned());
        }
        Some(verdicts)
    }

    pub(super) async fn operators(&self, path: &str) -> Option<String> {
        read(self.client.get(format!("http://{}{path}", self.operators)))
            .await
            .map(|(_, text)| text)
    }

    /// The sum of all samples of `/metrics` that begin like this, which are whole numbers.
    pub(super) async fn count(&self, sample: &str) -> Option<u64> {
        let text = self.operators("/metrics").await?;
        let values = text.lines().filter(|line| line.starts_with(sample));
        Some(values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// How much it may have missed, as it says twice a second.
    pub(super) async fn staleness(&self) -> Option<Duration> {
        let text = self.operators("/metrics").await?;
        let mut values = text.lines().filter_map(|line| line.strip_prefix(STALENESS));
        Duration::try_from_secs_f64(values.next()?.trim().parse().ok()?).ok()
    }

    async fn call(&self, path: &str, body: &Value) -> Option<(u16, String)> {
        let request = self.client.request(Method::POST, format!("http://{}{path}", self.outer));
        let request = request.bearer_auth(API_KEY).header("content-type", "application/json");
        read(request.body(body.to_string())).await
    }
}

async fn read(request: RequestBuilder) -> Option<(u16, String)> {
    let answer = request.timeout(IMPATIENCE).send().await.ok()?;
    let status = answer.status().as_u16();
    // It slept through the request.
    if status == 408 {
        return None;
    }
    Some((status, answer.text().await.ok()?))
}
