//! Tells the service manager how it stands, in the protocol of `sd_notify(3)`: one datagram for each
//! message, to the socket that the environment names.
//!
//! Without such a socket nobody is told. That a message does not arrive is never an error of the
//! service: it goes on, and the manager has its own time limits.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use thiserror::Error;

const READY: &str = "READY=1\nSTATUS=Takes logouts\n";
const STOPPING: &str = "STOPPING=1\nSTATUS=Ends requests under way\n";
const ALIVE: &str = "WATCHDOG=1\n";

/// The service manager.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// It ends a service that says nothing for so long.
    patience: Option<Duration>,
}

/// Why the service manager cannot be told anything.
#[derive(Debug, Error)]
pub enum NotifyError {
    /// A variable is not what `sd_notify(3)` says.
    #[error("{name} is set to {value:?}, which is no {expected}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: OsString,
        /// What it should be.
        expected: &'static str,
    },
    /// The system gives no socket.
    #[error("no socket to tell the service manager by: {0}")]
    Socket(#[from] io::Error),
}

impl Manager {
    /// The one that the environment names: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` if that is meant for
    /// this process (`WATCHDOG_PID`).
    pub fn of_environment(
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, NotifyError> {
        let Some(socket) = variable("NOTIFY_SOCKET") else { return Ok(None) };
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(&socket),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        };
        let expected = "path or abstract name of a socket";
        let address = address.map_err(|_| wrong("NOTIFY_SOCKET", &socket, expected))?;
        let number = |name, value: OsString| {
            let number = value.to_str().and_then(|text| text.parse::<u64>().ok());
            number.ok_or_else(|| wrong(name, &value, "number"))
        };
        let patience = variable("WATCHDOG_USEC").map(|v| number("WATCHDOG_USEC", v)).transpose()?;
        let watched = variable("WATCHDOG_PID").map(|v| number("WATCHDOG_PID", v)).transpose()?;
        let is_ours = watched.is_none_or(|pid| pid == u64::from(std::process::id()));
        let patience = patience.filter(|&patience| is_ours && patience > 0);
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Some(Self { socket, address, patience: patience.map(Duration::from_micros) }))
    }

    /// The journal is read and the sockets are open.
    pub fn ready(&self) {
        self.tell(READY);
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.tell(STOPPING);
    }

    /// Says that the service is alive, twice as often as the manager wants to hear it, for ever.
    ///
    /// To be run where the requests are: what it shows is that this thread does not hang. A disk that
    /// is slow or full is no reason to be killed for, so the journal is not asked.
    pub async fn reassure(&self) -> Infallible {
        let Some(patience) = self.patience else { return std::future::pending().await };
        let mut times = tokio::time::interval(patience / 2);
        loop {
            times.tick().await;
            self.tell(ALIVE);
        }
    }

    fn tell(&self, message: &str) {
        if let Err(error) = self.socket.send_to_addr(message.as_bytes(), &self.address) {
            tracing::warn!(%error, "the service manager was not told");
        }
    }
}

fn wrong(name: &'static str, value: &OsStr, expected: &'static str) -> NotifyError {
    NotifyError::Variable { name, value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(variables: &[(&str, &str)]) -> Result<Option<Manager>, NotifyError> {
        Manager::of_environment(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn without_a_socket_nobody_is_told() {
        assert!(manager(&[("WATCHDOG_USEC", "1000000")]).unwrap().is_none());
    }

    #[test]
    fn a_watchdog_of_another_process_is_none_of_ours() {
        let own = std::process::id().to_string();
        let socket = ("NOTIFY_SOCKET", "@signout-test-unused");
        for (variables, patience) in [
            (vec![], None),
            (vec![("WATCHDOG_USEC", "3000000")], Some(Duration::from_secs(3))),
            (
                vec![("WATCHDOG_USEC", "3000000"), ("WATCHDOG_PID", &own)],
                Some(Duration::from_secs(3)),
            ),
            (vec![("WATCHDOG_USEC", "3000000"), ("WATCHDOG_PID", "1")], None),
            (vec![("WATCHDOG_USEC", "0")], None),
        ] {
            let all = [&[socket], variables.as_slice()].concat();
            assert_eq!(manager(&all).unwrap().unwrap().patience, patience, "{variables:?}");
        }
    }

    #[test]
    fn what_is_no_socket_and_no_number_is_told() {
        for (variables, told) in [
            (vec![("NOTIFY_SOCKET", "relative")], "NOTIFY_SOCKET"),
            (vec![("NOTIFY_SOCKET", "")], "NOTIFY_SOCKET"),
            (vec![("NOTIFY_SOCKET", "@x"), ("WATCHDOG_USEC", "soon")], "WATCHDOG_USEC"),
        ] {
            let error = manager(&variables).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_told_at_a_path_and_by_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("signout-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        let path = path.to_str().unwrap();
        for (socket, heard) in [(path.to_owned(), by_path), (format!("@{name}"), by_name)] {
            let told = [("NOTIFY_SOCKET", socket.as_str()), ("WATCHDOG_USEC", "2000000")];
            let manager = manager(&told).unwrap().unwrap();
            manager.ready();
            assert_eq!(hear(&heard), READY);
            // At once, and then each second.
            let _ = tokio::time::timeout(Duration::from_millis(2_500), manager.reassure()).await;
            assert_eq!([hear(&heard), hear(&heard), hear(&heard)], [ALIVE; 3]);
            manager.stopping();
            assert_eq!(hear(&heard), STOPPING);
        }
    }

    fn hear(socket: &UnixDatagram) -> String {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }
}
