//! Keys of the contract that this version does not serve. Silence would look like service.

/// Section (empty for the whole file), key, and what to do. Whoever serves one deletes its row.
const UNSERVED: [(&str, &str, &str); 1] = [(
    "provider",
    "recheck",
    "remove it; this version ends tokens when the provider sends a logout, and not otherwise",
)];

/// What to do about a key that is known and not served.
pub(super) fn advice(section: &str, key: &str) -> Option<&'static str> {
    let mut rows = UNSERVED.into_iter();
    rows.find(|row| (row.0, row.1) == (section, key)).map(|(.., advice)| advice)
}
