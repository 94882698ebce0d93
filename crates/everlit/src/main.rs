//! The program: arguments to a role, and its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    everlit::cli::main()
}
