//! The documents: `/`, `/labs/{slug}`, and the assets they need.

use axum::Router;

use crate::AppState;

/// The routes of documents and assets.
pub fn router() -> Router<AppState> {
    Router::new()
}
