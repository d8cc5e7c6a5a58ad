//! What every response is, and who is refused.

use super::*;

fn request(line: &str, fields: &str) -> String {
    format!("{line} HTTP/1.1\r\n{fields}\r\n")
}

async fn answered(server: &TestServer, line: &str, fields: &str) -> Reply {
    Client::connect(server)
        .await
        .ask(request(line, fields))
        .await
}

#[tokio::test]
async fn every_response_says_how_it_may_be_used_and_how_long_it_took() {
    let server = serve(|_| {}).await;
    for line in ["GET /hello", "GET /nothing", "DELETE /stream", "GET /panic"] {
        let reply = answered(&server, line, "Host: localhost\r\n").await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.field(name), Some(value), "{line}");
        }
        let policy = reply.field("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        let timing = reply.field("server-timing").expect("timings");
        assert!(
            timing.starts_with("parse;dur=") && timing.contains(", process;dur="),
            "{timing}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let server = serve(|_| {}).await;
    let unknown = answered(&server, "GET /nothing", "Host: localhost\r\n").await;
    assert_eq!(
        (unknown.status, unknown.problem().kind.as_str()),
        (404, "/problems/not-found")
    );
    let wrong = answered(&server, "DELETE /stream", "Host: localhost\r\n").await;
    assert_eq!(
        (wrong.status, wrong.field("allow")),
        (405, Some("GET,HEAD"))
    );
    let problem = wrong.problem();
    assert_eq!(problem.kind, "/problems/method-not-allowed");
    assert_eq!(
        problem.detail.as_deref(),
        Some("This address does not take DELETE. The response's Allow field says what it takes.")
    );
}

#[tokio::test]
async fn a_panic_is_a_problem_of_one_request() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let reply = client
        .ask(request("GET /panic", "Host: localhost\r\n"))
        .await;
    assert_eq!(reply.status, 500);
    let problem = reply.problem();
    assert_eq!(problem.kind, "/problems/internal");
    assert!(!reply.text().contains("as the test asked"), "{problem:?}");
    assert_eq!(
        client
            .ask(request("GET /hello", "Host: localhost\r\n"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn another_name_is_misdirected_and_no_name_is_no_request() {
    let server = serve(|_| {}).await;
    let other = answered(&server, "GET /hello", "Host: evil.example\r\n").await;
    assert_eq!(
        (other.status, other.problem().kind.as_str()),
        (421, "/problems/misdirected")
    );
    assert_eq!(answered(&server, "GET /hello", "").await.status, 400);
    let twice = answered(
        &server,
        "GET /hello",
        "Host: localhost\r\nHost: localhost\r\n",
    )
    .await;
    assert_eq!(twice.status, 400);
    let mut old = Client::connect(&server).await;
    assert_eq!(old.ask("GET /hello HTTP/1.0\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn other_pages_may_look_but_change_nothing() {
    let server = serve(|_| {}).await;
    let own = format!(
        "Host: {0}\r\nOrigin: http://{0}\r\nContent-Length: 0\r\n",
        server.addr
    );
    assert_eq!(answered(&server, "POST /length", &own).await.status, 200);
    let foreign = "Host: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n";
    let refused = answered(&server, "POST /length", foreign).await;
    assert_eq!(
        (refused.status, refused.problem().kind.as_str()),
        (403, "/problems/forbidden")
    );
    assert_eq!(answered(&server, "GET /hello", foreign).await.status, 200);
    let socket = format!(
        "{foreign}Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    assert_eq!(
        answered(&server, "GET /echo-socket", &socket).await.status,
        403
    );
}

#[tokio::test]
async fn a_body_in_memory_has_a_limit_with_or_without_a_length() {
    let server = serve(|_| {}).await;
    let most = crate::extract::DEFAULT_BODY_MAX as usize;
    for (size, status) in [(most, 200), (most + 1, 413)] {
        let mut client = Client::connect(&server).await;
        client
            .send(request(
                "POST /length",
                &format!("Host: localhost\r\nContent-Length: {size}\r\n"),
            ))
            .await;
        client.send("x".repeat(size)).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, status, "{size}");

        let mut client = Client::connect(&server).await;
        client
            .send(request(
                "POST /length",
                "Host: localhost\r\nTransfer-Encoding: chunked\r\n",
            ))
            .await;
        client
            .send(format!("{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size)))
            .await;
        assert_eq!(client.reply().await.status, status, "{size} in chunks");
    }
}

#[tokio::test]
async fn an_answer_before_the_body_was_read_arrives_all_the_same() {
    let server = serve(|_| {}).await;
    for _ in 0..20 {
        let mut client = Client::connect(&server).await;
        let size = 1_000_000;
        client
            .send(request(
                "POST /ignore",
                &format!("Host: localhost\r\nContent-Length: {size}\r\n"),
            ))
            .await;
        client.send("x".repeat(size)).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, 413);
        assert_eq!(reply.problem().status, 413);
        assert_eq!(client.rest().await, b"");
    }
}

#[tokio::test]
async fn what_is_malformed_is_told_so() {
    let server = serve(|_| {}).await;
    for (raw, status, words) in [
        ("GET /hello\r\nHost: localhost\r\n\r\n", 400, "HTTP/1.1"),
        ("GET /hello HTTP/1.1\r\nHost localhost\r\n\r\n", 400, "name"),
        (
            "POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
            400,
            "Content-Length",
        ),
        (
            "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
            "chunked",
        ),
        ("\u{1}\r\n\r\n", 400, "method"),
    ] {
        let mut client = Client::connect(&server).await;
        let reply = client.ask(raw).await;
        assert_eq!(reply.status, status, "{raw:?}");
        let problem = reply.problem();
        assert_eq!(problem.kind, "/problems/malformed-request");
        assert!(
            problem
                .detail
                .as_deref()
                .is_some_and(|detail| detail.contains(words)),
            "{problem:?}"
        );
        assert_eq!(client.rest().await, b"");
    }
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(70_000)
    );
    let server = serve(|limits| limits.head_bytes = 100_000).await;
    assert_eq!(Client::connect(&server).await.ask(long).await.status, 414);
}
