//! A real Prometheus with the configuration of `deploy/prometheus`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{client, ports, until};

/// Killed when it goes away.
pub(super) struct Prometheus {
    child: Child,
    port: u16,
    folder: TempDir,
    client: reqwest::Client,
}

impl Prometheus {
    /// Scrapes one instance, and often. Returns when it was scraped and the rules were evaluated.
    pub(super) async fn watching(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in ["signout.rules.yml", "signout.alerts.yml"] {
            fs::copy(configuration(file), folder.path().join(file)).unwrap();
        }
        let written = fs::read_to_string(configuration("prometheus.yml")).unwrap();
        let changed = written.replace("15s", "1s").replace("127.0.0.1:9464", &target.to_string());
        assert!(changed.contains("1s") && changed.contains(&target.to_string()), "{changed}");
        fs::write(folder.path().join("prometheus.yml"), changed).unwrap();
        let port = ports::free();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("no prometheus ({error}): run make test-setup"));
        let prometheus = Self { child, port, folder, client: client() };
        until(&format!("Prometheus scrapes: {}", prometheus.log()), async || {
            let scraped = prometheus.has_data("up == 1 and on (job) signout_build_info").await;
            scraped && prometheus.has_evaluated().await
        })
        .await;
        prometheus
    }

    async fn has_evaluated(&self) -> bool {
        let Ok(rules) = self.ask("rules", &[]).await else { return false };
        let groups = rules["groups"].as_array().unwrap().iter();
        let mut rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        rules.all(|rule| rule["health"] != "unknown")
    }

    /// Asks its HTTP API, and gives `data`, or the error that it tells.
    pub(super) async fn ask(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, String> {
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let url = format!("http://127.0.0.1:{}/api/v1/{path}?{query}", self.port);
        let answer = self.client.get(url).send().await.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"].clone()),
            _ => Err(answer["error"].to_string()),
        }
    }

    /// Whether the query gives at least one number. A quantile of nothing gives none.
    pub(super) async fn has_data(&self, query: &str) -> bool {
        let data = self.ask("query", &[("query", query)]).await;
        let is_number = |series: &Value| series["value"][1].as_str().is_some_and(|v| v != "NaN");
        data.is_ok_and(|data| {
            data["result"].as_array().is_some_and(|all| all.iter().any(is_number))
        })
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn configuration(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus").join(file)
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
