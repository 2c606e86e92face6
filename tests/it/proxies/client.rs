//! A client that sends what no library would.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::PATIENCE;

pub(super) struct Client {
    proxy: SocketAddr,
    patience: Duration,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Client {
    pub(super) fn of(proxy: SocketAddr) -> Self {
        Self { proxy, patience: PATIENCE }
    }

    /// Hangs up when nothing has come for this long.
    pub(super) fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(super) fn get(&self, path: &str, lines: &[&str]) -> Option<Answer> {
        self.send("GET", path, lines, "")
    }

    pub(super) fn post(&self, path: &str, lines: &[&str], body: &str) -> Option<Answer> {
        let length = format!("Content-Length: {}", body.len());
        self.send("POST", path, &[lines, &[&length]].concat(), body)
    }

    /// Lines go out as they are. `None` if no answer comes.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        lines: &[&str],
        body: &str,
    ) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.proxy).ok()?;
        stream.set_read_timeout(Some(self.patience)).unwrap();
        let mut lines = lines.to_vec();
        if !lines.iter().any(|line| line.starts_with("Connection:")) {
            lines.push("Connection: close");
        }
        let head = format!("{method} {path} HTTP/1.1\r\nHost: app.example.org\r\n");
        let request = format!("{head}{}\r\n\r\n{body}", lines.join("\r\n"));
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        while !is_whole(method, &answer) {
            match stream.read(&mut part) {
                Ok(0) | Err(_) => break,
                Ok(length) => answer.extend(&part[..length]),
            }
        }
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }
}

/// Of a connection that stays open the end is told by the length alone.
fn is_whole(method: &str, answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    method == "HEAD" || length.is_some_and(|length: usize| body.len() >= length)
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}
