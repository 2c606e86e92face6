//! What comes to light while settings are read.

use std::io;
use std::path::Path;

use super::files::{Contents, Files, Readers};
use super::{Effective, Mistake, Problem, Source, Warning};

/// Proof that a problem was recorded, so that a value may be missing without anybody forgetting
/// to say why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported(());

/// Problems, warnings and values, and the files that secrets are read from.
pub(super) struct Report<'f> {
    pub(super) files: &'f dyn Files,
    /// Of the configuration file.
    pub(super) config_readers: Readers,
    pub(super) effective: Effective,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
    /// Environment variables of all keys that were asked for.
    pub(super) variables: Vec<String>,
}

impl<'f> Report<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Self {
            files,
            config_readers: Readers::Some,
            effective: Effective::default(),
            problems: Vec::new(),
            warnings: Vec::new(),
            variables: Vec::new(),
        }
    }

    pub(super) fn refuse(
        &mut self,
        source: Source,
        key: impl Into<String>,
        mistake: Mistake,
    ) -> Reported {
        self.problems.push(Problem { source, key: key.into(), mistake });
        Reported(())
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Reads a file that holds a secret.
    pub(super) fn read_secret(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let Contents { bytes, readers } = self.files.read(path)?;
        if readers == Readers::Everybody {
            self.warn(Warning::EverybodyReads { path: path.into() });
        }
        Ok(bytes)
    }
}
