//! A topic's subscribers and its publisher, for `cargo xtask bench hub`: one thread, one buffer, and of what arrives it
//! looks at nothing but the payloads, so that the server is what is measured. What it says to the server, and so which
//! server and which transport that is, the benchmark tells it.
//!
//! A payload is 100 bytes: 16 hexadecimal digits that say when it was sent, filling, and a `^`, which stands nowhere
//! else in what a server sends.

mod asker;
mod books;
mod crowd;
mod payload;
mod publisher;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use crowd::Crowd;
use publisher::Publisher;

#[derive(Debug, Parser)]
struct Asked {
    /// Where the subscribers connect to, `address:port`.
    #[arg(long)]
    connect: std::net::SocketAddr,
    #[arg(long)]
    subscribers: usize,
    /// What a subscriber sends at first.
    #[arg(long)]
    open: String,
    /// What it sends behind the answer's head, each byte given as two hexadecimal digits.
    #[arg(long, default_value = "")]
    then: String,
    /// The last thing that it is told before it counts as subscribed.
    #[arg(long, default_value = "\r\n\r\n")]
    ready: String,
    /// Where the publisher connects to.
    #[arg(long)]
    publish_connect: Option<std::net::SocketAddr>,
    /// What the publisher sends once.
    #[arg(long, default_value = "")]
    publish_open: String,
    /// What it sends for each message, the payload in place of `{payload}`.
    #[arg(long, default_value = "")]
    publish: String,
    #[arg(long)]
    load: Load,
    /// How long it is measured, in seconds.
    #[arg(long)]
    seconds: f64,
    /// The processes whose time and memory are read, the server's.
    #[arg(long, value_delimiter = ',')]
    watch: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Load {
    /// As much as arrives: the publisher stays a window of messages ahead of its subscribers.
    Flood,
    /// Ten messages a second.
    Paced,
    /// Nobody says anything.
    Idle,
    /// No subscribers: each connection sends `open` again and again, and waits for the answer.
    Ask,
}

/// How many messages may be under way in a flood. The textbook server's channel holds four times as many.
const WINDOW: u64 = 256;
/// Before anything is counted: caches, buffers and threads find their size.
const WARM_UP: Duration = Duration::from_millis(500);
/// As many come and go before the memory of idle ones is told: what the first of them wake (code, threads, buffers) is no
/// subscriber's.
const FIRST: usize = 100;
/// Then the server has this long to come to rest.
const REST: Duration = Duration::from_secs(2);
const PACE: Duration = Duration::from_millis(100);
/// What is still missing after this is lost.
const LATE: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Debug, Default, Serialize)]
struct Figures {
    published: u64,
    /// Payloads that arrived, of all subscribers.
    delivered: u64,
    /// Of those that should have arrived.
    lost: u64,
    /// While it was measured: payloads that arrived per second, or answers.
    per_second: f64,
    /// The server's CPU time for each of them, in microseconds.
    cpu_us: f64,
    /// From the publisher's write until a subscriber's read, in milliseconds.
    median_ms: f64,
    p99_ms: f64,
    /// What the server's memory grew by for each subscriber, in bytes: its share of what processes have in common counts.
    bytes_each: f64,
}

fn main() -> Result<()> {
    let asked = Asked::parse();
    if asked.load == Load::Ask {
        let time = Duration::from_secs_f64(asked.seconds);
        let per_second = asker::ask(asked.connect, asked.subscribers, &asked.open, time)?;
        return tell(&Figures {
            per_second,
            ..Figures::default()
        });
    }
    if asked.load == Load::Idle {
        Crowd::open(&asked, FIRST)?.listen_for(WARM_UP)?;
        thread::sleep(REST);
    }
    let memory = books::memory(&asked.watch)?;
    let mut crowd = Crowd::open(&asked, asked.subscribers)?;
    let figures = match asked.load {
        Load::Idle => {
            crowd.listen_for(Duration::from_secs_f64(asked.seconds))?;
            let grown = books::memory(&asked.watch)?.saturating_sub(memory);
            Figures {
                bytes_each: grown as f64 / asked.subscribers as f64,
                ..Figures::default()
            }
        }
        _ => under_load(&asked, &mut crowd)?,
    };
    ensure!(
        crowd.is_whole(),
        "{} subscribers were cut off",
        crowd.lost()
    );
    tell(&figures)
}

fn tell(figures: &Figures) -> Result<()> {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}

fn under_load(asked: &Asked, crowd: &mut Crowd) -> Result<Figures> {
    let subscribers = asked.subscribers as u64;
    let mut publisher = Publisher::open(asked, crowd)?;
    let mut next = Instant::now();
    let (mut since, mut before, mut cpu) = (Instant::now() + WARM_UP, 0, 0);
    let mut measured = false;
    loop {
        let now = Instant::now();
        if !measured && now >= since {
            (since, before, cpu) = (now, crowd.delivered(), books::cpu(&asked.watch)?);
            crowd.forget_delays();
            measured = true;
        }
        if measured && (now - since).as_secs_f64() >= asked.seconds {
            break;
        }
        let mut wait = Duration::from_millis(50);
        if asked.load == Load::Flood {
            let ahead =
                WINDOW.saturating_sub(publisher.published() - crowd.delivered() / subscribers);
            publisher.publish(ahead)?;
        } else if now >= next {
            publisher.publish(1)?;
            next += PACE;
        } else {
            wait = next - now;
        }
        crowd.listen(wait, &mut publisher)?;
    }
    let took = since.elapsed().as_secs_f64();
    let delivered = crowd.delivered() - before;
    let cpu = books::cpu(&asked.watch)? - cpu;
    let (median_ms, p99_ms) = crowd.delays();
    let expected = publisher.published() * subscribers;
    let end = Instant::now() + LATE;
    while crowd.delivered() < expected && Instant::now() < end {
        crowd.listen(Duration::from_millis(50), &mut publisher)?;
    }
    Ok(Figures {
        published: publisher.published(),
        delivered: crowd.delivered(),
        lost: expected.saturating_sub(crowd.delivered()),
        per_second: delivered as f64 / took,
        cpu_us: cpu as f64 / 1e3 / delivered.max(1) as f64,
        median_ms,
        p99_ms,
        bytes_each: 0.0,
    })
}
