//! The program itself: what it prints, how it stops, what it exits with.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout, Command},
};

/// The program, listening on a port of the system's choice.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
    _data: tempfile::TempDir,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundtrip"));
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn start(args: &[&str]) -> Program {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut child = command(args)
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .spawn()
        .expect("starts");
    let stdout = child.stdout.take().expect("piped");
    let mut lines = BufReader::new(stdout).lines();
    let first = lines
        .next_line()
        .await
        .expect("readable")
        .expect("says where it is");
    let url = first
        .strip_prefix("Roundtrip listens on ")
        .unwrap_or_else(|| panic!("the first line says where it listens: {first}"))
        .to_owned();
    Program {
        child,
        lines,
        url,
        _data: data,
    }
}

impl Program {
    fn signal(&self, name: &str) {
        let id = self.child.id().expect("still runs").to_string();
        let status = std::process::Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill is there");
        assert!(status.success());
    }

    /// The lines that follow the first.
    async fn rest(&mut self, count: usize) -> Vec<String> {
        let mut rest = Vec::new();
        while rest.len() < count {
            rest.push(
                self.lines
                    .next_line()
                    .await
                    .expect("readable")
                    .expect("one more line"),
            );
        }
        rest
    }
}

#[tokio::test]
async fn it_says_where_it_is_serves_and_stops_when_asked() {
    for signal in ["TERM", "INT"] {
        let mut program = start(&[]).await;
        assert!(
            program.url.starts_with("http://127.0.0.1:"),
            "{}",
            program.url
        );
        let response = reqwest::get(format!("{}/healthz", program.url))
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200);
        let health: serde_json::Value = response.json().await.expect("JSON");
        assert_eq!(health["status"], "ok");
        program.signal(signal);
        let stopped = tokio::time::timeout(Duration::from_secs(15), program.child.wait());
        let status = stopped.await.expect("stops by itself").expect("a status");
        assert_eq!(status.code(), Some(0), "on SIG{signal}");
    }
}

#[tokio::test]
async fn lan_prints_every_url_and_a_code() {
    let mut program = start(&["--lan"]).await;
    assert!(
        program.url.starts_with("http://127.0.0.1:"),
        "{}",
        program.url
    );
    let mut all = Vec::new();
    loop {
        let line = program.rest(1).await.remove(0);
        let last = line.starts_with("Stop with");
        all.push(line);
        if last {
            break;
        }
    }
    let all = all.join("\n");
    if all.contains("and on http://") {
        assert!(all.contains('\u{2588}'), "{all}");
        assert!(all.contains("The code above leads to http://"), "{all}");
    } else {
        assert!(all.contains("has no other address"), "{all}");
    }
    assert!(all.contains("Uploads are kept in "), "{all}");
}

#[tokio::test]
async fn a_taken_port_is_a_failure_with_a_reason() {
    let other = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = other.local_addr().expect("bound").to_string();
    let mut child = command(&["--listen", &address]).spawn().expect("starts");
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut said).await.expect("readable");
    assert_eq!(child.wait().await.expect("a status").code(), Some(1));
    assert!(
        said.contains("is taken") && said.contains("--listen"),
        "{said}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_a_failure_with_a_reason() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut child = command(&["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(file.path())
        .spawn()
        .expect("starts");
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut said).await.expect("readable");
    assert_eq!(child.wait().await.expect("a status").code(), Some(1));
    assert!(said.contains("--data-dir"), "{said}");
}

#[tokio::test]
async fn flags_that_make_no_sense_exit_with_2() {
    let cases: [&[&str]; 4] = [
        &["--listen", "nowhere"],
        &["--no-such-flag"],
        &["--host", "http://x"],
        &["--log", "server=loud"],
    ];
    for args in cases {
        let status = command(args).status().await.expect("a status");
        assert_eq!(status.code(), Some(2), "{args:?}");
    }
}
