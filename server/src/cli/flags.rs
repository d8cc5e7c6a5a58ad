//! Flags and their `ROUNDTRIP_…` variables.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::swarm::SwarmFlags;
use crate::{Config, config::ConnectionLimits, uploads};

const ABOUT: &str = "A live playground for backend communication: requests, topics and uploads on a measured timeline";

const EXAMPLES: &str = "\
Examples:
  roundtrip                              serve this machine: http://127.0.0.1:3000
  roundtrip --listen 127.0.0.1:0         any free port; the address is printed
  roundtrip --lan                        serve the class; addresses and a QR code are printed
  roundtrip --lan --host lab.example     also under a name
  ROUNDTRIP_LISTEN=[::1]:8080 roundtrip  every flag can be a variable
  roundtrip swarm http://127.0.0.1:3000/ --subscribers 100
                                         be a hundred subscribers of a Roundtrip that runs

TIME and SIZE have a unit: 500ms, 10s, 2min; 32KiB, 1MiB. What a request may ask for at most, how large a
message, an upload or a run may be: see README.md, \"Limits\".

Exit status:
  0    stopped as asked (SIGINT or SIGTERM): requests under way were finished, or cut off after --drain
  1    could not start or could not go on; the reason is on standard error
  2    the flags cannot be understood
  130  stopped at once, by a second signal";

/// What the program can be told.
#[derive(Debug, Parser)]
#[command(name = "roundtrip", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 100)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "COMMAND"
)]
pub struct Flags {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(
        long,
        env = "ROUNDTRIP_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:3000",
        help_heading = "Serving"
    )]
    listen: SocketAddr,

    /// Listen on all addresses, so that other machines can connect; prints each URL and a QR code. The port is that of --listen
    #[arg(long, env = "ROUNDTRIP_LAN", help_heading = "Serving")]
    lan: bool,

    /// A name that browsers may use for this server; may be repeated. IP addresses and localhost always work; any other name is refused (421), which is what stops DNS rebinding
    #[arg(
        long = "host",
        env = "ROUNDTRIP_HOST",
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = host_name,
        help_heading = "Serving"
    )]
    hosts: Vec<String>,

    /// Where uploads, and topics that acknowledge on disk, are kept; made where it is not there [default: roundtrip in the user's data folder, $XDG_DATA_HOME or ~/.local/share]
    #[arg(
        long,
        env = "ROUNDTRIP_DATA_DIR",
        value_name = "FOLDER",
        help_heading = "Serving"
    )]
    data_dir: Option<PathBuf>,

    /// Compute no digests of uploads. For the benchmark that compares
    #[arg(
        long,
        env = "ROUNDTRIP_WITHOUT_DIGESTS",
        hide = true,
        help_heading = "Serving"
    )]
    without_digests: bool,

    /// What is logged to standard error: error, warn, info, debug, trace, or a filter such as info,server::trace=debug
    #[arg(
        long,
        env = "ROUNDTRIP_LOG",
        value_name = "FILTER",
        default_value = "info",
        value_parser = log_filter,
        help_heading = "Log"
    )]
    pub log: String,

    /// The log's form
    #[arg(
        long,
        env = "ROUNDTRIP_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        help_heading = "Log"
    )]
    pub log_format: LogFormat,

    #[command(flatten)]
    limits: ConnectionLimits,

    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program does instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Be many subscribers of a topic of a Roundtrip that runs, and say what they saw
    Swarm(SwarmFlags),
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line an event, for people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Flags {
    /// What the flags ask for.
    pub fn config(&self) -> Config {
        let mut listen = self.listen;
        if self.lan {
            // Both families: an IPv6 socket takes IPv4 as well, where the system has IPv6.
            listen.set_ip(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        }
        Config {
            listen,
            data_dir: self.data_dir.clone().unwrap_or_else(default_data_dir),
            hosts: self.hosts.clone(),
            limits: self.limits.clone(),
            uploads: uploads::Limits {
                without_digests: self.without_digests,
                ..uploads::Limits::default()
            },
            ..Config::default()
        }
    }
}

/// The user's data folder, as the XDG Base Directory Specification and its like elsewhere have it; without one (a
/// service without a home) the working folder.
fn default_data_dir() -> PathBuf {
    dirs::data_local_dir().map_or_else(
        || PathBuf::from("roundtrip-data"),
        |data| data.join("roundtrip"),
    )
}

/// What the log's filter takes.
fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|cause| format!("{cause}; try info"))
}

/// A host name (RFC 1123 §2.1) in lower case, without a port.
fn host_name(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a host is a name such as lab.example, without scheme, port or path".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn config(args: &[&str]) -> Config {
        let all = std::iter::once(&"roundtrip").chain(args);
        Flags::try_parse_from(all).expect("understood").config()
    }

    #[test]
    fn the_command_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn every_flag_has_its_variable_a_heading_and_words() {
        for arg in Flags::command().get_arguments() {
            let long = arg.get_long().expect("every flag has a long name");
            if matches!(long, "help" | "version") {
                continue;
            }
            let variable = format!("ROUNDTRIP_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(
                arg.get_env().and_then(|name| name.to_str()),
                Some(&*variable)
            );
            assert!(
                arg.get_help()
                    .is_some_and(|help| help.to_string().len() > 10),
                "--{long}"
            );
            assert!(arg.get_help_heading().is_some(), "--{long}");
        }
    }

    #[test]
    fn without_flags_it_serves_this_machine_only() {
        let config = config(&[]);
        assert_eq!(config.listen, "127.0.0.1:3000".parse().expect("an address"));
        assert!(config.hosts.is_empty());
        assert!(
            config.data_dir.ends_with("roundtrip") || config.data_dir.ends_with("roundtrip-data")
        );
    }

    #[test]
    fn lan_listens_on_all_addresses_and_keeps_the_port() {
        let config = config(&["--lan", "--listen", "127.0.0.1:8080"]);
        assert!(config.listen.ip().is_unspecified());
        assert_eq!(config.listen.port(), 8080);
    }

    #[test]
    fn hosts_are_names() {
        let config = config(&["--host", "Lab.Example", "--host", "a,b"]);
        assert_eq!(config.hosts, ["lab.example", "a", "b"]);
        for bad in ["", "http://x", "x:80", "a..b", "-a", "a/b", &"a".repeat(64)] {
            assert!(
                Flags::try_parse_from(["roundtrip", "--host", bad]).is_err(),
                "{bad:?}"
            );
        }
    }
}
