//! How many feeds one address may have open, over real sockets.

use server::testing::{TestServer, serve_with};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Error::Http};
use wire::{Problem, trace::TraceId};

type Feed = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(server: &TestServer, run: u128) -> Result<Feed, Problem> {
    let run = TraceId::new(run).expect("not zero");
    match connect_async(server.ws_url(&format!("/api/runs/{run}/feed"))).await {
        Ok((feed, _)) => Ok(feed),
        Err(Http(refusal)) => {
            let fields = refusal.headers();
            assert_eq!(fields["content-type"], "application/problem+json");
            let body = refusal.into_body().expect("a body");
            Err(serde_json::from_slice(&body).expect("a problem"))
        }
        Err(other) => panic!("neither opened nor refused: {other}"),
    }
}

#[tokio::test]
async fn one_address_may_have_so_many_feeds() {
    let server = serve_with(|config| {
        config.limits.limit_loopback = true;
        config.limits.feeds_per_address = 2;
    })
    .await;
    let first = open(&server, 1).await.expect("the first");
    let _second = open(&server, 2).await.expect("at the limit");
    let problem = open(&server, 3).await.expect_err("one past it");
    assert_eq!((problem.status, problem.limit), (429, Some(2)));
    assert_eq!(problem.kind, "/problems/too-many");
    // The refused one opened no run.
    let run = reqwest::get(server.url(&format!("/api/runs/{:032x}", 3))).await;
    assert_eq!(run.expect("an answer").status(), 404);

    // The server sees that a page has left a moment after it did.
    drop(first);
    while open(&server, 4).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn loopback_is_not_counted_unless_asked_for() {
    let server = serve_with(|config| config.limits.feeds_per_address = 1).await;
    let _first = open(&server, 1).await.expect("the first");
    open(&server, 2).await.expect("nobody counts");
}

#[tokio::test]
async fn a_whole_class_may_sit_behind_one_address() {
    let server = serve_with(|config| config.limits.limit_loopback = true).await;
    let mut feeds = Vec::new();
    for page in 1..=1_000 {
        feeds.push(open(&server, page).await.expect("one of a class"));
    }
}
