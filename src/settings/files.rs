//! Reading files: the seam between settings and the disk.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

/// No configuration and no secret is larger. A path that points at a device ends here.
const LIMIT: u64 = 1024 * 1024;

/// Gives the contents of files. A wrong answer costs a start: the service refuses to run, or runs
/// with what the file said.
pub trait Files {
    /// Reads a whole file.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says; [`io::ErrorKind::NotFound`] decides whether the next
    /// place is tried.
    fn read(&self, path: &Path) -> io::Result<Contents>;
}

/// What a file holds, and who else may read it.
#[derive(Clone)]
pub struct Contents {
    /// All of it.
    pub bytes: Vec<u8>,
    /// From its permissions.
    pub readers: Readers,
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Every user of the machine.
    Everybody,
    /// Its owner, perhaps its group. A group is often how a service is given its secrets.
    Some,
}

/// The files of this machine, at most 1 MiB each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Contents> {
        let file = fs::File::open(path)?;
        let readers = readers(&file.metadata()?);
        let mut bytes = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Contents { bytes, readers })
    }
}

#[cfg(unix)]
fn readers(metadata: &fs::Metadata) -> Readers {
    use std::os::unix::fs::PermissionsExt as _;

    if metadata.permissions().mode() & 0o004 == 0 { Readers::Some } else { Readers::Everybody }
}

#[cfg(not(unix))]
fn readers(_: &fs::Metadata) -> Readers {
    Readers::Some
}
