//! How true the tap's times are.
//!
//! tshark captures on loopback while 200 requests join runs. Each request is one packet with data to the server, each
//! response one packet back: the n-th read of a connection is compared with the n-th packet to the server, the n-th
//! write with the n-th packet from it. The capture tells the time of day; so does a run's `started_at`, in microseconds,
//! on the same clock.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Bench, load::Connection};
use crate::server::Server;
use crate::setup::apt;
use crate::sh;

/// The median difference, in microseconds.
const AIM_US: f64 = 100.0;
/// A run that no page has opened is small, so there are several; each has a connection of its own.
const RUNS: usize = 20;
const REQUESTS_PER_RUN: usize = 10;
/// tshark needs a moment to begin, and to hand over what it saw.
const CAPTURE_PATIENCE: Duration = Duration::from_secs(20);
const READ_PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    apt::ensure(&[("tshark", "captures packets to compare with")])?;
    let server = Server::start(bench.project, &bench.program, &[])?;
    let port = server.address().rsplit(':').next().unwrap_or_default();
    let capture = Capture::start(port, server.address())?;
    let mut runs = Vec::new();
    for number in 1..=RUNS {
        let mut connection = Connection::open(server.address())?;
        for exchange in 1..=REQUESTS_PER_RUN {
            let request = format!(
                "GET /healthz HTTP/1.1\r\nHost: localhost\r\ntraceparent: 00-{number:032x}-{exchange:016x}-01\r\n\r\n"
            );
            connection.send(request.as_bytes())?;
            connection.receive()?;
        }
        runs.push((number, connection.local_port()?));
    }
    let packets = capture.packets(&runs)?;
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for (number, port) in runs {
        let run = fetch_run(&server, number)?;
        let seen = &packets[&port];
        reads.extend(differences(&times(&run, "read")?, &seen.to_server)?);
        writes.extend(differences(&times(&run, "write")?, &seen.from_server)?);
    }
    let mut all: Vec<f64> = reads.iter().chain(&writes).copied().map(f64::abs).collect();
    sh::say(&format!(
        "{} requests, event minus packet; a read can only be later than its packet, a write only earlier",
        RUNS * REQUESTS_PER_RUN
    ));
    for (name, differences) in [("reads", &mut reads), ("writes", &mut writes)] {
        let (median, p99) = median_and_p99(differences);
        sh::say(&format!(
            "  {name:<6} median {median:>7.1} µs, p99 by size {p99:>7.1} µs"
        ));
    }
    let (median, p99) = median_and_p99(&mut all);
    sh::say(&format!(
        "  both   median {median:>7.1} µs, p99 {p99:>7.1} µs (sizes); aim: a median of at most {AIM_US} µs"
    ));
    ensure!(
        median <= AIM_US,
        "the events are further from the packets than they should be"
    );
    Ok(())
}

/// The times of a run's events of one kind, in microseconds of the day's clock.
fn times(run: &Value, kind: &str) -> Result<Vec<f64>> {
    let started = run["started_at"]
        .as_str()
        .context("a run says when it started")?;
    let started = epoch_us(started).with_context(|| format!("{started:?} is no RFC 3339 time"))?;
    let events = run["events"].as_array().context("a run has events")?;
    ensure!(run["dropped"] == 0, "events were dropped");
    let mut times: Vec<f64> = events
        .iter()
        .filter(|event| event["kind"] == kind)
        .filter_map(|event| event["at_ns"].as_i64())
        .map(|at_ns| started + at_ns as f64 / 1e3)
        .collect();
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn differences(events: &[f64], packets: &[f64]) -> Result<Vec<f64>> {
    ensure!(
        events.len() == packets.len() && events.len() == REQUESTS_PER_RUN,
        "{} events and {} packets of {REQUESTS_PER_RUN} requests",
        events.len(),
        packets.len()
    );
    Ok(events
        .iter()
        .zip(packets)
        .map(|(event, packet)| event - packet)
        .collect())
}

/// The median, and the 99th percentile by size.
fn median_and_p99(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let median = values[values.len() / 2];
    values.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    (median, values[(values.len() * 99).div_ceil(100) - 1])
}

/// A run, once it holds what was sent: the last write is recorded beside its answer, not before it.
fn fetch_run(server: &Server, number: usize) -> Result<Value> {
    let since = Instant::now();
    loop {
        let run: Value = serde_json::from_str(&server.get(&format!("/api/runs/{number:032x}"))?)?;
        let writes = run["events"].as_array().map_or(0, |events| {
            events
                .iter()
                .filter(|event| event["kind"] == "write")
                .count()
        });
        if writes >= REQUESTS_PER_RUN || since.elapsed() > CAPTURE_PATIENCE {
            return Ok(run);
        }
        thread::sleep(READ_PAUSE);
    }
}

/// Microseconds since 1970 of a time in UTC, `2026-11-24T01:02:03.000004Z`.
fn epoch_us(text: &str) -> Option<f64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    // Days from civil, Howard Hinnant: years begin in March, so that a leap day is the last.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
    Some(seconds as f64 * 1e6 + number(20..26)? as f64)
}

/// tshark, seeing packets with data to and from the server's port.
struct Capture {
    tshark: Child,
    seen: Receiver<Packet>,
}

struct Packet {
    at_us: f64,
    from: u16,
    to: u16,
}

/// The times of one connection's packets with data, in microseconds of the day's clock.
#[derive(Default)]
struct Seen {
    to_server: Vec<f64>,
    from_server: Vec<f64>,
}

impl Capture {
    fn start(port: &str, address: &str) -> Result<Self> {
        let fields = ["frame.time_epoch", "tcp.srcport", "tcp.dstport"];
        let mut command = Command::new("tshark");
        command
            .args([
                "-i",
                "lo",
                "-l",
                "-n",
                "-Q",
                "-f",
                &format!("tcp port {port}"),
            ])
            .args(["-Y", "tcp.len > 0", "-T", "fields"])
            .args(fields.iter().flat_map(|field| ["-e", field]));
        let mut tshark = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("`{}` could not be started", sh::shown(&command)))?;
        let output = tshark.stdout.take().context("its output is piped")?;
        let (tell, seen) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(packet) = parse(&line)
                    && tell.send(packet).is_err()
                {
                    return;
                }
            }
        });
        let capture = Self { tshark, seen };
        // It captures once it sees us.
        let since = Instant::now();
        while since.elapsed() < CAPTURE_PATIENCE {
            let mut connection = Connection::open(address)?;
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            connection.receive()?;
            if capture.seen.recv_timeout(READ_PAUSE).is_ok() {
                return Ok(capture);
            }
        }
        bail!(
            "`{}` saw nothing: capturing needs root, or the group wireshark",
            sh::shown(&command)
        )
    }

    /// The packets of these connections, by the client's port.
    fn packets(&self, runs: &[(usize, u16)]) -> Result<HashMap<u16, Seen>> {
        let mut packets: HashMap<u16, Seen> = runs
            .iter()
            .map(|(_, port)| (*port, Seen::default()))
            .collect();
        let mut missing = 2 * RUNS * REQUESTS_PER_RUN;
        while missing > 0 {
            let packet = self
                .seen
                .recv_timeout(CAPTURE_PATIENCE)
                .with_context(|| format!("{missing} packets were not seen"))?;
            if let Some(seen) = packets.get_mut(&packet.from) {
                seen.to_server.push(packet.at_us);
            } else if let Some(seen) = packets.get_mut(&packet.to) {
                seen.from_server.push(packet.at_us);
            } else {
                continue;
            }
            missing -= 1;
        }
        Ok(packets)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.tshark.kill();
        let _ = self.tshark.wait();
    }
}

fn parse(line: &str) -> Option<Packet> {
    let mut fields = line.split('\t');
    let time = fields.next()?;
    let (from, to) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    // Seconds and their fraction apart: together they have more digits than an f64 keeps.
    let (seconds, fraction) = time.split_once('.')?;
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    let at_us = seconds.parse::<i64>().ok()? as f64 * 1e6 + fraction * 1e6;
    Some(Packet { at_us, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_microseconds_since_1970() {
        assert_eq!(epoch_us("1970-01-01T00:00:00.000000Z"), Some(0.0));
        assert_eq!(
            epoch_us("2024-02-29T12:00:00.000001Z"),
            Some(1_709_208_000_000_001.0)
        );
        assert_eq!(epoch_us("yesterday"), None);
    }

    #[test]
    fn a_line_of_the_capture_is_a_packet() {
        let packet = parse("1709208000.000001500\t4000\t3000").expect("a packet");
        assert_eq!(
            (packet.at_us, packet.from, packet.to),
            (1_709_208_000_000_001.5, 4000, 3000)
        );
    }
}
