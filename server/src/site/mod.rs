//! The documents: `/`, `/labs/{slug}`, and the assets they need.

pub mod assets;
pub mod dev;

use axum::Router;

use crate::AppState;

/// The routes of documents and assets.
pub fn router() -> Router<AppState> {
    Router::new().merge(assets::router()).merge(dev::router())
}
