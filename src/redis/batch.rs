//! Commands that go out in one write.

use deadpool_redis::redis::{Cmd, Pipeline, Value};

use super::error::Fault;
use super::reply::Reply;
use super::scripts::Script;

/// Commands in their order; some are calls of scripts.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) pipeline: Pipeline,
    scripts: Vec<Option<&'static Script>>,
}

impl Batch {
    pub(super) fn command(&mut self, command: Cmd) {
        self.pipeline.add_command(command);
        self.scripts.push(None);
    }

    pub(super) fn call(&mut self, script: &'static Script, call: Cmd) {
        self.pipeline.add_command(call);
        self.scripts.push(Some(script));
    }

    pub(super) fn len(&self) -> usize {
        self.scripts.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// The commands one by one.
    pub(super) fn into_commands(self) -> impl Iterator<Item = (Cmd, Option<&'static Script>)> {
        let commands: Vec<_> = self.pipeline.cmd_iter().cloned().collect();
        commands.into_iter().zip(self.scripts)
    }

    /// What has to be sent again because the server did not know a script, with the place of each:
    /// those calls, the first of each script in full, and all plain commands, which were meant to
    /// come behind them. Empty if the server knew all scripts.
    ///
    /// The calls that went through stay as they are. So an entry may come behind one that it was
    /// to precede, if another instance loaded the script between the two; entries may come in any
    /// order.
    pub(super) fn unknown(&self, answers: &[Value]) -> (Self, Vec<usize>) {
        let (mut again, mut places, mut spelled) = (Self::default(), Vec::new(), Vec::new());
        if !answers.iter().any(is_unknown) {
            return (again, places);
        }
        let calls = self.pipeline.cmd_iter().zip(&self.scripts).zip(answers);
        for (place, ((command, script), answer)) in calls.enumerate() {
            match script {
                None => again.command(command.clone()),
                Some(_) if !is_unknown(answer) => continue,
                Some(script) if spelled.iter().any(|other| std::ptr::eq(*other, *script)) => {
                    again.call(script, command.clone());
                }
                Some(script) => {
                    spelled.push(*script);
                    again.call(script, script.in_full(command));
                }
            }
            places.push(place);
        }
        (again, places)
    }
}

/// Whether the server does not know the script.
pub(super) fn is_unknown(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

/// The answers, if none of them is an error; else the first error.
pub(super) fn all_good(answers: Vec<Value>) -> Result<Vec<Reply>, Fault> {
    answers.into_iter().map(Reply::new).collect()
}
