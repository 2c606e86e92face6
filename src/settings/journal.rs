//! `[journal]`: where logouts are made durable.

use std::path::PathBuf;

use super::report::Reported;
use super::section::Section;
use super::shape::text;

/// The embedded store.
#[derive(Clone, Debug)]
pub struct JournalSettings {
    /// The file; it is created if it does not exist. A relative path begins at the working
    /// directory. `SIGNOUT_JOURNAL__PATH`, default `signout.redb`.
    pub path: PathBuf,
}

impl JournalSettings {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        Ok(Self { path: section.or("path", "signout.redb", &text::<PathBuf>())? })
    }
}
