//! The program itself: what it prints, how it stops, what it exits with.

#[path = "support/program.rs"]
mod support;

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use support::{Program, command, start, start_at};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{connect_async, tungstenite::Message};
use wire::trace::close_code;

/// Whoever stops a service grants it this long, and no longer.
const GRACE: Duration = Duration::from_secs(10);

impl Program {
    fn signal(&self, name: &str) {
        let id = self.child.id().expect("still runs").to_string();
        let status = std::process::Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill is there");
        assert!(status.success());
    }

    /// The exit code, once the program has ended by itself.
    async fn stopped_within(&mut self, time: Duration) -> Option<i32> {
        let stopped = timeout(time, self.child.wait()).await;
        stopped.expect("stops by itself").expect("a status").code()
    }

    /// The lines that follow the first.
    async fn rest(&mut self, count: usize) -> Vec<String> {
        let mut rest = Vec::new();
        while rest.len() < count {
            rest.push(self.line().await);
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
        let code = program.stopped_within(GRACE).await;
        assert_eq!(code, Some(0), "on SIG{signal}");
    }
}

/// What the program and a client say to each other, byte by byte.
struct Raw(TcpStream);

impl Raw {
    async fn send(program: &Program, request: &str) -> Raw {
        let mut socket = TcpStream::connect(program.address())
            .await
            .expect("accepts");
        socket.write_all(request.as_bytes()).await.expect("sent");
        Raw(socket)
    }

    /// An upload of six bytes that the program is reading; none of them is sent.
    async fn upload(program: &Program) -> Raw {
        let request = "POST /api/images HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                       Content-Type: application/octet-stream\r\nContent-Length: 6\r\n\r\n";
        let mut upload = Raw::send(program, request).await;
        upload.read_until("100 Continue\r\n\r\n").await;
        upload
    }

    async fn read_until(&mut self, end: &str) {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            seen.push(self.0.read_u8().await.expect("goes on"));
        }
    }

    /// All that comes until the connection is closed.
    async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        self.0
            .read_to_end(&mut rest)
            .await
            .expect("closed in order");
        String::from_utf8(rest).expect("text")
    }
}

#[tokio::test]
async fn what_is_under_way_ends_as_its_protocol_says() {
    let mut program = start(&[]).await;
    let subscribe = "GET /api/topics/news/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut stream = Raw::send(&program, subscribe).await;
    stream.read_until("\r\n\r\n").await;
    let feed = format!("ws://{}/api/runs/{:032x}/feed", program.address(), 1);
    let (mut feed, _) = connect_async(feed).await.expect("opens");
    let opened = feed.next().await.expect("goes on").expect("a message");
    assert!(matches!(opened, Message::Text(_)));
    let mut upload = Raw::upload(&program).await;
    upload.0.write_all(b"abc").await.expect("sent");
    let ask = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut idle = Raw::send(&program, ask).await;
    idle.read_until("}").await;

    program.signal("TERM");
    let last = stream.rest().await;
    assert!(last.ends_with("0\r\n\r\n"), "{last:?}");
    let goodbye = feed.next().await.expect("goes on").expect("a message");
    let Message::Close(Some(frame)) = goodbye else {
        panic!("expected a close frame, got {goodbye:?}");
    };
    assert_eq!(u16::from(frame.code), close_code::STOPPING);
    while feed.next().await.is_some() {}
    assert_eq!(idle.rest().await, "");
    // Nobody new is served; who is under way has time to finish.
    assert!(TcpStream::connect(program.address()).await.is_err());
    upload.0.write_all(b"def").await.expect("sent");
    let answer = upload.rest().await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    // It waited for nothing else.
    assert_eq!(program.stopped_within(GRACE).await, Some(0));
}

#[tokio::test]
async fn what_does_not_come_to_its_end_is_not_waited_for_longer_than_allowed() {
    let mut program = start(&["--drain", "300ms"]).await;
    let _upload = Raw::upload(&program).await;
    let delayed = "GET /api/echo?delay_ms=30000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let _delayed = Raw::send(&program, delayed).await;
    let computing = "GET /api/echo?delay_ms=5000&work=cpu HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let _computing = Raw::send(&program, computing).await;
    program.signal("TERM");
    assert_eq!(program.stopped_within(GRACE).await, Some(0));
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let mut program = start(&[]).await;
    let _upload = Raw::upload(&program).await;
    program.signal("TERM");
    // It has begun to stop when it takes nobody new.
    while TcpStream::connect(program.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    program.signal("TERM");
    assert_eq!(program.stopped_within(GRACE / 2).await, Some(130));
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

/// Puts a message into a topic: its id, if that was acknowledged.
async fn publish(client: &Client, url: &str, topic: &str, payload: &str) -> Option<String> {
    let request = client
        .post(format!("{url}/api/topics/{topic}/messages"))
        .body(payload.to_owned());
    let answer = request.send().await.ok()?;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let answer: Value = answer.json().await.ok()?;
    Some(answer["id"].as_str().expect("an id").to_owned())
}

async fn on_disk(url: &str, topic: &str) -> Response {
    Client::new()
        .put(format!("{url}/api/topics/{topic}"))
        .json(&json!({"ack": "disk"}))
        .send()
        .await
        .expect("an answer")
}

/// Everything behind an id.
async fn read(url: &str, topic: &str, after: &str) -> Value {
    let url = format!("{url}/api/topics/{topic}/messages?after={after}&limit=1000");
    let answer = reqwest::get(url).await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// The program is killed while many publish to a topic on disk: all that was acknowledged is there afterwards, under the
/// same epoch, without a hole.
#[tokio::test(flavor = "multi_thread")]
async fn after_sigkill_a_topic_on_disk_has_all_that_was_acknowledged() {
    const PUBLISHERS: usize = 8;
    let mut program = start(&[]).await;
    let url = program.url.clone();
    assert_eq!(on_disk(&url, "kept").await.status(), StatusCode::OK);
    let lost = publish(&Client::new(), &url, "lost", "x").await;
    let lost = lost.expect("acknowledged in memory");

    let enough = Arc::new(tokio::sync::Semaphore::new(0));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let (url, enough) = (url.clone(), Arc::clone(&enough));
            tokio::spawn(async move {
                let client = Client::new();
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let payload = format!("{publisher}.{number}");
                    match publish(&client, &url, "kept", &payload).await {
                        Some(id) => acknowledged.push((id, payload)),
                        None => break,
                    }
                    enough.add_permits(1);
                }
                acknowledged
            })
        })
        .collect();
    enough.acquire_many(100).await.expect("open").forget();
    program.child.kill().await.expect("killed");
    let mut acknowledged = Vec::new();
    for publisher in publishers {
        acknowledged.extend(publisher.await.expect("no test failed in it"));
    }
    assert!(acknowledged.len() >= 100);
    let epoch = acknowledged[0].0[..8].to_owned();

    let again = start_at("127.0.0.1:0", Arc::clone(&program.data), &[]).await;
    let page = read(&again.url, "kept", &format!("{epoch}-0")).await;
    assert_eq!(page.get("gap"), None);
    let messages = page["messages"].as_array().expect("messages");
    for (place, message) in messages.iter().enumerate() {
        assert_eq!(message["id"], format!("{epoch}-{}", place + 1));
    }
    for (id, payload) in &acknowledged {
        let there = messages.iter().find(|message| message["id"] == **id);
        let there = there.unwrap_or_else(|| panic!("{id} was acknowledged and is gone"));
        assert_eq!(there["data"], **payload);
    }
    // It goes on behind them.
    let next = publish(&Client::new(), &again.url, "kept", "next").await;
    let expected = format!("{epoch}-{}", messages.len() + 1);
    assert_eq!(next, Some(expected));

    // What was only in memory is gone, and its readers are told.
    let page = read(&again.url, "lost", &lost).await;
    assert_eq!(page["gap"]["reason"], "epoch");
    assert_eq!(page["gap"]["after"], lost);
}

#[tokio::test]
async fn a_data_folder_in_use_is_said() {
    let program = start(&[]).await;
    // Topics on disk are one program's at a time; without any, the folder may be shared.
    let other = start_at("127.0.0.1:0", Arc::clone(&program.data), &[]).await;
    assert_eq!(on_disk(&program.url, "t").await.status(), StatusCode::OK);
    let refused = on_disk(&other.url, "t").await;
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
    let problem: Value = refused.json().await.expect("a problem");
    assert_eq!(problem["type"], "/problems/storage");
    let detail = problem["detail"].as_str().expect("words");
    assert!(detail.contains("--data-dir"), "{detail}");

    let mut third = command(&["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(program.data.path())
        .spawn()
        .expect("starts");
    let mut said = String::new();
    let mut stderr = third.stderr.take().expect("piped");
    stderr.read_to_string(&mut said).await.expect("readable");
    assert_eq!(third.wait().await.expect("a status").code(), Some(1));
    assert!(said.contains("another Roundtrip"), "{said}");
}
