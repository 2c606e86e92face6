//! One connection, and how commands are sent on it.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::redis::aio::{ConnectionLike as _, MultiplexedConnection};
use deadpool_redis::redis::{self, Cmd, Value};
use tokio::task::JoinSet;

use super::Shared;
use super::batch::{Batch, all_good, is_unknown};
use super::cluster::Nodes;
use super::error::{Act, Fault, RedisError};
use super::keys::Keys;
use super::pools::Held;
use super::probe::LastCanary;
use super::reply::Reply;
use super::scripts::Script;

/// One connection. What is done on it is done in a row, on one socket to the server that holds the
/// log; in a cluster, tables have their own sockets to their own nodes.
///
/// A link never connects anew by itself. After an error, or after an act that was dropped before
/// its end, it does not go back to the pool either: drop it and connect again.
pub struct Link {
    home: MultiplexedConnection,
    nodes: Option<Nodes>,
    held: Option<Held>,
    state: State,
    pub(super) shared: Arc<Shared>,
    pub(super) canary: Option<LastCanary>,
}

/// Whether anybody else may use the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// An act has begun, and nobody has seen its end.
    UnderWay,
    /// An act has failed.
    Failed,
}

impl Link {
    pub(super) fn new(held: Held, shared: Arc<Shared>) -> Self {
        let (home, nodes) = (held.home(), held.nodes());
        Self { home, nodes, held: Some(held), state: State::Good, shared, canary: None }
    }

    /// Whether tables are on the same server as the log, so that one write reaches both.
    pub(super) const fn holds_tables(&self) -> bool {
        self.nodes.is_none()
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// A second handle of the same socket.
    pub(super) fn home(&self) -> MultiplexedConnection {
        self.home.clone()
    }

    /// Begins an act. If its end is never reached, nobody else uses this link afterwards.
    pub(super) fn begin(&mut self) {
        if self.state == State::Good {
            self.state = State::UnderWay;
        }
    }

    /// Ends an act. After a failure nobody else uses this link, whatever goes well later.
    pub(super) fn end<T>(&mut self, act: Act, done: Result<T, Fault>) -> Result<T, RedisError> {
        match (&done, self.state) {
            (Err(_), _) => self.state = State::Failed,
            (Ok(_), State::UnderWay) => self.state = State::Good,
            (Ok(_), State::Good | State::Failed) => {}
        }
        done.map_err(|fault| RedisError { act, fault })
    }

    /// Sends a batch to the home of the log, and gives an answer for each command. `extra` is how
    /// long the server was asked to wait.
    pub(super) async fn send(
        &mut self,
        batch: &Batch,
        extra: Duration,
    ) -> Result<Vec<Value>, Fault> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.home.set_response_timeout(self.shared.response_timeout.saturating_add(extra));
        let mut answers = self.send_once(batch).await?;
        let (again, places) = batch.unknown(&answers);
        if !again.is_empty() {
            let second = self.send_once(&again).await?;
            for (place, answer) in places.into_iter().zip(second) {
                if let Some(first) = answers.get_mut(place) {
                    *first = answer;
                }
            }
        }
        Ok(answers)
    }

    async fn send_once(&mut self, batch: &Batch) -> Result<Vec<Value>, Fault> {
        let sent = self.home.req_packed_commands(&batch.pipeline, 0, batch.len()).await;
        let answers = sent.map_err(|error| Fault::of(&error))?;
        if answers.len() == batch.len() { Ok(answers) } else { Err(Fault::odd_answer()) }
    }

    /// The same, when any error is the end of it.
    pub(super) async fn ask(&mut self, batch: &Batch) -> Result<Vec<Reply>, Fault> {
        all_good(self.send(batch, Duration::ZERO).await?)
    }

    /// One call to the home of the log.
    pub(super) async fn call(
        &mut self,
        script: &'static Script,
        call: Cmd,
    ) -> Result<Reply, Fault> {
        let mut batch = Batch::default();
        batch.call(script, call);
        self.ask(&batch).await?.pop().ok_or_else(Fault::odd_answer)
    }

    /// Sends commands on tables, which may be sent twice, to wherever the tables are.
    pub(super) async fn ask_tables(&mut self, batch: Batch) -> Result<Vec<Reply>, Fault> {
        let Some(nodes) = &self.nodes else { return self.ask(&batch).await };
        let mut asked = JoinSet::new();
        for (place, (command, script)) in batch.into_commands().enumerate() {
            let nodes = nodes.clone();
            asked.spawn(async move { (place, ask_node(nodes, command, script).await) });
        }
        let mut replies = Vec::with_capacity(asked.len());
        while let Some(asked) = asked.join_next().await {
            let (place, reply) = asked.map_err(|_| Fault::odd_answer())?;
            replies.push((place, reply?));
        }
        replies.sort_unstable_by_key(|(place, _)| *place);
        Ok(replies.into_iter().map(|(_, reply)| reply).collect())
    }
}

async fn ask_node(
    mut nodes: Nodes,
    command: Cmd,
    script: Option<&'static Script>,
) -> Result<Reply, Fault> {
    let answer = unwrapped(nodes.req_packed_command(&command).await)?;
    match script {
        Some(script) if is_unknown(&answer) => {
            Reply::new(unwrapped(nodes.req_packed_command(&script.in_full(&command)).await)?)
        }
        _ => Reply::new(answer),
    }
}

/// A cluster connection gives some errors of a server as answers and others as errors.
fn unwrapped(answer: redis::RedisResult<Value>) -> Result<Value, Fault> {
    answer.or_else(|error| match redis::ServerError::try_from(error) {
        Ok(error) => Ok(Value::ServerError(error)),
        Err(error) => Err(Fault::of(&error)),
    })
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.state != State::Good
            && let Some(held) = self.held.take()
        {
            held.discard();
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("state", &self.state).finish_non_exhaustive()
    }
}
