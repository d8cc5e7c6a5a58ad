//! The hub beside the real ones: Nchan, NATS over WebSocket, and publish–subscribe as axum's own examples write it.
//!
//! The program of `xtask/audience` is the same publisher and the same subscribers for all. Each measurement starts its
//! server anew; turn by turn each gets one, five times over. A ratio is of two in the same round, and of those the median.
//! Everything shares this machine's cores, the audience too: figures of one run compare with each other and with no other.

mod peers;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;

use self::peers::{Peer, System};
use super::Bench;
use crate::setup::apt;
use crate::sh;

const ROUNDS: usize = 5;
const SUBSCRIBERS: usize = 1_000;
const MANY: usize = 10_000;
const FLOOD_SECONDS: &str = "3";
const PACED_SECONDS: &str = "10";
const IDLE_SECONDS: &str = "3";
const ASK_SECONDS: &str = "2";
const ASK_CONNECTIONS: usize = 8;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    apt::ensure(&[
        ("nginx-light", "serves Nchan, to compare with"),
        (
            "libnginx-mod-nchan",
            "publish–subscribe in nginx, to compare with",
        ),
        (
            "nats-server",
            "publish–subscribe over WebSocket, to compare with",
        ),
    ])?;
    let tools = Tools::build(bench)?;
    let mut missed = Vec::new();
    tools.flood(&mut missed)?;
    tools.paced(&mut missed)?;
    tools.idle(&mut missed)?;
    tools.polls(&mut missed)?;
    ensure!(missed.is_empty(), "{}", missed.join("; "));
    Ok(())
}

/// The programs that a measurement needs.
struct Tools<'a> {
    bench: &'a Bench<'a>,
    audience: PathBuf,
    textbook: PathBuf,
}

/// What one measurement showed; see `Figures` in `xtask/audience`.
struct Figures(Value);

impl Figures {
    fn get(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or(f64::NAN)
    }
}

impl<'a> Tools<'a> {
    fn build(bench: &'a Bench<'a>) -> Result<Tools<'a>> {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--release", "--package", "audience", "--bins"])
            .current_dir(&bench.project.root);
        sh::run(&mut cargo)?;
        let built = |name: &str| bench.project.target.join("release").join(name);
        Ok(Tools {
            bench,
            audience: built("audience"),
            textbook: built("textbook"),
        })
    }

    /// As much as arrives.
    fn flood(&self, missed: &mut Vec<String>) -> Result<()> {
        sh::say(&format!(
            "\n{SUBSCRIBERS} subscribers of one topic, messages of 100 bytes, as fast as they arrive: deliveries per second"
        ));
        let systems = [
            System::Sse,
            System::WebSocket,
            System::TextbookSse,
            System::TextbookWebSocket,
            System::NchanSse,
            System::NatsWebSocket,
        ];
        let table = self.rounds(
            &systems,
            &["--load", "flood", "--seconds", FLOOD_SECONDS],
            SUBSCRIBERS,
        )?;
        table.print("per_second", "/s", 1.0);
        table.print("lost", "lost", 1.0);
        table.print("cpu_us", "µs CPU a delivery", 1.0);
        for ours in [System::Sse, System::WebSocket] {
            table.at_least(missed, "per_second", ours, System::NchanSse, 5.0);
        }
        table.at_least(missed, "per_second", System::Sse, System::TextbookSse, 1.8);
        table.at_least(
            missed,
            "per_second",
            System::WebSocket,
            System::TextbookWebSocket,
            1.8,
        );
        Ok(())
    }

    /// Ten messages a second.
    fn paced(&self, missed: &mut Vec<String>) -> Result<()> {
        sh::say(&format!(
            "\n{SUBSCRIBERS} subscribers, 10 messages a second"
        ));
        let systems = [System::Sse, System::WebSocket, System::NchanSse];
        let table = self.rounds(
            &systems,
            &["--load", "paced", "--seconds", PACED_SECONDS],
            SUBSCRIBERS,
        )?;
        table.print("median_ms", "ms median", 1.0);
        table.print("p99_ms", "ms p99", 1.0);
        table.print("cpu_us", "µs CPU a delivery", 1.0);
        for ours in [System::Sse, System::WebSocket] {
            table.at_most(missed, "p99_ms", ours, System::NchanSse, 1.0);
            table.at_most(missed, "cpu_us", ours, System::NchanSse, 0.9);
        }
        Ok(())
    }

    /// Nobody says anything.
    fn idle(&self, missed: &mut Vec<String>) -> Result<()> {
        let load = ["--load", "idle", "--seconds", IDLE_SECONDS];
        for (subscribers, systems) in [
            (
                SUBSCRIBERS,
                &[System::Sse, System::WebSocket, System::NchanSse][..],
            ),
            (
                MANY,
                &[System::Sse, System::WebSocket, System::NchanSse][..],
            ),
        ] {
            sh::say(&format!(
                "\n{subscribers} idle subscribers: memory for each"
            ));
            let table = self.rounds(systems, &load, subscribers)?;
            table.print("bytes_each", "KiB", 1024.0);
            for ours in [System::Sse, System::WebSocket] {
                table.at_most(missed, "bytes_each", ours, System::NchanSse, 0.5);
            }
        }
        Ok(())
    }

    /// An empty short poll beside the cheapest answer there is.
    fn polls(&self, missed: &mut Vec<String>) -> Result<()> {
        sh::say(&format!(
            "\nAnswers per second over {ASK_CONNECTIONS} connections"
        ));
        let systems = [System::ShortPoll, System::Health];
        let table = self.rounds(
            &systems,
            &["--load", "ask", "--seconds", ASK_SECONDS],
            ASK_CONNECTIONS,
        )?;
        table.print("per_second", "/s", 1.0);
        table.at_least(missed, "per_second", System::ShortPoll, System::Health, 0.8);
        Ok(())
    }

    /// Each system once a round, with a server of its own.
    fn rounds(&self, systems: &[System], load: &[&str], subscribers: usize) -> Result<Table> {
        let mut rows: Vec<(System, Vec<Figures>)> =
            systems.iter().map(|system| (*system, Vec::new())).collect();
        for round in 0..ROUNDS {
            // Whoever comes first in a round comes last in the next.
            let order: Vec<usize> = match round % 2 {
                0 => (0..rows.len()).collect(),
                _ => (0..rows.len()).rev().collect(),
            };
            for index in order {
                let (system, figures) = &mut rows[index];
                let peer = Peer::start(self.bench, &self.textbook, *system)?;
                figures.push(measure(&self.audience, &peer, load, subscribers)?);
            }
        }
        Ok(Table { rows })
    }
}

fn measure(audience: &Path, peer: &Peer, load: &[&str], subscribers: usize) -> Result<Figures> {
    let watch: Vec<String> = peer.processes()?.iter().map(u32::to_string).collect();
    let mut command = Command::new(audience);
    command
        .args(load)
        .args(["--subscribers", &subscribers.to_string()])
        .args(["--watch", &watch.join(",")])
        .args(peer.words());
    Ok(Figures(serde_json::from_str(&sh::output(&mut command)?)?))
}

/// What was measured, a row for each system, a column for each round.
struct Table {
    rows: Vec<(System, Vec<Figures>)>,
}

impl Table {
    fn print(&self, figure: &str, unit: &str, divisor: f64) {
        for (system, rounds) in &self.rows {
            let each: Vec<f64> = rounds
                .iter()
                .map(|round| round.get(figure) / divisor)
                .collect();
            let shown = |value: f64| match value.abs() {
                ..0.1 => format!("{value:.4}"),
                0.1..100.0 => format!("{value:.2}"),
                _ => format!("{value:.0}"),
            };
            let rounds: Vec<String> = each.iter().map(|value| shown(*value)).collect();
            sh::say(&format!(
                "  {:<28} {:>10} {unit:<18} ({})",
                system.name(),
                shown(median(each)),
                rounds.join(" ")
            ));
        }
    }

    /// The median of the rounds' ratios.
    fn ratio(&self, figure: &str, ours: System, other: System) -> f64 {
        let of = |wanted: System| {
            let row = self.rows.iter().find(|(system, _)| *system == wanted);
            row.into_iter()
                .flat_map(|(_, rounds)| rounds)
                .map(|round| round.get(figure))
        };
        median(
            of(ours)
                .zip(of(other))
                .map(|(ours, other)| ours / other)
                .collect(),
        )
    }

    fn at_least(
        &self,
        missed: &mut Vec<String>,
        figure: &str,
        ours: System,
        other: System,
        aim: f64,
    ) {
        let ratio = self.ratio(figure, ours, other);
        tell(
            missed,
            ratio >= aim,
            format!(
                "{}: {ratio:.2} × {}, aim: at least {aim}",
                ours.name(),
                other.name()
            ),
        );
    }

    fn at_most(
        &self,
        missed: &mut Vec<String>,
        figure: &str,
        ours: System,
        other: System,
        aim: f64,
    ) {
        let ratio = self.ratio(figure, ours, other);
        let line = format!(
            "{figure} {}: {ratio:.2} × {}, aim: at most {aim}",
            ours.name(),
            other.name()
        );
        tell(missed, ratio <= aim, line);
    }
}

fn tell(missed: &mut Vec<String>, reached: bool, line: String) {
    sh::say(&format!("  {} {line}", if reached { "✓" } else { "✗" }));
    if !reached {
        missed.push(line);
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
