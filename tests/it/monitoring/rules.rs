//! `deploy/prometheus` and `docs/runbooks`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::exposition::Exposition;
use super::prometheus::Prometheus;
use super::promtool::promtool;
use super::query::Named;
use super::stage::Stage;

const RULES: [&str; 2] = ["signout.rules.yml", "signout.alerts.yml"];
const TESTS: [&str; 2] = ["tests/minutes.yml", "tests/seconds.yml"];

#[test]
fn promtool_takes_the_configuration() {
    promtool(&["check", "config", "--lint-fatal", "prometheus.yml"], "");
    promtool(&["check", "rules", "--lint-fatal", RULES[0], RULES[1]], "");
}

/// Those tests say what every alert tells, and when it keeps quiet.
#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    promtool(&["test", "rules", TESTS[0], TESTS[1]], "");
    let tests = TESTS.map(|file| read(&deploy(file))).concat();
    for alert in alerts() {
        let (mut fires, mut keeps_quiet) = (false, false);
        for case in tests.split("alertname: ").skip(1) {
            if case.starts_with(|c: char| c.is_ascii_alphabetic())
                && case.split([',', '\n']).next() == Some(&alert)
            {
                let expected = case.split_once("exp_alerts:").unwrap().1;
                if expected.starts_with(" []") { keeps_quiet = true } else { fires = true }
            }
        }
        assert!(fires, "no test has {alert} fire");
        assert!(keeps_quiet, "no test has {alert} keep quiet");
    }
}

#[test]
fn every_alert_has_a_runbook_that_names_it() {
    let text = read(&deploy(RULES[1]));
    let mut pages = BTreeSet::new();
    for block in text.split("- alert: ").skip(1) {
        let alert = block.lines().next().unwrap();
        let link = block.split_once("runbook_url: ").unwrap().1.lines().next().unwrap();
        let path = link.strip_prefix(concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/")).unwrap();
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let runbook = read(&page);
        assert!(runbook.contains(&format!("`{alert}`")), "{link} does not name {alert}");
        assert!(runbook.contains("\n## Look\n") && runbook.contains("\n## Mend\n"), "{link}");
        pages.insert(page);
    }
    for page in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks")).unwrap() {
        let page = page.unwrap().path();
        assert!(pages.contains(&page), "no alert leads to {}", page.display());
    }
}

/// A rule about a metric that was renamed would never fire, and nobody would notice.
#[tokio::test]
async fn rules_ask_for_metrics_and_labels_that_there_are() {
    let stage = Stage::start().await;
    stage.one_of_each().await;
    let prometheus = Prometheus::watching(stage.service.operators).await;
    let exposed = Exposition::parse(&stage.metrics().await);
    let rules = prometheus.ask("rules", &[]).await.unwrap();
    let mut seen = 0;
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let (name, query) = (rule["name"].as_str().unwrap(), rule["query"].as_str().unwrap());
            assert_eq!(rule["health"], "ok", "{name}: {rule}");
            exists(query, &exposed).unwrap_or_else(|error| panic!("{name}: {error}"));
            seen += 1;
        }
    }
    assert_eq!(seen, recorded().len() + alerts().len());
}

/// Whether everything that a query names is exposed or recorded.
pub(super) fn exists(query: &str, exposed: &Exposition) -> Result<(), String> {
    let named = Named::of(query);
    let mut known = BTreeSet::from(["job", "instance"]);
    for (metric, matched) in &named.metrics {
        let labels = if recorded().contains(metric) || metric == "up" {
            // What is left of the labels is in front of its name.
            metric.split(':').next().unwrap_or_default().split('_').collect()
        } else {
            exposed.labels_of(metric).ok_or_else(|| format!("no {metric} in /metrics"))?
        };
        for label in matched {
            let is_there =
                labels.contains(label.as_str()) || ["job", "instance"].contains(&&**label);
            is_there.then_some(()).ok_or_else(|| format!("{metric} has no label {label}"))?;
        }
        known.extend(labels);
    }
    match named.groups.iter().find(|label| !known.contains(label.as_str())) {
        Some(label) => Err(format!("no metric of the query has the label {label}: {query}")),
        None if named.metrics.is_empty() => Err(format!("names no metric: {query}")),
        None => Ok(()),
    }
}

#[test]
fn a_metric_or_label_that_is_not_there_is_noticed() {
    let exposed = Exposition::parse("# TYPE a_total counter\na_total{kind=\"x\"} 1\n");
    assert_eq!(exists("sum by (job, kind) (rate(a_total{kind=\"y\"}[5m]))", &exposed), Ok(()));
    assert!(exists("rate(b_total[5m])", &exposed).is_err());
    assert!(exists("a_total{sort=\"x\"}", &exposed).is_err());
    assert!(exists("sum by (sort) (a_total)", &exposed).is_err());
}

fn alerts() -> Vec<String> {
    named("- alert: ", RULES[1])
}

fn recorded() -> Vec<String> {
    named("- record: ", RULES[0])
}

fn named(mark: &str, file: &str) -> Vec<String> {
    let text = read(&deploy(file));
    let names: Vec<_> =
        text.lines().filter_map(|l| l.trim().strip_prefix(mark)).map(str::to_owned).collect();
    assert!(!names.is_empty(), "{file} has none");
    names
}

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus").join(file)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
