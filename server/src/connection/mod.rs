//! Connections: the accept loop, deadlines and caps, the tap that sees each connection's bytes and times, and the
//! layers that every request passes.
//!
//! Architecture invariant: no handler and no lab knows the tap. They see an [`Exchange`], which is there for every
//! request and records nothing when the request joined no run.

mod exchange;

pub use exchange::Exchange;

use axum::Router;
use tokio::net::TcpListener;

use crate::AppState;

/// Wraps the routes in what every request passes: host and origin checks, joining a run, `Server-Timing`, the fallback.
pub fn layers(routes: Router<AppState>, _state: &AppState) -> Router<AppState> {
    routes
}

/// Serves until `shutdown` resolves, then drains.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let stopping = state.stopping().clone();
    axum::serve(listener, crate::app(state))
        .with_graceful_shutdown(async move {
            shutdown.await;
            stopping.cancel();
        })
        .await
}
