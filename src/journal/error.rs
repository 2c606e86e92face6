//! What can go wrong between the service and its disk.

use std::io;
use std::path::{Path, PathBuf};

use signout_checker::{IdError, PackError};
use thiserror::Error;

/// Why the journal could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "journal {path} is in use by another process; stop that one, or set another journal.path"
    )]
    InUse {
        /// The journal's file.
        path: PathBuf,
    },
    /// The file could not be created or opened.
    #[error(
        "journal {path} cannot be opened: {source}; check that the directory exists and that this user may write there"
    )]
    Io {
        /// The journal's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A later version wrote it.
    #[error(
        "journal {path} has format {found}, this version knows up to {known}; start the version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The journal's file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format of this version.
        known: u32,
    },
    /// It holds digests as an earlier version made them.
    #[error(
        "journal {path} has format {found}, whose digests this version cannot read; move it away to join with an empty one: the Redis in [redis] holds what is still in force"
    )]
    OldDigests {
        /// The journal's file.
        path: PathBuf,
        /// The format it has.
        found: u32,
    },
    /// It holds digests under another deployment's key.
    #[error(
        "journal {path} belongs to another deployment than the Redis in [redis]; point [redis] at its own (or, if that Redis was set up anew, remove its head key and start this instance first), or move the journal away to join with an empty one"
    )]
    OtherDeployment {
        /// The journal's file.
        path: PathBuf,
    },
    /// The system gave no random bytes for the deployment's key.
    #[error("no random bytes for a new journal: {0}")]
    Random(getrandom::Error),
    /// The file is no journal, or is damaged beyond what redb can repair.
    #[error(
        "journal {path} cannot be read: {source}; move it away and restore a backup (without it, logouts taken before now are forgotten)"
    )]
    Unreadable {
        /// The journal's file.
        path: PathBuf,
        /// What redb said.
        source: Box<redb::Error>,
    },
}

impl OpenError {
    /// The journal opened, but its entries cannot be read.
    pub(crate) fn replay(path: &Path, error: JournalError) -> Self {
        let path = path.to_owned();
        match error {
            JournalError::Full(source) | JournalError::Io(source) => Self::Io { path, source },
            JournalError::Closed => {
                Self::Unreadable { path, source: Box::new(redb::Error::DatabaseClosed) }
            }
            JournalError::Store(source) => Self::Unreadable { path, source },
        }
    }
}

/// Why a commit or a read failed.
#[derive(Debug, Error)]
pub enum JournalError {
    /// No space is left, or a quota or file size limit is reached. Nothing of the commit is kept.
    #[error("the journal's disk is full: {0}; free space, the journal resumes by itself")]
    Full(io::Error),
    /// The disk failed. After a failed fsync nobody knows what is on the disk, so nothing more is
    /// acknowledged until a restart has read the file back.
    #[error("the journal's disk failed: {0}; check the disk, then restart signout")]
    Io(io::Error),
    /// An earlier failure closed the journal.
    #[error("the journal is closed since an earlier failure")]
    Closed,
    /// Anything else that redb reports.
    #[error("the journal failed: {0}; restart signout")]
    Store(Box<redb::Error>),
}

impl JournalError {
    /// Whether reopening may help: the write was refused, as opposed to lost.
    #[must_use]
    pub const fn is_recoverable(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<E: Into<redb::Error>> From<E> for JournalError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Io(source) => match source.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => Self::Full(source),
                _ => Self::Io(source),
            },
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => Self::Closed,
            other => Self::Store(Box::new(other)),
        }
    }
}

/// Why one stored record cannot be read. The others are unaffected.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The bytes are not those that were written.
    #[error("checksum mismatch")]
    Checksum,
    /// An identifier does not fit the rules.
    #[error(transparent)]
    Identifier(#[from] IdError),
    /// The bytes do not have the record's form.
    #[error("not a record: {0}")]
    Malformed(#[from] postcard::Error),
    /// A tag that this version does not know.
    #[error("unknown tag {0}")]
    Tag(u8),
    /// What another instance took is not in the form that it travels in.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// Shorter than a record's head.
    #[error("truncated")]
    Truncated,
    /// Written by a later version.
    #[error("record version {0} is not known")]
    Version(u8),
}
