//! Each limit fires on its own: at the limit nothing happens, one past it the server answers or closes. The clock is
//! paused: a minute passes when the test says so.

use super::*;

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_may_take_so_long() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let (mut patient, mut slow) = (
        Client::connect(&server).await,
        Client::connect(&server).await,
    );
    server.holds(2).await;
    advance(limits().first_byte - MS).await;
    assert_eq!(patient.ask(HELLO).await.status, 200);
    advance(MS).await;
    assert_eq!(slow.rest().await, b"");
    server.holds(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_may_take_so_long_however_it_trickles() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let (start, end) = HELLO.split_at(30);
    let (mut patient, mut slow) = (
        Client::connect(&server).await,
        Client::connect(&server).await,
    );
    patient.send(start).await;
    slow.send(start).await;
    server.settle().await;
    advance(limits().head / 2).await;
    slow.send("x").await;
    server.settle().await;
    advance(limits().head / 2 - MS).await;
    assert_eq!(patient.ask(end).await.status, 200);
    advance(MS).await;
    let reply = slow.reply().await;
    assert_eq!(reply.status, 408);
    assert_eq!(reply.problem().kind, "/problems/timeout");
    assert_eq!(reply.field("connection"), Some("close"));
    assert_eq!(slow.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_later_head_has_its_own_time() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.ask(HELLO).await.status, 200);
    advance(limits().keep_alive - MS).await;
    let (start, end) = HELLO.split_at(20);
    client.send(start).await;
    server.settle().await;
    advance(limits().head - MS).await;
    assert_eq!(client.ask(end).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_pause_so_long_and_no_longer() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let head = "POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n";
    let (mut patient, mut slow) = (
        Client::connect(&server).await,
        Client::connect(&server).await,
    );
    patient.send(head).await;
    slow.send(head).await;
    for piece in ["a", "b"] {
        server.settle().await;
        advance(limits().body_pause - MS).await;
        patient.send(piece).await;
    }
    server.settle().await;
    advance(limits().body_pause - MS).await;
    assert_eq!(patient.ask("c").await.text(), "3");
    let reply = slow.reply().await;
    assert_eq!(reply.status, 408);
    assert_eq!(reply.problem().kind, "/problems/timeout");
    assert_eq!(slow.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_be_idle_so_long() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    for _ in 0..3 {
        assert_eq!(client.ask(HELLO).await.status, 200);
        server.settle().await;
        advance(limits().keep_alive - MS).await;
    }
    advance(MS).await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn the_server_may_think_as_long_as_it_likes() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client
        .send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    server.settle().await;
    for _ in 0..60 {
        advance(Duration::from_secs(60)).await;
    }
    server.settle().await;
    server.holds(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_let_go() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let request = "GET /bytes/60000000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut slow = Client::connect(&server).await;
    slow.send(request).await;
    server.settle().await;
    advance(limits().write_stall - MS).await;
    server.settle().await;
    server.holds(1).await;
    advance(MS).await;
    server.holds(0).await;
    assert!(slow.reply().await.body.len() < 60_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_is_not() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut slow = Client::connect(&server).await;
    slow.send("GET /bytes/60000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    for _ in 0..5 {
        server.settle().await;
        advance(limits().write_stall - MS).await;
        let seen = slow.buffer.len();
        while slow.buffer.len() < seen + 8_000_000 {
            slow.read().await;
        }
    }
    assert_eq!(slow.reply().await.body.len(), 60_000_000);
}

fn head_of(bytes: usize) -> String {
    let start = "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Filler: ";
    format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4))
}

#[tokio::test]
async fn a_head_may_be_so_large() {
    let server = serve(|limits| limits.head_bytes = 2_048).await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.ask(head_of(2_048)).await.status, 200);
    let reply = client.ask(head_of(2_049)).await;
    assert_eq!(reply.status, 431);
    let problem = reply.problem();
    assert_eq!(
        (problem.kind.as_str(), problem.limit),
        ("/problems/head-too-large", Some(2_048))
    );
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_head_that_never_ends_is_refused_at_the_limit() {
    let server = serve(|limits| limits.head_bytes = 2_048).await;
    let mut client = Client::connect(&server).await;
    let endless = head_of(4_000);
    let reply = client.ask(&endless[..3_000]).await;
    assert_eq!(reply.status, 431);
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_request_may_have_so_many_fields() {
    for (fields, default) in [(100, true), (7, false)] {
        let server = serve(|limits| {
            if !default {
                limits.head_fields = fields;
            }
        })
        .await;
        let with = |count: usize| {
            let more: String = (1..count)
                .map(|number| format!("X-{number}: y\r\n"))
                .collect();
            format!("GET /hello HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")
        };
        let mut client = Client::connect(&server).await;
        assert_eq!(client.ask(with(fields)).await.status, 200);
        let reply = client.ask(with(fields + 1)).await;
        assert_eq!(reply.status, 431);
        assert!(
            reply
                .problem()
                .detail
                .is_some_and(|detail| detail.contains(&format!("{fields} header")))
        );
    }
}

#[tokio::test]
async fn there_may_be_so_many_connections() {
    let server = serve(|limits| limits.connections = 2).await;
    let mut first = Client::connect(&server).await;
    assert_eq!(first.ask(HELLO).await.status, 200);
    let mut second = Client::connect(&server).await;
    assert_eq!(second.ask(HELLO).await.status, 200);
    let mut third = Client::connect(&server).await;
    let reply = third.ask(HELLO).await;
    assert_eq!((reply.status, reply.field("retry-after")), (503, Some("5")));
    assert_eq!(reply.problem().limit, Some(2));
    assert_eq!(third.rest().await, b"");
    drop(first);
    server.holds(1).await;
    let mut fourth = Client::connect(&server).await;
    assert_eq!(fourth.ask(HELLO).await.status, 200);
    assert_eq!(second.ask(HELLO).await.status, 200);
}

#[tokio::test]
async fn one_address_may_have_so_many_connections() {
    for limit_loopback in [false, true] {
        let server = serve(|limits| {
            limits.connections_per_address = 1;
            limits.limit_loopback = limit_loopback;
        })
        .await;
        let mut first = Client::connect(&server).await;
        assert_eq!(first.ask(HELLO).await.status, 200);
        let mut second = Client::connect(&server).await;
        let status = second.ask(HELLO).await.status;
        assert_eq!(status, if limit_loopback { 503 } else { 200 });
    }
}

#[tokio::test]
async fn a_stopping_server_ends_what_is_idle_and_finishes_what_is_not() {
    let mut server = serve(|_| {}).await;
    let mut idle = Client::connect(&server).await;
    idle.ask(HELLO).await;
    let mut fresh = Client::connect(&server).await;
    let mut busy = Client::connect(&server).await;
    busy.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    busy.read_until("data: first").await;
    server.holds(3).await;
    drop(server.stop.take());
    assert_eq!(idle.rest().await, b"");
    assert_eq!(fresh.rest().await, b"");
    assert!(busy.reply().await.text().contains("data: last"));
    assert_eq!(busy.rest().await, b"");
    timeout(PATIENCE, server.serving)
        .await
        .expect("it ends")
        .expect("no panic")
        .expect("no error");
    assert!(TcpStream::connect(server.addr).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_waits_so_long() {
    let mut server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client
        .send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    server.settle().await;
    drop(server.stop.take());
    let started = tokio::time::Instant::now();
    server.serving.await.expect("no panic").expect("no error");
    let waited = started.elapsed();
    assert!(
        waited >= limits().drain && waited < limits().drain + 100 * MS,
        "{waited:?}"
    );
}
