//! The Lua scripts, one for each act that must be done whole or not at all.

use std::sync::LazyLock;

use deadpool_redis::redis::{self, Arg, Cmd};

/// One script.
pub(super) struct Script {
    text: &'static str,
    sha: LazyLock<String>,
}

/// Declares scripts. The text of a script is that of its files, one behind the other.
macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+;)+) => {
        $(
            $(#[$doc])*
            pub(super) static $name: Script = Script {
                text: concat!($(include_str!($file)),+),
                sha: LazyLock::new(|| sha(concat!($(include_str!($file)),+))),
            };
        )+

        #[cfg(test)]
        const ALL: &[&Script] = &[$(&$name,)+];
    };
}

scripts! {
    /// Head, log, names; epoch, link, pack, and a value and an expiry for each name.
    APPEND = "merge.lua" "append.lua";
    /// Names; a value and an expiry for each.
    DENY = "merge.lua" "deny.lua";
    /// Head, log; key, epoch, whether there are direct keys, seal.
    FOUND = "seal.lua" "found.lua";
    /// Instances; instance, compared epoch or nothing.
    MEET = "meet.lua";
    /// Table; expiry, and a field and a value for each token.
    REGISTER = "register.lua";
    /// Head, log; old epoch, new epoch, whether the log is replaced, seal.
    RENEW = "seal.lua" "renew.lua";
    /// Head, log; epoch, first, seal.
    TRIM = "seal.lua" "trim.lua";
}

impl Script {
    /// A call, with room for arguments: so many keys come first.
    pub(super) fn call(&self, keys: usize, arguments: usize, bytes: usize) -> Cmd {
        let mut call = Cmd::with_capacity(3 + keys + arguments, 64 + bytes);
        call.arg("EVALSHA").arg(self.sha.as_str()).arg(keys);
        call
    }

    /// A call of one of the scripts that look whether keys and arguments are what they were here.
    pub(super) fn sealed(&self, keys: &[&str], arguments: &[&str]) -> Cmd {
        let words = [keys, arguments].concat();
        let mut call = self.call(keys.len(), arguments.len() + 1, 256);
        for word in &words {
            call.arg(word);
        }
        call.arg(sha(&words.join(" ")));
        call
    }

    /// The same call with the script in full, for a server that does not know it yet. It knows it
    /// from then on.
    pub(super) fn in_full(&self, call: &Cmd) -> Cmd {
        let mut full = redis::cmd("EVAL");
        full.arg(self.text);
        // Behind EVALSHA and the hash.
        for argument in call.args_iter().skip(2) {
            if let Arg::Simple(bytes) = argument {
                full.arg(bytes);
            }
        }
        full
    }
}

fn sha(text: &str) -> String {
    redis::Script::new(text).get_hash().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_full_has_the_same_arguments() {
        let mut call = APPEND.call(1, 1, 4);
        call.arg("key").arg(&[0_u8, 255]);
        let full = APPEND.in_full(&call);
        let arguments = |cmd: &Cmd| -> Vec<Vec<u8>> {
            cmd.args_iter()
                .map(|argument| match argument {
                    Arg::Simple(bytes) => bytes.to_vec(),
                    _ => panic!("no cursor was given"),
                })
                .collect()
        };
        assert_eq!(arguments(&full)[2..], arguments(&call)[2..]);
        assert_eq!(arguments(&full)[1], APPEND.text.as_bytes());
        assert_eq!(arguments(&call)[1].len(), 40);
    }

    #[test]
    fn no_two_scripts_are_one() {
        let mut hashes: Vec<_> = ALL.iter().map(|script| script.sha.as_str()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), ALL.len());
    }
}
