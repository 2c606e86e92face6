use super::*;

/// Secrets have a key for their file that is no row of its own.
const FILE_KEYS: [&str; 4] =
    ["client_secret_file", "key_file", "password_file", "sentinel_password_file"];

const EXAMPLE: &str = include_str!("../../../signout.example.toml");

#[test]
fn the_example_loads() {
    let loaded = Settings::from_toml(EXAMPLE).unwrap();
    assert_eq!((loaded.settings.providers.len(), loaded.settings.api_keys.len()), (1, 1));
    assert_eq!(loaded.warnings, []);
}

/// The example with everything in it that may be left out.
fn whole() -> String {
    let mut whole = EXAMPLE.to_owned();
    for line in ["[redis]", "urls = [\"redis://127.0.0.1:6379\"]"] {
        let commented = format!("\n#{line}\n");
        assert!(whole.contains(&commented), "{line}");
        whole = whole.replace(&commented, &format!("\n{line}\n"));
    }
    whole
}

/// Lines of the example that set a key, or would without their `#`.
fn settings() -> impl Iterator<Item = &'static str> {
    EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(" = "))
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let effective = Settings::from_toml(&whole()).unwrap().effective;
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
    let effective = Settings::from_toml(&whole()).unwrap().effective;
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
    for word in
        words::<Profile>().chain(words::<Scope>()).chain(words::<RevokeOffline>()).chain(redis)
    {
        assert!(EXAMPLE.contains(word), "{word}");
    }
}
