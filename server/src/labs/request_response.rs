//! request-response

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
