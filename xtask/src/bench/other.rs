//! Servers of others, which ours is compared with.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// A local server that is not there by then does not come.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// A folder that is gone when it is dropped.
pub(super) struct Folder(pub(super) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server, which ends when it is dropped.
pub(super) struct Other(pub(super) Child);

impl Drop for Other {
    fn drop(&mut self) {
        // nginx takes its workers along when it is asked to end, not when it is killed.
        let id = self.0.id().to_string();
        if Command::new("kill").args(["-TERM", &id]).status().is_err() {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

/// A program that says nothing here.
pub(super) fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// An address with a port that was free a moment ago.
pub(super) fn free() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Waits until a server takes connections.
pub(super) fn wait(name: &str, address: &str) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        if Instant::now() > end {
            bail!("{name} does not listen on {address}");
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
