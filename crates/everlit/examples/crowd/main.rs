//! What clients see of reloads: a crowd of them at one reload, a few of them over many reloads, and clients of backends.
//!
//! In: how many clients of which kind, on the command line. Out: a table of measured figures on standard output; exit
//! code 0 if all limits held, 1 if one did not, 2 if nothing could be measured. Must hold: a figure is what a client
//! measured or the kernel says; the server's own report stands beside it and is compared with it.

// In the order of their use.
mod options;

mod limits;
mod pattern;
mod process;
mod server;

mod exchange;
mod gauge;
mod scene;
mod sockets;

mod downloads;
mod halves;
mod idlers;
mod newcomers;
mod probes;

mod call;
mod census;
mod hall;
mod latency;
mod steady;

mod echo;
mod nginx;
mod talkers;
mod websocket;

mod errands;
mod lines;

mod fpm;
mod visits;

mod crowd;
mod php;
mod secure;
mod soak;
mod tunnels;

mod verdict;

use std::error::Error;
use std::process::ExitCode;

use options::Task;
use verdict::Verdict;

fn main() -> ExitCode {
    let outcome = options::parse().and_then(|task| match task {
        Task::Help(text) => {
            print!("{text}");
            Ok(Verdict::Held)
        }
        Task::Crowd(options) => crowd::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Tunnels(place, plan) => tunnels::run(&place, &plan),
        Task::Secure(place, plan) => secure::run(&place, &plan),
        Task::Php(place, plan) => php::run(&place, &plan),
    });
    match outcome {
        Ok(Verdict::Held) => ExitCode::SUCCESS,
        Ok(Verdict::Broken) => ExitCode::from(1),
        Err(error) => {
            eprintln!("crowd: {}", with_causes(&*error));
            ExitCode::from(2)
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
