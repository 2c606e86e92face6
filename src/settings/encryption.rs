//! `encryption_keys` and `require_encryption`.

use std::path::PathBuf;

use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::{Flag, any};
use crate::logout_token::EncryptionPolicy;

/// How encrypted logout tokens are opened, and whether others pass.
pub(super) struct Encryption {
    pub(super) keys: Vec<PathBuf>,
    pub(super) policy: EncryptionPolicy,
}

impl Encryption {
    /// Whoever has keys for it negotiated encryption, so unencrypted tokens are refused by then.
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let keys = section.or("encryption_keys", [], &any::<PathBuf>());
        let has_keys = keys.as_ref().is_ok_and(|keys| !keys.is_empty());
        let require = section.or("require_encryption", has_keys, &Flag);
        let (keys, require) = (keys?, require?);
        if require && keys.is_empty() {
            return Err(section.refuse("require_encryption", Mistake::RequiresEncryptionKeys));
        }
        for key in &keys {
            section.guard(key);
        }
        let policy = if require { EncryptionPolicy::Require } else { EncryptionPolicy::Allow };
        Ok(Self { keys, policy })
    }
}
