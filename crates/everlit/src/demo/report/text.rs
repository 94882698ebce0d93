//! The report in words.
//!
//! In: a [`Report`], or one outcome while it is fresh. Out: lines for people who have read nothing before. Must hold: no
//! word that needs explaining stands unexplained.

use std::fmt::Write;

use super::number::{grouped, ms};
use super::{Configuration, Outcome, Report, Restart};

/// One restart, told when it is over.
pub(in crate::demo) fn line_of(
    number: u32,
    configuration: Configuration,
    outcome: &Outcome,
) -> String {
    match (outcome, configuration) {
        (
            Outcome::Renewed {
                old,
                new,
                old_gone_ms,
                ..
            },
            _,
        ) => {
            let gone = match old_gone_ms {
                Some(gone) => format!("which was gone after {}", ms(*gone)),
                None => "which is STILL THERE".to_owned(),
            };
            format!(
                "restart {number}: process {} took over from process {}, {gone}",
                new.pid, old.pid
            )
        }
        (Outcome::Refused { process, why }, Configuration::Broken) => format!(
            "restart {number}: with a broken configuration, to see what happens: refused, and process {} serves on\n{}",
            process.pid,
            indented(why)
        ),
        (Outcome::Refused { why, .. }, Configuration::Good) => {
            format!("restart {number}: FAILED\n{}", indented(why))
        }
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

/// The table and the totals.
pub(in crate::demo) fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string never fails.
    let _ = write_restarts(&mut text, report);
    let _ = write_totals(&mut text, report);
    let _ = write_verdict(&mut text, report);
    text
}

fn write_restarts(to: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        to,
        "\
          server process        open connections that moved (1)   first answer  old process   longest  lost
restart   old -> new           busy   idle  half-sent  downloads  from new one  gone after   wait (2)"
    )?;
    writeln!(
        to,
        "{:<58}{:>42}{:>6}",
        "none yet",
        ms(report.calm.longest_wait_ms),
        report.calm.lost.total()
    )?;
    for restart in &report.restarts {
        write_restart(to, restart)?;
    }
    writeln!(
        to,
        "\
(1) the same connection, seen in the kernel's tables: held by the old process before, by the new one after
(2) of any client, for an answer or for the next bytes of one, from this restart to the next"
    )
}

fn write_restart(to: &mut String, restart: &Restart) -> std::fmt::Result {
    let wait = ms(restart.span.longest_wait_ms);
    let lost = restart.span.lost.total();
    let number = restart.number;
    match &restart.outcome {
        Outcome::Renewed {
            old,
            new,
            moved,
            old_gone_ms,
            ..
        } => {
            let processes = format!("{} -> {}", old.pid, new.pid);
            let count = |count: Option<u64>| count.map_or("?".to_owned(), grouped);
            let time = |time: Option<f64>| time.map_or("never".to_owned(), ms);
            writeln!(
                to,
                "{number:<10}{processes:<19}{:>6} {:>6} {:>10} {:>10} {:>13} {:>12} {wait:>10}{lost:>6}",
                count(moved.map(|moved| moved.busy)),
                count(moved.map(|moved| moved.idle)),
                count(moved.map(|moved| moved.half_sent)),
                count(moved.map(|moved| moved.downloads)),
                time(restart.new_answers_ms),
                time(*old_gone_ms),
            )
        }
        Outcome::Refused { process, .. } => {
            let why = match restart.configuration {
                Configuration::Broken => "broken configuration refused, as it should be",
                Configuration::Good => "FAILED",
            };
            let pid = process.pid.to_string();
            writeln!(to, "{number:<10}{pid:<19}{why:<59} {wait:>10}{lost:>6}")
        }
    }
}

fn write_totals(to: &mut String, report: &Report) -> std::fmt::Result {
    let totals = &report.totals;
    writeln!(to)?;
    writeln!(
        to,
        "{:>9}  answers, each compared byte for byte: half of them within {}, 99 of 100 within {}, all within {}",
        grouped(totals.answers),
        ms(totals.median_ms),
        ms(totals.p99_ms),
        ms(totals.slowest_ms)
    )?;
    writeln!(
        to,
        "{:>9}  of them downloads of 64 MiB, slow enough to last through the restarts",
        grouped(totals.downloads)
    )?;
    for (count, what) in totals.lost.rows() {
        writeln!(to, "{:>9}  {what}", grouped(count))?;
    }
    let supervisor = &report.supervisor;
    writeln!(
        to,
        "{:>9}  is the server's main process, {}; {} processes at the end",
        supervisor.pid,
        match supervisor.unchanged {
            true => "from the first moment to the last",
            false => "but NOT the one that was started",
        },
        supervisor.processes_at_the_end
    )
}

fn write_verdict(to: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(to)?;
    if report.failures.is_empty() {
        let renewed = report.restarts.iter();
        let renewed = renewed.filter(|restart| matches!(restart.outcome, Outcome::Renewed { .. }));
        return writeln!(
            to,
            "Nothing was lost: {} new server processes, and no client noticed.",
            renewed.count()
        );
    }
    writeln!(to, "LOST OR WRONG:")?;
    for failure in &report.failures {
        writeln!(to, "  {failure}")?;
    }
    for loss in &report.totals.first_losses {
        writeln!(to, "  for example: {loss}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::measure::Loss;
    use crate::demo::report::samples::report;

    #[test]
    fn columns_are_in_line() {
        let text = table(&report());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[3],
            "1         101 -> 105            100    100          4          4         24 ms        41 ms     3.9 ms     0"
        );
        let ends = |line: &str| line.rfind("ms").unwrap();
        assert_eq!(ends(lines[2]), ends(lines[3]), "{text}");
        assert_eq!(ends(lines[3]), ends(lines[4]), "{text}");
        assert!(lines[4].contains("refused, as it should be"));
        assert!(lines.iter().all(|line| line.len() <= 110), "{text}");
    }

    #[test]
    fn the_end_says_whether_anything_was_lost() {
        let mut report = report();
        report.judge();
        let text = table(&report);
        assert!(
            text.ends_with("Nothing was lost: 1 new server processes, and no client noticed.\n")
        );
        report.totals.lost.count(Loss::Refused);
        report
            .totals
            .first_losses
            .push("new connection: the connection was refused".to_owned());
        report.judge();
        let text = table(&report);
        assert!(
            text.contains("LOST OR WRONG:\n  1 connections refused\n"),
            "{text}"
        );
        assert!(text.ends_with("  for example: new connection: the connection was refused\n"));
    }

    #[test]
    fn each_restart_is_told_when_it_is_over() {
        let report = report();
        let [first, second] = &report.restarts[..] else {
            panic!("two restarts");
        };
        assert_eq!(
            line_of(1, first.configuration, &first.outcome),
            "restart 1: process 105 took over from process 101, which was gone after 41 ms"
        );
        let text = line_of(2, second.configuration, &second.outcome);
        assert!(text.ends_with("\n    demo.conf:17:14: error: a quote is missing"));
        assert!(
            line_of(2, Configuration::Good, &second.outcome).starts_with("restart 2: FAILED\n")
        );
    }
}
