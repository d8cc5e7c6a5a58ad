//! What can be set, with its default: one place for every bound that only the server needs.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Everything the server can be told. `main` fills it from flags and `ROUNDTRIP_…` variables.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where uploads are kept.
    pub data_dir: PathBuf,
    /// Names that `Host` may carry besides IP literals and `localhost`.
    pub hosts: Vec<String>,
    /// Deadlines and caps of connections.
    pub limits: ConnectionLimits,
}

/// Deadlines and caps of connections. Each fires on its own; `--help` shows all of them.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// From accepting a connection to its first byte.
    pub first_byte: Duration,
    /// From a request's first byte to the end of its head.
    pub head: Duration,
    /// The most bytes a head may take.
    pub head_bytes: usize,
    /// The most header fields a head may have.
    pub head_fields: usize,
    /// The longest pause between two reads of a request's body.
    pub body_progress: Duration,
    /// How long a kept-alive connection may stay idle between requests.
    pub keep_alive: Duration,
    /// Connections at once, in all.
    pub connections: usize,
    /// Connections at once from one address; loopback is exempt unless `limit_loopback`.
    pub connections_per_address: usize,
    /// Apply the caps per address to loopback too.
    pub limit_loopback: bool,
    /// How long a stopping server waits for what is under way.
    pub drain: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            head_fields: 100,
            body_progress: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            connections: 20_000,
            connections_per_address: 10_000,
            limit_loopback: false,
            drain: Duration::from_secs(10),
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
        }
    }
}
