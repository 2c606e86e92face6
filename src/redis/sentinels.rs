//! Who the master is, as the sentinels see it.

use deadpool_redis::redis::aio::ConnectionLike as _;
use deadpool_redis::redis::{self, RedisConnectionInfo};
use tokio::task::JoinSet;

use super::address::Address;
use super::dial::Dial;
use super::error::Fault;
use super::reply::Reply;

const PORT: u16 = 26_379;

/// What the sentinels say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masters {
    /// Which master each one names, as `host:port`, in the order of `urls`; none if it did not
    /// answer in time, or knows no master of that name.
    pub named: Vec<Option<Box<str>>>,
}

impl Masters {
    /// The master that more than half of all sentinels name; those that do not answer count.
    #[must_use]
    pub fn majority(&self) -> Option<&str> {
        self.most_named().filter(|(_, times)| times * 2 > self.named.len()).map(|(name, _)| name)
    }

    /// The master that most of them name, and how many do; of several the one that is named first.
    fn most_named(&self) -> Option<(&str, usize)> {
        let names = || self.named.iter().flatten().map(|name| &**name);
        let times = |name: &str| names().filter(|other| *other == name).count();
        let counted: Vec<_> = names().map(|name| (name, times(name))).collect();
        counted.into_iter().rev().max_by_key(|(_, times)| *times)
    }
}

/// The sentinels of one service.
pub(super) struct Sentinels {
    pub(super) dial: Dial,
    pub(super) addresses: Vec<Address>,
    pub(super) service: Box<str>,
    pub(super) login: RedisConnectionInfo,
}

impl Sentinels {
    /// Asks all of them at once, and waits for each within the timeouts. A fault if none of them
    /// names a master.
    pub(super) async fn masters(&self) -> Result<Masters, Fault> {
        let (masters, fault) = self.ask_until(|_| false).await;
        if masters.named.iter().any(Option::is_some) { Ok(masters) } else { Err(fault) }
    }

    /// The master to connect to: the one that most sentinels name. As soon as more than half of
    /// all agree, the others are not waited for; one stale sentinel leads nobody to an old master
    /// while the others can be asked.
    pub(super) async fn master(&self) -> Result<Address, Fault> {
        let (masters, fault) = self.ask_until(|masters| masters.majority().is_some()).await;
        let found = || {
            let (host, port) = masters.most_named()?.0.rsplit_once(':')?;
            Some(self.addresses.first()?.with_host(host, port.parse().ok()?))
        };
        found().ok_or(fault)
    }

    /// What was said until enough was said, and what is wrong if nothing was.
    async fn ask_until(&self, is_enough: impl Fn(&Masters) -> bool) -> (Masters, Fault) {
        let mut masters = Masters { named: vec![None; self.addresses.len()] };
        let mut fault = None;
        let mut asked = JoinSet::new();
        for (i, address) in self.addresses.iter().enumerate() {
            let (dial, address) = (self.dial.clone(), address.clone());
            let (service, login) = (self.service.clone(), self.login.clone());
            asked.spawn(async move { (i, ask(&dial, &address, &service, &login).await) });
        }
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok((i, Ok(master))) => {
                    if let Some(place) = masters.named.get_mut(i) {
                        *place = Some(master);
                    }
                }
                // That one knows no such master says more than that another one is down.
                Ok((_, Err(new))) if fault.is_none() || new == Fault::NoMaster => {
                    fault = Some(new);
                }
                Ok((_, Err(_))) | Err(_) => {}
            }
            if is_enough(&masters) {
                break;
            }
        }
        (masters, fault.unwrap_or(Fault::NoMaster))
    }
}

/// Asks one, on a connection of its own: it is asked seldom.
async fn ask(
    dial: &Dial,
    sentinel: &Address,
    service: &str,
    login: &RedisConnectionInfo,
) -> Result<Box<str>, Fault> {
    let mut connection = dial.open(sentinel, PORT, login).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(service);
    let answer = connection.req_packed_command(&question).await.map_err(|e| Fault::of(&e))?;
    match Reply::new(answer)?.optional_array()? {
        None => Err(Fault::NoMaster),
        Some([host, port]) => Ok(format!("{}:{}", host.text()?, port.text()?).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_is_of_all_sentinels() {
        for (named, majority) in [
            (vec![], None),
            (vec![None], None),
            (vec![Some("a:1")], Some("a:1")),
            (vec![Some("a:1"), None], None),
            (vec![Some("b:1"), Some("a:1"), Some("a:1")], Some("a:1")),
            (vec![None, Some("a:1"), Some("a:1")], Some("a:1")),
            (vec![None, None, Some("a:1")], None),
        ] {
            let named = named.into_iter().map(|name| name.map(Into::into)).collect();
            assert_eq!(Masters { named }.majority(), majority);
        }
    }
}
