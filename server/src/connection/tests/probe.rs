//! The raw client inside the server.

use wire::{
    limits::PROBE_BYTES_MAX,
    trace::{Kind, LaneKind},
};

use super::*;

const RUN: u128 = 0xd4;

async fn probed(server: &TestServer, query: &str, fields: &str, raw: &[u8]) -> Reply {
    let mut client = Client::connect(server).await;
    let head = format!(
        "POST /api/probe{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{fields}\r\n",
        raw.len()
    );
    client.send([head.as_bytes(), raw].concat()).await;
    client.reply().await
}

#[tokio::test]
async fn the_bytes_go_out_as_they_are_and_come_back_as_they_are() {
    let server = serve(|_| {}).await;
    let raw = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX: \xff\r\n\r\n";
    let reply = probed(&server, "", "", raw).await;
    assert_eq!(
        (reply.status, reply.field("probe-end")),
        (200, Some("complete"))
    );
    assert_eq!(
        reply.field("content-type"),
        Some("application/octet-stream")
    );
    assert!(
        reply.text().starts_with("HTTP/1.1 200 OK\r\n") && reply.text().ends_with("\r\n\r\nhello")
    );
    assert_eq!(reply.field("probe-exchange"), None);
}

#[tokio::test]
async fn every_request_in_the_bytes_is_answered() {
    let server = serve(|_| {}).await;
    let one = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let reply = probed(&server, "?pieces=7", "", one.repeat(3).as_bytes()).await;
    assert_eq!(reply.text().matches("hello").count(), 3);
    assert_eq!(reply.field("probe-end"), Some("complete"));
}

#[tokio::test]
async fn http_1_0_is_framed_by_closing() {
    let server = serve(|_| {}).await;
    let reply = probed(&server, "", "", b"GET /stream-once HTTP/1.0\r\n\r\n").await;
    assert_eq!(reply.field("probe-end"), Some("closed"));
    assert!(!reply.text().contains("content-length"), "{}", reply.text());
    assert!(reply.text().ends_with("once"));
}

#[tokio::test]
async fn what_never_became_a_request_is_on_the_timeline_all_the_same() {
    let server = serve(|_| {}).await;
    let raw = b"GET /hello HTTP/9.9\r\nHost: localhost\r\nCookie: hunter2\r\n\r\n";
    let reply = probed(&server, "", &traceparent(RUN, 1), raw).await;
    assert_eq!(reply.field("probe-end"), Some("closed"));
    assert!(
        reply.text().starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{}",
        reply.text()
    );
    let inner = reply
        .field("probe-exchange")
        .expect("the run is recorded")
        .to_owned();
    let of_inner = |event: &&TraceEvent| {
        event
            .detail
            .exchange
            .is_some_and(|exchange| exchange.to_string() == inner)
    };
    let events = events(&server, RUN, |events| {
        events
            .iter()
            .filter(of_inner)
            .any(|event| event.kind == Kind::Closed)
            && count(events, Kind::Write) == 2
    })
    .await;
    let mut told: Vec<_> = events
        .iter()
        .filter(of_inner)
        .map(|event| (event.lane.kind, event.kind))
        .collect();
    told.sort_by_key(|(lane, kind)| format!("{lane:?} {kind:?}"));
    assert_eq!(
        told,
        [
            (LaneKind::Socket, Kind::Accepted),
            (LaneKind::Socket, Kind::Closed),
            (LaneKind::Socket, Kind::Read),
            (LaneKind::Socket, Kind::Write),
            (LaneKind::Terminal, Kind::Connected),
            (LaneKind::Terminal, Kind::RequestSent),
            (LaneKind::Terminal, Kind::ResponseData),
            (LaneKind::Terminal, Kind::ResponseEnd),
        ]
    );
    let read = events
        .iter()
        .filter(of_inner)
        .find(|event| event.kind == Kind::Read)
        .expect("a read");
    assert_eq!(
        data(read),
        String::from_utf8_lossy(raw).replace("hunter2", "*******")
    );
}

#[tokio::test]
async fn pieces_are_read_one_by_one() {
    let server = serve(|_| {}).await;
    let raw = b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nnine byte";
    let reply = probed(&server, "?pieces=3&gap_ms=20", &traceparent(RUN, 1), raw).await;
    assert!(reply.text().ends_with("\r\n\r\n9"), "{}", reply.text());
    let inner = reply.field("probe-exchange").expect("recorded").to_owned();
    let events = events(&server, RUN, |events| count(events, Kind::Closed) >= 1).await;
    let reads: Vec<_> = events
        .iter()
        .filter(|event| event.kind == Kind::Read)
        .filter(|event| {
            event
                .detail
                .exchange
                .is_some_and(|id| id.to_string() == inner)
        })
        .collect();
    assert_eq!(reads.len(), 3, "{}", shown(&events));
    assert_eq!(
        reads
            .iter()
            .map(|event| data(event))
            .collect::<String>()
            .as_bytes(),
        raw
    );
}

#[tokio::test(start_paused = true)]
async fn half_a_request_ends_with_what_the_server_makes_of_it() {
    let server = serve(|_| {}).await;
    let reply = probed(&server, "", "", b"GET /hello HTTP/1.1\r\nHost: loc").await;
    assert!(
        reply.text().starts_with("HTTP/1.1 408 "),
        "{}",
        reply.text()
    );
    assert_eq!(reply.field("probe-end"), Some("closed"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_not_waited_for_forever() {
    let server = serve(|_| {}).await;
    let reply = probed(
        &server,
        "",
        "",
        b"GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .await;
    assert_eq!(
        (reply.status, reply.field("probe-end")),
        (200, Some("idle"))
    );
    assert_eq!(reply.body, b"");
}

#[tokio::test]
async fn a_large_answer_is_cut_at_the_bound() {
    let server = serve(|_| {}).await;
    let raw = b"GET /bytes/3000000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let reply = probed(&server, "", "", raw).await;
    assert_eq!(reply.field("probe-end"), Some("bound"));
    assert_eq!(reply.body.len() as u64, wire::limits::PROBE_REPLY_MAX);
}

#[tokio::test]
async fn the_bounds_hold() {
    let server = serve(|_| {}).await;
    let most = PROBE_BYTES_MAX as usize;
    let padded = |size: usize| {
        let start =
            "POST /length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ";
        let body = size - start.len() - 5 - 4;
        format!("{start}{body:05}\r\n\r\n{}", "x".repeat(body)).into_bytes()
    };
    assert_eq!(probed(&server, "", "", &padded(most)).await.status, 200);
    let refused = probed(&server, "", "", &padded(most + 1)).await;
    assert_eq!(
        (refused.status, refused.problem().limit),
        (413, Some(PROBE_BYTES_MAX))
    );
    for (query, status) in [
        ("?pieces=64", 200),
        ("?pieces=65", 400),
        ("?pieces=0", 400),
        ("?gap_ms=2000", 200),
        ("?gap_ms=2001", 400),
        ("?pieces=x", 400),
    ] {
        let reply = probed(
            &server,
            query,
            "",
            b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
        .await;
        assert_eq!(reply.status, status, "{query}");
    }
}

#[tokio::test]
async fn the_probe_does_not_probe_itself() {
    let server = serve(|_| {}).await;
    let raw = b"POST /api/probe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    let reply = probed(&server, "", "", raw).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.text().starts_with("HTTP/1.1 403 "),
        "{}",
        reply.text()
    );
}

#[tokio::test]
async fn the_probe_reaches_nobody_else_whatever_the_request_names() {
    use futures_util::FutureExt;
    let server = serve(|_| {}).await;
    let other = TcpListener::bind(("127.0.0.1", 0)).await;
    let other = other.expect("a free port");
    let elsewhere = other.local_addr().expect("bound");
    for (line, host, answer) in [
        (
            format!("GET http://{elsewhere}/hello"),
            elsewhere.to_string(),
            "200",
        ),
        (format!("CONNECT {elsewhere}"), elsewhere.to_string(), "404"),
        (
            "GET http://evil.example/hello".into(),
            "evil.example".into(),
            "421",
        ),
    ] {
        let raw = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let reply = probed(&server, "", "", raw.as_bytes()).await;
        let said = reply.text();
        assert!(
            said.starts_with(&format!("HTTP/1.1 {answer} ")),
            "{line}: {said}"
        );
    }
    assert!(other.accept().now_or_never().is_none(), "nobody has come");
}
