//! "Did you mean": the known word that is nearest to a mistyped one.

/// The nearest candidate, unless more than half of it would have to be changed.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let distance = |candidate: &&str| strsim::damerau_levenshtein(word, candidate);
    candidates
        .into_iter()
        .map(|candidate| (distance(&candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| distance * 2 <= candidate.len().max(word.len()))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_was_meant_and_nothing_far_fetched() {
        let known = ["listen", "metrics_listen", "max_body_bytes"];
        assert_eq!(nearest("lisen", known), Some("listen"));
        assert_eq!(nearest("max_body_size", known), Some("max_body_bytes"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("listen", []), None);
    }
}
