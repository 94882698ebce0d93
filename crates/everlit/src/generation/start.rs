//! From a fresh process to a serving generation.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::crew::{Crew, Hand};
use super::dumps;
use super::endpoints::{self, endpoint};
use super::lead::{Activity, Lead, Superior};
use super::logs::{self, LogError, Opened};
use super::notify::Notifier;
use super::recorder::Recorder;
use super::stdin::StdinError;
use super::taking::Taking;
use crate::board::Board;
use crate::clock::Now;
use crate::config::{self, ConfigError, CoreFiles, Reach, Server, Site};
use crate::control::orphan::About;
use crate::inherit::Inherited;
use crate::inquiry::{Pool, strand};
use crate::link::{GENERATION_VARIABLE, Line};
use crate::modules::auth::nonce::Nonces;
use crate::source::Source;
use crate::sys::filter::accept_syns;
use crate::sys::signal::Signals;
use crate::sys::{local_time, memory, privilege};
use crate::tls::context::Materials;
use crate::tls::{self, LoadError};
use crate::version::version;
use crate::worker::bench::{Bench, Counters};
use crate::worker::chores::Chores;
use crate::worker::logs::{Logs, Target};
use crate::worker::{Order, Worker, inbox};

/// As a count of descriptors.
const RESERVED: u64 = config::RESERVED_DESCRIPTORS as u64;

/// Size of the kernel's table of our descriptors from the start: 512 KiB of its memory.
const TABLE_SIZE: u64 = 1 << 16;

/// Stack of a worker thread; what is not touched takes no memory. Scripts (mod_magnet) may call themselves through C until
/// Lua says that it is enough, after 200 calls: that takes more than 1 MiB in a build without optimisations.
const WORKER_STACK: usize = 4 * 1024 * 1024;

/// Why a generation cannot start.
#[derive(Debug)]
pub(super) enum StartError {
    /// The configuration is wrong.
    Config(ConfigError),
    /// A log cannot be opened.
    Log(LogError),
    /// The client on standard input cannot be served.
    Stdin(StdinError),
    /// TLS cannot be spoken.
    Tls(LoadError),
    /// It was started without a listening socket.
    NoListeners,
    /// There is no such user or group.
    Unknown { what: &'static str, name: String },
    /// The kernel refused.
    Kernel { doing: String, cause: io::Error },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(error) => error.fmt(f),
            StartError::Log(error) => error.fmt(f),
            StartError::Tls(error) => write!(f, "TLS: {error}"),
            StartError::Stdin(error) => f.write_str(&crate::causes::with_causes(error)),
            StartError::NoListeners => {
                f.write_str("no listening socket was passed to this generation (LISTEN_FDS); start a supervisor instead")
            }
            StartError::Unknown { what, name } => write!(f, "there is no {what} \"{name}\" on this system"),
            StartError::Kernel { doing, cause } => write!(f, "{doing}: {cause}"),
        }
    }
}

/// Serves as a generation until its end. 0: everything was handed over or finished; 1: it was ended at once, and
/// connections were open; 255: it could not start.
pub fn run(inherited: Inherited, source: &Source) -> ExitCode {
    let notifier = Notifier::from_environment();
    abort_on_panic();
    match start(inherited, source, &notifier) {
        Ok(lead) => {
            notifier.send("READY=1\nSTATUS=serving");
            drop(notifier);
            memory::trim();
            lead.run()
        }
        Err(error) => {
            eprintln!("everlit: {error}");
            notifier.status(&error.to_string());
            ExitCode::from(255)
        }
    }
}

fn start(inherited: Inherited, source: &Source, notifier: &Notifier) -> Result<Lead, StartError> {
    let signals = Signals::block().map_err(|cause| kernel("block signals", cause))?;
    notifier.send("STATUS=loading the configuration");
    let (site, plan) = config::load(source).map_err(StartError::Config)?;
    let site = Arc::new(site);
    if inherited.listeners.is_empty() && inherited.bound.is_empty() {
        return Err(StartError::NoListeners);
    }
    if inherited.link.is_none() {
        // No supervisor has done it.
        accept_syns(&inherited.listeners);
    }
    let listeners = inherited
        .listeners
        .into_iter()
        .map(|socket| endpoint(socket, &plan.listeners));
    let mut endpoints: Vec<_> = listeners.collect();
    let bound_from = endpoints.len();
    endpoints.extend(
        inherited
            .bound
            .into_iter()
            .map(|socket| endpoint(socket, &plan.listeners)),
    );
    let retiring_from = endpoints.len();
    endpoints.extend(
        inherited
            .retiring
            .into_iter()
            .map(|socket| endpoint(socket, &[])),
    );

    let descriptors = raise_descriptor_limit(&site.server)?;
    make_room_for_descriptors(descriptors);
    let Opened { targets, readers } = logs::open(&site.server).map_err(StartError::Log)?;
    if tls::is_spoken(&site) && site.server.core_files == CoreFiles::AsStarted {
        dumps::forbid()?;
    }
    // Keys are readable for root only.
    let materials = tls::load(&site).map_err(StartError::Tls)?;
    // Its file cannot be found from within a chroot.
    local_time::read_time_zone();
    drop_privileges(&site.server)?;
    if site.server.core_files == CoreFiles::Wanted {
        dumps::allow()?;
    }

    // As late as possible: if we fail after this, those who came in between are lost.
    endpoints::listen(&endpoints[bound_from..retiring_from], &plan.listeners)
        .map_err(|(name, errno)| kernel(format!("listen on {name}"), errno.into()))?;

    let number = std::env::var(GENERATION_VARIABLE)
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(1);
    let mut nonces = Nonces::default();
    if inherited.handover.is_some() && site.asks_for_digests() {
        nonces = nonces.awaiting_heirlooms(Now::read());
    }
    let secrets = (&materials, &nonces);
    let crew = start_workers(&site, &endpoints, &targets, secrets, descriptors)?;
    let taking = match inherited.handover {
        Some(socket) => {
            let room = u32::try_from(descriptors.saturating_sub(open_descriptors() + RESERVED));
            let taking = Taking::begin(socket, room.unwrap_or(u32::MAX));
            Some(taking.map_err(|error| {
                kernel("take over from the predecessor", io::Error::other(error))
            })?)
        }
        None => None,
    };
    let recorder = Recorder::new(&site.server.recording);
    let retire_at =
        (taking.is_none() && retiring_from < endpoints.len()).then(|| Now::read().monotonic);
    // Not before: whoever is let in by a generation that then fails would be cut off.
    crew.order_all(|| Order::Serve);
    Ok(Lead {
        site,
        crew,
        endpoints,
        retiring_from,
        signals,
        superior: inherited
            .link
            .map_or(Superior::None, |link| Superior::Supervisor(Line::new(link))),
        control: inherited.control,
        about: About {
            configuration: source.identity().display().to_string(),
            number,
            version: version().to_owned(),
            started: Instant::now(),
        },
        materials,
        nonces,
        taking,
        taken: 0,
        activity: Activity::Serving,
        readers,
        recorder,
        retire_at,
    })
}

fn start_workers(
    site: &Arc<Site>,
    endpoints: &[Arc<crate::worker::endpoint::Endpoint>],
    targets: &[Target],
    (materials, nonces): (&Materials, &Nonces),
    descriptors: u64,
) -> Result<Crew, StartError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let count = site.server.workers.map_or(processors, usize::from).max(1);
    let each = match site.pipeline.reach {
        Reach::Here => 1,
        Reach::Backends => 2,
    };
    let total = site
        .server
        .max_connections
        .map_or(descriptors.saturating_sub(RESERVED) / each, u64::from);
    let share = (total as usize).div_ceil(count).max(1);
    let (outlet, reports) =
        inbox::channel().map_err(|errno| kernel("create an event descriptor", errno.into()))?;
    let mut hands = Vec::with_capacity(count);
    let chores = Chores::default();
    let pool = Pool::default();
    let databases = site.server.recording.databases.clone();
    let counters = || Arc::new(Counters::for_databases(databases.len()));
    let counters: Vec<Arc<Counters>> = (0..count).map(|_| counters()).collect();
    let modules = site.pipeline.modules.clone();
    let board = Arc::new(Board::new(
        counters.clone(),
        modules,
        databases,
        Now::read(),
    ));
    for (index, counters) in counters.into_iter().enumerate() {
        let (orders, inbox) =
            inbox::channel().map_err(|errno| kernel("create an event descriptor", errno.into()))?;
        let (site, endpoints, targets) = (site.clone(), endpoints.to_vec(), targets.to_vec());
        let (materials, pool) = (materials.clone(), pool.clone());
        let nonces = nonces.clone();
        let own_chores = chores.clone();
        let (shared, outlet) = (counters.clone(), outlet.clone());
        let for_desk = board.clone();
        let (started, wait) = std::sync::mpsc::channel();
        // The bench is not to change threads, so it is made in its own.
        let work = move || {
            let mut bench = Bench::new(site, Logs::new(targets), shared);
            bench.tls.contexts.renew(materials);
            bench.pool = pool;
            bench.desk.knowledge.nonces = nonces;
            bench.desk.board = for_desk;
            bench.chores = own_chores;
            let worker = Worker::new(bench, endpoints, inbox, outlet, share);
            let (worker, result) = match worker {
                Ok(worker) => (Some(worker), Ok(())),
                Err(errno) => (None, Err(errno)),
            };
            // The lead thread waits for it.
            let _ = started.send(result);
            if let Some(worker) = worker {
                worker.run();
            }
        };
        let thread = std::thread::Builder::new()
            .name(format!("worker {index}"))
            .stack_size(WORKER_STACK)
            .spawn(work);
        let thread = thread.map_err(|cause| kernel("start a worker thread", cause))?;
        match wait.recv() {
            Ok(Ok(())) => hands.push(Hand {
                orders,
                counters,
                thread,
            }),
            Ok(Err(errno)) => return Err(kernel("watch the listening sockets", errno.into())),
            Err(_) => return Err(kernel("start a worker thread", io::ErrorKind::Other.into())),
        }
    }
    Ok(Crew::new(hands, chores, reports, board))
}

/// As many descriptors as configured, or as the system allows. Returns the limit.
fn raise_descriptor_limit(server: &Server) -> Result<u64, StartError> {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let (wanted, maximum) = match server.max_fds {
        Some(wanted) => (u64::from(wanted), hard.max(u64::from(wanted))),
        None => (hard.min(1 << 20), hard),
    };
    let limits = [Some(maximum), limit.maximum].map(|maximum| Rlimit {
        current: Some(wanted),
        maximum,
    });
    // Raising the hard limit needs privileges; without them the soft one is raised as far as it goes.
    for mut limit in limits {
        limit.current = Some(wanted.min(limit.maximum.unwrap_or(u64::MAX)));
        if setrlimit(Resource::Nofile, limit).is_ok() {
            return Ok(limit.current.unwrap_or(wanted));
        }
    }
    Ok(limit.current.unwrap_or(1024))
}

/// Has the kernel make its table of our descriptors large. Once there are threads, each time it doubles the table all
/// that open a descriptor wait for some milliseconds (`expand_fdtable` synchronizes them): just while a predecessor's
/// connections arrive.
fn make_room_for_descriptors(limit: u64) {
    let last = limit.min(TABLE_SIZE).saturating_sub(1) as i32;
    // The copy is closed at once; the table stays. If there is no room it grows when it must.
    drop(rustix::io::fcntl_dupfd_cloexec(
        rustix::stdio::stderr(),
        last,
    ));
}

/// Descriptors that are open now.
fn open_descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(RESERVED, |entries| entries.count() as u64)
}

pub(super) fn drop_privileges(server: &Server) -> Result<(), StartError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let user = match &server.user {
        Some(name) => {
            let found =
                privilege::user(name).map_err(|cause| kernel("look up server.username", cause))?;
            Some(found.ok_or_else(|| StartError::Unknown {
                what: "user",
                name: name.clone(),
            })?)
        }
        None => None,
    };
    let group = match &server.group {
        Some(name) => {
            let found = privilege::group(name)
                .map_err(|cause| kernel("look up server.groupname", cause))?;
            Some(found.ok_or_else(|| StartError::Unknown {
                what: "group",
                name: name.clone(),
            })?)
        }
        None => None,
    };
    // The user's groups are in a file that cannot be found from within a chroot.
    privilege::join_groups(user.as_ref(), group)
        .map_err(|cause| kernel("change the group", cause))?;
    if let Some(root) = &server.chroot {
        rustix::process::chroot(root)
            .and_then(|()| rustix::process::chdir("/"))
            .map_err(|errno| kernel(format!("chroot to {}", root.display()), errno.into()))?;
    }
    match &user {
        Some(user) => privilege::become_user(user).map_err(|cause| {
            kernel(
                format!("become user {}", user.name.to_string_lossy()),
                cause,
            )
        }),
        None => Ok(()),
    }
}

pub(super) fn kernel(doing: impl Into<String>, cause: io::Error) -> StartError {
    StartError::Kernel {
        doing: doing.into(),
        cause,
    }
}

/// A thread that panics takes the process with it: better a fresh generation than a crippled one. One that only asks others is
/// left behind.
pub(super) fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        print(info);
        match strand() {
            Some(stranded) => stranded.stay(),
            None => std::process::abort(),
        }
    }));
}
