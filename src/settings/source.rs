//! Where a value comes from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Profile;

/// The origin of a value, as errors and `check-config` name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// This environment variable.
    Environment(Box<str>),
    /// The configuration file.
    File {
        /// As it was named.
        path: Arc<Path>,
        /// Counted from 1.
        line: usize,
    },
    /// Nobody set it, and the provider's profile has its own default.
    Profile(Profile),
    /// A file that holds one secret.
    SecretFile(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(variable) => f.write_str(variable),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Profile(profile) => write!(f, "profile {profile}"),
            Self::SecretFile(path) => write!(f, "file {}", path.display()),
        }
    }
}
