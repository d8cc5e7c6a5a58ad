//! What the API's description says of the mirror: the same for every method, for the path and for what lies below it.

use utoipa::{
    OpenApi,
    openapi::{
        Content, ObjectBuilder, Required, Type,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        request_body::{RequestBody, RequestBodyBuilder},
    },
};
use utoipa_axum::router::OpenApiRouter;
use wire::{
    Problem,
    echo::{ECHO_PATH, EchoReply},
};

use super::asked::AskedQuery;
use crate::AppState;

/// Mirror a request
///
/// Answers with what was received and how it was parsed, after as much work and in such a form as the query asks for.
/// A `status` that is asked for is deliberate, 5xx too.
#[utoipa::path(
    get,
    path = "/api/echo",
    params(AskedQuery),
    responses(
        (status = 200, description = "The mirror", body = EchoReply),
        (status = 400, description = "A bound of the query was passed, or that status was asked for",
            content((Problem = "application/problem+json"), (EchoReply = "application/json"))),
        (status = 413, description = "The body is larger than 1 MiB, or that status was asked for",
            content((Problem = "application/problem+json"), (EchoReply = "application/json"))),
        (status = 429, description = "Too many requests compute at once, or that status was asked for",
            content((Problem = "application/problem+json"), (EchoReply = "application/json"))),
        (status = 204, description = "That status was asked for; it has no body"),
        (status = 205, description = "That status was asked for; it has no body"),
        (status = 304, description = "That status was asked for; it has no body"),
        (status = "2XX", description = "That status was asked for", body = EchoReply),
        (status = "3XX", description = "That status was asked for", body = EchoReply),
        (status = "4XX", description = "That status was asked for, or the request cannot be read",
            content((Problem = "application/problem+json"), (EchoReply = "application/json"))),
        (status = "5XX", description = "That status was asked for",
            content((Problem = "application/problem+json"), (EchoReply = "application/json"))),
    )
)]
#[expect(
    dead_code,
    reason = "carries the description of a route that takes any method"
)]
fn echo() {}

#[derive(OpenApi)]
#[openapi(paths(echo))]
struct Echo;

/// Adds the mirror's description.
pub(super) fn add_to(mut router: OpenApiRouter<AppState>) -> OpenApiRouter<AppState> {
    let mut described = Echo::openapi();
    let operation = described
        .paths
        .paths
        .remove(ECHO_PATH)
        .and_then(|item| item.get)
        .unwrap_or_default();
    let exactly = every_method(&operation, "");
    let rest = ParameterBuilder::new()
        .name("rest")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("Anything"))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1)),
        ))
        .build();
    let mut below = operation;
    below
        .parameters
        .get_or_insert_default()
        .insert(0, rest.into());
    let below = every_method(&below, "_below");
    described.paths.paths.insert(ECHO_PATH.to_owned(), exactly);
    described
        .paths
        .paths
        .insert(format!("{ECHO_PATH}/{{rest}}"), below);
    router.get_openapi_mut().merge(described);
    router
}

/// A body of any type and any content, or none.
fn any_body() -> RequestBody {
    let types = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/xml",
        "text/html",
        "text/plain",
        "application/octet-stream",
    ];
    let anything = || Content::builder().build();
    let body = RequestBodyBuilder::new().description(Some(
        "Anything, at most 1 MiB; parsed as `Content-Type` says, and mirrored where it is not what it promises",
    ));
    types
        .into_iter()
        .fold(body, |body, media_type| {
            body.content(media_type, anything())
        })
        .required(Some(Required::False))
        .build()
}

/// The same operation for each method. A body has no defined meaning in some (RFC 9110 §9.3); it is mirrored all the
/// same, but not described.
fn every_method(operation: &Operation, suffix: &str) -> PathItem {
    let named = |method: &str, takes_body: bool| {
        let mut operation = operation.clone();
        operation.request_body = takes_body.then(|| any_body().into());
        operation.operation_id = Some(format!("echo_{method}{suffix}"));
        Some(operation)
    };
    let mut item = PathItem::default();
    item.get = named("get", false);
    item.head = named("head", false);
    item.post = named("post", true);
    item.put = named("put", true);
    item.patch = named("patch", true);
    item.delete = named("delete", false);
    item.options = named("options", false);
    item.trace = named("trace", false);
    item
}
