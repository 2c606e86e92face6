//! `deploy/docker`, `deploy/compose` and `deploy/kubernetes`, as far as no container has to run for it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use crate::harness::{Op, Service, ports};

#[test]
fn hadolint_has_nothing_against_the_dockerfile() {
    run(Command::new(packaged("hadolint")).arg(deploy("docker/Dockerfile")));
}

/// What the image sets, with other addresses and paths: the service starts, and is well.
#[tokio::test]
async fn the_image_sets_what_the_service_needs() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let config = folder.path().join("signout.toml");
    fs::write(&config, op.settings()).unwrap();
    let dockerfile = read("docker/Dockerfile");
    let variables: Vec<_> = dockerfile
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| name.starts_with("SIGNOUT_"))
        .collect();
    assert_eq!(variables.len(), 4, "{variables:?}");
    let metrics = format!("127.0.0.1:{}", ports::free());
    let mut commands = [Service::command(), Service::command()];
    for (name, value) in variables {
        let here = match value {
            "/etc/signout/signout.toml" => config.to_str().unwrap().to_owned(),
            "/var/lib/signout/signout.redb" => {
                folder.path().join("journal").to_str().unwrap().to_owned()
            }
            "0.0.0.0:8080" => "127.0.0.1:0".to_owned(),
            "0.0.0.0:9464" => metrics.clone(),
            other => panic!("{name}={other} is new"),
        };
        for command in &mut commands {
            command.env(name, &here);
        }
    }
    let [serve, healthcheck] = &mut commands;
    assert!(dockerfile.contains("ENTRYPOINT [\"/usr/local/bin/signout\"]\nCMD [\"serve\"]\n"));
    let mut service = Service::spawn(serve.arg("serve"));
    assert!(dockerfile.contains("CMD [\"/usr/local/bin/signout\", \"healthcheck\"]\n"));
    assert!(run(healthcheck.arg("healthcheck")).starts_with("ok"));
    service.terminate();
    assert!(!healthcheck.output().unwrap().status.success(), "it is gone");
}

#[test]
fn the_compose_file_is_one() {
    let file = deploy("compose/compose.yaml");
    run(Command::new(packaged("check-jsonschema"))
        .args(["--builtin-schema", "vendor.compose-spec"])
        .arg(&file));
    // What it mounts is there.
    let folder = deploy("compose");
    let text = fs::read_to_string(file).unwrap();
    let mounts = text.lines().filter_map(|line| line.trim().strip_prefix("- ."));
    let mounts: Vec<_> = mounts.filter_map(|mount| mount.split(':').next()).collect();
    assert!(mounts.len() >= 5, "{mounts:?}");
    for mount in mounts {
        assert!(folder.join(format!(".{mount}")).exists(), ".{mount}");
    }
}

#[test]
fn the_example_configurations_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "an-api-key-for-tests-only").unwrap();
    for (file, place) in [
        ("compose/signout.toml", "/run/secrets/orders-api.key"),
        ("kubernetes/base/signout.toml", "/run/secrets/signout/orders-api.key"),
    ] {
        let text = read(file);
        assert!(text.contains(place), "{file}");
        let config = folder.path().join("signout.toml");
        fs::write(&config, text.replace(place, key.to_str().unwrap())).unwrap();
        run(Service::command().args(["check-config", "--config"]).arg(config));
    }
}

/// Built by kustomize, each resource held against the schema of its kind. Those of the Prometheus
/// Operator have none there.
#[test]
fn kubernetes_knows_what_the_overlays_say() {
    let folder = tempfile::tempdir().unwrap();
    for (overlay, resources, without_schema) in [("single", 5, 0), ("ha", 9, 2)] {
        let path = deploy("kubernetes/overlays").join(overlay);
        let built = run(Command::new("kubectl").arg("kustomize").arg(path));
        assert_eq!(built.matches("\nkind: ").count(), resources, "{built}");
        let file = folder.path().join(format!("{overlay}.yaml"));
        fs::write(&file, &built).unwrap();
        let judged = run(Command::new(packaged("kubernetes-validate")).arg("--strict").arg(file));
        assert_eq!(judged.matches(" passed ").count(), resources - without_schema, "{judged}");
        assert_eq!(judged.matches("Couldn't find schema").count(), without_schema, "{judged}");
        // An empty one would be about whatever else runs in the namespace.
        assert!(!built.contains("elector: {}"), "{built}");
    }
}

/// `BLESS=1 cargo test --test it prometheusrule` writes it anew.
#[test]
fn the_prometheusrule_has_the_rules_of_prometheus() {
    let mut current = "# Made of deploy/prometheus; BLESS=1 cargo test --test it prometheusrule writes it anew.\n\
                       apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: signout\n\
                       spec:\n  groups:\n"
        .to_owned();
    for file in ["prometheus/signout.rules.yml", "prometheus/signout.alerts.yml"] {
        let text = read(file);
        let (_, groups) = text.split_once("\ngroups:\n").unwrap();
        for line in groups.lines() {
            let indent = if line.is_empty() { "" } else { "  " };
            writeln!(current, "{indent}{line}").unwrap();
        }
    }
    let file = "kubernetes/components/prometheus-operator/prometheusrule.yaml";
    if env::var_os("BLESS").is_some() {
        fs::write(deploy(file), &current).unwrap();
    }
    assert!(
        read(file) == current,
        "{file} has drifted; BLESS=1 cargo test --test it prometheusrule"
    );
}

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(deploy(file)).unwrap()
}

/// Installed below target/, by the Makefile.
fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin").join(name)
}

/// Gives what it said, if it is content.
#[track_caller]
fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} ({error}): run make test-setup"));
    let said = [stdout, stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(status.success(), "{command:?}:\n{said}");
    said
}
