//! Long polling: the client asks "anything new?", and the server keeps the request until there is (RFC 6202 §2).
//!
//! - Use it when news should come at once and only plain requests and responses get through to the client.
//! - It costs an open request for each client, and a whole exchange, headers and all, for each piece of news.
//! - How long to wait is the client's to say: `?wait=`, or `Prefer: wait=` (RFC 7240 §4.3).
//!
//! The request sleeps until the topic wakes it: no timer looks for news. What comes between two requests is not lost, for
//! the next one says the id of the last message seen.

use std::time::{Duration, Instant};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use tokio::time::timeout;
use wire::{limits::MESSAGES_WAIT_S_MAX, topics::Transport, trace::Kind};

use super::topic::{
    delivery::Traced,
    page::{self, Ask},
};
use crate::{
    AppState, Error, Result,
    address::Counted,
    connection::Exchange,
    topics::{Batch, Budget, Reader, Start},
};

/// How long a client wants to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    seconds: u64,
    /// `Prefer` said so, and the answer says that it was followed.
    preferred: bool,
}

impl Wait {
    /// What the query asks for, or else `Prefer`; none where nobody wants to wait.
    pub(super) fn asked(ask: &Ask, headers: &HeaderMap) -> Result<Option<Wait>> {
        let wait = Wait {
            seconds: ask.wait.or_else(|| preferred(headers)).unwrap_or(0),
            preferred: ask.wait.is_none(),
        };
        if wait.seconds > MESSAGES_WAIT_S_MAX {
            return Err(Error::OutOfBounds {
                what: "wait",
                value: wait.seconds,
                bound: 0..=MESSAGES_WAIT_S_MAX,
                unit: "seconds",
            });
        }
        Ok((wait.seconds > 0).then_some(wait))
    }
}

/// Answers as soon as there is something, or when the time is over.
pub(super) async fn wait(
    app: &AppState,
    exchange: &Exchange,
    Counted(address): Counted,
    topic: &str,
    ask: &Ask,
    wait: Wait,
) -> Result<Response> {
    let began = Instant::now();
    let start = ask.after.map_or(Start::Now, Start::After);
    let reader = Reader {
        transport: Transport::LongPolling,
        address,
    };
    let budget = ask.budget()?;
    let subscriber = app.topics().subscribe(topic, start, reader).await?;
    let mut subscriber = Traced::new(subscriber, exchange.clone());
    let longest = Duration::from_secs(wait.seconds);
    let batch = timeout(longest, something(&mut subscriber, budget)).await;
    exchange.stretch(Kind::Process, began);

    // Where the time is over, the answer is an empty page: it still says where to go on.
    let batch = batch.unwrap_or_default();
    let mut response = page::answer(&batch, subscriber.position());
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if wait.preferred {
        let applied = HeaderValue::try_from(format!("wait={}", wait.seconds));
        fields.insert(
            HeaderName::from_static("preference-applied"),
            applied.map_err(|cause| Error::Internal(cause.into()))?,
        );
    }
    Ok(response)
}

/// Sleeps until there is a message or a gap, or the topic ends.
async fn something(subscriber: &mut Traced, budget: Budget) -> Batch {
    loop {
        let batch = subscriber.take(budget);
        if batch.ended.is_some() || !batch.is_empty() {
            return batch;
        }
        subscriber.ready().await;
    }
}

/// The `wait` of `Prefer`. A preference that cannot be read is none (RFC 7240 §2).
fn preferred(headers: &HeaderMap) -> Option<u64> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| value.trim().trim_matches('"').parse().ok())?
        })
}
