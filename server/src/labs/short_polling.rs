//! Short polling: the client asks "anything new?" at intervals, and the server answers at once.
//!
//! - Use it when news may be late by an interval, when clients are few, or when nothing but plain requests gets through.
//! - It costs a request for each interval and client, mostly for nothing; and news waits for half an interval on average.
//! - Conditional requests make the empty answer small: `ETag`, `If-None-Match`, 304 (RFC 9110 §13).
//!
//! The client sends the id of the last message it saw; the answer has everything since, and what to send the next time.
//! Nothing is kept for a client between two requests.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::topic::{
    delivery,
    page::{self, Ask},
};
use crate::{AppState, Error, Result, connection::Exchange, topics::Start};

/// Answers with what is there now.
pub(super) async fn now(
    app: &AppState,
    exchange: &Exchange,
    topic: &str,
    ask: &Ask,
    headers: &HeaderMap,
) -> Result<Response> {
    let start = match ask.after {
        Some(id) => Start::After(id),
        None => Start::Newest(ask.limit()?),
    };
    let page = app.topics().read(topic, start, ask.budget()?).await?;

    // The topic's last id names the state of the topic. Who names a place of its own may know that state and yet not all
    // that came behind the place, nor what was lost there: it gets what there is to tell.
    let tag = format!("\"{}\"", page.last);
    let known = is_known(headers, &tag) && (ask.after.is_none() || page.batch.is_empty());
    let tag = HeaderValue::try_from(tag).map_err(|cause| Error::Internal(cause.into()))?;
    let validators = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, validators).into_response());
    }
    delivery::delivered(exchange, topic, &page.batch);
    let answer = page::answer(&page.batch, page.next);
    Ok((validators, answer).into_response())
}

/// Does `If-None-Match` name this tag (RFC 9110 §13.1.2)? Weak comparison, as the field asks for.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}
