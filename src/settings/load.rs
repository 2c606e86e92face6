//! From files and variables to settings.

use std::io;
use std::path::{Path, PathBuf};

use super::api_key::{self, ApiKeySettings};
use super::environment::{Environment, PREFIX};
use super::files::{Contents, Disk, Files};
use super::mistake::Mistake;
use super::nearest::nearest;
use super::provider::{self, ProviderSettings};
use super::report::{Report, Reported};
use super::section::Section;
use super::value::Table;
use super::{
    CheckerSettings, Effective, FeedSettings, ForwardAuthSettings, JournalSettings, Problem,
    RedisSettings, ServerSettings, SettingsError, Source, Warning, toml_file,
};

/// Names the file if no argument does.
const CONFIG: &str = "SIGNOUT_CONFIG";
/// Where a file is looked for that nobody named.
const PLACES: [&str; 2] = ["signout.toml", "/etc/signout/signout.toml"];

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[server]`.
    pub server: ServerSettings,
    /// `[journal]`.
    pub journal: JournalSettings,
    /// `[redis]`; without it one instance stands by itself.
    pub redis: Option<RedisSettings>,
    /// `[[provider]]`.
    pub providers: Vec<ProviderSettings>,
    /// `[[api_key]]`.
    pub api_keys: Vec<ApiKeySettings>,
    /// `[forward_auth]`.
    pub forward_auth: ForwardAuthSettings,
    /// `[checker]`.
    pub checker: CheckerSettings,
    /// `[feed]`.
    pub feed: FeedSettings,
}

/// Settings, and what there is to say about them.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// To run with.
    pub settings: Settings,
    /// To print.
    pub effective: Effective,
    /// To print, or to log at the start.
    pub warnings: Vec<Warning>,
    /// The file that was read; `None` if the environment is all there is.
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Reads `config`, else the file that `SIGNOUT_CONFIG` names, else `./signout.toml`, else
    /// `/etc/signout/signout.toml`, else none; and puts the environment over it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once. A file that was named must exist.
    pub fn load(
        config: Option<&Path>,
        environment: &Environment,
        files: &dyn Files,
    ) -> Result<Loaded, SettingsError> {
        let mut report = Report::new(files);
        let file = find(config, environment, &mut report)?;
        read(file, environment, report)
    }

    /// Reads text as if it stood in `signout.toml`, without any environment.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once.
    pub fn from_toml(text: &str) -> Result<Loaded, SettingsError> {
        let file = File { path: "signout.toml".into(), text: text.into() };
        read(Some(file), &Environment::default(), Report::new(&Disk))
    }
}

/// A configuration file.
struct File {
    path: PathBuf,
    text: String,
}

/// The first file there is. What was named and is not there is an error.
fn find(
    config: Option<&Path>,
    environment: &Environment,
    report: &mut Report<'_>,
) -> Result<Option<File>, SettingsError> {
    let named = match (config, environment.get(CONFIG)) {
        (Some(path), _) => Some((path, Source::Default)),
        (None, Some(path)) => Some((Path::new(path), Source::Environment(CONFIG.into()))),
        (None, None) => None,
    };
    if let Some((path, named_by)) = named {
        return File::open(path, report.files.read(path), named_by, report).map(Some);
    }
    for path in PLACES.map(Path::new) {
        match report.files.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            contents => return File::open(path, contents, Source::Default, report).map(Some),
        }
    }
    Ok(None)
}

impl File {
    fn open(
        path: &Path,
        contents: io::Result<Contents>,
        named_by: Source,
        report: &mut Report<'_>,
    ) -> Result<Self, SettingsError> {
        let refuse = |source, mistake| {
            SettingsError::new(vec![Problem { source, key: String::new(), mistake }])
        };
        let contents = contents.map_err(|error| {
            let (path, kind) = (path.display().to_string(), error.kind());
            refuse(named_by, Mistake::FileUnreadable { path, kind })
        })?;
        report.config_readers = contents.readers;
        let text = String::from_utf8(contents.bytes).map_err(|_| {
            refuse(Source::File { path: path.into(), line: 1 }, Mistake::FileNotUtf8)
        })?;
        Ok(Self { path: path.into(), text })
    }
}

fn read(
    file: Option<File>,
    environment: &Environment,
    mut report: Report<'_>,
) -> Result<Loaded, SettingsError> {
    let (mut table, source, path) = match file {
        None => (Table::new(), Source::Default, None),
        Some(File { path, text }) => {
            let table = toml_file::parse(&path, &text).map_err(SettingsError::new)?;
            (table, Source::File { path: path.as_path().into(), line: 1 }, Some(path))
        }
    };
    environment.overlay(&mut table, &mut report);
    let mut root = Section::root(table, source, &mut report);
    let settings = read_sections(&mut root);
    root.finish();
    refuse_strays(environment, &mut report);
    match settings {
        Ok(settings) if report.problems.is_empty() => {
            warn_of_absence(&settings, &mut report);
            let Report { effective, warnings, .. } = report;
            Ok(Loaded { settings, effective, warnings, file: path })
        }
        Ok(_) | Err(_) => Err(SettingsError::new(report.problems)),
    }
}

fn read_sections(root: &mut Section<'_, '_>) -> Result<Settings, Reported> {
    let server = root.section("server", ServerSettings::read);
    let journal = root.section("journal", JournalSettings::read);
    let mut taken = provider::Taken::new();
    let providers = root.each("provider", |section| ProviderSettings::read(section, &mut taken));
    let known = providers.as_deref().map_err(|reported| *reported);
    let mut taken = api_key::Taken::new();
    let api_keys = root.each("api_key", |section| ApiKeySettings::read(section, known, &mut taken));
    let forward_auth = root.section("forward_auth", ForwardAuthSettings::read);
    let checker = root.section("checker", CheckerSettings::read);
    let feed = root.section("feed", FeedSettings::read);
    let redis = root.optional_section("redis", RedisSettings::read);
    Ok(Settings {
        server: server?,
        journal: journal?,
        redis: redis?,
        providers: providers?,
        api_keys: api_keys?,
        forward_auth: forward_auth?,
        checker: checker?,
        feed: feed?,
    })
}

/// Mostly `SIGNOUT_SERVER_LISTEN`, with one underscore too few.
fn refuse_strays(environment: &Environment, report: &mut Report<'_>) {
    for stray in environment.strays() {
        // Compared without the beginning, which would make all of them similar.
        let known = report.variables.iter().filter_map(|variable| variable.strip_prefix(PREFIX));
        let nearest = nearest(stray, known).map(|nearest| format!("{PREFIX}{nearest}"));
        let source = Source::Environment(format!("{PREFIX}{stray}").into());
        report.refuse(source, "", Mistake::NoSetting { nearest });
    }
}

fn warn_of_absence(settings: &Settings, report: &mut Report<'_>) {
    if settings.providers.is_empty() {
        report.warn(Warning::NoProviders);
    }
    if settings.api_keys.is_empty() {
        report.warn(Warning::NoApiKeys);
    }
}
