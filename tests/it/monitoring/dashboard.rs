//! `deploy/grafana`, asked panel by panel.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::exposition::Exposition;
use super::prometheus::Prometheus;
use super::rules::exists;
use super::stage::Stage;
use crate::harness::{now, until};

/// Panels that are empty on a good day, and why. They show what is above zero: without that condition
/// they, too, have to show something.
const RIGHTLY_EMPTY: [(&str, &str); 2] = [
    ("Errors and losses", "nothing fails, and Redis loses nothing"),
    ("Reading the keys", "they were read once, before Prometheus looked for the first time"),
];

/// `BLESS=1 cargo test --test it signout_json` writes it anew.
#[test]
fn signout_json_is_what_dashboard_py_prints() {
    let folder = folder();
    let printed = Command::new("python3").arg(folder.join("dashboard.py")).output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let current = String::from_utf8(printed.stdout).unwrap();
    let file = folder.join("signout.json");
    if env::var_os("BLESS").is_some() {
        fs::write(&file, &current).unwrap();
    }
    assert!(
        fs::read_to_string(file).unwrap_or_default() == current,
        "signout.json has drifted; run BLESS=1 cargo test --test it signout_json"
    );
}

#[test]
fn every_panel_has_a_place_a_description_and_a_runbook() {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "signout");
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another one's");
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title} is beyond the edge");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{title} lies on another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let description = panel["description"].as_str().unwrap();
        assert!(description.len() > 5 && description.ends_with('.'), "{title}: {description}");
        let link = panel["links"][0]["url"].as_str().unwrap();
        let page = link.strip_prefix("${runbooks}/").unwrap();
        let runbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
        assert!(runbooks.join(page).exists(), "{title}: no {page}");
    }
}

/// A real Prometheus, a real instance with a real Redis, and every query of every panel.
///
/// With `RENDER=<file>` it goes on for a while and leaves what the panels would show there.
#[tokio::test(flavor = "multi_thread")]
async fn every_panel_shows_something() {
    let stage = Stage::start().await;
    let prometheus = Prometheus::watching(stage.service.operators).await;
    let began = now();
    // A rate takes two scrapes, and something between them. None of the queries may stay empty.
    for _ in 0..20 {
        stage.one_of_each().await;
    }
    let exposed = Exposition::parse(&stage.metrics().await);
    let dashboard = dashboard();
    let panels: Vec<_> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|panel| panel["type"] != "row")
        .collect();
    assert!(panels.len() > 20);
    for panel in &panels {
        let title = panel["title"].as_str().unwrap();
        for query in queries(panel) {
            exists(&query, &exposed).unwrap_or_else(|error| panic!("{title}: {error}"));
            let parsed = prometheus.ask("format_query", &[("query", &query)]).await;
            parsed.unwrap_or_else(|error| panic!("{title}: {query}: {error}"));
            let is_quiet = RIGHTLY_EMPTY.iter().any(|(quiet, _why)| *quiet == title);
            let query = if is_quiet { query.strip_suffix(" > 0").unwrap() } else { &*query };
            until(&format!("{title} shows something: {query}"), async || {
                stage.one_of_each().await;
                prometheus.has_data(query).await
            })
            .await;
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let Some(query) = variable["definition"].as_str() else { continue };
        let inner = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
        let (selector, label) = inner.rsplit_once(", ").unwrap();
        let query = format!("count by ({label}) ({})", with_variables(selector));
        exists(&query, &exposed).unwrap();
        assert!(prometheus.has_data(&format!("{query} > 0")).await, "{query}");
    }
    if let Some(file) = env::var_os("RENDER") {
        keep_on(&stage).await;
        let shown = shown(&prometheus, &panels, began).await;
        fs::write(file, shown.to_string()).unwrap();
    }
}

/// The figure that is looked at first is no longer zero when nobody is there to refuse anything.
#[tokio::test]
async fn the_first_figure_notices_that_the_instance_is_gone() {
    let mut stage = Stage::start().await;
    let prometheus = Prometheus::watching(stage.service.operators).await;
    let dashboard = dashboard();
    let first =
        dashboard["panels"].as_array().unwrap().iter().find(|panel| panel["type"] == "stat");
    let [faults] = &queries(first.unwrap())[..] else { panic!("one figure, one query") };
    until("all is well", async || prometheus.has_data(&format!("({faults}) == 0")).await).await;
    stage.service.kill();
    until("it is noticed", async || prometheus.has_data(&format!("({faults}) > 0")).await).await;
}

/// Some minutes of a day, with busy and quiet ones.
async fn keep_on(stage: &Stage) {
    let bursts = [1, 2, 4, 7, 11, 7, 4, 3, 2, 1];
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for second in 0_usize..100 {
        for _ in 0..bursts[second / 4 % bursts.len()] {
            stage.one_of_each().await;
        }
        seconds.tick().await;
    }
}

/// By the panels' ids, for each query its legend and what Prometheus says of the time since.
async fn shown(prometheus: &Prometheus, panels: &[&Value], began: u64) -> Value {
    let (start, end) = (began.to_string(), now().to_string());
    let mut shown = Map::new();
    for panel in panels {
        let mut all = Vec::new();
        for (query, target) in queries(panel).iter().zip(panel["targets"].as_array().unwrap()) {
            let parameters = [("query", &**query), ("start", &start), ("end", &end), ("step", "1")];
            let data = prometheus.ask("query_range", &parameters).await.unwrap();
            all.push(json!({ "legend": target["legendFormat"], "result": data["result"] }));
        }
        shown.insert(panel["id"].to_string(), all.into());
    }
    shown.into()
}

fn queries(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().unwrap().iter();
    targets.map(|target| with_variables(target["expr"].as_str().unwrap())).collect()
}

/// As Grafana asks, with everything chosen and a scrape each second.
fn with_variables(query: &str) -> String {
    let query = ["job", "instance", "provider"]
        .iter()
        .fold(query.to_owned(), |query, name| query.replace(&format!("\"${name}\""), "\".*\""));
    let query = query.replace("$__rate_interval", "5s").replace("$__range", "5m");
    assert!(!query.contains('$'), "an unknown variable: {query}");
    query
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join("signout.json")).unwrap()).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana")
}
