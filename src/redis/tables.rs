//! Tables of registered tokens: what a logout on one instance ends that was registered on another.
//!
//! A table is a hash: for each token a field, its digest, with [`SharedToken::encode`] as value. It
//! is kept as long as the token that is remembered longest.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use deadpool_redis::redis::{self, Cmd};
use signout_checker::Digest;

use super::Shared;
use super::batch::Batch;
use super::deny;
use super::error::{Act, Fault, RedisError};
use super::keys::Table;
use super::link::Link;
use super::reply::Reply;
use super::scripts::REGISTER;
use crate::sessions::SharedToken;

/// Tokens of one script call. A call holds up the server for a fraction of a millisecond, and Lua
/// takes a few thousand arguments at most.
const AT_ONCE: usize = 200;

impl Link {
    /// Puts tokens into the table of their session and into that of their user, as far as they
    /// have one. A token that is there already is replaced.
    pub async fn register(&mut self, tokens: &[SharedToken]) -> Result<(), RedisError> {
        self.begin();
        let mut batch = Batch::default();
        for (table, tokens) in by_table(tokens) {
            for tokens in tokens.chunks(AT_ONCE) {
                let last = tokens.iter().map(|token| token.retain_until).max();
                let mut call = REGISTER.call(1, 1 + 2 * tokens.len(), 128 + 96 * tokens.len());
                call.arg(self.keys().table(table)).arg(last.map_or(0, deny::expiry));
                for token in tokens {
                    call.arg(token.token.to_bytes().as_slice()).arg(token.encode());
                }
                batch.call(&REGISTER, call);
            }
        }
        let done = self.ask_tables(batch).await.map(drop);
        self.end(Act::Register, done)
    }
}

/// `HGETALL`.
pub(super) fn command(table: &str) -> Cmd {
    let mut command = redis::cmd("HGETALL");
    command.arg(table);
    command
}

fn by_table(tokens: &[SharedToken]) -> BTreeMap<Table, Vec<&SharedToken>> {
    let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for token in tokens {
        let of_session = token.session.map(Table::Session);
        for table in of_session.into_iter().chain(token.subject.map(Table::Subject)) {
            tables.entry(table).or_default().push(token);
        }
    }
    tables
}

impl Shared {
    /// Takes answers to `HGETALL` apart. A token that cannot be read is left out: the others must
    /// end all the same.
    pub(super) fn decode(&self, replies: Vec<Reply>) -> Result<Vec<Vec<SharedToken>>, Fault> {
        replies.into_iter().map(|reply| self.decode_one(reply)).collect()
    }

    fn decode_one(&self, reply: Reply) -> Result<Vec<SharedToken>, Fault> {
        let mut fields = reply.list()?.into_iter();
        let mut tokens = Vec::with_capacity(fields.len() / 2);
        while let (Some(field), Some(value)) = (fields.next(), fields.next()) {
            let digest = field.bytes()?.try_into().map(Digest::from_bytes);
            let value = value.bytes()?;
            match digest.ok().and_then(|digest| SharedToken::decode(digest, &value).ok()) {
                Some(token) => tokens.push(token),
                None if self.malformed_tokens.fetch_add(1, Ordering::Relaxed) == 0 => {
                    tracing::warn!(
                        "a registered token in Redis cannot be read and is left out; this is said \
                         once: does something else write under key_prefix, or a later version?"
                    );
                }
                None => {}
            }
        }
        Ok(tokens)
    }
}
