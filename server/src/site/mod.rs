//! The documents: `/`, `/labs/{slug}`, `/run`, `/problems/{slug}`, `/credits`, and the assets they need.
//!
//! A document is rendered once for each name the server is called by (its commands spell the address out), compressed,
//! and from then on only handed out. It is complete without WebAssembly; the WebAssembly mounts a lab into its place.

pub mod assets;
pub mod dev;

mod breaks;
mod document;
mod home;
mod icons;
mod lab;
mod lanes;
mod lesson;
mod markdown;
mod policy;
mod problems;
mod run;
mod shell;
mod sketch;
mod sketches;
mod source;
mod stored;
mod terminal;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use wire::Lab;

use crate::AppState;
use document::{Documents, Page};

/// The routes of documents and assets.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(home))
        .route("/labs/{slug}", get(lab))
        .route("/run", get(run))
        .route("/problems/{slug}", get(problem))
        .route("/credits", get(credits))
        .route(policy::SPECULATION_RULES_PATH, get(speculation_rules))
        .fallback(missing)
        .layer(Extension(Arc::new(Documents::default())))
        .merge(assets::router())
        .merge(dev::router())
}

/// Does `Accept` name HTML? A browser's navigation does; curl's `*/*` does not.
fn wants_html(request: &HeaderMap) -> bool {
    request
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .any(|range| {
            range
                .split(';')
                .next()
                .is_some_and(|media| media.trim().eq_ignore_ascii_case("text/html"))
        })
}

type Shelf = Extension<Arc<Documents>>;

async fn home(State(state): State<AppState>, shelf: Shelf, headers: HeaderMap) -> Response {
    shelf.answer(Page::Home, &state, &headers).await
}

async fn lab(
    State(state): State<AppState>,
    shelf: Shelf,
    headers: HeaderMap,
    Path(slug): Path<String>,
) -> Response {
    let page = Lab::from_slug(&slug).map_or(Page::NotFound, Page::Lab);
    shelf.answer(page, &state, &headers).await
}

async fn run(State(state): State<AppState>, shelf: Shelf, headers: HeaderMap) -> Response {
    shelf.answer(Page::Run, &state, &headers).await
}

async fn problem(
    State(state): State<AppState>,
    shelf: Shelf,
    headers: HeaderMap,
    Path(slug): Path<String>,
) -> Response {
    let page = problems::Explained::by_slug(&slug).map_or(Page::NotFound, Page::Problem);
    shelf.answer(page, &state, &headers).await
}

async fn credits(State(state): State<AppState>, shelf: Shelf, headers: HeaderMap) -> Response {
    shelf.answer(Page::Credits, &state, &headers).await
}

/// An address that nothing has: a document for who asked for one, else a bare 404, which becomes a problem document.
async fn missing(State(state): State<AppState>, shelf: Shelf, headers: HeaderMap) -> Response {
    if wants_html(&headers) {
        shelf.answer(Page::NotFound, &state, &headers).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn speculation_rules() -> Response {
    let mut response = (StatusCode::OK, policy::SPECULATION_RULES).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/speculationrules+json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("max-age=3600"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_a_document_and_curl_does_not() {
        let accept =
            |value| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]);
        assert!(wants_html(&accept(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        )));
        assert!(wants_html(&accept("application/json, TEXT/HTML;q=0.5")));
        assert!(!wants_html(&accept("*/*")));
        assert!(!wants_html(&accept("application/json")));
        assert!(!wants_html(&HeaderMap::new()));
    }
}
