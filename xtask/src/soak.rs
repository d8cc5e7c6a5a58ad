//! `cargo xtask soak [MINUTES]`: the hub under everything that goes wrong in a classroom, for as long as one likes.
//!
//! A thousand subscribers over all transports follow two topics, one acknowledged in memory, one on disk. Each loses its
//! connection every now and then; some are killed outright; in the first half the server is killed and started again as
//! well. Then every message of a topic must have reached every subscriber once and in order, or stand in a gap; and in the
//! second half the server's memory must stay what it is. `server/tests/soak.rs` is the same in seconds.

pub(crate) mod uploads;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::paths::Project;
use crate::server::Server;
use crate::{build, sh};

/// What else there is to soak.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Part {
    /// Uploads while the server is killed at random bytes: nothing lost that was acknowledged, nothing left in the end.
    Uploads {
        /// How often it is killed.
        #[arg(long, default_value = "200", value_parser = clap::value_parser!(u64).range(1..=100_000))]
        kills: u64,
    },
}

/// Both together.
const SUBSCRIBERS: usize = 1_000;
/// Subscribers that are killed with their process.
const VICTIMS: usize = 50;
/// Messages per second and topic.
const RATE: &str = "20";
/// Each connection lasts this long on average, in seconds.
const CUT_S: &str = "20";
/// Between two murders, in seconds: at least, and how much more at random.
const SERVER_LIVES_S: (u64, u64) = (15, 30);
const VICTIMS_LIVE_S: (u64, u64) = (4, 12);
/// So few that the log's bounds are reached soon: behind them memory has no reason to grow.
const HISTORY: &str = r#""history":{"count":2000}"#;
const LOOK: Duration = Duration::from_secs(5);
/// What the second half's last memory may be of its first.
const GROWTH: f64 = 1.10;
const TICK: Duration = Duration::from_millis(100);
/// After its time a swarm waits this long for what is on its way, and prints.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(project: &Project, minutes: u64) -> Result<()> {
    let program = build::release(project)?;
    let data = project
        .target
        .join(format!("xtask/soak-{}", std::process::id()));
    fs::create_dir_all(&data)?;
    let soaked = soak(&program, &data, Duration::from_secs(minutes * 60));
    fs::remove_dir_all(&data)?;
    soaked
}

fn soak(program: &Path, data: &Path, time: Duration) -> Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let start = || Server::start_in(data, program, &address, &[]);
    let mut server = Some(start()?);
    let mut dice = Dice::new()?;
    for (topic, ack) in [("soak-memory", "memory"), ("soak-disk", "disk")] {
        put(&address, topic, &format!(r#"{{"ack":"{ack}",{HISTORY}}}"#))?;
    }
    let swarm = |topic: &str, subscribers: usize, more: &[&str]| {
        Swarm::start(program, data, &address, topic, subscribers, time, more)
    };
    let mut swarms = Vec::new();
    let seed = dice.0.to_string();
    for topic in ["soak-memory", "soak-disk"] {
        swarms.push(swarm(
            topic,
            SUBSCRIBERS / 2,
            &["--publish", RATE, "--cut", CUT_S, "--seed", &seed],
        )?);
    }
    let mut victims = swarm("soak-disk", VICTIMS, &[])?;
    let begin = Instant::now();
    let (mut server_dies, mut victims_die) =
        (dice.within(SERVER_LIVES_S), dice.within(VICTIMS_LIVE_S));
    let (mut looks_next, mut memory) = (time / 2 + LOOK, Vec::new());
    let (mut servers, mut murdered) = (0, 0);
    while begin.elapsed() < time {
        let now = begin.elapsed();
        if now >= server_dies && now < time / 2 {
            // Killed as it is dropped, in the middle of whatever it does.
            drop(server.take());
            server = Some(start()?);
            servers += 1;
            server_dies = now + dice.within(SERVER_LIVES_S);
        }
        if now >= victims_die {
            victims.kill();
            murdered += VICTIMS;
            victims = swarm("soak-disk", VICTIMS, &[])?;
            victims_die = now + dice.within(VICTIMS_LIVE_S);
        }
        if now >= looks_next
            && let Some(server) = &server
        {
            memory.push(resident(server.pid())?);
            looks_next = now + LOOK;
        }
        thread::sleep(TICK);
    }
    victims.kill();
    sh::say(&format!(
        "{} s: the server was killed {servers} times, {murdered} subscribers were killed besides",
        time.as_secs()
    ));
    let mut unsound = Vec::new();
    for swarm in swarms {
        unsound.extend(swarm.end()?);
    }
    let grown = grown(&memory)?;
    sh::say(&format!(
        "memory of the server in the second half, in MB: {}; the last third {grown:.3} of the first",
        memory
            .iter()
            .map(|bytes| format!("{:.1}", *bytes as f64 / 1e6))
            .collect::<Vec<_>>()
            .join(" ")
    ));
    ensure!(unsound.is_empty(), "{}", unsound.join("; "));
    ensure!(grown <= GROWTH, "memory grew");
    Ok(())
}

/// A process of `roundtrip swarm`, what it says going to a file.
struct Swarm {
    child: Child,
    topic: String,
    said: PathBuf,
}

impl Swarm {
    fn start(
        program: &Path,
        data: &Path,
        address: &str,
        topic: &str,
        subscribers: usize,
        time: Duration,
        more: &[&str],
    ) -> Result<Swarm> {
        let said = data.join(format!("{topic}-{subscribers}.txt"));
        let child = Command::new(program)
            .args(["swarm", &format!("http://{address}/"), "--topic", topic])
            .args(["--subscribers", &subscribers.to_string()])
            .args(["--seconds", &time.as_secs().to_string()])
            .args(more)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&said)?)
            .spawn()?;
        Ok(Swarm {
            child,
            topic: topic.to_owned(),
            said,
        })
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended, shows what it saw, and says what is wrong with that.
    fn end(mut self) -> Result<Option<String>> {
        let patience = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > patience => {
                    self.kill();
                    bail!("the swarm of {} does not end", self.topic);
                }
                None => thread::sleep(TICK),
            }
        };
        let said = fs::read_to_string(&self.said)?;
        let (_, table) = said.split_once("\n\n").context("a swarm without figures")?;
        sh::say(&format!("\n{}\n{table}", self.topic));
        let waits = waiting(table).context("figures of another form")?;
        Ok(match status.success() {
            false => Some(format!("{}: lost or came twice", self.topic)),
            true if waits > 0 => Some(format!("{}: {waits} never came", self.topic)),
            true => None,
        })
    }
}

/// How many messages its subscribers still wait for: the sum of that column.
fn waiting(table: &str) -> Option<u64> {
    let mut lines = table.lines();
    let column = lines
        .next()?
        .split_whitespace()
        .position(|name| name == "waiting")?;
    let rows = lines.take_while(|line| !line.is_empty());
    rows.map(|row| row.split_whitespace().nth(column)?.parse::<u64>().ok())
        .sum()
}

/// The last third of the figures, of the first.
fn grown(memory: &[u64]) -> Result<f64> {
    let third = memory.len() / 3;
    ensure!(
        third > 0,
        "too short to say anything about memory: give it some minutes"
    );
    let sum = |figures: &[u64]| figures.iter().sum::<u64>() as f64;
    Ok(sum(&memory[memory.len() - third..]) / sum(&memory[..third]))
}

/// What of a process's memory is its own or shared and in memory (`VmRSS`, `proc(5)`), in bytes.
fn resident(process: u32) -> Result<u64> {
    let status =
        fs::read_to_string(format!("/proc/{process}/status")).context("this needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? * 1024)
}

fn put(address: &str, topic: &str, settings: &str) -> Result<()> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(
        stream,
        "PUT /api/topics/{topic} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{settings}",
        settings.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 2"), "PUT {topic}: {answer}");
    Ok(())
}

/// Random times. The seed is printed, and `ROUNDTRIP_SOAK_SEED` sets it again.
struct Dice(u64);

impl Dice {
    fn new() -> Result<Dice> {
        let seed = match std::env::var("ROUNDTRIP_SOAK_SEED") {
            Ok(seed) => seed.parse().context("ROUNDTRIP_SOAK_SEED is no number")?,
            Err(_) => {
                u64::from(std::process::id()) << 32
                    | u64::from(std::time::UNIX_EPOCH.elapsed()?.subsec_nanos())
            }
        };
        sh::say(&format!("ROUNDTRIP_SOAK_SEED={seed}"));
        Ok(Dice(seed))
    }

    /// A time between the first and the sum of both, in seconds (SplitMix64).
    fn within(&mut self, (least, more): (u64, u64)) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Duration::from_millis(least * 1_000 + (mixed ^ (mixed >> 31)) % (more * 1_000))
    }
}
