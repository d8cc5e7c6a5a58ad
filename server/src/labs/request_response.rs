//! Request–response: the client asks, the server answers, and until then the client waits.
//!
//! - Use it when the client knows what it wants and can wait for the answer.
//! - It costs one round trip for each question. The server cannot speak first.
//! - HTTP's semantics are RFC 9110; how its messages look on the wire (HTTP/1.1) is RFC 9112.
//!
//! Five steps, each measured: the client sends; the server finds the message's start and end and parses it; it works;
//! it sends; the client parses the answer and uses it. The server's steps are in this file. It answers with a mirror:
//! what it received, and what it made of that.

mod asked;
mod body;
mod describe;
mod framed;
mod mirror;

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::HeaderMap,
    response::Response,
    routing::any,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use wire::{
    echo::{ECHO_PATH, EchoAsked, EchoBody, EchoSteps, Work},
    limits::ECHO_BODY_MAX,
    trace::Kind,
};

use crate::{AppState, Error, Result, connection::Exchange};
use asked::Asked;
use mirror::mirror;

/// The lab's endpoint: any method, any path below.
pub fn router() -> OpenApiRouter<AppState> {
    let router = OpenApiRouter::new()
        .route(ECHO_PATH, any(echo))
        .route(&format!("{ECHO_PATH}/{{*rest}}"), any(echo));
    describe::add_to(router)
}

/// Mirrors a request. The head is parsed before this is called; the body is still on its way.
async fn echo(exchange: Exchange, Asked(asked): Asked, request: Request) -> Result<Response> {
    let (head, body) = request.into_parts();

    // Step 2, second half: the body, to its end, and what it says in the format that Content-Type promises.
    let receiving = Instant::now();
    let bytes = receive(&head.headers, body).await?;
    let parsing = Instant::now();
    let parsed = body::parse(&head.headers, &bytes).await;
    if parsed != EchoBody::Nothing {
        exchange.stretch_with(Kind::Body, receiving, |body| body.bytes(bytes.len() as u64));
    }

    // Step 3: the work.
    let working = Instant::now();
    let summary = work(&asked).await?;
    exchange.stretch_with(Kind::Process, working, |process| {
        process.with(|detail| detail.summary = summary)
    });

    // Step 4: the answer. hyper writes it to the socket when this function has returned.
    let took_us = EchoSteps {
        head: exchange.parse_took().map_or(0, micros),
        body: micros(parsing - receiving),
        parse: if bytes.is_empty() {
            0
        } else {
            micros(working - parsing)
        },
        process: micros(working.elapsed()),
    };
    let version = head.version;
    let reply = mirror(&exchange, &head, &bytes, parsed, asked.clone(), took_us);
    framed::respond(&reply, &asked, version)
}

/// The whole body, at most [`ECHO_BODY_MAX`] bytes of it.
async fn receive(headers: &HeaderMap, body: Body) -> Result<Bytes> {
    let too_large = Error::TooLarge {
        what: "The request's body",
        limit: ECHO_BODY_MAX,
        unit: "bytes",
    };
    // Said in advance, it is refused in advance: a client that waits for `100 Continue` need not send it at all.
    let announced = headers
        .get("content-length")
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced > Some(ECHO_BODY_MAX) {
        return Err(too_large);
    }
    match Limited::new(body, ECHO_BODY_MAX as usize).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large),
        Err(error) => Err(Error::BadRequest(format!(
            "The body broke off or its framing is wrong: {error}."
        ))),
    }
}

/// How many requests may compute at once: each holds a thread, and the others need the processor too.
static COMPUTING: LazyLock<(Arc<Semaphore>, usize)> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get().max(2));
    (Arc::new(Semaphore::new(threads)), threads)
});

/// Works as long as asked, and says how.
async fn work(asked: &EchoAsked) -> Result<Option<String>> {
    let duration = Duration::from_millis(asked.delay_ms);
    match asked.work {
        _ if duration.is_zero() => Ok(None),
        // As for a database: the request waits, the thread does not.
        Work::Wait => {
            tokio::time::sleep(duration).await;
            Ok(Some("waited".into()))
        }
        // As for a picture or a password: a thread computes and can do nothing else, so it is not one of those that
        // serve everyone.
        Work::Cpu => {
            let (computing, most) = &*COMPUTING;
            let permit = computing
                .clone()
                .try_acquire_owned()
                .map_err(|_| Error::TooMany {
                    what: "Requests that compute",
                    limit: *most as u64,
                })?;
            let given_up = CancellationToken::new();
            let _when_the_client_leaves = given_up.clone().drop_guard();
            let rounds = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                compute(Instant::now() + duration, &given_up)
            });
            let rounds = rounds.await.map_err(anyhow::Error::from)?;
            Ok(Some(format!("computed {rounds} rounds of SHA-256")))
        }
    }
}

/// Hashes until `deadline`, or until nobody wants the answer any more. Returns how many rounds it made.
fn compute(deadline: Instant, given_up: &CancellationToken) -> u64 {
    let mut digest = Sha256::digest(b"roundtrip");
    let mut rounds = 0;
    while Instant::now() < deadline && !given_up.is_cancelled() {
        digest = Sha256::digest(digest);
        rounds += 1;
    }
    std::hint::black_box(digest);
    rounds
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computation_ends_when_nobody_wants_it() {
        let given_up = CancellationToken::new();
        given_up.cancel();
        let in_an_hour = Instant::now() + Duration::from_secs(3_600);
        assert_eq!(compute(in_an_hour, &given_up), 0);
    }
}
