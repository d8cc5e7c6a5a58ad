//! All routes, and the OpenAPI document made from them.

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{AppState, connection, labs, site, trace};

/// The head of the OpenAPI document; paths and schemas come from the handlers.
#[derive(OpenApi)]
#[openapi(info(
    title = "Roundtrip",
    description = "A live playground for backend communication."
))]
struct ApiDoc;

fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(labs::router())
        .merge(trace::router())
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

/// Everything the server answers: the same for `main` and for tests.
pub fn app(state: AppState) -> Router {
    let (api, _document) = api().split_for_parts();
    let routes = api.merge(site::router());
    connection::layers(routes, &state).with_state(state)
}
