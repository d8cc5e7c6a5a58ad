//! The same stream for programs: one JSON object a line (NDJSON), an envelope or a gap. `curl -N … | jq` reads it.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    topics::{GapNotice, Transport},
};

use super::super::topic::{
    request::{Since, TopicName, begins_behind},
    streaming::{self, Format},
};
use crate::{
    AppState, Result,
    address::Counted,
    connection::Exchange,
    extract::Query,
    topics::{Batch, Reader, Start},
};

/// The one endpoint.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream))
}

/// Subscribe to a topic: an endless stream of lines.
///
/// Each line is a JSON object: an envelope, or `{"gap":…}`. Nothing else is sent; that the peer is gone, the server learns
/// from TCP.
#[utoipa::path(
    get,
    path = "/api/topics/{topic}/stream",
    params(TopicName, Since),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson", description = "The stream. It ends with the topic.", headers(
            ("Last-Event-ID" = Option<String>, description = "Where the request has no `after`: the stream begins behind this message."))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or no message id."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping."),
    ),
)]
async fn stream(
    State(app): State<AppState>,
    exchange: Exchange,
    Counted(address): Counted,
    TopicName { topic }: TopicName,
    Query(Since { after }): Query<Since>,
) -> Result<Response> {
    let start = after.map_or(Start::Now, Start::After);
    let reader = Reader {
        transport: Transport::Stream,
        address,
        exchange: exchange.id(),
    };
    let subscriber = app.topics().subscribe(&topic, start, reader).await?;
    let place = after.is_none().then(|| subscriber.position());
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((
        headers.map(|(name, value)| (name, HeaderValue::from_static(value))),
        begins_behind(place),
        streaming::body(subscriber, exchange, Lines),
    )
        .into_response())
}

/// Messages as lines of JSON.
struct Lines;

impl Format for Lines {
    /// A line that is no JSON would stop many readers.
    const HEARTBEAT: Option<(Bytes, Duration)> = None;

    fn encode(&mut self, batch: &Batch) -> Bytes {
        let lines = batch.messages.lines();
        let Some(gap) = &batch.gap else {
            return lines;
        };
        let notice = GapNotice { gap: gap.clone() };
        let mut out = BytesMut::from(&*serde_json::to_vec(&notice).unwrap_or_default());
        out.extend_from_slice(b"\n");
        out.extend_from_slice(&lines);
        out.freeze()
    }
}
