//! The API's description: `/openapi.json`, Swagger UI at `/api`, and `/healthz`.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::Path,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use maud::{DOCTYPE, html};
use serde::Serialize;
use tower_http::compression::CompressionLayer;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{AppState, Error, Result, extract::Json, site::assets};

/// Swagger UI brings no style or script of its own into the page's text, but sets style attributes and shows icons
/// from `data:` addresses.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of Swagger UI that the page loads.
const SWAGGER_FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

/// The endpoints that the description describes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(healthz))
}

/// The description and the page that shows it. Its files are compressed here; nothing else below `/api` ever is: there
/// the bytes on the wire are the lesson.
pub(crate) fn pages(document: &utoipa::openapi::OpenApi) -> serde_json::Result<Router<AppState>> {
    let json = Bytes::from(serde_json::to_vec_pretty(document)?);
    let describe = move || {
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        std::future::ready((headers, json.clone()))
    };
    Ok(Router::new()
        .route("/openapi.json", get(describe))
        .route("/api", get(page))
        .route("/api/reference/{file}", get(file))
        .layer(CompressionLayer::new()))
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`: a server that cannot answer does not.
    status: &'static str,
    /// The program's version.
    version: &'static str,
}

/// Is the server there?
///
/// Cheap, for load balancers and for scripts that wait until it has started.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Server",
    responses((status = 200, description = "It is", body = Health))
)]
async fn healthz() -> impl IntoResponse {
    let health = Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(health))
}

async fn page() -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "API \u{2013} Roundtrip" }
                link rel="stylesheet" href="/api/reference/swagger-ui.css";
                link rel="stylesheet" href="/api/reference/page.css";
                script src="/api/reference/swagger-ui-bundle.js" defer {}
                script src="/api/reference/start.js" defer {}
                // Otherwise the browser asks for /favicon.ico, which is not there.
                @if let Some(url) = assets::logical("favicon.svg") {
                    link rel="icon" type="image/svg+xml" href=(url);
                }
            }
            body {
                header {
                    a href="/" { "Roundtrip" }
                    " \u{00b7} "
                    a href="/openapi.json" { "The description as JSON (OpenAPI 3.1)" }
                    noscript { p { "The list below is drawn by JavaScript. The description itself is readable without it." } }
                }
                main id="reference" {}
            }
        }
    };
    let mut response = Html(page.into_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CSP),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn file(Path(name): Path<String>) -> Result<Response> {
    static NO_CONFIG: LazyLock<Arc<utoipa_swagger_ui::Config<'static>>> =
        LazyLock::new(Arc::default);
    let (content_type, bytes) = match name.as_str() {
        "page.css" => ("text/css", Bytes::from_static(include_bytes!("page.css"))),
        "start.js" => (
            "text/javascript",
            Bytes::from_static(include_bytes!("start.js")),
        ),
        name if SWAGGER_FILES.contains(&name) => {
            let file = utoipa_swagger_ui::serve(name, NO_CONFIG.clone())
                .map_err(|cause| Error::Internal(anyhow::anyhow!("Swagger UI's {name}: {cause}")))?
                .ok_or_else(|| Error::Internal(anyhow::anyhow!("Swagger UI has no {name}")))?;
            let content_type = if name.ends_with(".css") {
                "text/css"
            } else {
                "text/javascript"
            };
            (content_type, Bytes::from(file.bytes.into_owned()))
        }
        _ => {
            return Err(Error::NotFound(format!(
                "The API's page has no file {name:?}."
            )));
        }
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, bytes).into_response())
}
