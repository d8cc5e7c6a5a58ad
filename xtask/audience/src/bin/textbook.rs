//! Publish–subscribe as axum's and tokio's own examples write it: a broadcast channel, server-sent events, WebSockets.
//! The benchmark of the hub compares with it. It listens on the address given, and nothing here is tuned.

use std::convert::Infallible;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use futures_util::{Stream, stream};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".into());
    let listener = TcpListener::bind(listen).await?;
    println!("http://{}", listener.local_addr()?);
    let app = Router::new()
        .route("/publish", post(publish))
        .route("/events", get(events))
        .route("/socket", get(socket))
        .with_state(broadcast::channel::<String>(1024).0);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn publish(State(topic): State<Sender<String>>, message: String) -> StatusCode {
    // Without a subscriber there is nobody to tell.
    let _ = topic.send(message);
    StatusCode::NO_CONTENT
}

async fn events(
    State(topic): State<Sender<String>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(topic.subscribe(), |mut messages| async move {
        let message = next(&mut messages).await?;
        Some((Ok(Event::default().data(message)), messages))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn socket(State(topic): State<Sender<String>>, upgrade: WebSocketUpgrade) -> Response {
    let messages = topic.subscribe();
    upgrade
        .on_upgrade(|socket| forward(socket, messages))
        .into_response()
}

async fn forward(mut socket: WebSocket, mut messages: Receiver<String>) {
    while let Some(message) = next(&mut messages).await {
        if socket.send(Message::text(message)).await.is_err() {
            return;
        }
    }
}

/// The next message; what a slow subscriber missed is passed over.
async fn next(messages: &mut Receiver<String>) -> Option<String> {
    loop {
        match messages.recv().await {
            Ok(message) => return Some(message),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}
