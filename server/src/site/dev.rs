//! Pages reload by themselves while someone works on them: `cargo xtask dev` starts a new server after each change, and
//! the page notices.
//!
//! Only in builds with debug assertions, and only where `ROUNDTRIP_DEV` is set: a release has neither route nor script.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::header;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::{StreamExt, stream};

const EVENTS: &str = "/api/dev/reload";
const SCRIPT: &str = "/api/dev/reload.js";

/// The page keeps the first server's name and reloads when it meets another.
const RELOAD: &str = r#"let known;
new EventSource("/api/dev/reload").addEventListener("server", ({ data }) => {
  if (known && known !== data) location.reload();
  known = data;
});
"#;

/// How soon a page asks for the new server.
const RETRY: Duration = Duration::from_millis(200);

fn enabled() -> bool {
    cfg!(debug_assertions) && std::env::var_os("ROUNDTRIP_DEV").is_some()
}

/// The script that a document includes, while developing.
pub fn script() -> Option<&'static str> {
    enabled().then_some(SCRIPT)
}

/// The script and its event stream, while developing; else nothing.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    if !enabled() {
        return Router::new();
    }
    let started = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let name = format!("{}-{}", std::process::id(), started.as_nanos());
    let events = move || {
        let event = Event::default()
            .event("server")
            .retry(RETRY)
            .data(name.clone());
        async move { Sse::new(stream::iter([Ok::<_, Infallible>(event)]).chain(stream::pending())) }
    };
    let script = || async {
        (
            [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
            RELOAD,
        )
    };
    Router::new()
        .route(EVENTS, get(events))
        .route(SCRIPT, get(script))
}
