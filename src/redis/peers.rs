//! `{P}:instances`: who else shares this Redis.

use std::time::Duration;

use signout_checker::log::Epoch;

use super::error::{Act, Fault, RedisError};
use super::keys::InstanceId;
use super::link::Link;
use super::reply::Reply;
use super::scripts::MEET;

/// Another instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub instance: InstanceId,
    /// The epoch that it has compared its journal with: all that it knows is in the log since.
    pub compared: Option<Epoch>,
    /// How long nothing was heard of it.
    pub silence: Duration,
}

impl Link {
    /// Says that this instance is alive, and which epoch it has compared its journal with; returns
    /// the others that were heard of within the last minute.
    pub async fn meet(
        &mut self,
        instance: InstanceId,
        compared: Option<Epoch>,
    ) -> Result<Vec<Peer>, RedisError> {
        self.begin();
        let compared = compared.map(|epoch| epoch.to_string()).unwrap_or_default();
        let call = MEET.sealed(&[&self.keys().instances()], &[&instance.to_string(), &compared]);
        let done = match self.call(&MEET, call).await {
            Ok(reply) => peers(reply),
            Err(fault) => Err(fault),
        };
        self.end(Act::Meet, done)
    }
}

fn peers(reply: Reply) -> Result<Vec<Peer>, Fault> {
    let peer = |reply: Reply| {
        let [instance, compared, silence] = reply.array()?;
        Ok(Peer {
            instance: InstanceId::parse(&instance.text()?).ok_or_else(Fault::odd_answer)?,
            compared: Epoch::parse(&compared.text()?),
            silence: Duration::from_millis(silence.number()?),
        })
    };
    reply.list()?.into_iter().map(peer).collect()
}
