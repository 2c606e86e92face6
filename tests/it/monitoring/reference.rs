//! `docs/reference/metrics.md`, written from what a live instance exposes.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::architecture::sources;

use super::exposition::{Exposition, Family};
use super::stage::Stage;

const FILE: &str = "docs/reference/metrics.md";
const HEAD: &str = "# Metrics

Written from a live instance, with the help texts of the code: `BLESS=1 cargo test --test it metrics_md`.

`GET /metrics` on `server.metrics_listen` (127.0.0.1:9464 by default) has the text that Prometheus scrapes. Labels come
from closed sets and from configured names; there is no user, session, token or address among them. `provider` is the
`name` of a `[[provider]]`, or `none` for a token that leads to none of them. Series start at zero, so that a rate
sees the first event, but for the reasons of refused tokens and requests: those appear with the first one.

Without `[redis]` there are no `signout_redis_*`, no `signout_replication_*` and no `signout_checker_staleness_seconds`.
What to make of the numbers: [rules and alerts](../../deploy/prometheus), [dashboard](../../deploy/grafana).
";

/// `BLESS=1 cargo test --test it metrics_md` writes it anew.
#[tokio::test]
async fn metrics_md_is_current() {
    let stage = Stage::start().await;
    stage.one_of_each().await;
    let current = page(&Exposition::parse(&stage.metrics().await));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if env::var_os("BLESS").is_some() {
        fs::write(&file, &current).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == current,
        "{FILE} has drifted; run BLESS=1 cargo test --test it metrics_md"
    );
}

/// A metric without a series is not exposed, and would be missing without anybody noticing.
#[test]
fn metrics_md_has_every_metric_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join(FILE)).unwrap();
    let mut known = 0;
    for source in sources("src") {
        for (at, quote) in source.code.match_indices("\"signout_") {
            let name = source.code[at..].split('"').nth(1).unwrap_or(quote);
            assert!(page.contains(&format!("| `{name}` |")), "{name} of {}", source.path);
            known += 1;
        }
    }
    assert!(known > 20, "{known}");
}

fn page(exposed: &Exposition) -> String {
    let mut page = HEAD.to_owned();
    let of =
        |prefix: &'static str| exposed.0.iter().filter(move |(name, _)| name.starts_with(prefix));
    families(&mut page, "The service", of("signout_"));
    page += "\n## Buckets\n\nUpper bounds of the histograms, in seconds; `+Inf` follows.\n\n";
    page += "| histogram | bounds |\n|---|---|\n";
    for (name, family) in of("signout_").filter(|(_, family)| !family.buckets.is_empty()) {
        let (_infinity, bounds) = family.buckets.split_last().unwrap();
        writeln!(page, "| `{name}` | {} |", bounds.join(", ")).unwrap();
    }
    families(&mut page, "The process", of("process_"));
    page
}

fn families<'e>(
    page: &mut String,
    title: &str,
    families: impl Iterator<Item = (&'e String, &'e Family)>,
) {
    write!(page, "\n## {title}\n\n| metric | type | labels | what it says |\n|---|---|---|---|\n")
        .unwrap();
    for (name, Family { kind, help, labels, .. }) in families {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
}
