//! Metrics, and what `deploy/` makes of them: rules, alerts and a dashboard, each with the real tools.

mod dashboard;
mod exposition;
mod prometheus;
mod promtool;
mod query;
mod reference;
mod rules;
mod stage;

use exposition::Exposition;
use promtool::promtool;
use stage::Stage;

/// What promtool knows of good names, types and help texts.
#[tokio::test]
async fn the_metrics_are_well_formed() {
    let stage = Stage::start().await;
    stage.one_of_each().await;
    promtool(&["check", "metrics"], &stage.metrics().await);
}

/// An increase is only seen from a value that was there before.
#[tokio::test]
async fn series_that_alerts_look_at_start_at_zero() {
    let stage = Stage::start().await;
    let metrics = stage.metrics().await;
    for series in [
        "signout_logout_tokens_total{outcome=\"applied\",provider=\"home\",reason=\"none\"} 0",
        "signout_logout_tokens_total{outcome=\"unavailable\",provider=\"home\",reason=\"not_durable\"} 0",
        "signout_logout_request_seconds_count{outcome=\"applied\"} 0",
        "signout_checks_total{surface=\"forward_auth\",verdict=\"revoked\"} 0",
        "signout_stale_answers_total{policy=\"allow\"} 0",
        "signout_revocations_total{source=\"admin\",target=\"session\"} 0",
        "signout_feed_resets_total{reason=\"lagged\"} 0",
        "signout_journal_up 1",
    ] {
        assert!(metrics.lines().any(|line| line == series), "no {series} in\n{metrics}");
    }
}

#[test]
fn an_exposition_is_read_family_by_family() {
    let text = "# HELP a_seconds How long.\n# TYPE a_seconds histogram\n\
                a_seconds_bucket{kind=\"x\",le=\"0.5\"} 1\na_seconds_bucket{kind=\"x\",le=\"+Inf\"} 1\n\
                a_seconds_sum{kind=\"x\"} 0.1\na_seconds_count{kind=\"x\"} 1\n\
                # HELP b Level.\n# TYPE b gauge\nb +Inf\n";
    let exposed = Exposition::parse(text);
    let family = &exposed.0["a_seconds"];
    assert_eq!((family.kind.as_str(), family.help.as_str()), ("histogram", "How long."));
    assert_eq!(family.buckets, ["0.5", "+Inf"]);
    let labels =
        |sample| exposed.labels_of(sample).map(|labels| labels.into_iter().collect::<Vec<_>>());
    assert_eq!(labels("a_seconds_bucket").unwrap(), ["kind", "le"]);
    assert_eq!(labels("a_seconds_sum").unwrap(), ["kind"]);
    assert_eq!(labels("b"), Some(vec![]));
    assert_eq!(labels("a_seconds"), None, "a histogram has no sample of its own name");
}
