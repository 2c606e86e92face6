use super::*;

const EXAMPLE: &str = include_str!("../../../signout.example.toml");

#[test]
fn the_example_loads() {
    let loaded = Settings::from_toml(EXAMPLE).unwrap();
    assert_eq!((loaded.settings.providers.len(), loaded.settings.api_keys.len()), (1, 1));
    assert_eq!(loaded.warnings, []);
}

/// The example with the sections whose absence means something.
fn with_all_sections() -> String {
    ["[redis]", "urls = ", "[provider.revocation]", "client_id = "]
        .iter()
        .fold(EXAMPLE.to_owned(), |text, line| {
            text.replace(&format!("\n#{line}"), &format!("\n{line}"))
        })
}

/// Keys that name the file of a secret, and are not shown by themselves.
const FILE_KEYS: [&str; 4] =
    ["client_secret_file", "key_file", "password_file", "sentinel_password_file"];

/// Lines of the example that set a key, or would without their `#`.
fn settings() -> impl Iterator<Item = &'static str> {
    EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(" = "))
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let effective = Settings::from_toml(&with_all_sections()).unwrap().effective;
    for row in effective.rows() {
        let written: Vec<_> =
            settings().filter(|line| line.split(' ').next() == Some(row.key)).collect();
        assert!(!written.is_empty(), "{} is not in the example", row.key);
        if row.source == Source::Default && row.value != Shown::Unset {
            let default = format!("{} = {}", row.key, row.value);
            assert!(written.contains(&default.as_str()), "{default} instead of {written:?}");
        }
    }
    for file_key in FILE_KEYS {
        assert!(settings().any(|line| line.starts_with(file_key)), "{file_key}");
    }
}

#[test]
fn the_example_has_no_other_key() {
    let effective = Settings::from_toml(&with_all_sections()).unwrap().effective;
    for line in settings() {
        let key = line.split(' ').next().unwrap_or_default();
        let known = effective.rows().iter().any(|row| row.key == key);
        assert!(known || FILE_KEYS.contains(&key), "{line}");
    }
}

#[test]
fn the_example_names_every_profile_and_scope() {
    use crate::settings::choice::Choice;
    use crate::settings::redis::{AcknowledgeBy, Mode};

    fn words<C: Choice>() -> impl Iterator<Item = &'static str> {
        C::ALL.iter().map(|choice| choice.as_str())
    }
    let redis = words::<Mode>().chain(words::<AcknowledgeBy>());
    let others = words::<ClientAuth>()
        .chain(words::<Profile>())
        .chain(words::<Scope>())
        .chain(words::<RevokeOffline>());
    for word in others.chain(redis) {
        assert!(EXAMPLE.contains(word), "{word}");
    }
}
