//! A process for one connection (`-1`).
//!
//! In: a configuration and a connected client. Out: answers to it, and an exit code. Must hold: nobody else is let in;
//! the process ends with the connection.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, getpeername, getsockname};

use super::endpoints::arrival;
use super::logs::{self, Opened};
use super::start::{StartError, abort_on_panic, drop_privileges, kernel};
use super::stdin::{Call, Caller};
use crate::config::{self, Site};
use crate::errorlog;
use crate::link::Listeners;
use crate::net::Peer;
use crate::source::Source;
use crate::sys::signal::{Order as Signal, Signals};
use crate::worker::bench::{Bench, Counters};
use crate::worker::chores::{Chores, Haste};
use crate::worker::conn::Conn;
use crate::worker::endpoint::Endpoint;
use crate::worker::inbox::{self, Outlet};
use crate::worker::logs::Logs;
use crate::worker::{Order, Worker};

/// Serves a client until its connection ends. 0: it has; 1: it was ended at once (`SIGTERM`); 255: it could not be
/// served.
pub fn serve_one(source: &Source, caller: Caller) -> ExitCode {
    abort_on_panic();
    match serve(source, caller) {
        Ok(End::Closed) => ExitCode::SUCCESS,
        Ok(End::Cut) => ExitCode::from(1),
        Err(error) => {
            eprintln!("everlit: {error}");
            ExitCode::from(255)
        }
    }
}

/// How a connection ended.
enum End {
    /// By itself.
    Closed,
    /// At once.
    Cut,
}

fn serve(source: &Source, caller: Caller) -> Result<End, StartError> {
    // Before there are threads: they are blocked in all of them.
    let signals = Signals::block().map_err(|cause| kernel("block signals", cause))?;
    let (site, plan) = config::load(source).map_err(StartError::Config)?;
    let Call { socket, carrier } = caller.answer().map_err(StartError::Stdin)?;
    let local = getsockname(&socket).ok().and_then(tcp);
    let remote = getpeername(&socket).ok().flatten().and_then(tcp);
    let conn = Conn::new(socket, remote.map_or(Peer::Unix, Peer::from), 0);
    let counters = Arc::new(Counters::default());
    let endpoint = arrival(local, &plan.listeners);
    let (worker, chores) = prepare(site, endpoint, signals, &counters)?;
    for warning in &plan.warnings {
        for line in warning.trim_end().lines() {
            errorlog::say("configuration", line);
        }
    }
    worker.serve_only(conn);
    chores.finish(Haste::None);
    if counters.connections.load(Ordering::Acquire) > 0 {
        return Ok(End::Cut);
    }
    if let Some(carrier) = carrier {
        // It ends when all is said, or when nobody listens.
        let _ = carrier.join();
    }
    Ok(End::Closed)
}

fn tcp(address: SocketAddrAny) -> Option<SocketAddr> {
    SocketAddr::try_from(address).ok()
}

fn prepare(
    site: Site,
    endpoint: Endpoint,
    signals: Signals,
    counters: &Arc<Counters>,
) -> Result<(Worker, Chores), StartError> {
    let site = Arc::new(site);
    // The connection is short; a logger that dies meanwhile is not started again.
    let Opened { targets, .. } = logs::open(&site.server).map_err(StartError::Log)?;
    drop_privileges(&site.server)?;
    let bell = |errno: Errno| kernel("create an event descriptor", errno.into());
    let (orders, inbox) = inbox::channel().map_err(bell)?;
    let (reports, _nobody_listens) = inbox::channel().map_err(bell)?;
    obey(signals, orders)?;
    let bench = Bench::new(site, Logs::new(targets), counters.clone());
    let chores = bench.chores.clone();
    Worker::new(bench, vec![Arc::new(endpoint)], inbox, reports, 1)
        .map(|worker| (worker, chores))
        .map_err(|errno| kernel("watch the connection", errno.into()))
}

/// Has a thread pass signals on to the worker; it ends with the process.
fn obey(signals: Signals, orders: Outlet<Order>) -> Result<(), StartError> {
    let mut stopping = false;
    let listen = move || loop {
        // Interrupted or not, the signals are there or not.
        let _ = poll(
            &mut [PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)],
            None,
        );
        while let Ok(Some(signal)) = signals.next() {
            let order = match signal {
                Signal::Stop if !stopping => {
                    stopping = true;
                    Order::Quit(Listeners::Leave)
                }
                Signal::Stop | Signal::Terminate => Order::End,
                // Neither new settings nor new logs are for a connection that is under way.
                Signal::Restart | Signal::ReopenLogs => continue,
            };
            // A worker that is gone takes the process with it.
            let _ = orders.send(order);
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .stack_size(256 * 1024)
        .spawn(listen)
        .map(drop)
        .map_err(|cause| kernel("start a thread", cause))
}
