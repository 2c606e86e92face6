//! The last known state, in a file: a process that starts anew refuses at once what it refused
//! before, and goes on where it was.
//!
//! The file is one whole [snapshot](crate::Snapshot) behind the other. The first is the state at
//! some time; each further one has what altered the index since, and the position up to which that is
//! everything. So there is nothing to keep in step:
//!
//! - A crash in the middle of a write leaves a snapshot that is cut short, and those before it.
//!   Only whole ones count, and what is lost with the last comes again from the feed, behind the
//!   position of the one before.
//! - When the file has doubled it is written anew: without what is over, each change once. The new
//!   file is complete and on the disk before it takes the old one's name.
//! - What is appended is not waited for to be on the disk, for the same reason.

mod sections;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::{
    Applied, Change, Checker, DigestKey, Index, OtherKey, Position, SnapshotError, SnapshotPart,
    SnapshotWriter, Timestamp,
};
use sections::Sections;

/// Below this a file is not written anew.
const SMALL: u64 = 1 << 20;
/// Changes that wait while the file cannot be written, 10 MB of them.
const PENDING: usize = 100_000;
/// Bytes are handed to the operating system in pieces of about this size.
const PIECE: usize = 256 << 10;
/// Of what is known before any feed was heard. No journal has it, so a feed asked for what is behind
/// it answers with a reset.
const NOWHERE: Position = Position { epoch: 0, seq: 0 };

/// The last known state of one [`Checker`], in a file of its own.
///
/// Readable and writable by its owner only: it holds the digest key. One process for each file; a
/// second one is noticed at the next write.
///
/// All methods block for as long as the disk takes; [`tidy`](Self::tidy) reads and writes the whole
/// file now and then.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    file: File,
    checker: Checker,
    position: Position,
    /// Bytes in whole snapshots.
    length: u64,
    /// How long it was when it was last written as a whole.
    base: u64,
    /// What could not be written yet.
    pending: Vec<Change>,
    gave_up: bool,
}

/// What a state file held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The feed can go on behind this. `None` if the file was not there, or was made before any
    /// snapshot was loaded as a whole.
    pub position: Option<Position>,
    /// Changes that were applied.
    pub changes: u64,
    /// What is wrong with its end, which was cut off: usually the process was killed while it wrote.
    pub damage: Option<SnapshotError>,
}

/// The last known state cannot be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The operating system refuses.
    #[error("the state file {path} cannot be used: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there is no state file, or one that is damaged from its beginning on. It was left as
    /// it is.
    #[error("{path} holds no state that can be used: {source}; remove it to start without")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
    /// It is another deployment's. It was left as it is.
    #[error("the state file {path} is of another deployment; remove it to start without")]
    OtherKey {
        /// Which file.
        path: PathBuf,
    },
    /// Somebody else changed the file. It is not written any more.
    #[error("another process writes the state file {path}; give each its own")]
    Shared {
        /// Which file.
        path: PathBuf,
    },
    /// Too much could not be written for too long. The file is as it was when writing failed first,
    /// and good for a start; it is not written any more.
    #[error(
        "the state file {path} could not be written for too long, and is given up until restart"
    )]
    GivenUp {
        /// Which file.
        path: PathBuf,
    },
}

impl StateFile {
    /// Applies what the file holds to the checker, and goes on writing behind it. Without a file it
    /// makes one.
    ///
    /// Vouches for nothing: what is known from a file alone is stale. To go without a file that
    /// cannot be read is the caller's decision, as is to [begin anew](Self::create).
    pub fn restore(
        path: impl Into<PathBuf>,
        checker: &Checker,
    ) -> Result<(Self, Restored), StateError> {
        let path = path.into();
        let io_error = |source| StateError::Io { path: path.clone(), source };
        let file = open(&path, false).map_err(io_error)?;
        // All of it is read twice: only a key that a whole snapshot confirms may open the index.
        let (found, damage) = Self::survey(&path, &file)?;
        if damage.is_some() {
            file.set_len(found.length).map_err(io_error)?;
        }
        if let Some(key) = &found.key {
            let other_key = |OtherKey| StateError::OtherKey { path: path.clone() };
            let index = checker.open(key).map_err(other_key)?;
            index.expect(usize::try_from(found.changes).unwrap_or(usize::MAX));
            let mut sections = Sections::of(&file).map_err(io_error)?;
            while let Ok(Some(part)) = sections.next().map_err(io_error)? {
                if let SnapshotPart::Changes(changes) = part {
                    for change in &changes {
                        index.apply_change(change);
                    }
                }
            }
            index.expect(0);
        }
        let position = Some(found.position).filter(|&position| position != NOWHERE);
        let restored = Restored { position, changes: found.changes, damage };
        let (position, length) = (found.position, found.length);
        Ok((Self::with(path, file, checker, position, length), restored))
    }

    /// Begins an empty file, whatever there was.
    pub fn create(path: impl Into<PathBuf>, checker: &Checker) -> Result<Self, StateError> {
        let path = path.into();
        let file = open(&path, true);
        let file = file.map_err(|source| StateError::Io { path: path.clone(), source })?;
        Ok(Self::with(path, file, checker, NOWHERE, 0))
    }

    fn with(path: PathBuf, file: File, checker: &Checker, position: Position, length: u64) -> Self {
        let checker = checker.clone();
        let (pending, gave_up) = (Vec::new(), false);
        Self { path, file, checker, position, length, base: length, pending, gave_up }
    }

    /// Reads to the last snapshot that is whole, and tells what is wrong behind it.
    fn survey(path: &Path, file: &File) -> Result<(Found, Option<SnapshotError>), StateError> {
        let io_error = |source| StateError::Io { path: path.to_owned(), source };
        let mut sections = Sections::of(file).map_err(io_error)?;
        let damage = loop {
            match sections.next().map_err(io_error)? {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(damage) => break Some(damage),
            }
        };
        let found = sections.found();
        match damage {
            // Only a first write can have been cut short: there was nothing before it.
            Some(source) if found.length == 0 && source != SnapshotError::Truncated => {
                Err(StateError::Unreadable { path: path.to_owned(), source })
            }
            damage => Ok((found, damage)),
        }
    }

    /// Keeps changes, those that altered the index: the news of a
    /// [`Loading`](crate::Loading::read) that is not at its end. Says nothing of how far they reach.
    ///
    /// After an error they wait, and are tried again with the next.
    pub fn keep(&mut self, changes: &[Change]) -> Result<(), StateError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.keep_up_to(self.position, changes)
    }

    /// The same, and these are, with all that was kept before, everything up to `position`: the news
    /// of an event of the feed, or the end of a snapshot that was whole.
    pub fn keep_up_to(&mut self, position: Position, changes: &[Change]) -> Result<(), StateError> {
        if self.gave_up {
            return Err(StateError::GivenUp { path: self.path.clone() });
        }
        self.position = position;
        self.pending.extend(changes);
        let written = self.write();
        if written.is_err() && self.pending.len() > PENDING {
            self.give_up();
        }
        written
    }

    /// Writes the file anew if it has doubled since it last was, without what is over at `now`, the
    /// service's settled time. To be called now and then, each minute for instance.
    pub fn tidy(&mut self, now: Timestamp) -> Result<(), StateError> {
        if self.gave_up || self.length <= SMALL || self.length / 2 <= self.base {
            return Ok(());
        }
        // Also if it fails: the next attempt is due when it has doubled again.
        self.base = self.length;
        if !self.pending.is_empty() {
            self.write()?;
        }
        let Some(key) = self.checker.index().map(|index| index.key().clone()) else {
            return Ok(());
        };
        (self.file, self.length) = self.rewrite(&key, now).map_err(|source| self.io(source))?;
        self.base = self.length;
        Ok(())
    }

    fn write(&mut self) -> Result<(), StateError> {
        // Without the key nothing can be known, so there is nothing to keep.
        let Some(key) = self.checker.index().map(Index::key) else { return Ok(()) };
        let mut bytes = Vec::new();
        let about = self.pending.len();
        let mut writer = SnapshotWriter::begin(key, self.position, about, &mut bytes);
        writer.add(self.pending.iter().copied(), &mut bytes);
        writer.finish(&mut bytes);
        if self.file.metadata().map_err(|source| self.io(source))?.len() != self.length {
            self.give_up();
            return Err(StateError::Shared { path: self.path.clone() });
        }
        let mut put = || {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(&bytes)
        };
        if let Err(source) = put() {
            // A part of it may be there. Should that stay, it is cut off at the next start.
            let cut = self.file.set_len(self.length);
            return Err(self.io(cut.err().unwrap_or(source)));
        }
        self.length += bytes.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// A new file in place of the old one.
    fn rewrite(&self, key: &DigestKey, now: Timestamp) -> io::Result<(File, u64)> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let file = open(&temporary, true)?;
        let mut out = BufWriter::with_capacity(PIECE, &file);
        let mut bytes = Vec::new();
        let about = self.checker.index().map_or(0, Index::total);
        let mut writer = SnapshotWriter::begin(key, self.position, about, &mut bytes);
        // What adds nothing to what was written is left out.
        let written = Index::new(key.clone());
        written.expect(about);
        let mut sections = Sections::of(&self.file)?;
        while let Some(part) = sections.next()?.map_err(io::Error::other)? {
            let SnapshotPart::Changes(changes) = part else { continue };
            let lasts = |change: &Change| change.retain_until >= now;
            let kept = changes.into_iter().filter(lasts);
            let kept = kept.filter(|change| written.apply_change(change) != Applied::Unchanged);
            writer.add(kept, &mut bytes);
            out.write_all(&bytes)?;
            bytes.clear();
        }
        writer.finish(&mut bytes);
        out.write_all(&bytes)?;
        out.flush()?;
        drop(out);
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        sync_directory(&self.path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    fn give_up(&mut self) {
        self.gave_up = true;
        self.pending = Vec::new();
    }

    fn io(&self, source: io::Error) -> StateError {
        StateError::Io { path: self.path.clone(), source }
    }
}

/// What the whole snapshots of a file say.
#[derive(Debug)]
struct Found {
    key: Option<DigestKey>,
    position: Position,
    changes: u64,
    length: u64,
}

fn open(path: &Path, anew: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(anew);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// So that the new name survives a power failure.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
