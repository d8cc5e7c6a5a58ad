//! WebSocket (RFC 6455): one connection, messages both ways, each side whenever it likes.
//!
//! - Use it when both sides have something to say at any time: a game, a chat, an editor that several people write in.
//! - It costs a connection for each client, and everything that HTTP has for free: reconnecting, saying where to go on,
//!   telling a slow reader from a dead one. This file and its parts do that.
//! - It begins as a GET that asks to become something else (`Upgrade`, 101). No same-origin policy guards it: the server
//!   has to look at `Origin` itself, and does so for every request.
//!
//! [`subscription`] is a topic's socket, [`resting`] while nothing comes from it; [`echo`] sends back what it gets; [`peer`] is the protocol.

mod echo;
mod handshake;
mod peer;
mod publish;
mod resting;
mod subscription;

use std::net::IpAddr;

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{SOCKET_ECHO_BYTES_MAX, SOCKET_FRAME_BYTES_MAX},
    topics::{MessageId, Transport},
};

use super::topic::request::{Since, TopicName};
use crate::{
    AppState, Result,
    address::Counted,
    connection::Exchange,
    extract::Query,
    topics::{Reader, Start},
};
use handshake::Handshake;
use peer::Bounds;
use subscription::Subscription;

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(socket))
        .routes(routes!(echo_socket))
}

/// What to do about gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Gaps {
    /// Say what is missing, and go on.
    #[default]
    Tell,
    /// Say what is missing, and close the socket with 3010.
    Close,
}

/// How a topic's socket was opened.
struct Terms {
    gaps: Gaps,
    /// Where it begins, if its peer named no place.
    place: Option<MessageId>,
    /// The address that its peer counts under.
    address: Option<IpAddr>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GapPolicy {
    /// What to do where messages are missing: `tell` (and go on) or `close` (with 3010). Default `tell`.
    #[serde(default)]
    #[param(inline)]
    gaps: Gaps,
}

/// Subscribe to a topic over a WebSocket, and publish to it.
///
/// JSON in text frames (the schemas `SocketUp`, `SocketAnswer`, `Envelope`, `GapNotice`, `PresenceNotice`). Down: envelopes, `{"gap":…}`, `{"presence":{"sse":…,"websocket":…}}`; the first of those, where
/// the request has no `after`, says behind which message the socket begins (`"place"`), so that a client can come back
/// even if nothing has reached it. Up:
/// `{"publish":{"data"|"data_base64","content_type"?,"idempotency_key"?},"ref"?}`, answered by
/// `{"published":{"ref","id"}}` or `{"error":{problem},"ref"}`. The server closes with 1000 where the topic was ended, 1001
/// where it or the server restarts, 1008 and 1009 where the client breaks a rule or sends too much, 3008 where it reads
/// too slowly or is silent, 3010 where there is a gap and `gaps=close`.
#[utoipa::path(
    get,
    path = "/api/topics/{topic}/socket",
    params(TopicName, Since, GapPolicy),
    responses(
        (status = 101, description = "The socket is open."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or no message id."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "The `Origin` is another one."),
        (status = 426, body = Problem, content_type = "application/problem+json", description = "The request does not ask for a WebSocket."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping."),
    ),
)]
async fn socket(
    State(app): State<AppState>,
    exchange: Exchange,
    Counted(address): Counted,
    TopicName { topic }: TopicName,
    Query(Since { after }): Query<Since>,
    Query(GapPolicy { gaps }): Query<GapPolicy>,
    handshake: Handshake,
) -> Result<Response> {
    let start = after.map_or(Start::Now, Start::After);
    let reader = Reader {
        transport: Transport::Websocket,
        address,
        exchange: exchange.id(),
    };
    let subscriber = app.topics().subscribe(&topic, start, reader).await?;
    let place = after.is_none().then(|| subscriber.position());
    let terms = Terms {
        gaps,
        place,
        address,
    };
    let bounds = Bounds {
        message_bytes: SOCKET_FRAME_BYTES_MAX,
        stall: app.config().limits.write_stall / 3,
    };
    Ok(handshake.accept(bounds, move |peer| {
        Subscription::new(app, exchange, subscriber, terms).run(peer)
    }))
}

/// Send a message to a socket and get it back.
///
/// Text as text, bytes as bytes, pings as pongs; up to 16 MiB a message.
#[utoipa::path(
    get,
    path = "/api/socket/echo",
    responses(
        (status = 101, description = "The socket is open."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "The `Origin` is another one."),
        (status = 426, body = Problem, content_type = "application/problem+json", description = "The request does not ask for a WebSocket."),
    ),
)]
async fn echo_socket(
    State(app): State<AppState>,
    address: Counted,
    handshake: Handshake,
) -> Response {
    let bounds = Bounds {
        message_bytes: SOCKET_ECHO_BYTES_MAX,
        stall: app.config().limits.write_stall / 3,
    };
    handshake.accept(bounds, move |peer| {
        let stopping = app.stopping().clone();
        echo::run(peer, address, stopping)
    })
}
