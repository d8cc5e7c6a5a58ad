//! Long polling: the client asks "anything new?", and the server keeps the request until there is (RFC 6202 §2).
//!
//! - Use it when news should come at once and only plain requests and responses get through to the client.
//! - It costs an open request for each client, and a whole exchange, headers and all, for each piece of news.
//! - How long to wait is the client's to say: `?wait=`, or `Prefer: wait=` (RFC 7240 §4.3).
//!
//! The request sleeps until the topic wakes it: no timer looks for news. What comes between two requests is not lost, for
//! the next one says the id of the last message seen.

use std::time::Instant;

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use tokio::time::timeout;
use wire::{topics::Transport, trace::Kind};

use super::{
    topic::{
        delivery::Traced,
        page::{self, Ask},
    },
    wait::Wait,
};
use crate::{
    AppState, Result,
    address::Counted,
    connection::Exchange,
    topics::{Batch, Budget, Reader, Start},
};

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
        exchange: exchange.id(),
    };
    let budget = ask.budget()?;
    let subscriber = app.topics().subscribe(topic, start, reader).await?;
    let mut subscriber = Traced::new(subscriber, exchange.clone());
    let batch = timeout(wait.longest(), something(&mut subscriber, budget)).await;
    exchange.stretch(Kind::Process, began);

    // Where the time is over, the answer is an empty page: it still says where to go on.
    let batch = batch.unwrap_or_default();
    let mut response = page::answer(&batch, subscriber.position());
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    wait.say_applied(fields)?;
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
