//! Who the master is, as the sentinels see it.

use ::redis::{Client, ConnectionAddr, ConnectionInfo};

use super::source::timeouts;
use super::{Source, Trouble, reply};

/// Asks each sentinel, one after the other and each within the timeouts, and gives the master that
/// more than half of all name; those that do not answer count against it.
pub(super) async fn majority(
    source: &Source,
    sentinels: &[ConnectionInfo],
    service: &str,
) -> Option<Box<str>> {
    let mut named: Vec<Box<str>> = Vec::new();
    for sentinel in sentinels {
        // Whatever is wrong with one, the others decide.
        if let Ok(name) = ask(source, sentinel, service).await {
            named.push(name);
        }
        let times = |name: &str| named.iter().filter(|other| &***other == name).count();
        if let Some(name) = named.iter().find(|name| times(name) * 2 > sentinels.len()) {
            return Some(name.clone());
        }
    }
    None
}

/// The master, with the login and the transport of another address.
pub(super) fn at(master: &ConnectionInfo, name: &str) -> Result<ConnectionInfo, Trouble> {
    let (host, port) = name.rsplit_once(':').ok_or(Trouble::Odd)?;
    let (host, port) = (host.to_owned(), port.parse().map_err(|_| Trouble::Odd)?);
    let addr = match master.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            let (insecure, tls_params) = (*insecure, tls_params.clone());
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    Ok(master.clone().set_addr(addr))
}

/// Asks one, on a connection of its own: it is asked seldom.
async fn ask(
    source: &Source,
    sentinel: &ConnectionInfo,
    service: &str,
) -> Result<Box<str>, Trouble> {
    let client: Client = source.client(sentinel)?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&timeouts()).await?;
    let mut question = ::redis::cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(service);
    let [host, port] = reply::array(question.query_async(&mut connection).await?)?;
    Ok(format!("{}:{}", reply::text(host)?, reply::text(port)?).into())
}
