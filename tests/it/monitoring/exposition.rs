//! The text that Prometheus scrapes.

use std::collections::{BTreeMap, BTreeSet};

/// What is exposed, by the names of the families.
#[derive(Default)]
pub(super) struct Exposition(pub(super) BTreeMap<String, Family>);

/// One metric with all of its series.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    /// Names of labels, without the `le` of histograms.
    pub(super) labels: BTreeSet<String>,
    /// Upper bounds, in the order in which they come.
    pub(super) buckets: Vec<String>,
    /// Names of samples: `_bucket`, `_sum` and `_count` for a histogram.
    samples: BTreeSet<String>,
}

impl Exposition {
    pub(super) fn parse(text: &str) -> Self {
        let mut exposed = Self::default();
        let mut named = "";
        for line in text.lines() {
            // A family is told as a whole, its comments first.
            if let Some((name, help)) = comment(line, "# HELP ") {
                named = name;
                help.clone_into(&mut exposed.family(named).help);
            } else if let Some((name, kind)) = comment(line, "# TYPE ") {
                named = name;
                kind.clone_into(&mut exposed.family(named).kind);
            } else if let Some((series, _value)) = line.rsplit_once(' ') {
                exposed.family(named).add(series);
            }
        }
        exposed
    }

    fn family(&mut self, name: &str) -> &mut Family {
        self.0.entry(name.to_owned()).or_default()
    }

    /// The labels of the family that a sample belongs to, `le` among them for a bucket.
    pub(super) fn labels_of(&self, sample: &str) -> Option<BTreeSet<&str>> {
        let family = self.0.values().find(|family| family.samples.contains(sample))?;
        let mut labels: BTreeSet<_> = family.labels.iter().map(String::as_str).collect();
        labels.extend(sample.ends_with("_bucket").then_some("le"));
        Some(labels)
    }
}

impl Family {
    fn add(&mut self, series: &str) {
        let (sample, labels) = series.split_once('{').unwrap_or((series, ""));
        self.samples.insert(sample.to_owned());
        // No value of ours has a quote, or a comma behind one.
        for (name, value) in labels.split("\",").filter_map(|label| label.split_once("=\"")) {
            let value = value.trim_end_matches(['"', '}']);
            if name != "le" {
                self.labels.insert(name.to_owned());
            } else if !self.buckets.iter().any(|bucket| bucket == value) {
                self.buckets.push(value.to_owned());
            }
        }
    }
}

fn comment<'l>(line: &'l str, start: &str) -> Option<(&'l str, &'l str)> {
    line.strip_prefix(start)?.split_once(' ')
}
