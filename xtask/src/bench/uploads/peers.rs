//! The servers that are compared, each with its data in a tmpfs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::bench::Bench;
use crate::bench::other::{Folder, Other, free, quiet, wait};
use crate::server::Server;
use crate::sh;

/// A tmpfs on every Linux.
const TMPFS: &str = "/dev/shm";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// As the others: without digests.
    Roundtrip,
    /// As it is: with SHA-256 of what comes.
    Hashing,
    Rustus,
    Nginx,
}

impl System {
    pub(super) const fn name(self) -> &'static str {
        match self {
            System::Roundtrip => "Roundtrip without digests",
            System::Hashing => "Roundtrip with SHA-256",
            System::Rustus => "rustus",
            System::Nginx => "nginx",
        }
    }
}

/// A running server.
pub(super) struct Peer {
    pub(super) system: System,
    pub(super) address: String,
    /// Ends first, then its folder goes.
    _process: Process,
    _folder: Folder,
}

#[expect(dead_code, reason = "they end when they are dropped")]
enum Process {
    Ours(Server),
    Theirs(Other),
}

/// rustus from its registry, built once into the user's cache.
pub(super) fn rustus(bench: &Bench<'_>) -> Result<PathBuf> {
    let root = bench.project.cache.join("rustus");
    let program = root.join("bin/rustus");
    if !program.is_file() {
        sh::say("      building rustus, to compare with: this takes some minutes");
        let mut install = Command::new("cargo");
        install
            .args(["install", "rustus@0.5.10", "--locked", "--root"])
            .arg(&root);
        sh::run(sh::without_cargo_environment(&mut install))?;
    }
    Ok(program)
}

impl Peer {
    pub(super) fn start(bench: &Bench<'_>, rustus: &Path, system: System) -> Result<Peer> {
        ensure!(Path::new(TMPFS).is_dir(), "this needs {TMPFS}");
        let name = format!("roundtrip-bench-{}-{system:?}", std::process::id());
        let folder = Path::new(TMPFS).join(name);
        fs::create_dir_all(folder.join("data"))?;
        let (process, address) = match system {
            System::Roundtrip | System::Hashing => {
                let flags: &[&str] = match system {
                    System::Hashing => &[],
                    _ => &["--without-digests"],
                };
                let server = Server::start_in(&folder, &bench.program, "127.0.0.1:0", flags)?;
                let address = server.address().to_owned();
                (Process::Ours(server), address)
            }
            System::Rustus => {
                let address = free()?;
                let (host, port) = address.split_once(':').context("an address")?;
                let mut command = quiet(rustus);
                command
                    .args(["--host", host, "--port", port, "--url", "/files"])
                    .args(["--max-body-size", "1073741824", "--data-dir"])
                    .arg(folder.join("data"))
                    .arg("--info-dir")
                    .arg(folder.join("data"));
                let child = command.spawn().context("rustus could not be started")?;
                (Process::Theirs(Other(child)), address)
            }
            System::Nginx => {
                let address = free()?;
                let config = folder.join("nginx.conf");
                fs::write(&config, nginx(&folder, &address))?;
                let mut command = quiet("nginx");
                command.arg("-c").arg(&config).arg("-p").arg(&folder);
                let child = command.spawn().context("nginx could not be started")?;
                (Process::Theirs(Other(child)), address)
            }
        };
        let peer = Peer {
            system,
            address,
            _process: process,
            _folder: Folder(folder),
        };
        wait(system.name(), &peer.address)?;
        Ok(peer)
    }
}

/// PUT by its own module; what comes goes into the same tmpfs, so that it is only renamed at the end.
fn nginx(folder: &Path, address: &str) -> String {
    let folder = folder.display();
    format!(
        "user root;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes auto;
events {{ worker_connections 1000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  tcp_nodelay on;
  server {{
    listen {address};
    root {folder}/data;
    client_max_body_size 0;
    location / {{ dav_methods PUT DELETE; }}
  }}
}}
"
    )
}
