//! The report in words.
//!
//! In: a [`Report`], or one outcome while it is fresh. Out: lines for people who have read nothing before. Must hold: no
//! word that needs explaining stands unexplained.

use std::fmt::Write;

use super::number::{grouped, ms};
use super::{Configuration, Outcome, Report, Restart, Span};

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
        "     {:<18}{:>25}{:>9}{:>9}{:>9}",
        "server process", "connections moved (1)", "new one", "old one", "longest"
    )?;
    row(
        to,
        ["", "old -> new"],
        ["busy", "idle", "half", "down", "answers", "is gone"],
        ["wait (2)", "lost"],
    )?;
    wide_row(to, "", "no restart yet", "", &report.calm)?;
    for restart in &report.restarts {
        write_restart(to, restart)?;
    }
    writeln!(
        to,
        "
(1) The same TCP connection, held by the old process before the restart and by
    the new one after it, as the kernel's tables show: busy and idle ones,
    half-sent requests, downloads.
(2) Of any client, for an answer or the next bytes of one, until the next restart.
Times run from the moment when the restart is asked for.
"
    )
}

fn write_restart(to: &mut String, restart: &Restart) -> std::fmt::Result {
    let number = restart.number.to_string();
    match &restart.outcome {
        Outcome::Renewed {
            old,
            new,
            moved,
            old_gone_ms,
            ..
        } => {
            let processes = format!("{} -> {}", old.pid, new.pid);
            let count =
                |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
            let time = |time: Option<f64>| time.map_or("never".to_owned(), ms);
            row(
                to,
                [&number, &processes],
                [
                    &count(moved.map(|moved| moved.busy)),
                    &count(moved.map(|moved| moved.idle)),
                    &count(moved.map(|moved| moved.half_sent)),
                    &count(moved.map(|moved| moved.downloads)),
                    &time(restart.new_answers_ms),
                    &time(*old_gone_ms),
                ],
                [
                    &ms(restart.span.longest_wait_ms),
                    &restart.span.lost.total().to_string(),
                ],
            )
        }
        Outcome::Refused { process, .. } => {
            let what = match restart.configuration {
                Configuration::Broken => "broken configuration refused, serves on",
                Configuration::Good => "FAILED, serves on",
            };
            wide_row(to, &number, &process.pid.to_string(), what, &restart.span)
        }
    }
}

fn row(
    to: &mut String,
    [number, processes]: [&str; 2],
    [busy, idle, half, down, new, old]: [&str; 6],
    [wait, lost]: [&str; 2],
) -> std::fmt::Result {
    writeln!(
        to,
        "{number:>3}  {processes:<18}{busy:>6}{idle:>7}{half:>6}{down:>6}{new:>9}{old:>9}{wait:>9}{lost:>5}"
    )
}

/// A row with a remark instead of what was moved.
fn wide_row(
    to: &mut String,
    number: &str,
    process: &str,
    remark: &str,
    span: &Span,
) -> std::fmt::Result {
    let wait = ms(span.longest_wait_ms);
    let lost = span.lost.total();
    writeln!(
        to,
        "{number:>3}  {process:<18}  {remark:<41}{wait:>9}{lost:>5}"
    )
}

fn write_totals(to: &mut String, report: &Report) -> std::fmt::Result {
    let totals = &report.totals;
    writeln!(
        to,
        "\
{:>9}  answers, each compared byte for byte with what it must be; half of them
           within {}, 99 of 100 within {}, all within {}
{:>9}  of them downloads of 64 MiB, slow enough to last through the restarts
{:>9}  of {} connections that stay were open from the beginning to the end",
        grouped(totals.answers),
        ms(totals.median_ms),
        ms(totals.p99_ms),
        ms(totals.slowest_ms),
        grouped(totals.downloads),
        grouped(totals.stayed),
        grouped(report.clients.total()),
    )?;
    for (count, what) in totals.lost.rows() {
        writeln!(to, "{:>9}  {what}", grouped(count))?;
    }
    let supervisor = &report.supervisor;
    let others = supervisor.processes_at_the_end.saturating_sub(1);
    match (supervisor.unchanged, others) {
        (true, 1) => writeln!(
            to,
            "\nThe server's main process was {} from the first moment to the last;\n\
             at the end it has one other, which serves.\n",
            supervisor.pid
        ),
        (true, others) => writeln!(
            to,
            "\nThe server's main process was {} from the first moment to the last;\n\
             at the end it has {others} others.\n",
            supervisor.pid
        ),
        (false, _) => writeln!(
            to,
            "\nThe server's main process, {}, was not there at the end.\n",
            supervisor.pid
        ),
    }
}

fn write_verdict(to: &mut String, report: &Report) -> std::fmt::Result {
    if report.failures.is_empty() {
        return write_success(to, report);
    }
    writeln!(to, "LOST OR WRONG:")?;
    for failure in &report.failures {
        writeln!(to, "{}", indented(failure))?;
    }
    for loss in &report.totals.first_losses {
        writeln!(to, "    for example: {loss}")?;
    }
    Ok(())
}

fn write_success(to: &mut String, report: &Report) -> std::fmt::Result {
    let restarts = report.restarts.iter();
    let renewed = restarts
        .clone()
        .filter(|restart| matches!(restart.outcome, Outcome::Renewed { .. }));
    let times = match renewed.count() {
        1 => "Once".to_owned(),
        count => format!("{count} times"),
    };
    let waits = restarts.map(|restart| restart.span.longest_wait_ms);
    writeln!(
        to,
        "Nothing was lost. {times} a new process took over, and no client waited longer\n\
         than {} (before the first restart: {}).",
        ms(waits.fold(0.0, f64::max)),
        ms(report.calm.longest_wait_ms)
    )
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
            lines[..5],
            [
                "     server process        connections moved (1)  new one  old one  longest",
                "     old -> new          busy   idle  half  down  answers  is gone wait (2) lost",
                "     no restart yet                                                  1.2 ms    0",
                "  1  101 -> 105           100    100     4     4    24 ms    41 ms   3.9 ms    0",
                "  2  105                 broken configuration refused, serves on     2.5 ms    0",
            ]
        );
        let widest = lines.iter().map(|line| line.chars().count()).max();
        assert!(widest <= Some(82), "{text}");
    }

    #[test]
    fn the_end_says_whether_anything_was_lost() {
        let mut report = report();
        report.judge();
        let text = table(&report);
        let end = "Nothing was lost. Once a new process took over, and no client waited longer\n\
                   than 3.9 ms (before the first restart: 1.2 ms).\n";
        assert!(text.ends_with(end), "{text}");
        report.totals.lost.count(Loss::Refused);
        report
            .totals
            .first_losses
            .push("new connection: the connection was refused".to_owned());
        report.judge();
        let text = table(&report);
        assert!(
            text.contains("LOST OR WRONG:\n    1 connections refused\n"),
            "{text}"
        );
        assert!(text.ends_with("    for example: new connection: the connection was refused\n"));
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
