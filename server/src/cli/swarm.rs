//! `roundtrip swarm`: many subscribers of one topic, from a terminal.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, builder::RangedU64ValueParser};
use hyper::Uri;
use tokio::{net::lookup_host, time::interval};
use wire::{limits::SWARM_SUBSCRIBERS_MAX, race::Way, time::duration, topics::is_topic_name};

use crate::swarm::{Cuts, Plan, Report, Server, Swarm};

/// The most messages a second that it publishes itself.
const RATE_MAX: u64 = 1_000;

/// The longest that it stays, in seconds: a day. What the button of the race adds leaves sooner.
const SECONDS_MAX: u64 = 24 * 60 * 60;

/// Every way, as it is written on the command line.
const WAYS: &str = "short-polling,long-polling,sse,stream,websocket";

const EXAMPLES: &str = "\
Examples:
  roundtrip swarm http://127.0.0.1:3000/ --topic race
  roundtrip swarm http://192.168.1.20:3000/ --subscribers 1000 --transport sse,websocket --publish 10

A latency is the time from a message’s setting out until a subscriber has it. With --publish the messages set out here,
and all times are of one clock. Without, a server on this machine says when it took them; one elsewhere has a clock of
its own, and there is no latency.

Exit status:
  0    every message came once, or was named in a gap, or was still on its way when the time was over
  1    messages were lost or came again, or nobody could connect";

/// What `roundtrip swarm` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SwarmFlags {
    /// The address of a Roundtrip, http://host:port/
    #[arg(value_name = "URL")]
    url: Uri,
    /// The topic
    #[arg(long, default_value = "race", value_parser = topic)]
    topic: String,
    /// How many subscribers
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = RangedU64ValueParser::<usize>::new().range(1..=SWARM_SUBSCRIBERS_MAX))]
    subscribers: usize,
    /// How they hear of the topic; they are shared out among these
    #[arg(long = "transport", value_name = "WAY", value_delimiter = ',', default_value = WAYS, value_parser = way)]
    transports: Vec<Way>,
    /// For how long
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = RangedU64ValueParser::<u64>::new().range(1..=SECONDS_MAX))]
    seconds: u64,
    /// Publish this many messages a second as well
    #[arg(long, value_name = "RATE", value_parser = RangedU64ValueParser::<u32>::new().range(1..=RATE_MAX))]
    publish: Option<u32>,
    /// Give up each connection after about this long, at random, and come back
    #[arg(long, value_name = "SECONDS", value_parser = RangedU64ValueParser::<u64>::new().range(1..=SECONDS_MAX))]
    cut: Option<u64>,
    /// Decides with --cut when: the same number, the same lives of the connections
    #[arg(long, value_name = "NUMBER", requires = "cut")]
    seed: Option<u64>,
}

/// A way under the name that it has on the command line: `long-polling`.
fn way(name: &str) -> Result<Way, String> {
    Way::of(&name.replace('-', "_")).ok_or_else(|| format!("one of {WAYS}"))
}

fn topic(name: &str) -> Result<String, String> {
    if is_topic_name(name) {
        Ok(name.to_owned())
    } else {
        Err("1 to 128 of A–Z a–z 0–9 . _ ~ -, not beginning with a full stop".to_owned())
    }
}

/// Is the swarm, says every second what it sees, and at the end what came of it.
///
/// # Errors
/// Where the server cannot be reached.
pub async fn fly(flags: &SwarmFlags) -> anyhow::Result<ExitCode> {
    let plan = plan(flags).await?;
    println!(
        "{} subscribers of {} at {} for {} s",
        plan.subscribers, plan.topic, plan.server.authority, flags.seconds
    );
    let swarm = Swarm::begin(plan).await?;
    let mut second = interval(Duration::from_secs(1));
    second.tick().await;
    let over = swarm.over();
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => break,
            _ = tokio::signal::ctrl_c() => swarm.stop(),
            _ = second.tick() => say(&now(&swarm.report()))?,
        }
    }
    let report = swarm.report();
    say(&whole(&report))?;
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whoever reads may have gone; then nobody is told.
fn say(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

async fn plan(flags: &SwarmFlags) -> anyhow::Result<Plan> {
    let url = &flags.url;
    let (Some("http"), Some(authority), "" | "/") = (url.scheme_str(), url.authority(), url.path())
    else {
        bail!("{url} is no address of a Roundtrip. Try http://127.0.0.1:3000/");
    };
    let (host, port) = (authority.host(), authority.port_u16().unwrap_or(80));
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let found = lookup_host((name, port)).await;
    let mut found = found.with_context(|| format!("{host} is not known"))?;
    let at = found
        .next()
        .with_context(|| format!("{host} has no address"))?;
    Ok(Plan {
        server: Server {
            at,
            authority: format!("{host}:{port}"),
        },
        topic: flags.topic.clone(),
        subscribers: flags.subscribers,
        ways: Way::ALL
            .into_iter()
            .filter(|way| flags.transports.contains(way))
            .collect(),
        time: Duration::from_secs(flags.seconds),
        publish: flags.publish,
        cuts: flags.cut.map(|seconds| Cuts {
            mean: Duration::from_secs(seconds),
            seed: flags.seed.unwrap_or_else(rand::random),
        }),
        same_clock: at.ip().is_loopback(),
    })
}

/// One line about now.
fn now(report: &Report) -> String {
    format!(
        "{:>4} s left  {} connected  {} published  {} received  {} gaps  {} duplicates  median {}  p99 {}{}",
        report.left.as_secs(),
        report.sum(|figures| figures.connected),
        report.published,
        report.sum(|figures| figures.messages),
        report.sum(|figures| figures.gaps),
        report.sum(|figures| figures.duplicates),
        latency(report.median_us),
        latency(report.p99_us),
        trouble(report),
    )
}

/// The table at the end.
fn whole(report: &Report) -> String {
    let mut text = format!(
        "\n{:<14} {:>11} {:>10} {:>6} {:>7} {:>6} {:>10} {:>8} {:>9} {:>8} {:>9} {:>9}\n",
        "transport",
        "subscribers",
        "messages",
        "gaps",
        "missed",
        "lost",
        "duplicates",
        "waiting",
        "requests",
        "empty",
        "median",
        "p99"
    );
    for figures in &report.figures {
        text += &format!(
            "{:<14} {:>11} {:>10} {:>6} {:>7} {:>6} {:>10} {:>8} {:>9} {:>8} {:>9} {:>9}\n",
            figures.transport.name().replace('_', "-"),
            figures.subscribers,
            figures.messages,
            figures.gaps,
            figures.missed,
            figures.lost,
            figures.duplicates,
            figures.waiting,
            figures.requests,
            figures.empty,
            latency(figures.median_us),
            latency(figures.p99_us),
        );
    }
    text += &format!(
        "\nThe topic got {} messages; all subscribers together: median {}, p99 {}.",
        report.published,
        latency(report.median_us),
        latency(report.p99_us)
    );
    if report.unacknowledged > 0 {
        text += &format!(
            "\nNot acknowledged: {}; whether the topic has them is not known.",
            report.unacknowledged
        );
    }
    text + &trouble(report)
}

fn latency(us: Option<u64>) -> String {
    us.and_then(|us| i64::try_from(us.saturating_mul(1_000)).ok())
        .map_or_else(|| "–".to_owned(), duration)
}

fn trouble(report: &Report) -> String {
    let broken = report.sum(|figures| figures.broken);
    match &report.trouble {
        Some(why) => format!("\nBroken or refused connections: {broken}, the last: {why}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flags;
    use clap::Parser;

    fn understood(args: &[&str]) -> bool {
        let all = ["roundtrip", "swarm", "http://127.0.0.1:3000/"];
        Flags::try_parse_from(all.iter().chain(args)).is_ok()
    }

    #[test]
    fn bounds_hold_at_their_value_and_one_past_it() {
        assert!(understood(&[
            "--subscribers",
            "1000",
            "--seconds",
            "86400",
            "--cut",
            "1",
            "--seed",
            "0",
            "--publish",
            "1000"
        ]));
        assert!(understood(&[
            "--transport",
            "sse,short-polling,long-polling,stream,websocket"
        ]));
        for bad in [
            ["--subscribers", "1001"],
            ["--subscribers", "0"],
            ["--seconds", "86401"],
            ["--cut", "0"],
            ["--seed", "1"],
            ["--publish", "1001"],
            ["--publish", "0"],
            ["--transport", "pigeon"],
            ["--topic", ".hidden"],
        ] {
            assert!(!understood(&bad), "{bad:?}");
        }
    }

    #[test]
    fn a_server_is_not_started_with_a_swarm() {
        let both = ["roundtrip", "--lan", "swarm", "http://127.0.0.1:3000/"];
        assert!(Flags::try_parse_from(both).is_err());
    }
}
