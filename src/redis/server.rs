//! What `INFO` says.

use super::error::Fault;
use super::reply::Reply;

/// The server. What it did not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// `redis_version`.
    pub version: Option<Box<str>>,
    /// `run_id`: changes with each start of the process.
    pub run_id: Option<Box<str>>,
    /// `master_replid`: the history that the data belong to; replicas share it.
    pub replid: Option<Box<str>>,
    /// `role`.
    pub role: Option<Role>,
    /// `connected_slaves`.
    pub replicas: Option<u64>,
    /// `maxmemory_policy`.
    pub policy: Option<Box<str>>,
    /// `maxmemory`, in bytes; 0 is no limit.
    pub maxmemory: Option<u64>,
    /// `used_memory`, in bytes.
    pub used_memory: Option<u64>,
    /// `evicted_keys`, since the start of the process.
    pub evicted_keys: Option<u64>,
    /// `loading`: whether data are being read from disk.
    pub loading: Option<bool>,
    /// `aof_enabled` and `aof_last_write_status`.
    pub aof: Option<Aof>,
}

/// Which part a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Master,
    /// It follows another one.
    Replica,
}

/// The append-only file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aof {
    /// There is none.
    Off,
    /// The last write to it went well.
    Good,
    /// The last write to it failed.
    Failing,
}

impl Server {
    pub(super) fn read(reply: Reply) -> Result<Self, Fault> {
        Ok(Self::parse(&reply.text()?))
    }

    /// Lines of `name:value`; unknown ones are passed over.
    fn parse(info: &str) -> Self {
        let mut server = Self::default();
        let mut aof_failing = false;
        for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
            let word = || Some(value.into());
            let number = || value.parse().ok();
            let flag = || Some(value != "0");
            match name {
                "redis_version" => server.version = word(),
                "run_id" => server.run_id = word(),
                "master_replid" => server.replid = word(),
                "role" if value == "master" => server.role = Some(Role::Master),
                "role" if value == "slave" => server.role = Some(Role::Replica),
                "connected_slaves" => server.replicas = number(),
                "maxmemory_policy" => server.policy = word(),
                "maxmemory" => server.maxmemory = number(),
                "used_memory" => server.used_memory = number(),
                "evicted_keys" => server.evicted_keys = number(),
                "loading" => server.loading = flag(),
                "aof_enabled" if value == "0" => server.aof = Some(Aof::Off),
                "aof_enabled" => server.aof = Some(Aof::Good),
                "aof_last_write_status" => aof_failing = value != "ok",
                _ => {}
            }
        }
        if aof_failing && server.aof == Some(Aof::Good) {
            server.aof = Some(Aof::Failing);
        }
        server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_absent() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:ab\r\n\r\n# Memory\r\n\
                    used_memory:900\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n\
                    # Persistence\r\nloading:0\r\naof_enabled:1\r\naof_last_write_status:err\r\n\
                    # Replication\r\nrole:slave\r\nslave0:ip=::1,port=1\r\n";
        let expected = Server {
            version: Some("7.0.15".into()),
            run_id: Some("ab".into()),
            role: Some(Role::Replica),
            policy: Some("noeviction".into()),
            maxmemory: Some(1_000),
            used_memory: Some(900),
            loading: Some(false),
            aof: Some(Aof::Failing),
            ..Server::default()
        };
        assert_eq!(Server::parse(info), expected);
        assert_eq!(Server::parse(""), Server::default());
    }
}
