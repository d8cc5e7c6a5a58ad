//! Uploads beside rustus and nginx: 256 MiB over loopback into a tmpfs, in chunks of 1 MiB, of 8 MiB, and in one request.
//!
//! The same client for all: one connection, a request at a time, its answer read before the next. The systems take turns,
//! and each figure is the median of the rounds. The others hash nothing; Roundtrip computes SHA-256 as the bytes come.

mod client;
mod peers;

use anyhow::{Result, bail};

use super::Bench;
use crate::setup::apt;
use crate::sh;

use client::Client;
use peers::{Peer, System};

const MIB: u64 = 1024 * 1024;
const FILE_BYTES: u64 = 256 * MIB;
const ROUNDS: usize = 5;
/// What Roundtrip in chunks should be of rustus, and in one request of nginx.
const OF_RUSTUS: f64 = 1.3;
const OF_NGINX: f64 = 0.7;

/// A way to send the file to a system.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Way {
    system: System,
    /// How long each chunk is; `None`: tus with one, or what the system has for one request.
    chunk: Option<u64>,
}

const WAYS: [Way; 8] = [
    Way::new(System::Roundtrip, Some(MIB)),
    Way::new(System::Roundtrip, Some(8 * MIB)),
    Way::new(System::Roundtrip, Some(FILE_BYTES)),
    Way::new(System::Roundtrip, None),
    Way::new(System::Rustus, Some(MIB)),
    Way::new(System::Rustus, Some(8 * MIB)),
    Way::new(System::Rustus, Some(FILE_BYTES)),
    Way::new(System::Nginx, None),
];

impl Way {
    const fn new(system: System, chunk: Option<u64>) -> Way {
        Way { system, chunk }
    }

    fn name(self) -> String {
        match self.chunk {
            Some(FILE_BYTES) => format!("{}, tus, one chunk", self.system.name()),
            Some(chunk) => format!("{}, tus, {} MiB", self.system.name(), chunk / MIB),
            None => format!("{}, one request", self.system.name()),
        }
    }
}

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    apt::ensure(&[("nginx-light", "takes uploads by PUT, to compare with")])?;
    let rustus = peers::rustus(bench)?;
    let systems = [System::Roundtrip, System::Rustus, System::Nginx];
    let peers = systems.map(|system| Peer::start(bench, &rustus, system));
    let peers = peers.into_iter().collect::<Result<Vec<_>>>()?;
    let mut rates = WAYS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (way, rates) in WAYS.into_iter().zip(&mut rates) {
            let Some(peer) = peers.iter().find(|peer| peer.system == way.system) else {
                bail!("{} was not started", way.system.name());
            };
            let took = Client::open(peer)?.upload(FILE_BYTES, way.chunk)?;
            rates.push((FILE_BYTES / MIB) as f64 / took.as_secs_f64());
        }
    }
    report(rates)
}

fn report(rates: [Vec<f64>; WAYS.len()]) -> Result<()> {
    sh::say(&format!(
        "256 MiB over loopback into a tmpfs, MiB/s, medians of {ROUNDS}, least to most beside them:"
    ));
    let mut medians = Vec::new();
    for (way, mut rates) in WAYS.into_iter().zip(rates) {
        rates.sort_by(f64::total_cmp);
        let median = rates[rates.len() / 2];
        sh::say(&format!(
            "  {:32} {median:7.0}   {:.0} to {:.0}",
            way.name(),
            rates[0],
            rates[rates.len() - 1]
        ));
        medians.push((way, median));
    }
    let median = |system, chunk| {
        let wanted = Way { system, chunk };
        let found = medians.iter().find(|(way, _)| *way == wanted);
        found.map_or(f64::NAN, |(_, median)| *median)
    };
    let mut missed = Vec::new();
    let mut compare = |what: &str, ours: f64, theirs: f64, aim: f64| {
        let ratio = ours / theirs;
        sh::say(&format!("  {what}: {ratio:.2}; the aim is {aim}"));
        if ratio.is_nan() || ratio < aim {
            missed.push(what.to_owned());
        }
    };
    for (chunk, what) in [(MIB, "of rustus at 1 MiB"), (8 * MIB, "of rustus at 8 MiB")] {
        let chunk = Some(chunk);
        let (ours, theirs) = (
            median(System::Roundtrip, chunk),
            median(System::Rustus, chunk),
        );
        compare(what, ours, theirs, OF_RUSTUS);
    }
    let (ours, theirs) = (median(System::Roundtrip, None), median(System::Nginx, None));
    compare("of nginx in one request", ours, theirs, OF_NGINX);
    if !missed.is_empty() {
        bail!("too slow: {}", missed.join(", "));
    }
    Ok(())
}
