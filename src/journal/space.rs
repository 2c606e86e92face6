//! How much room the journal takes, and how much is left to it.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::statvfs;

/// The journal's room, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The size of its file.
    pub file_bytes: u64,
    /// What its file system still has for whoever is not root.
    pub free_bytes: u64,
}

impl Space {
    /// Asks the system about the file at this path.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file_bytes = fs::metadata(path)?.len();
        let system = statvfs(path)?;
        Ok(Self { file_bytes, free_bytes: system.f_bavail.saturating_mul(system.f_frsize) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_its_size_and_leaves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(Space::of(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&path, [0; 1_234]).unwrap();
        let space = Space::of(&path).unwrap();
        assert_eq!(space.file_bytes, 1_234);
        assert!(space.free_bytes > 0, "{space:?}");
    }
}
