//! The real program, started for a measurement or a soak, mostly on a port of the system's choice and with a data folder of
//! its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::paths::Project;
use crate::sh;

/// A running `roundtrip`; it is stopped when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:port`.
    address: String,
    /// The data folder that goes when the server does.
    data: Option<PathBuf>,
}

/// A local server that does not answer within this is broken.
const ANSWER: Duration = Duration::from_secs(10);

impl Server {
    /// Starts and waits until it says where it listens.
    pub(crate) fn start(project: &Project, program: &Path, args: &[&str]) -> Result<Self> {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let data = project
            .target
            .join(format!("xtask/data-{}-{number}", std::process::id()));
        fs::create_dir_all(&data)?;
        let mut server = Self::start_in(&data, program, "127.0.0.1:0", args)?;
        server.data = Some(data);
        Ok(server)
    }

    /// The same at an address, and in a data folder that outlives it.
    pub(crate) fn start_in(
        data: &Path,
        program: &Path,
        listen: &str,
        args: &[&str],
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .args(["--listen", listen, "--data-dir"])
            .arg(data)
            .args(args);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` could not be started", sh::shown(&command)))?;
        let output = child.stdout.take().context("its output is piped")?;
        let mut server = Self {
            child,
            address: String::new(),
            data: None,
        };
        for line in BufReader::new(output).lines() {
            if let Some((_, address)) = line?.split_once("http://") {
                server.address = address.trim().trim_end_matches('/').to_owned();
                return Ok(server);
            }
        }
        bail!(
            "`{}` ended without saying where it listens",
            sh::shown(&command)
        )
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The body of a GET that is answered with 200. For documents: no compression, no redirects.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER))?;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n",
            self.address
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("an answer without an end of its head")?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        ensure!(status == "200", "GET {path} was answered with {status}");
        Ok(body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(data) = &self.data {
            let _ = fs::remove_dir_all(data);
        }
    }
}
