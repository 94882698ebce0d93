//! Whether what is in memory may leave the process: by core files, or by debuggers.
//!
//! In: nothing. Out: what the kernel is told. Must hold: it is told before there are keys; limits, which programs that we
//! start would inherit, are only raised.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

use super::start::{StartError, kernel};

/// No core files, and nobody but root looks in. The files in `/proc/PID` are root's from here on.
pub(super) fn forbid() -> Result<(), StartError> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|errno| kernel("forbid core files", errno.into()))
}

/// Core files as far as the system allows. Who changes its user loses them, so this comes after that.
pub(super) fn allow() -> Result<(), StartError> {
    let limit = getrlimit(Resource::Core);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Core, raised)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::Dumpable))
        .map_err(|errno| kernel("allow core files", errno.into()))
}
