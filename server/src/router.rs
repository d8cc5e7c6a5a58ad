//! All routes, and the OpenAPI document made from them.

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{AppState, connection, labs, reference, site, trace};

/// The head of the OpenAPI document; paths and schemas come from the handlers.
#[derive(OpenApi)]
#[openapi(info(
    title = "Roundtrip",
    description = "A live playground for backend communication. Send `traceparent: 00-<trace-id>-<parent-id>-01` \
        with any request to record it into a run; watch the run on the page or read it below `/api/runs`. Errors are \
        problem documents (RFC 9457)."
))]
struct ApiDoc;

fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(labs::router())
        .merge(connection::router())
        .merge(trace::router())
        .merge(reference::router())
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

/// Everything the server answers: the same for `main` and for tests.
pub fn app(state: AppState) -> Router {
    let (api, document) = api().split_for_parts();
    let pages = reference::pages(&document).unwrap_or_else(|cause| {
        // The document is made of this program's own text: a test reads it.
        tracing::error!(%cause, "the API's description cannot be written");
        Router::new()
    });
    let routes = api.merge(pages).merge(site::router());
    connection::layers(routes, &state).with_state(state)
}
