//! The servers that are compared, each with its data in a tmpfs.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::Bench;
use crate::server::Server;
use crate::sh;

/// A tmpfs on every Linux.
const TMPFS: &str = "/dev/shm";
/// A local server that is not there by then does not come.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

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
    process: Process,
    folder: PathBuf,
}

enum Process {
    Ours(#[expect(dead_code, reason = "it is stopped when it is dropped")] Server),
    Other(Child),
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
                (Process::Other(child), address)
            }
            System::Nginx => {
                let address = free()?;
                let config = folder.join("nginx.conf");
                fs::write(&config, nginx(&folder, &address))?;
                let mut command = quiet("nginx");
                command.arg("-c").arg(&config).arg("-p").arg(&folder);
                let child = command.spawn().context("nginx could not be started")?;
                (Process::Other(child), address)
            }
        };
        let peer = Peer {
            system,
            address,
            process,
            folder,
        };
        peer.wait()?;
        Ok(peer)
    }

    /// Waits until it takes connections.
    fn wait(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(&self.address).is_err() {
            if Instant::now() > end {
                bail!("{} does not listen on {}", self.system.name(), self.address);
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Process::Other(child) = &mut self.process {
            // nginx takes its workers along when it is asked to end, not when it is killed.
            let id = child.id().to_string();
            if Command::new("kill").args(["-TERM", &id]).status().is_err() {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// An address with a port that was free a moment ago.
fn free() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
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
