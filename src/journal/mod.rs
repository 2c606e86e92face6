//! The durable memory of this host: everything that was acknowledged, until it expires.
//!
//! One redb file. Entries are appended under a contiguous [`Seq`] and never changed; a commit is
//! on the disk (fsync) before it returns. Who writes decides what an entry means; the journal only
//! keeps it. There is no update and no deletion but [`Journal::expire`].
//!
//! Only one process can have the file open. Readers of the running service never come here: what
//! they ask is in memory.

mod block;
mod error;
mod meta;
mod record;
mod space;

pub use error::{JournalError, OpenError, RecordError};
pub use record::Record;
/// Where the journal stands.
pub use signout_checker::Position;
pub use space::Space;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use signout_checker::{DigestKey, Timestamp};

use meta::{FORMAT, META, META_PROBE, Meta, OLD_DIGESTS};

/// Blocks of entries, by the position of their first.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// Appends touch the last page only, so a small cache does; redb's default is a gigabyte.
const CACHE_BYTES: usize = 16 << 20;
/// Expiry is looked at in steps of a minute.
const BUCKET_SECS: u64 = 60;
/// redb's page size: its own head is in the first page, and nothing else is.
const HEAD_BYTES: usize = 4_096;
/// redb's signature, at the beginning of the file.
const SIGNATURE_BYTES: usize = 9;
/// A new file has about a megabyte, or a quarter of that.
const LEAST_BYTES: u64 = 64 << 10;
const UNFINISHED_BYTES: u64 = 2 << 20;
/// Blocks removed by one call of [`Journal::expire`], so that it never holds up commits for long.
const EXPIRE_AT_MOST: usize = 10_000;
/// Bytes of entries that one look steps over or decodes, about: a millisecond or two.
const LOOK_AT_MOST: usize = 1 << 20;

/// A position in the journal.
pub type Seq = u64;

/// What [`Journal::replay`] met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Entries handed out.
    pub read: usize,
    /// Entries that could not be read and were passed over.
    pub damaged: usize,
}

/// What [`Journal::read`] found.
#[derive(Debug)]
pub struct Chunk {
    /// The entries, in order.
    pub records: Vec<Record>,
    /// The position behind the last that was looked at.
    pub next: Seq,
}

/// What [`Journal::read_revoking`] found.
#[derive(Debug)]
pub struct Revoking {
    /// The entries and their positions, in order.
    pub entries: Vec<(Seq, Record)>,
    /// The position behind the last that was looked at.
    pub next: Seq,
}

/// How far [`Journal::replay`] has come, in blocks: they are of about one size.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Blocks begun, at least one.
    pub begun: usize,
    /// Blocks that there are.
    pub all: usize,
}

/// An open journal. One owner writes.
#[derive(Debug)]
pub struct Journal {
    db: Database,
    meta: Meta,
    digest_key: DigestKey,
    next: Seq,
    /// The last block.
    last: Seq,
    /// Blocks by the minute in which they stop mattering.
    ends: BTreeMap<u64, Vec<Seq>>,
}

impl Journal {
    /// Opens the journal, or makes an empty one that only this user can read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let io_error = |source| OpenError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(io_error)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(OpenError::InUse { path: path.to_owned() });
        }
        if is_unfinished(&file).map_err(io_error)? {
            file.set_len(0).map_err(io_error)?;
        }
        let journal = guarded(|| Self::open_file(file, path))
            .unwrap_or_else(|damaged| Err(unreadable(path, damaged)))?;
        sync_directory(path).map_err(io_error)?;
        Ok(journal)
    }

    fn open_file(file: File, path: &Path) -> Result<Self, OpenError> {
        let db = redb::Builder::new().set_cache_size(CACHE_BYTES).create_file(file);
        let db = db.map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => OpenError::InUse { path: path.to_owned() },
            other => unreadable(path, other),
        })?;
        Self::init(db, path)
    }

    /// A journal on other storage, to see how it behaves when that fails.
    pub fn open_on(backend: impl StorageBackend) -> Result<Self, OpenError> {
        let path = Path::new("(storage)");
        let db = redb::Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend);
        Self::init(db.map_err(|error| unreadable(path, error))?, path)
    }

    fn init(db: Database, path: &Path) -> Result<Self, OpenError> {
        let meta = match Meta::load(&db).map_err(|error| unreadable(path, error))? {
            Some(meta) => meta,
            None => Meta::create(&db, path)?,
        };
        if meta.format > FORMAT {
            let path = path.to_owned();
            return Err(OpenError::NewerFormat { path, found: meta.format, known: FORMAT });
        }
        if meta.format == OLD_DIGESTS {
            return Err(OpenError::OldDigests { path: path.to_owned(), found: meta.format });
        }
        let mut journal = Self {
            db,
            digest_key: DigestKey::from_bytes(meta.digest_key),
            meta,
            next: 1,
            last: 0,
            ends: BTreeMap::new(),
        };
        journal.index_ends().map_err(|error| unreadable(path, error))?;
        Ok(journal)
    }

    fn index_ends(&mut self) -> Result<(), redb::Error> {
        let read = self.db.begin_read()?;
        for stored in read.open_table(LOG)?.iter()? {
            let (seq, bytes) = stored?;
            let (entries, until) = block::survey(bytes.value());
            self.last = seq.value();
            self.next = self.last + entries.max(1);
            remember_end(&mut self.ends, until, self.last);
        }
        Ok(())
    }

    /// The key of this deployment's digests.
    #[must_use]
    pub const fn digest_key(&self) -> &DigestKey {
        &self.digest_key
    }

    /// Whether this journal is part of a deployment that shares a Redis.
    #[must_use]
    pub const fn has_joined(&self) -> bool {
        self.meta.has_joined()
    }

    /// Makes this journal part of the deployment with this key. From then on its digests are under
    /// that key, which it cannot change any more.
    pub fn join(&mut self, path: &Path, key: &DigestKey) -> Result<(), OpenError> {
        if self.digest_key.as_bytes() == key.as_bytes() && self.has_joined() {
            return Ok(());
        }
        if self.has_joined() {
            return Err(OpenError::OtherDeployment { path: path.to_owned() });
        }
        let meta = self.meta.joined(*key.as_bytes());
        meta.store(&self.db).map_err(|error| unreadable(path, error))?;
        (self.meta, self.digest_key) = (meta, key.clone());
        Ok(())
    }

    /// The last position written.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { epoch: self.meta.epoch, seq: self.next - 1 }
    }

    /// Hands out every entry in order, and how far that is. A damaged one is passed over and counted; `damaged` is told
    /// its position and what is wrong.
    pub fn replay(
        &self,
        entry: impl FnMut(Record, Progress),
        damaged: impl FnMut(Seq, RecordError),
    ) -> Result<Replayed, JournalError> {
        guarded(|| self.replay_all(entry, damaged)).unwrap_or_else(|damaged| Err(damaged.into()))
    }

    fn replay_all(
        &self,
        mut entry: impl FnMut(Record, Progress),
        mut damaged: impl FnMut(Seq, RecordError),
    ) -> Result<Replayed, JournalError> {
        let (mut replayed, all) = (Replayed::default(), self.len());
        let read = self.db.begin_read()?;
        for (stored, begun) in read.open_table(LOG)?.iter()?.zip(1..) {
            let ((first, bytes), progress) = (stored?, Progress { begun, all });
            for (seq, bytes) in (first.value()..).zip(block::records(bytes.value())) {
                match bytes.and_then(Record::decode) {
                    Ok(record) => {
                        replayed.read += 1;
                        entry(record, progress);
                    }
                    Err(error) => {
                        replayed.damaged += 1;
                        damaged(seq, error);
                    }
                }
            }
        }
        Ok(replayed)
    }

    /// Entries from this position on, some thousand at a time, and where to go on; a damaged one is
    /// left out, as [`Journal::replay`] has told of it. Empty at the end.
    pub fn read(&self, from: Seq, at_least: usize) -> Result<Chunk, JournalError> {
        guarded(|| self.read_chunk(from, at_least)).unwrap_or_else(|damaged| Err(damaged.into()))
    }

    fn read_chunk(&self, from: Seq, at_least: usize) -> Result<Chunk, JournalError> {
        let mut chunk = Chunk { records: Vec::new(), next: from.max(1) };
        let read = self.db.begin_read()?;
        let log = read.open_table(LOG)?;
        for stored in log.range(block_of(&log, chunk.next)?..)? {
            let (first, bytes) = stored?;
            for (seq, bytes) in (first.value()..).zip(block::records(bytes.value())) {
                if seq >= from {
                    chunk.records.extend(bytes.and_then(Record::decode));
                    chunk.next = seq + 1;
                }
            }
            if chunk.records.len() >= at_least {
                return Ok(chunk);
            }
        }
        chunk.next = chunk.next.max(self.next);
        Ok(chunk)
    }

    /// The entries from this position on that refuse something, until they have this many targets,
    /// and where to go on. Registrations, the bulk of a journal, are stepped over undecoded, and a
    /// look ends after so many of them too: whoever reads holds up commits. At the end there is
    /// nothing, and `next` is behind the last entry.
    pub fn read_revoking(&self, from: Seq, targets: usize) -> Result<Revoking, JournalError> {
        guarded(|| self.read_targets(from, targets)).unwrap_or_else(|damaged| Err(damaged.into()))
    }

    fn read_targets(&self, from: Seq, targets: usize) -> Result<Revoking, JournalError> {
        let mut found = Revoking { entries: Vec::new(), next: from.max(1) };
        let (mut have, mut looked_at) = (0, 0);
        let read = self.db.begin_read()?;
        let log = read.open_table(LOG)?;
        for stored in log.range(block_of(&log, found.next)?..)? {
            let (first, bytes) = stored?;
            looked_at += bytes.value().len();
            for (seq, bytes) in (first.value()..).zip(block::records(bytes.value())) {
                if seq < from {
                    continue;
                }
                found.next = seq + 1;
                if let Ok(Some(record)) = bytes.and_then(Record::decode_revoking) {
                    have += record.targets();
                    found.entries.push((seq, record));
                }
                if have >= targets {
                    return Ok(found);
                }
            }
            if looked_at >= LOOK_AT_MOST {
                return Ok(found);
            }
        }
        found.next = found.next.max(self.next);
        Ok(found)
    }

    /// Appends entries, all or none, and returns when they are on the disk.
    ///
    /// After an error this journal refuses every further commit: drop it and open it again.
    pub fn commit(&mut self, records: &[Record]) -> Result<Position, JournalError> {
        let write = self.db.begin_write()?;
        let mut next = self.next;
        let mut blocks = Vec::new();
        {
            let mut log = write.open_table(LOG)?;
            for run in block::runs(records) {
                let bytes = block::encode(run).map_err(|_| JournalError::Closed)?;
                log.insert(next, bytes.as_slice())?;
                blocks.push((next, block::retain_until(run)));
                next += run.len() as u64;
            }
        }
        write.commit()?;
        self.next = next;
        for (seq, until) in blocks {
            self.last = seq;
            remember_end(&mut self.ends, until, seq);
        }
        Ok(self.position())
    }

    /// Sees whether the disk takes a write.
    pub fn probe(&mut self) -> Result<(), JournalError> {
        let write = self.db.begin_write()?;
        write.open_table(META)?.insert(META_PROBE, self.next.to_le_bytes().as_slice())?;
        write.commit()?;
        Ok(())
    }

    /// Removes blocks of entries that stopped mattering before `now`, and tells how many.
    pub fn expire(&mut self, now: Timestamp) -> Result<usize, JournalError> {
        // The last one stays: a reopened journal continues its numbering from it.
        let last = self.last;
        let mut over = Vec::new();
        while let Some(bucket) = self.ends.first_entry() {
            // A bucket is over when its last second is.
            let ended = (bucket.key() + 1).saturating_mul(BUCKET_SECS) <= now.as_secs();
            if !ended || over.len() >= EXPIRE_AT_MOST {
                break;
            }
            over.extend(bucket.remove());
        }
        if over.contains(&last) {
            over.retain(|&seq| seq != last);
            remember_end(&mut self.ends, now, last);
        }
        if over.is_empty() {
            return Ok(0);
        }
        let write = self.db.begin_write()?;
        {
            let mut log = write.open_table(LOG)?;
            for &seq in &over {
                log.remove(seq)?;
            }
        }
        write.commit()?;
        Ok(over.len())
    }

    /// Blocks kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn remember_end(ends: &mut BTreeMap<u64, Vec<Seq>>, until: Timestamp, seq: Seq) {
    ends.entry(until.as_secs() / BUCKET_SECS).or_default().push(seq);
}

/// Where the block begins in whose middle a position may stand.
fn block_of(
    log: &impl ReadableTable<u64, &'static [u8]>,
    position: Seq,
) -> Result<Seq, redb::StorageError> {
    let block = log.range(..=position)?.next_back().transpose()?;
    Ok(block.map_or(position, |(first, _)| first.value()))
}

/// Whether a process died, or found no room, while it made this file: it has a length and perhaps
/// a head, but redb's signature, which comes last, is not there, and nothing follows the head. No
/// entry was ever in it. A journal that lost its head does not look like this.
fn is_unfinished(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if !(LEAST_BYTES..=UNFINISHED_BYTES).contains(&length) {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    let mut reader = file;
    reader.take(UNFINISHED_BYTES).read_to_end(&mut bytes)?;
    reader.rewind()?;
    let signature = bytes.iter().take(SIGNATURE_BYTES);
    Ok(signature.chain(bytes.iter().skip(HEAD_BYTES)).all(|&byte| byte == 0))
}

/// redb asserts what a damaged file need not fulfil. Such a panic is a fact about the file.
fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, redb::Error> {
    // What the panic left half done belongs to the database, which nobody uses after the error.
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| {
        redb::Error::Corrupted("its parts contradict each other; see the panic above".to_owned())
    })
}

fn unreadable(path: &Path, error: impl Into<redb::Error>) -> OpenError {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    match error.into() {
        redb::Error::Io(source) if !matches!(source.kind(), InvalidData | UnexpectedEof) => {
            OpenError::Io { path: path.to_owned(), source }
        }
        other => OpenError::Unreadable { path: path.to_owned(), source: Box::new(other) },
    }
}

/// A file is only durable once the directory that names it is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(parent.map_or_else(|| PathBuf::from("."), Path::to_owned))?.sync_all()
}

#[cfg(test)]
mod tests;
