//! The provider's process: one for all tests, with an issuer for each of them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;

use serde_json::Value;

use crate::harness::PATIENCE;

/// Node takes half a second to start, so it starts once. Nothing drops a static: the process ends
/// by itself when its stdin does, that is, when this one ends, in whatever way.
static NODE: OnceLock<Mutex<Node>> = OnceLock::new();

struct Node {
    child: Child,
    stdin: ChildStdin,
    answers: mpsc::Receiver<String>,
    /// Whatever else it wrote.
    notes: Arc<Mutex<Vec<String>>>,
}

/// Has the provider listen as one more issuer.
pub(super) fn issuer(wanted: &Value) -> Value {
    let node = NODE.get_or_init(|| Mutex::new(Node::start()));
    // One test that failed here is enough.
    node.lock().unwrap_or_else(PoisonError::into_inner).ask(wanted)
}

impl Node {
    /// Without Node or its packages this fails: a test that skips itself proves nothing.
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/providers/oidc-provider");
        let library = folder.join("node_modules/oidc-provider");
        assert!(library.is_dir(), "{} is missing: run `make test-setup`", library.display());
        let child = Command::new("node")
            .arg("server.mjs")
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!(
                "`node` does not start ({error}): install Node.js, 20 or later, \
                 then run `make test-setup`"
            )
        });
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (answer, answers) = mpsc::channel();
        let notes = Arc::new(Mutex::new(Vec::new()));
        let (of_stdout, of_stderr) = (Arc::clone(&notes), Arc::clone(&notes));
        // Both end with the child. The library writes its warnings to stdout, between the answers.
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if line.starts_with('{') {
                    let _ = answer.send(line);
                } else {
                    of_stdout.lock().unwrap().push(line);
                }
            }
        });
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                of_stderr.lock().unwrap().push(line);
            }
        });
        Self { child, stdin, answers, notes }
    }

    fn ask(&mut self, wanted: &Value) -> Value {
        let asked = writeln!(self.stdin, "{wanted}");
        let answer = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            let notes = self.notes.lock().unwrap().join("\n");
            let ended = self.child.try_wait();
            panic!("the provider does not listen ({asked:?}, {error}, {ended:?}):\n{notes}")
        });
        serde_json::from_str(&answer).unwrap()
    }
}
