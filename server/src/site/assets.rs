//! The built site's files: `GET /assets/{name}`.
//!
//! A name holds a hash of the content, so a browser may keep the file for good, and a page that names it names exactly
//! this content. The build has compressed what compresses; here only the variant is chosen.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

use crate::Error;

/// `(path within the site's folder, content)`, written by `build.rs`.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// Where the site's files are answered for.
const PREFIX: &str = "/assets/";

/// Maps logical names to hashed ones; not itself a file of the site.
const MANIFEST: &str = "manifest.json";

/// One year, the longest that caches honour (RFC 9111 gives no maximum; a year is what everyone uses), and no
/// revalidation on reload (RFC 8246).
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

static SITE: LazyLock<Assets> = LazyLock::new(|| {
    // `cargo xtask dev` rebuilds the site without rebuilding the server. A release has what it was built with.
    #[cfg(debug_assertions)]
    if let Some(folder) = std::env::var_os("ROUNDTRIP_SITE_DIR") {
        return Assets::from_folder(std::path::Path::new(&folder));
    }
    Assets::new(
        EMBEDDED
            .iter()
            .map(|&(name, content)| (name.to_owned(), Bytes::from_static(content))),
    )
});

/// The route of the site's files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    routes(&SITE)
}

/// The URL of a file by its name in the source tree: `logical("app.js")` is `/assets/app-<hash>.js`. Files of `public/`
/// are named by their path below it. `None` when the program was built without the site.
pub fn logical(name: &str) -> Option<&'static str> {
    SITE.urls.get(name).map(String::as_str)
}

/// A file by its hashed name, the part of its URL after `/assets/`.
pub fn asset(hashed_name: &str) -> Option<&'static Asset> {
    SITE.files.get(hashed_name)
}

/// A file with its variants.
#[derive(Debug)]
pub struct Asset {
    /// The content as it is.
    pub bytes: Bytes,
    /// The content in brotli, where that is smaller.
    pub brotli: Option<Bytes>,
    /// The content in gzip, where that is smaller.
    pub gzip: Option<Bytes>,
    /// `Content-Type`, with the character set for text.
    pub content_type: HeaderValue,
    /// The strong validator of the content as it is, without quotes.
    tag: String,
}

#[derive(Debug, Default)]
struct Assets {
    /// Hashed name to file.
    files: HashMap<String, Asset>,
    /// Logical name to URL.
    urls: HashMap<String, String>,
}

impl Assets {
    fn new(files: impl Iterator<Item = (String, Bytes)>) -> Self {
        let mut content: HashMap<String, Bytes> = files.collect();
        let names: HashMap<String, String> = content
            .remove(MANIFEST)
            .and_then(|manifest| serde_json::from_slice(&manifest).ok())
            .unwrap_or_default();
        let mut site = Self::default();
        for (logical, hashed) in names {
            let Some(bytes) = content.remove(&hashed) else {
                continue;
            };
            let brotli = content.remove(&format!("{hashed}.br"));
            let gzip = content.remove(&format!("{hashed}.gz"));
            let asset = Asset {
                bytes,
                brotli,
                gzip,
                content_type: content_type(&hashed),
                tag: tag(&hashed),
            };
            site.urls.insert(logical, format!("{PREFIX}{hashed}"));
            site.files.insert(hashed, asset);
        }
        site
    }

    #[cfg(debug_assertions)]
    fn from_folder(root: &std::path::Path) -> Self {
        fn collect(
            root: &std::path::Path,
            folder: &std::path::Path,
            into: &mut Vec<(String, Bytes)>,
        ) {
            for entry in folder.read_dir().into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    collect(root, &path, into);
                } else if let (Ok(name), Ok(content)) =
                    (path.strip_prefix(root), std::fs::read(&path))
                {
                    into.push((name.to_string_lossy().replace('\\', "/"), content.into()));
                }
            }
        }
        let mut files = Vec::new();
        collect(root, root, &mut files);
        Self::new(files.into_iter())
    }
}

/// The hash in the name names the content; no need to compute another.
fn tag(hashed: &str) -> String {
    hashed
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"._-/".contains(&byte) {
                byte as char
            } else {
                '_'
            }
        })
        .collect()
}

fn content_type(name: &str) -> HeaderValue {
    let guessed = mime_guess::from_path(name).first_or_octet_stream();
    let is_text = guessed.type_() == mime_guess::mime::TEXT;
    let value = if is_text {
        format!("{guessed}; charset=utf-8")
    } else {
        guessed.to_string()
    };
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn routes<S: Clone + Send + Sync + 'static>(site: &'static Assets) -> Router<S> {
    let serve = move |Path(name): Path<String>, headers: HeaderMap| async move {
        respond(site, &name, &headers)
    };
    Router::new().route("/assets/{*name}", get(serve))
}

fn respond(site: &Assets, name: &str, request: &HeaderMap) -> Response {
    let Some(asset) = site.files.get(name) else {
        let why = if site.files.is_empty() {
            "This server was built without the site's files. `cargo xtask build` builds it with them."
        } else {
            "No file has this name. A page from before an update names files that are gone: reload it."
        };
        return Error::NotFound(why.to_owned()).into_response();
    };
    let (bytes, encoding) = choose(asset, request);
    let suffix = encoding
        .map(|encoding| format!("-{encoding}"))
        .unwrap_or_default();
    let etag = format!("\"{}{suffix}\"", asset.tag);
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| matches(value, &etag));

    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(bytes))
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, KEEP);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    if asset.brotli.is_some() || asset.gzip.is_some() {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if !known {
        headers.insert(header::CONTENT_TYPE, asset.content_type.clone());
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    response
}

/// The smallest variant that the client takes.
fn choose(asset: &Asset, request: &HeaderMap) -> (Bytes, Option<&'static str>) {
    if let Some(brotli) = asset.brotli.as_ref().filter(|_| accepts(request, "br")) {
        return (brotli.clone(), Some("br"));
    }
    if let Some(gzip) = asset.gzip.as_ref().filter(|_| accepts(request, "gzip")) {
        return (gzip.clone(), Some("gzip"));
    }
    (asset.bytes.clone(), None)
}

/// Whether `Accept-Encoding` names the coding, or `*`, with a weight other than 0 (RFC 9110, section 12.5.3). Between
/// those that are accepted the server is free, and takes the smallest.
pub(super) fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let mut by_star = false;
    let values = request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters
            .split(';')
            .find_map(|parameter| parameter.trim().strip_prefix("q="));
        let refused = weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0));
        if name.trim().eq_ignore_ascii_case(coding) {
            return !refused;
        }
        by_star |= name.trim() == "*" && !refused;
    }
    by_star
}

/// `If-None-Match` compares weakly: `W/` does not matter (RFC 9110, section 13.1.2).
pub(super) fn matches(if_none_match: &HeaderValue, etag: &str) -> bool {
    if_none_match.to_str().is_ok_and(|value| {
        value
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    fn site() -> &'static Assets {
        let files = [
            (
                MANIFEST,
                r#"{"app.js":"app-1.js","fonts/f.woff2":"fonts/f-2.woff2","gone.css":"gone-3.css"}"#,
            ),
            ("app-1.js", "plain"),
            ("app-1.js.br", "brotli"),
            ("app-1.js.gz", "gzip"),
            ("fonts/f-2.woff2", "font"),
            ("unlisted.js", "not in the manifest"),
        ];
        let files = files
            .into_iter()
            .map(|(name, content)| (name.to_owned(), Bytes::from_static(content.as_bytes())));
        Box::leak(Box::new(Assets::new(files)))
    }

    async fn fetch(
        site: &'static Assets,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = routes::<()>(site)
            .oneshot(request)
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        (
            parts.status,
            parts.headers,
            String::from_utf8(body.into()).expect("text"),
        )
    }

    #[tokio::test]
    async fn the_smallest_accepted_variant_is_sent() {
        let cases = [
            ("gzip, deflate, br, zstd", "brotli", Some("br")),
            ("gzip", "gzip", Some("gzip")),
            ("br;q=0, gzip;q=0.5", "gzip", Some("gzip")),
            ("*", "brotli", Some("br")),
            ("*;q=0", "plain", None),
            ("br;q=0, *", "gzip", Some("gzip")),
            ("identity", "plain", None),
            ("", "plain", None),
        ];
        for (accepted, body, encoding) in cases {
            let (status, headers, sent) =
                fetch(site(), "/assets/app-1.js", &[("accept-encoding", accepted)]).await;
            assert_eq!(
                (status, sent.as_str()),
                (StatusCode::OK, body),
                "Accept-Encoding: {accepted}"
            );
            let sent = headers
                .get("content-encoding")
                .map(|value| value.to_str().expect("ascii"));
            assert_eq!(sent, encoding, "Accept-Encoding: {accepted}");
            assert_eq!(headers["vary"], "accept-encoding");
        }
    }

    #[tokio::test]
    async fn a_file_may_be_kept_for_good() {
        let (_, headers, _) = fetch(site(), "/assets/app-1.js", &[]).await;
        assert_eq!(
            headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert_eq!(headers["etag"], "\"app-1.js\"");
    }

    #[tokio::test]
    async fn a_file_in_a_folder_without_variants_does_not_vary() {
        let (status, headers, body) = fetch(
            site(),
            "/assets/fonts/f-2.woff2",
            &[("accept-encoding", "br")],
        )
        .await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "font"));
        assert_eq!(headers["content-type"], "font/woff2");
        assert!(!headers.contains_key("vary") && !headers.contains_key("content-encoding"));
    }

    #[tokio::test]
    async fn what_the_client_has_is_not_sent_again() {
        let headers = [
            ("accept-encoding", "br"),
            ("if-none-match", "\"x\", W/\"app-1.js-br\""),
        ];
        let (status, answer, body) = fetch(site(), "/assets/app-1.js", &headers).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(answer["etag"], "\"app-1.js-br\"");
        let (status, ..) = fetch(
            site(),
            "/assets/app-1.js",
            &[("if-none-match", "\"app-1.js-br\"")],
        )
        .await;
        assert_eq!(
            status,
            StatusCode::OK,
            "another variant is another representation"
        );
    }

    #[tokio::test]
    async fn only_the_manifest_s_files_are_there() {
        for name in [
            "manifest.json",
            "unlisted.js",
            "gone-3.css",
            "app-1.js.br",
            "../Cargo.toml",
            "..%2FCargo.toml",
        ] {
            let (status, headers, _) = fetch(site(), &format!("/assets/{name}"), &[]).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
            assert_eq!(headers["content-type"], "application/problem+json");
        }
    }

    #[tokio::test]
    async fn without_a_site_the_answer_says_how_to_build_it() {
        let site = Box::leak(Box::new(Assets::default()));
        let (status, _, body) = fetch(site, "/assets/app-1.js", &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("cargo xtask build"), "{body}");
    }
}
