//! The report as a table for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::Report;
use crate::bot::event::Metric;

/// Writes the whole table.
pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string doesn't fail.
    let _ = write(&mut out, report);
    out
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    let (counts, rates, bots) = (&report.counts, &report.rates, report.settings.bots);
    let swarm = report.swarm;
    writeln!(
        out,
        "{bots} bots, {}, seed {}, {:.1} s",
        report.settings.scenario.name(),
        report.settings.seed,
        swarm.wall_s
    )?;
    writeln!(
        out,
        "  bots      connected {}, logged in {}, in the world at most {}",
        counts.connected, counts.logged_in, counts.online_peak
    )?;
    writeln!(
        out,
        "  in        {:.0} frames/s, {:.2} MB/s    out  {:.0} frames/s, {:.2} MB/s",
        rates.frames_in,
        rates.bytes_in / 1e6,
        rates.frames_out,
        rates.bytes_out / 1e6
    )?;
    if let Some(most) = rates.most_bytes_in {
        writeln!(out, "  most      {:.1} KB/s to one bot", most / 1e3)?;
    }
    writeln!(
        out,
        "  swarm     {:.1} s CPU, {:.2} of a core; turns skipped {}",
        swarm.cpu_s,
        swarm.cpu_s / swarm.wall_s.max(f64::EPSILON),
        counts.turns_skipped
    )?;
    if report.absent_s > 0.0 {
        writeln!(
            out,
            "  absent    {:.1} s in which the swarm's own process stood still, left out of latencies and deadlines",
            report.absent_s
        )?;
    }
    latencies(out, report)?;
    writeln!(
        out,
        "  ends      {} connections, {} lost; bots that couldn't leave in time {}",
        counts.disconnects, counts.connections_lost, report.unfinished
    )?;
    named(out, "goodbyes", &counts.goodbyes)?;
    named(out, "refusals", &counts.refusals)?;
    if !counts.refusals.is_empty() {
        let line = "(a player who plays well is refused too, where another was faster; the others are errors below)";
        writeln!(out, "            {line}")?;
    }
    if report.settings.oracle > 0.0 || counts.findings > 0 {
        writeln!(
            out,
            "  oracle    {} bots, {} cells compared, {:.1} entities in sight, {} findings",
            report.oracle.bots, counts.digests, report.oracle.in_sight, counts.findings
        )?;
        texts(out, &counts.first_findings, counts.findings)?;
    }
    if counts.confirmations > 0 {
        writeln!(out, "  value     {} confirmations", counts.confirmations)?;
    }
    writeln!(out, "  errors    {}", counts.errors_total())?;
    named(out, "        ", &counts.errors)?;
    texts(out, &counts.first_errors, counts.errors_total())
}

fn latencies(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "  {:<9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "ms", "count", "p50", "p90", "p99", "p99.9", "max"
    )?;
    for metric in Metric::ALL {
        let p = report.latency.get(metric.name()).copied().unwrap_or_default();
        if p.count > 0 {
            writeln!(
                out,
                "  {:<9} {:>9} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
                metric.name(),
                p.count,
                p.p50,
                p.p90,
                p.p99,
                p.p999,
                p.max
            )?;
        }
    }
    Ok(())
}

fn named(out: &mut String, title: &str, counts: &BTreeMap<&'static str, u64>) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    write!(out, "  {title:<9}")?;
    for (name, count) in counts {
        let name = name.trim_start_matches("REFUSAL_").trim_start_matches("FAREWELL_");
        write!(out, " {name} {count}")?;
    }
    writeln!(out)
}

fn texts(out: &mut String, texts: &[String], all: u64) -> fmt::Result {
    for text in texts {
        writeln!(out, "            - {text}")?;
    }
    let left_out = all.saturating_sub(texts.len() as u64);
    if left_out > 0 {
        writeln!(out, "            and {left_out} more")?;
    }
    Ok(())
}
