//! The command line of signout.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
