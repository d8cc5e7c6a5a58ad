//! What the tap costs where nothing is recorded.
//!
//! Two servers of the same program run side by side, one without the tap, and after a while two new ones. Turn by turn
//! each answers the same requests; what counts is the CPU time that its process took, from the kernel's own books. One
//! ratio for each pair of turns, and of those the median: what else the machine does meanwhile meets both.
//!
//! Without the tap all routes and layers are the same, and hyper reads from the socket itself. The tap's deadlines are
//! gone with it; hyper's own for a head, which also ends idle connections, stands in for them, as no server can do
//! without. All that the tap makes possible counts as its cost: `parse` in `Server-Timing` too.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::{Bench, load};
use crate::server::Server;
use crate::sh;

/// Of the CPU time per request with the tap, it must be at least this much without it.
const AIM: f64 = 0.97;
/// Each time with two new processes: where one has its memory and its threads changes more than the aim leaves.
const ROUNDS: usize = 12;
/// Short turns and many: what else the machine does changes little from one turn to the next.
const PAIRS: usize = 75;
const REQUESTS: usize = 2_000;
const CONNECTIONS: usize = 8;
/// The cheapest one: here the tap weighs most.
const PATH: &str = "/healthz";

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let (mut ratios, mut medians) = (Vec::new(), Vec::new());
    let (mut all_with, mut all_without) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let mut with = Side::start(bench, &[])?;
        let mut without = Side::start(bench, &["--without-tap"])?;
        // Once each for caches and lazily made things.
        with.turn()?;
        without.turn()?;
        let mut round = Vec::new();
        for pair in 0..PAIRS {
            let (a, b) = if pair % 2 == 0 {
                let a = with.turn()?;
                (a, without.turn()?)
            } else {
                let b = without.turn()?;
                (with.turn()?, b)
            };
            all_with += a;
            all_without += b;
            round.push(b / a);
        }
        ratios.extend_from_slice(&round);
        round.sort_by(f64::total_cmp);
        medians.push(round[PAIRS / 2]);
    }
    ratios.sort_by(f64::total_cmp);
    medians.sort_by(f64::total_cmp);
    let count = ratios.len();
    let median = ratios[count / 2];
    let pairs = count as f64;
    sh::say(&format!(
        "GET {PATH}, {count} pairs of {REQUESTS} requests over {CONNECTIONS} connections, nothing recorded\n  \
         CPU per request: {:.2} µs with the tap, {:.2} µs without (means)\n  \
         without / with: median {median:.3}, quartiles {:.3} and {:.3}; of the {ROUNDS} rounds {:.3} to {:.3}; \
         aim: at least {AIM}",
        all_with / pairs,
        all_without / pairs,
        ratios[count / 4],
        ratios[count * 3 / 4],
        medians[0],
        medians[ROUNDS - 1],
    ));
    ensure!(median >= AIM, "the tap costs more than it may");
    Ok(())
}

/// One of the two servers.
struct Side {
    server: Server,
    connections: Vec<load::Connection>,
    request: Vec<u8>,
}

impl Side {
    fn start(bench: &Bench<'_>, flags: &[&str]) -> Result<Self> {
        let server = Server::start(bench.project, &bench.program, flags)?;
        let connections = (0..CONNECTIONS)
            .map(|_| load::Connection::open(server.address()))
            .collect::<Result<_>>()?;
        let request = as_a_browser(server.address());
        Ok(Self {
            server,
            connections,
            request,
        })
    }

    /// The CPU time per request, in microseconds.
    fn turn(&mut self) -> Result<f64> {
        let before = threads(self.server.pid())?;
        load::exchange(&mut self.connections, &self.request, REQUESTS)?;
        // Of each thread by itself: one that has ended meanwhile takes its past with it.
        let took: u64 = threads(self.server.pid())?
            .iter()
            .map(|(thread, ran)| ran - before.get(thread).unwrap_or(&0))
            .sum();
        Ok(took as f64 / REQUESTS as f64 / 1e3)
    }
}

/// The CPU time of each thread of a process until now, in nanoseconds (`/proc/PID/task/*/schedstat`, first figure).
fn threads(pid: u32) -> Result<HashMap<OsString, u64>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).context("this needs Linux")?;
    let mut threads = HashMap::new();
    for task in tasks {
        let task = task?;
        let books = match fs::read_to_string(task.path().join("schedstat")) {
            // It ended a moment ago.
            Err(_) if !task.path().exists() => continue,
            books => books.context("this kernel keeps no schedstat")?,
        };
        let ran = books.split(' ').next().unwrap_or_default();
        threads.insert(task.file_name(), ran.parse()?);
    }
    Ok(threads)
}

/// A request with the fields that Chromium sends for a fetch.
fn as_a_browser(address: &str) -> Vec<u8> {
    format!(
        "GET {PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: keep-alive\r\n\
         sec-ch-ua-platform: \"Linux\"\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
         sec-ch-ua: \"Chromium\";v=\"142\", \"Not A(Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\nAccept: */*\r\n\
         Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n\
         Referer: http://{address}/labs/request-response\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-GB,en;q=0.9\r\n\r\n"
    )
    .into_bytes()
}
