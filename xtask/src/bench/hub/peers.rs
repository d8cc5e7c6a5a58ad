//! The servers that are compared, and what a subscriber and a publisher say to each.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::bench::other::{Folder, Other, free, quiet, wait};
use crate::server::Server;

/// A server and a transport of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Sse,
    WebSocket,
    ShortPoll,
    Health,
    TextbookSse,
    TextbookWebSocket,
    NchanSse,
    NatsWebSocket,
}

impl System {
    pub(super) fn name(self) -> &'static str {
        match self {
            System::Sse => "Roundtrip, SSE",
            System::WebSocket => "Roundtrip, WebSocket",
            System::ShortPoll => "Roundtrip, an empty poll",
            System::Health => "Roundtrip, /healthz",
            System::TextbookSse => "textbook axum, SSE",
            System::TextbookWebSocket => "textbook axum, WebSocket",
            System::NchanSse => "Nchan, SSE",
            System::NatsWebSocket => "NATS, WebSocket",
        }
    }
}

/// A running server.
pub(super) struct Peer {
    system: System,
    process: Process,
    /// Where subscribers connect to, `address:port`.
    address: String,
    /// Where the publisher does.
    publish: String,
}

enum Process {
    Ours(Server),
    Theirs(
        Other,
        #[expect(dead_code, reason = "it goes when it is dropped")] Folder,
    ),
}

/// The same in each: more than the most that are subscribed.
const CONNECTIONS: usize = 20_000;

impl Peer {
    pub(super) fn start(bench: &Bench<'_>, textbook: &Path, system: System) -> Result<Peer> {
        let (process, address, publish) = match system {
            System::Sse | System::WebSocket | System::ShortPoll | System::Health => {
                let server = Server::start(bench.project, &bench.program, &[])?;
                let address = server.address().to_owned();
                (Process::Ours(server), address.clone(), address)
            }
            System::TextbookSse | System::TextbookWebSocket => {
                let mut child = quiet(textbook).stdout(Stdio::piped()).spawn()?;
                let output = child.stdout.take().context("its output is piped")?;
                let mut line = String::new();
                BufReader::new(output).read_line(&mut line)?;
                let address = line.trim().trim_start_matches("http://").to_owned();
                let folder = folder(bench)?;
                (
                    Process::Theirs(Other(child), folder),
                    address.clone(),
                    address,
                )
            }
            System::NchanSse => {
                let (folder, address) = (folder(bench)?, free()?);
                let config = folder.0.join("nginx.conf");
                fs::write(&config, nginx(&folder.0, &address))?;
                let mut command = quiet("nginx");
                command.arg("-c").arg(&config).arg("-p").arg(&folder.0);
                let child = command.spawn().context("nginx could not be started")?;
                (
                    Process::Theirs(Other(child), folder),
                    address.clone(),
                    address,
                )
            }
            System::NatsWebSocket => {
                let (folder, publish, address) = (folder(bench)?, free()?, free()?);
                let config = folder.0.join("nats.conf");
                fs::write(&config, nats(&publish, &address))?;
                let child = quiet("nats-server").arg("-c").arg(&config).spawn();
                let child = child.context("nats-server could not be started")?;
                (Process::Theirs(Other(child), folder), address, publish)
            }
        };
        let peer = Peer {
            system,
            process,
            address,
            publish,
        };
        for address in [&peer.address, &peer.publish] {
            wait(peer.system.name(), address)?;
        }
        Ok(peer)
    }

    /// Its process and those that it started.
    pub(super) fn processes(&self) -> Result<Vec<u32>> {
        let first = match &self.process {
            Process::Ours(server) => server.pid(),
            Process::Theirs(Other(child), _) => child.id(),
        };
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children"))?;
        let children = children.split_whitespace().map(str::parse);
        let mut all = vec![first];
        all.extend(children.collect::<Result<Vec<u32>, _>>()?);
        Ok(all)
    }

    /// What the audience is told to say, as its flags.
    pub(super) fn words(&self) -> Vec<String> {
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        let upgrade = |path: &str| {
            format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                self.address
            )
        };
        let post = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{{payload}}",
                self.address
            )
        };
        let mut flags = vec![
            format!("--connect={}", self.address),
            format!("--publish-connect={}", self.publish),
        ];
        let (open, publish) = match self.system {
            System::Sse => (
                get("/api/topics/bench/events"),
                post("/api/topics/bench/messages"),
            ),
            System::WebSocket => (
                upgrade("/api/topics/bench/socket"),
                post("/api/topics/bench/messages"),
            ),
            System::ShortPoll => (get("/api/topics/bench/messages"), String::new()),
            System::Health => (get("/healthz"), String::new()),
            System::TextbookSse => (get("/events"), post("/publish")),
            System::TextbookWebSocket => (upgrade("/socket"), post("/publish")),
            System::NchanSse => {
                flags.push("--ready=: hi\n\n".to_owned());
                let ask = get("/sub").replace("\r\n\r\n", "\r\nAccept: text/event-stream\r\n\r\n");
                (ask, post("/pub"))
            }
            System::NatsWebSocket => {
                let connect = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
                let subscribe = frame(&format!("{connect}SUB bench 1\r\nPING\r\n"));
                flags.push(format!("--then={}", hexadecimal(&subscribe)));
                flags.push("--ready=PONG".to_owned());
                flags.push(format!("--publish-open={connect}"));
                (upgrade("/"), "PUB bench 100\r\n{payload}\r\n".to_owned())
            }
        };
        flags.push(format!("--open={open}"));
        flags.push(format!("--publish={publish}"));
        flags
    }
}

/// A folder of its own for one server.
fn folder(bench: &Bench<'_>) -> Result<Folder> {
    let name = format!("xtask/peer-{}", std::process::id());
    let folder = bench.project.target.join(name);
    fs::create_dir_all(&folder)?;
    Ok(Folder(folder))
}

/// One worker for each core, as nginx recommends and as our runtime does.
fn nginx(folder: &Path, address: &str) -> String {
    let folder = folder.display();
    format!(
        "load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes auto;
worker_rlimit_nofile {CONNECTIONS};
events {{ worker_connections {CONNECTIONS}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  server {{
    listen {address} backlog=4096;
    location = /pub {{ nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 10000; nchan_message_timeout 1h; }}
    location = /sub {{ nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message newest; }}
  }}
}}
"
    )
}

fn nats(publish: &str, address: &str) -> String {
    format!(
        "listen: \"{publish}\"\nmax_connections: {CONNECTIONS}\n\
         websocket {{ listen: \"{address}\", no_tls: true, compression: false }}\n"
    )
}

/// A WebSocket frame as a client sends it (RFC 6455 §5.2), short, binary, its mask all zeros.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x82, 0x80 | text.len().min(125) as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
