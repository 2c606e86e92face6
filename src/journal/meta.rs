//! What holds for the whole file.

use std::path::Path;

use redb::{Database, ReadableDatabase as _, ReadableTable, TableDefinition};

use super::{LOG, OpenError, unreadable};

/// The newest file format of this version; newer ones are refused. Format 3 is that of a journal
/// that joined a deployment: it holds what other instances took, by digest, which a version before
/// that must not overlook.
pub(super) const FORMAT: u32 = 3;
/// The same with digests as they were made before. Those cannot be made again from anything in the
/// file.
pub(super) const OLD_DIGESTS: u32 = 2;
/// The format of a journal that stands by itself.
const ALONE: u32 = 1;
/// What holds for the whole file.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Written by `Journal::probe` to see whether the disk takes writes again.
pub(super) const META_PROBE: &str = "probe";
const META_FORMAT: &str = "format";
const META_DIGEST_KEY: &str = "digest_key";
const META_EPOCH: &str = "epoch";

#[derive(Debug)]
pub(super) struct Meta {
    pub(super) format: u32,
    pub(super) digest_key: [u8; 16],
    pub(super) epoch: u64,
}

impl Meta {
    pub(super) fn load(db: &Database) -> Result<Option<Self>, redb::Error> {
        let read = db.begin_read()?;
        let table = match read.open_table(META) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let format = fixed(&table, META_FORMAT)?.map(u32::from_le_bytes);
        let digest_key = fixed(&table, META_DIGEST_KEY)?;
        let epoch = fixed(&table, META_EPOCH)?.map(u64::from_le_bytes);
        match (format, digest_key, epoch) {
            (Some(format), Some(digest_key), Some(epoch)) => {
                Ok(Some(Self { format, digest_key, epoch }))
            }
            _ => Err(redb::Error::Corrupted("the journal's meta table is incomplete".to_owned())),
        }
    }

    pub(super) fn create(db: &Database, path: &Path) -> Result<Self, OpenError> {
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(OpenError::Random)?;
        let (digest_key, epoch) = halves(random);
        let meta = Self { format: ALONE, digest_key, epoch };
        meta.store(db).map_err(|error| unreadable(path, error))?;
        Ok(meta)
    }

    /// The same file as part of a deployment.
    pub(super) fn joined(&self, digest_key: [u8; 16]) -> Self {
        Self { format: FORMAT, digest_key, ..*self }
    }

    /// Whether it is part of a deployment. Then its digests are under that deployment's key, and
    /// those that other instances made cannot be made again under another.
    pub(super) const fn has_joined(&self) -> bool {
        self.format > ALONE
    }

    pub(super) fn store(&self, db: &Database) -> Result<(), redb::Error> {
        let write = db.begin_write()?;
        {
            let mut table = write.open_table(META)?;
            table.insert(META_FORMAT, self.format.to_le_bytes().as_slice())?;
            table.insert(META_DIGEST_KEY, self.digest_key.as_slice())?;
            table.insert(META_EPOCH, self.epoch.to_le_bytes().as_slice())?;
            write.open_table(LOG)?;
        }
        write.commit()?;
        Ok(())
    }
}

fn halves(random: [u8; 24]) -> ([u8; 16], u64) {
    let (mut key, mut epoch) = ([0; 16], [0; 8]);
    key.iter_mut().chain(&mut epoch).zip(random).for_each(|(to, from)| *to = from);
    (key, u64::from_le_bytes(epoch))
}

fn fixed<const N: usize>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<Option<[u8; N]>, redb::Error> {
    let Some(value) = table.get(name)? else { return Ok(None) };
    value.value().try_into().map(Some).map_err(|_| {
        redb::Error::Corrupted(format!("the journal's {name} has {} bytes", value.value().len()))
    })
}
