//! What can be set, with its default: one place for every bound that only the server needs.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{jobs, topics, uploads};

/// Everything the server can be told. `main` fills it from flags and `ROUNDTRIP_…` variables.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where uploads are kept, and topics that acknowledge on disk.
    pub data_dir: PathBuf,
    /// Names that `Host` may carry besides IP literals and `localhost`.
    pub hosts: Vec<String>,
    /// Deadlines and caps of connections.
    pub limits: ConnectionLimits,
    /// How many topics, subscribers and messages there may be.
    pub topics: topics::Limits,
    /// How much may be uploaded, and for how long it is kept.
    pub uploads: uploads::Limits,
    /// How many jobs there may be, and how long one is kept.
    pub jobs: jobs::Limits,
}

/// Deadlines and caps of connections. Each fires on its own; `--help` shows all of them.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Connections: deadlines and caps")]
pub struct ConnectionLimits {
    /// How long a new connection may take to its first byte; then it is closed
    #[arg(long, env = "ROUNDTRIP_FIRST_BYTE", value_name = "TIME", default_value = "10s", value_parser = time)]
    pub first_byte: Duration,
    /// How long a request's head may take, from its first byte to the empty line; then 408
    #[arg(long, env = "ROUNDTRIP_HEAD", value_name = "TIME", default_value = "10s", value_parser = time)]
    pub head: Duration,
    /// How large a request's head may be; beyond, 431
    #[arg(long, env = "ROUNDTRIP_HEAD_BYTES", value_name = "SIZE", default_value = "32KiB", value_parser = head_size)]
    pub head_bytes: usize,
    /// How many header fields a request may have; beyond, 431
    #[arg(long, env = "ROUNDTRIP_HEAD_FIELDS", value_name = "COUNT", default_value_t = 100, value_parser = count(1..=1_000))]
    pub head_fields: usize,
    /// How long the server waits for the next byte of a request's body; then 408
    #[arg(long, env = "ROUNDTRIP_BODY_PAUSE", value_name = "TIME", default_value = "30s", value_parser = time)]
    pub body_pause: Duration,
    /// How long a connection may stay idle between two requests; then it is closed
    #[arg(long, env = "ROUNDTRIP_KEEP_ALIVE", value_name = "TIME", default_value = "75s", value_parser = time)]
    pub keep_alive: Duration,
    /// How long a peer may take nothing of what is being sent to it; then it is closed
    #[arg(long, env = "ROUNDTRIP_WRITE_STALL", value_name = "TIME", default_value = "60s", value_parser = time)]
    pub write_stall: Duration,
    /// How many connections there may be at once; beyond, 503
    #[arg(long, env = "ROUNDTRIP_CONNECTIONS", value_name = "COUNT", default_value_t = 20_000, value_parser = count(1..=1_000_000))]
    pub connections: usize,
    /// How many of them may come from one address: a whole class may sit behind one; beyond, 503
    #[arg(long, env = "ROUNDTRIP_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", default_value_t = 10_000, value_parser = count(1..=1_000_000))]
    pub connections_per_address: usize,
    /// How many feeds of runs, and as many looks into topics, may be open from one address: a lab's page holds one; beyond, 429
    #[arg(long, env = "ROUNDTRIP_FEEDS_PER_ADDRESS", value_name = "COUNT", default_value_t = 1_500, value_parser = count(1..=1_000_000))]
    pub feeds_per_address: usize,
    /// Apply the caps per address (connections, feeds, unfinished uploads) to loopback too
    #[arg(long, env = "ROUNDTRIP_LIMIT_LOOPBACK")]
    pub limit_loopback: bool,
    /// How long a stopping server waits for what is under way; streams and feeds are ended at once, as their protocols say goodbye
    #[arg(long, env = "ROUNDTRIP_DRAIN", value_name = "TIME", default_value = "9s", value_parser = time)]
    pub drain: Duration,
    /// Serve without the tap: nothing is traced, and the deadlines are only hyper's. For the benchmark that compares
    #[arg(long, env = "ROUNDTRIP_WITHOUT_TAP", hide = true)]
    pub without_tap: bool,
}

/// A time with its unit, from 1 ms to a day.
fn time(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_millis(1)..=DAY).contains(&time) {
        Ok(time)
    } else {
        Err("a time from 1ms to 1day".to_owned())
    }
}

/// A head's size: what hyper needs to read at all, and no more than it holds in memory without harm.
fn head_size(text: &str) -> Result<usize, String> {
    let size = text.parse::<bytesize::ByteSize>()?.as_u64();
    match usize::try_from(size) {
        Ok(size) if (1_024..=1_048_576).contains(&size) => Ok(size),
        _ => Err("a size from 1KiB to 1MiB".to_owned()),
    }
}

/// A count within `range`.
fn count(range: std::ops::RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.replace('_', "").parse() {
        Ok(count) if range.contains(&count) => Ok(count),
        _ => Err(format!(
            "a whole number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            head_fields: 100,
            body_pause: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            write_stall: Duration::from_secs(60),
            connections: 20_000,
            connections_per_address: 10_000,
            feeds_per_address: 1_500,
            limit_loopback: false,
            drain: Duration::from_secs(9),
            without_tap: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            data_dir: PathBuf::from("roundtrip-data"),
            hosts: Vec::new(),
            limits: ConnectionLimits::default(),
            topics: topics::Limits::default(),
            uploads: uploads::Limits::default(),
            jobs: jobs::Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        limits: ConnectionLimits,
    }

    fn parse(flags: &[&str]) -> Result<ConnectionLimits, clap::Error> {
        let flags = std::iter::once("roundtrip").chain(flags.iter().copied());
        Flags::try_parse_from(flags).map(|flags| flags.limits)
    }

    #[test]
    fn without_flags_the_limits_are_the_defaults() {
        assert_eq!(parse(&[]).expect("parses"), ConnectionLimits::default());
    }

    #[test]
    fn times_and_sizes_are_said_with_units() {
        let limits = parse(&[
            "--head",
            "1500ms",
            "--head-bytes",
            "8KiB",
            "--limit-loopback",
        ])
        .expect("parses");
        assert_eq!(limits.head, Duration::from_millis(1_500));
        assert_eq!(limits.head_bytes, 8_192);
        assert!(limits.limit_loopback);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for flags in [
            ["--head", "5"],
            ["--head", "0s"],
            ["--keep-alive", "2days"],
            ["--head-bytes", "2MiB"],
            ["--head-bytes", "100"],
            ["--connections", "0"],
            ["--head-fields", "1001"],
        ] {
            assert!(parse(&flags).is_err(), "{flags:?}");
        }
    }
}
