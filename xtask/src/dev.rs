//! `cargo xtask dev`: rebuilds what has changed, starts the server anew; the open pages reload.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{EventKind, RecursiveMode, Watcher};

use crate::build::{self, Mode};
use crate::paths::Project;
use crate::progress::Progress;
use crate::setup::{self, wasm::Toolchain};
use crate::sh;

/// Below the workspace's root.
const WATCHED: [&str; 7] = [
    "app",
    "server",
    "wire",
    "style",
    "public",
    "Cargo.toml",
    "Cargo.lock",
];

/// An editor writes several files at once; a build starts when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(150);

enum Event {
    Changed,
    /// Ctrl-C, or SIGTERM from whoever started this.
    Interrupted,
}

/// Runs until it is interrupted.
pub(crate) fn run(project: &Project, args: &[OsString]) -> Result<()> {
    let toolchain = setup::wasm::ensure(project)?;
    let (sender, events) = channel();
    let interrupted = sender.clone();
    ctrlc::set_handler(move || {
        let _ = interrupted.send(Event::Interrupted);
    })?;
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is an event, too, and a build reads all of them. The receiver is gone only when this ends.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            let _ = sender.send(Event::Changed);
        }
    })?;
    for path in WATCHED {
        let path = project.root.join(path);
        if path.exists() {
            watcher
                .watch(&path, RecursiveMode::Recursive)
                .with_context(|| format!("watching {}", path.display()))?;
        }
    }
    let mut server: Option<Child> = None;
    loop {
        match rebuild(project, toolchain) {
            Ok(program) => {
                stop(server.take())?;
                server = Some(start(project, &program, args)?);
            }
            Err(error) => sh::say(&format!(
                "error: {error:#}\nWaiting for a change; the last version is still served."
            )),
        }
        if let Event::Interrupted = wait(&events)? {
            return stop(server);
        }
        sh::say("\nSomething changed.");
    }
}

fn rebuild(project: &Project, toolchain: Toolchain) -> Result<std::path::PathBuf> {
    let mut progress = Progress::of(6);
    build::site(project, Mode::Dev, toolchain, &mut progress)?;
    let program = progress.step("Compiling the server (profile dev)", || {
        build::dev_server(project)
    })?;
    sh::say(&format!("Built in {}.", progress.elapsed()));
    Ok(program.0)
}

fn start(project: &Project, program: &Path, args: &[OsString]) -> Result<Child> {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("ROUNDTRIP_DEV", "1")
        .env("ROUNDTRIP_SITE_DIR", Mode::Dev.site(project));
    command
        .spawn()
        .with_context(|| format!("`{}` could not be started", sh::shown(&command)))
}

/// At once: a page that waits for the next version would keep a server that drains its connections for seconds.
fn stop(server: Option<Child>) -> Result<()> {
    if let Some(mut server) = server {
        // It may have ended by itself.
        let _ = server.kill();
        server.wait()?;
    }
    Ok(())
}

/// Until something has changed and then nothing more for a moment.
fn wait(events: &Receiver<Event>) -> Result<Event> {
    let mut event = events.recv()?;
    loop {
        match (event, events.recv_timeout(QUIET)) {
            (Event::Interrupted, _) => return Ok(Event::Interrupted),
            (_, Ok(next)) => event = next,
            (last, Err(RecvTimeoutError::Timeout)) => return Ok(last),
            (_, Err(error)) => return Err(error.into()),
        }
    }
}
