//! Longer texts, and numbers in words.

/// `everlit help`.
pub(super) const HELP: &str = "\
everlit: a web server whose restarts nobody notices. Runs lighttpd.conf.

  everlit serve DIR [--port 8080] [--bind 127.0.0.1]
                        serve a directory, without any configuration; Ctrl-C ends it
  everlit -f FILE [-D]  serve a configuration, in the background or (-D) in the foreground

  everlit demo          see for yourself: restarts a small site under load, and counts what is lost

Once it runs (-f FILE says which one, if there are several; --json answers for programs):

  everlit reload [--no-wait]
                        new configuration, new binary, same connections; tells the outcome when the old process is
                        gone, or (--no-wait) as soon as only what cannot move is left there
  everlit status        processes, listeners, connections, the last restart
  everlit stop [--now]  finish what was begun and stop; or stop at once
  everlit check [--strict]
                        look at the configuration, change nothing: errors, warnings, what is not as in lighttpd; 1 if it
                        cannot be used, or (--strict) if there is a warning

These exit with 0 if it is done, 1 if it failed or was refused, 2 for a wrong command line, 3 if nothing runs.
everlit -h lists the flags of lighttpd.
";

/// `everlit -h`.
pub(super) const USAGE: &str = "\
usage:
 -f <name>  filename of the config-file (- for standard input)
 -m <name>  module directory (ignored: all modules are built in)
 -i <secs>  stop gracefully after so many seconds without activity
 -1         serve a single connection on standard input (a socket, or a pipe answered on standard output), then exit
 -p         print the parsed config-file in canonical form, and exit
 -t         test config-file syntax, then exit
 -tt        test config-file syntax, load and init modules, then exit
 -D         don't go to background (default: go to background)
 -v         show version
 -V         show compile-time features
 -h         show this help
see also: everlit help
";

/// `1 connection`, `2 connections`.
pub(super) fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// `4 s`, `3 min`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1, "request"), "1 request");
        assert_eq!(count(0, "request"), "0 requests");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(61), "1 min");
        assert_eq!(duration(7500), "2 h 5 min");
        assert_eq!(duration(90000), "1 d 1 h");
    }
}
