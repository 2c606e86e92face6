//! `{P}:log`: entries of the stream.

use signout_checker::Change;

use super::LinkId;

/// One entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number. Numbers are contiguous; whoever meets a gap has missed something.
    pub seq: u64,
    /// Name of the entry before it, [`LinkId::NONE`] for the very first.
    pub previous: LinkId,
    /// Its own name.
    pub link: LinkId,
    /// What was revoked; at least one.
    pub changes: Vec<Change>,
}

/// One entry to be appended.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// Its name: 8 bytes that nobody drew before.
    pub link: LinkId,
    /// What was revoked; at least one.
    pub changes: &'a [Change],
}
