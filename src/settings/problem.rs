//! The error of this room: everything that is wrong, at once.

use std::fmt;

use thiserror::Error;

use super::{Mistake, Source};

/// One mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value stands; for what is missing, where its section begins.
    pub source: Source,
    /// `server.listen`, `provider.home.issuer`; empty if no key is concerned.
    pub key: String,
    /// What is wrong.
    pub mistake: Mistake,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source != Source::Default {
            write!(f, "{}: ", self.source)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        self.mistake.fmt(f)
    }
}

/// The configuration cannot be used. Displays one problem per line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

impl SettingsError {
    pub(super) const fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// All of them; at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
