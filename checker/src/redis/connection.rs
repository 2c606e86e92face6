//! One socket to the server that holds the log.

use std::time::Duration;

use ::redis::aio::{ConnectionLike as _, MultiplexedConnection};
use ::redis::{Cmd, Pipeline, Value};

use super::source::{RESPONSE_TIMEOUT, Topology, timeouts};
use super::{Source, Trouble, reply, sentinels};
use crate::log::{Entry, Head, LogShape};
use reply::Server;

/// Entries of one chunk: few, because under load an entry holds five hundred changes.
const CHUNK: usize = 500;
/// Chunks come one behind the other, and nobody waits for the single one.
const UNHURRIED: Duration = Duration::from_secs(5);

/// A connection. Never connects anew by itself: a write that was read may be on another server.
pub(super) struct Connection<'a> {
    source: &'a Source,
    socket: MultiplexedConnection,
}

/// What a look at the server saw.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) head: Option<Head>,
    pub(super) shape: LogShape,
    pub(super) server: Server,
    /// By the server's clock, milliseconds since 1970.
    pub(super) time: u64,
    /// The values of `{P}:instances`.
    pub(super) instances: Vec<String>,
}

impl<'a> Connection<'a> {
    /// Connects to the one server there is, or to the master that most sentinels name; tells what
    /// that is called.
    pub(super) async fn open(source: &'a Source) -> Result<(Self, Option<Box<str>>), Trouble> {
        let (info, name) = match &source.topology {
            Topology::Single(info) => ((**info).clone(), None),
            Topology::Sentinel { sentinels, service, master } => {
                let name = sentinels::majority(source, sentinels, service).await;
                let name = name.ok_or(Trouble::NoMaster)?;
                (sentinels::at(master, &name)?, Some(name))
            }
        };
        let client = source.client(&info)?;
        let socket = client.get_multiplexed_async_connection_with_config(&timeouts()).await?;
        Ok((Self { source, socket }, name))
    }

    async fn ask<const N: usize>(
        &mut self,
        commands: [Cmd; N],
        extra: Duration,
    ) -> Result<[Value; N], Trouble> {
        let mut batch = Pipeline::new();
        for command in commands {
            batch.add_command(command);
        }
        self.socket.set_response_timeout(RESPONSE_TIMEOUT.saturating_add(extra));
        let answers = self.socket.req_packed_commands(&batch, 0, N).await?;
        answers.try_into().map_err(|_| Trouble::Odd)
    }

    /// The head; none if nobody has begun a log.
    pub(super) async fn head(&mut self) -> Result<Option<Head>, Trouble> {
        let [head] = self.ask([self.head_command()], Duration::ZERO).await?;
        reply::head(head)
    }

    fn head_command(&self) -> Cmd {
        let mut command = ::redis::cmd("HMGET");
        command.arg(self.source.head()).arg(&Head::FIELDS);
        command
    }

    /// Some hundred entries from this one on; none at the end.
    pub(super) async fn range(&mut self, from: u64) -> Result<Vec<Entry>, Trouble> {
        let mut range = ::redis::cmd("XRANGE");
        range.arg(self.source.log()).arg(format!("{from}-0")).arg("+").arg("COUNT").arg(CHUNK);
        let [entries] = self.ask([range], UNHURRIED).await?;
        reply::entries(entries)
    }

    /// Entries behind `after`, at most `at_most`; waits for the first one, and gives none if none
    /// came in time.
    pub(super) async fn read(
        &mut self,
        after: u64,
        wait: Duration,
        at_most: usize,
    ) -> Result<Vec<Entry>, Trouble> {
        let mut read = ::redis::cmd("XREAD");
        // BLOCK 0 would wait for ever.
        let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
        read.arg("COUNT").arg(at_most).arg("BLOCK").arg(millis);
        read.arg("STREAMS").arg(self.source.log()).arg(format!("{after}-0"));
        let [entries] = self.ask([read], wait).await?;
        reply::read(entries)
    }

    /// Looks at the server, in one round trip.
    pub(super) async fn look(&mut self) -> Result<Look, Trouble> {
        let log = self.source.log();
        let commands = [
            self.head_command(),
            words(&["XLEN", log]),
            words(&["XRANGE", log, "-", "+", "COUNT", "1"]),
            words(&["XREVRANGE", log, "+", "-", "COUNT", "1"]),
            words(&["INFO"]),
            words(&["TIME"]),
            words(&["HGETALL", self.source.instances()]),
        ];
        let [head, length, first, newest, info, time, instances] =
            self.ask(commands, Duration::ZERO).await?;
        // Names and values in turn.
        let instances = reply::list(instances)?.into_iter().skip(1).step_by(2);
        Ok(Look {
            head: reply::head(head)?,
            shape: reply::shape(length, first, newest)?,
            server: reply::server(info)?,
            time: reply::time(time)?,
            instances: instances.map(reply::text).collect::<Result<_, _>>()?,
        })
    }
}

fn words(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}
