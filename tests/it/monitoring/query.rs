//! Which metrics and labels a query in `PromQL` names. Whether it is one is for Prometheus to say.

use std::collections::BTreeSet;

/// Names in front of a list of labels.
const BEFORE_LABELS: &[&str] = &["by", "on", "without", "ignoring", "group_left", "group_right"];
/// What follows a function, or an aggregation.
const CALLS: &[&str] = &["(", "by ", "by(", "without ", "without("];
const WORDS: &[&str] = &["and", "or", "unless", "offset", "bool", "inf", "nan"];

/// What a query names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Metrics with the labels that are matched.
    pub(super) metrics: Vec<(String, BTreeSet<String>)>,
    /// Labels that are grouped or joined by.
    pub(super) groups: BTreeSet<String>,
}

impl Named {
    pub(super) fn of(query: &str) -> Self {
        let mut named = Self::default();
        let mut rest = query;
        while let Some(first) = rest.chars().next() {
            let (word, behind) = split(rest, |c| is_word(c) || c == ':' || c.is_ascii_digit());
            if word.is_empty() {
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let next = behind.trim_start();
            rest = behind;
            if word.starts_with(|c: char| c.is_ascii_digit()) || WORDS.contains(&word) {
                continue;
            }
            if BEFORE_LABELS.contains(&word) {
                let (list, behind) = split(&next[1..], |c| c != ')');
                named.groups.extend(list.split(',').map(|label| label.trim().to_owned()));
                rest = behind;
            } else if let Some(matchers) = next.strip_prefix('{') {
                let (labels, behind) = labels(matchers);
                named.metrics.push((word.to_owned(), labels));
                rest = behind;
            } else if !CALLS.iter().any(|call| next.starts_with(call)) {
                named.metrics.push((word.to_owned(), BTreeSet::new()));
            }
        }
        named
    }
}

/// The names of `name="value", ...}`, and what follows. No value has a quote within.
fn labels(matchers: &str) -> (BTreeSet<String>, &str) {
    let mut names = BTreeSet::new();
    let mut rest = matchers;
    loop {
        let (_, at) = split(rest, |c| !is_word(c) && c != '}');
        if at.is_empty() || at.starts_with('}') {
            return (names, at);
        }
        let (name, behind) = split(at, is_word);
        names.insert(name.to_owned());
        let value = behind.split_once('"').map_or("", |(_, value)| value);
        rest = value.split_once('"').map_or("", |(_, behind)| behind);
    }
}

fn split(text: &str, goes_on: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !goes_on(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_metrics_and_labels() {
        let query = "sum by (job, le) (rate(a_total{kind=~\"x|y\", job!=\"and(b)\"}[5m])) > 2 * 3600\n\
                     unless on (job) (up == 0 or last_over_time(p99_5m:a:rate5m[1d] offset 1h))";
        let named = Named::of(query);
        let set = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect();
        let metrics = [
            ("a_total".to_owned(), set(&["kind", "job"])),
            ("up".to_owned(), set(&[])),
            ("p99_5m:a:rate5m".to_owned(), set(&[])),
        ];
        assert_eq!(named, Named { metrics: metrics.into(), groups: set(&["job", "le"]) });
    }
}
