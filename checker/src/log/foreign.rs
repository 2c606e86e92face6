//! What does not belong into the log.

/// What was found that signout did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Foreign {
    /// A log entry that cannot be read.
    #[error("log entry {seq} cannot be read")]
    Entry {
        /// Its number.
        seq: u64,
    },
    /// A log entry whose id was not given by signout.
    #[error("the log has an entry with the id {millis}-{number}")]
    EntryId {
        /// Before the dash.
        millis: u64,
        /// Behind it.
        number: u64,
    },
    /// A head of another version.
    #[error("the head has format {format}, and this version knows format 1")]
    Format {
        /// What it says.
        format: u64,
    },
    /// A head that cannot be read.
    #[error("the head has no readable field {field:?}")]
    Head {
        /// The first such field.
        field: &'static str,
    },
    /// The log goes further than the head says.
    #[error("the log has entries beyond its head")]
    LogBeyondHead,
}
