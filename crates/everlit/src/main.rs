//! The program: arguments to a role, and its exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: everlit::Allocator = everlit::Allocator;

fn main() -> ExitCode {
    everlit::cli::main()
}
