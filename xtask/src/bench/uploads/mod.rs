//! Uploads beside rustus and nginx: 256 MiB over loopback into a tmpfs, in chunks of 1 MiB, of 8 MiB, and in one request.
//!
//! The same client for all: one connection, a request at a time, its answer read before the next. The systems take turns,
//! and each figure is the median of the rounds. The others hash nothing, so they are compared with Roundtrip told to do as
//! they do; as it is it computes SHA-256 of what comes, and is compared with the hashing alone.

mod client;
mod peers;

use std::time::Instant;

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use super::Bench;
use crate::setup::apt;
use crate::sh;

use client::Client;
use peers::{Peer, System};

const MIB: u64 = 1024 * 1024;
const FILE_BYTES: u64 = 256 * MIB;
const ROUNDS: usize = 5;
/// What Roundtrip in chunks should be of rustus, in one request of nginx, and with digests of hashing alone.
const OF_RUSTUS: f64 = 1.3;
const OF_NGINX: f64 = 0.7;
const OF_HASHING: f64 = 0.8;

/// A way to send the file to a system.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Way {
    system: System,
    /// How long each chunk is; `None`: tus with one, or what the system has for one request.
    chunk: Option<u64>,
}

const WAYS: [Way; 10] = [
    Way::new(System::Roundtrip, Some(MIB)),
    Way::new(System::Roundtrip, Some(8 * MIB)),
    Way::new(System::Roundtrip, Some(FILE_BYTES)),
    Way::new(System::Roundtrip, None),
    Way::new(System::Hashing, Some(8 * MIB)),
    Way::new(System::Hashing, None),
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
    let systems = [
        System::Roundtrip,
        System::Hashing,
        System::Rustus,
        System::Nginx,
    ];
    let peers = systems.map(|system| Peer::start(bench, &rustus, system));
    let peers = peers.into_iter().collect::<Result<Vec<_>>>()?;
    let mut rates = WAYS.map(|_| Vec::new());
    let mut hashing = Vec::new();
    for _ in 0..ROUNDS {
        for (way, rates) in WAYS.into_iter().zip(&mut rates) {
            let Some(peer) = peers.iter().find(|peer| peer.system == way.system) else {
                bail!("{} was not started", way.system.name());
            };
            let took = Client::open(peer)?.upload(FILE_BYTES, way.chunk)?;
            rates.push((FILE_BYTES / MIB) as f64 / took.as_secs_f64());
        }
        hashing.push(hashing_alone());
    }
    report(rates, hashing)
}

/// How many MiB a second SHA-256 takes in, of the same crate, from memory.
fn hashing_alone() -> f64 {
    let bytes = vec![7; 256 * 1024];
    let began = Instant::now();
    let mut hasher = Sha256::new();
    for _ in 0..FILE_BYTES / bytes.len() as u64 {
        hasher.update(&bytes);
    }
    std::hint::black_box(hasher.finalize());
    (FILE_BYTES / MIB) as f64 / began.elapsed().as_secs_f64()
}

fn report(rates: [Vec<f64>; WAYS.len()], mut hashing: Vec<f64>) -> Result<()> {
    sh::say(&format!(
        "256 MiB over loopback into a tmpfs, MiB/s, medians of {ROUNDS}, least to most beside them:"
    ));
    let mut medians = Vec::new();
    for (way, mut rates) in WAYS.into_iter().zip(rates) {
        rates.sort_by(f64::total_cmp);
        let median = rates[rates.len() / 2];
        sh::say(&format!(
            "  {:44} {median:7.0}   {:.0} to {:.0}",
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
    hashing.sort_by(f64::total_cmp);
    let alone = hashing[hashing.len() / 2];
    sh::say(&format!("  {:44} {alone:7.0}", "SHA-256 alone"));
    for (chunk, what) in [
        (Some(8 * MIB), "of hashing alone at 8 MiB"),
        (None, "of hashing alone in one request"),
    ] {
        compare(what, median(System::Hashing, chunk), alone, OF_HASHING);
    }
    if !missed.is_empty() {
        bail!("too slow: {}", missed.join(", "));
    }
    Ok(())
}
