//! The program itself, as a process.

use std::{process::Stdio, sync::Arc};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A program that listens.
pub(crate) struct Program {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) url: String,
    pub(crate) data: Arc<TempDir>,
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundtrip"));
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts it on a port of the system's choice.
pub(crate) async fn start(args: &[&str]) -> Program {
    let data = tempfile::tempdir().expect("a temporary folder");
    start_at("127.0.0.1:0", Arc::new(data), args).await
}

/// Starts it at this address, with what is in this folder.
pub(crate) async fn start_at(address: &str, data: Arc<TempDir>, args: &[&str]) -> Program {
    let mut child = command(args)
        .args(["--listen", address, "--data-dir"])
        .arg(data.path())
        .spawn()
        .expect("starts");
    let stdout = child.stdout.take().expect("piped");
    let mut program = Program {
        child,
        lines: BufReader::new(stdout).lines(),
        url: String::new(),
        data,
    };
    let first = program.line().await;
    program.url = first
        .strip_prefix("Roundtrip listens on ")
        .unwrap_or_else(|| panic!("the first line says where it listens: {first}"))
        .to_owned();
    program
}

impl Program {
    /// The next line that it says.
    pub(crate) async fn line(&mut self) -> String {
        let line = self.lines.next_line().await.expect("readable");
        line.expect("one more line")
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}
