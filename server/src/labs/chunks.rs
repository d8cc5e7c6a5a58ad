//! One request or chunks: the same file both ways, over a line that drops.
//!
//! - Use it when you have to choose a chunk's size, and want to see first what a broken line costs.
//! - One request costs all that was sent; chunks cost a round trip each, and of a cut no more than one of them.
//! - The standard is that of the two ways: RFC 9110 for one request, tus 1.0.0 for chunks.
//!
//! It adds nothing to the server: the page sends to `POST /api/images` and to `/files` ([`super::image_upload`]), and asks
//! for its line with `faults=`.

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

/// The lab's endpoints: all of them are image upload's.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
