//! The contract.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::harness::{API_KEY, Op, Service};

/// `openapi.yaml` is what the mounted routes say. `BLESS=1 cargo test openapi` writes it anew.
#[test]
fn openapi_yaml_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    let printed = Service::command().arg("openapi").output().unwrap();
    assert!(printed.status.success());
    let current = String::from_utf8(printed.stdout).unwrap();
    if env::var_os("BLESS").is_some() {
        fs::write(&file, &current).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == current, "openapi.yaml has drifted; run BLESS=1 cargo test openapi");
}

#[test]
fn every_operation_documents_its_refusals() {
    let document = serde_json::to_value(signout::http::document()).unwrap();
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operations.insert(id.to_owned()), "{id} occurs twice");
            let responses = operation["responses"].as_object().unwrap();
            // Proxies understand few codes, and what they bring has no body.
            let refusals = match path.as_str() {
                "/forward-auth" => ["401", "403", "503"],
                _ => ["400", "413", "503"],
            };
            for status in refusals {
                assert!(responses.contains_key(status), "{method} {path} lacks {status}");
            }
            for (status, response) in responses {
                let description = response["description"].as_str().unwrap_or_default();
                assert!(!description.is_empty(), "{method} {path} {status} says nothing");
            }
        }
    }
    assert!(operations.len() >= 6, "{operations:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            _ => {}
        }
    }
    let document = serde_json::to_value(signout::http::document()).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

/// Sends what the contract allows, and what it does not, to the live service, and holds the answers
/// against the contract. The Makefile installs schemathesis.
#[test]
fn schemathesis_finds_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let service = Service::start(folder.path(), &op.settings());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schemathesis = root.join("target/python/bin/schemathesis");
    assert!(schemathesis.exists(), "schemathesis is missing: run make test-setup");
    let run = Command::new(schemathesis)
        .current_dir(folder.path())
        .args(["--config-file", root.join("tests/schemathesis.toml").to_str().unwrap()])
        .args(["run", root.join("openapi.yaml").to_str().unwrap()])
        .args(["--url", &service.url("")])
        .args(["--header", &format!("Authorization: Bearer {API_KEY}")])
        // It would wait for the end of the stream; tests/it/feed.rs has its answers.
        .args(["--exclude-path", "/v1/feed"])
        .args(["--max-examples", "60", "--seed", "1", "--no-color"])
        // Which issuers are configured is not for the contract to say: 403 and 401 are right answers
        // to a well-formed request.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{report}\n{}", String::from_utf8_lossy(&run.stderr));
    let tested: Value = report.contains("operations").into();
    assert_eq!(tested, true, "{report}");
}
