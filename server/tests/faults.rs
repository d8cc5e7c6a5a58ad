//! Faults on the real endpoints, as a program such as curl feels them.

#[path = "support/run.rs"]
mod run;
#[path = "support/stream.rs"]
mod stream;

use std::{io::ErrorKind, time::Duration};

use reqwest::Client;
use run::{events, find, has, joining};
use server::testing::{TestServer, serve};
use stream::RawStream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wire::trace::{Kind, Lane, TraceEvent};

const RUN: u128 = 0xfa17;

/// Sends a request as it is: what came back, and how the connection ended.
async fn exchange(server: &TestServer, request: &[u8]) -> (Vec<u8>, std::io::Result<()>) {
    let mut socket = TcpStream::connect(server.addr).await.expect("connects");
    // The server may have cut the connection before it has read all of it.
    let _ = socket.write_all(request).await;
    let mut answer = Vec::new();
    let end = socket.read_to_end(&mut answer).await;
    (answer, end.map(|_| ()))
}

fn fault<'a>(events: &'a [TraceEvent], name: &str) -> Option<&'a TraceEvent> {
    let mut faults = find(events, Lane::SOCKET, Kind::Fault);
    faults.find(|event| event.detail.more["fault"] == name)
}

#[tokio::test]
async fn a_cut_leaves_half_a_response_and_a_reset_connection() {
    let server = serve().await;
    let request = format!(
        "GET /api/echo?bytes=100000&faults=cut=4096 HTTP/1.1\r\nHost: localhost\r\n\
         traceparent: 00-{RUN:032x}-{:016x}-01\r\n\r\n",
        1
    );
    let (answer, end) = exchange(&server, request.as_bytes()).await;
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(body.len(), 4_096);
    let events = events(&server, RUN, |events| {
        has(events, Lane::SOCKET, Kind::Closed)
    })
    .await;
    let cut = fault(&events, "cut").expect("a fault");
    assert_eq!(cut.bytes, Some(4_096));
    assert_eq!(cut.detail.summary.as_deref(), Some("cut at byte 4096"));
}

#[tokio::test]
async fn what_a_page_s_address_asks_for_is_not_for_the_page() {
    let server = serve().await;
    let page = |faults: &str, field: &str| {
        format!(
            "GET /labs/websocket?faults={faults} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{field}\r\n"
        )
    };
    for faults in ["cut=100", "cut_after=1ms", "nonsense"] {
        let (answer, end) = exchange(&server, page(faults, "").as_bytes()).await;
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{faults}");
        assert!(answer.ends_with("</html>"), "{faults}");
        end.expect("an end in order");
    }
    let asked = page("", "Roundtrip-Faults: cut=100\r\n");
    let (_, end) = exchange(&server, asked.as_bytes()).await;
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_rate_spreads_the_writes() {
    let server = serve().await;
    // 100,000 bytes a second: at least 200 ms for 20,000.
    let request = Client::new().get(server.url("/api/echo?bytes=20000&faults=rate=800kbit"));
    let reply = joining(request, RUN, 1).send().await.expect("an answer");
    assert!(reply.bytes().await.expect("a body").len() >= 20_000);
    let events = events(&server, RUN, |events| fault(events, "rate").is_some()).await;
    let writes: Vec<_> = find(&events, Lane::SOCKET, Kind::Write).collect();
    assert!(writes.iter().all(|write| write.bytes <= Some(5_000)));
    let (first, last) = (writes[0], writes[writes.len() - 1]);
    // The first piece had its 50 ms before it was written.
    assert!(last.at_ns - first.at_ns >= 130_000_000, "{writes:?}");
    let rate = fault(&events, "rate").expect("a fault");
    assert!(rate.duration_ns >= Some(180_000_000), "{rate:?}");
    let written: Option<u64> = writes.iter().map(|write| write.bytes).sum();
    assert_eq!(rate.bytes, written);
}

#[tokio::test]
async fn an_upload_that_was_cut_goes_on_where_it_was_cut() {
    let server = serve().await;
    let client = Client::new();
    let tus = |request: reqwest::RequestBuilder| request.header("Tus-Resumable", "1.0.0");
    let created = tus(client.post(server.url("/files")))
        .header("Upload-Length", "100000")
        .send()
        .await
        .expect("an answer");
    let path = created.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let patch = format!(
        "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 100000\r\n\
         Roundtrip-Faults: cut=4096\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let (answer, end) = exchange(&server, patch.as_bytes()).await;
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(answer, b"");
    let stored = async {
        loop {
            let head = tus(client.head(server.url(&path)))
                .send()
                .await
                .expect("an answer");
            let offset = head.headers().get("upload-offset");
            if let Some("4096") = offset.map(|offset| offset.to_str().expect("digits")) {
                return;
            }
        }
    };
    let stored = tokio::time::timeout(Duration::from_secs(60), stored).await;
    stored.expect("just the bytes that passed are stored");
}

#[tokio::test]
async fn a_buffering_proxy_makes_a_stream_of_events_arrive_in_lumps() {
    let server = serve().await;
    let path = "/api/topics/lumps/events?faults=buffer=4KiB";
    let traced = format!("00-{RUN:032x}-{:016x}-01", 1);
    let mut stream = RawStream::get(server.addr, path, &[("traceparent", &traced)]).await;
    assert!(
        stream
            .head()
            .await
            .contains("content-type: text/event-stream")
    );
    for number in 0..50 {
        let message = format!("message {number} {}", ".".repeat(100));
        let posted = Client::new()
            .post(server.url("/api/topics/lumps/messages"))
            .body(message)
            .send()
            .await
            .expect("an answer");
        assert_eq!(posted.status(), 201);
    }
    // All fifty are more than one lump and less than two.
    let place = stream.chunk().await;
    assert!(place.starts_with("\u{feff}id: "), "{place}");
    let first = stream.chunk().await;
    assert!(first.contains("message 0 "), "{first}");
    let events = events(&server, RUN, |events| fault(events, "buffer").is_some()).await;
    let writes = find(&events, Lane::SOCKET, Kind::Write).skip(1);
    let writes: Vec<_> = writes.filter_map(|write| write.bytes).collect();
    assert_eq!(writes, [4_096]);
}
