//! All routes, and the OpenAPI document made from them.

use axum::Router;
use utoipa::{
    OpenApi,
    openapi::{PathItem, RefOr, Schema, Type, path::Operation, schema::SchemaType},
};
use utoipa_axum::router::OpenApiRouter;
use wire::{
    socket::{SocketAnswer, SocketUp},
    topics::{Envelope, GapNotice, PresenceNotice},
};

use crate::{AppState, connection, labs, reference, site, trace};

/// The head of the OpenAPI document; paths and schemas come from the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roundtrip",
        description = "A live playground for backend communication. Send `traceparent: 00-<trace-id>-<parent-id>-01` \
        with any request to record it into a run; watch the run on the page or read it below `/api/runs`. Send \
        `Roundtrip-Faults` or `?faults=` with any request to have something go wrong with it: see the parameters \
        `FaultsInHeader` and `FaultsInQuery`. Errors are problem documents (RFC 9457)."
    ),
    components(schemas(SocketUp, SocketAnswer, Envelope, GapNotice, PresenceNotice))
)]
struct ApiDoc;

fn api() -> OpenApiRouter<AppState> {
    let mut document = ApiDoc::openapi();
    connection::describe_faults(&mut document);
    OpenApiRouter::with_openapi(document)
        .merge(labs::router())
        .merge(connection::router())
        .merge(trace::router())
        .merge(reference::router())
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().1
}

/// The described routes, and the document. A parameter that need not be sent is declared as an `Option`, of which the
/// macro says that it may be null, too: but no header field and no query can be that.
fn described() -> (Router<AppState>, utoipa::openapi::OpenApi) {
    let (routes, mut document) = api().split_for_parts();
    let operations = document.paths.paths.values_mut().flat_map(operations);
    let parameters = operations.filter_map(|operation| operation.parameters.as_mut());
    for parameter in parameters.flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
            && let SchemaType::Array(types) = &mut schema.schema_type
        {
            types.retain(|one| *one != Type::Null);
            if let [one] = types.as_slice() {
                schema.schema_type = SchemaType::Type(one.clone());
            }
        }
    }
    (routes, document)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut item.get,
        &mut item.head,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
        &mut item.options,
        &mut item.trace,
    ];
    all.into_iter().flatten()
}

/// Everything the server answers: the same for `main` and for tests.
pub fn app(state: AppState) -> Router {
    let (api, document) = described();
    let pages = reference::pages(&document).unwrap_or_else(|cause| {
        // The document is made of this program's own text: a test reads it.
        tracing::error!(%cause, "the API's description cannot be written");
        Router::new()
    });
    let routes = api.merge(pages).merge(site::router());
    connection::layers(routes, &state).with_state(state)
}
