//! The documents as a browser without scripts meets them.

use std::collections::{BTreeSet, HashSet, VecDeque};

use reqwest::{Client, StatusCode, header};
use server::testing::{TestServer, serve};
use wire::Lab;

/// Every document that has an address of its own.
fn pages() -> Vec<String> {
    ["/", "/run", "/credits", "/problems/too-large"]
        .into_iter()
        .map(str::to_owned)
        .chain(Lab::ALL.map(Lab::path))
        .collect()
}

async fn get(server: &TestServer, path: &str) -> reqwest::Response {
    Client::new()
        .get(server.url(path))
        .header(header::ACCEPT, "text/html,*/*;q=0.8")
        .send()
        .await
        .expect("an answer")
}

async fn html(server: &TestServer, path: &str) -> String {
    let response = get(server, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    assert_eq!(
        response.headers()["content-type"],
        "text/html; charset=utf-8",
        "{path}"
    );
    response.text().await.expect("text")
}

/// The values of an attribute, in order.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    html.split(&format!(" {attribute}=\""))
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

fn between<'a>(html: &'a str, open: &str, close: &str) -> &'a str {
    html.split_once(open)
        .and_then(|(_, rest)| rest.split_once(close))
        .map(|(inside, _)| inside)
        .unwrap_or_else(|| panic!("nothing between {open} and {close}"))
}

#[tokio::test]
async fn each_page_is_a_whole_document() {
    let server = serve().await;
    let mut titles = HashSet::new();
    for path in pages() {
        let html = html(&server, &path).await;
        assert!(
            html.starts_with("<!DOCTYPE html><html lang=\"en\">"),
            "{path}"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        assert_eq!(html.matches("<main").count(), 1, "{path}");
        assert!(html.contains("name=\"viewport\""), "{path}");
        assert!(
            between(&html, "name=\"description\" content=\"", "\"").len() > 20,
            "{path}"
        );
        let title = between(&html, "<title>", "</title>");
        assert!(titles.insert(title.to_owned()), "{path}: {title} is taken");
        assert!(html.contains("href=\"#main\""), "{path}: a skip link");
        let ids = values(&html, "id");
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "{path}: ids are unique"
        );
    }
}

#[tokio::test]
async fn a_lab_s_page_has_its_places_and_marks_its_link() {
    let server = serve().await;
    for lab in Lab::ALL {
        let html = html(&server, &lab.path()).await;
        for part in [
            lab.when_to_use(),
            &format!("<section id=\"lab\" data-lab=\"{}\"", lab.slug()),
            "<article class=\"lesson\"",
            "<div id=\"lab-tabs\"",
            "<section id=\"tab-terminal\"",
            "<section id=\"tab-source\"",
            "<section id=\"tab-bytes\"",
            "<noscript>",
            "<dl id=\"piece-words\" hidden><dt>Method GET</dt><dd>asks for",
            "<dl id=\"field-words\" hidden><dt>accept</dt><dd>The formats",
            &format!("<a href=\"{}\" aria-current=\"page\">", lab.path()),
        ] {
            assert!(html.contains(part), "{lab:?}: {part}");
        }
        // The commands name this server, not another.
        let commands = between(&html, "<section id=\"tab-terminal\"", "</section>");
        assert!(commands.contains(&server.url("/api/")), "{lab:?}");
    }
}

#[tokio::test]
async fn nothing_inline_and_nothing_from_elsewhere() {
    let server = serve().await;
    for path in pages() {
        let response = get(&server, &path).await;
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .expect("ascii")
            .to_owned();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(response.headers()[name], value, "{path}: {name}");
        }
        let html = response.text().await.expect("text");
        assert!(!html.contains(" style=\""), "{path}");
        assert!(!html.contains("<style"), "{path}");
        assert!(!html.contains(" onclick"), "{path}");
        for script in html.split("<script").skip(1) {
            assert!(script.contains("></script>"), "{path}: an inline script");
        }
        for source in values(&html, "src") {
            assert!(source.starts_with('/'), "{path}: {source}");
        }
        for link in html.split("<link").skip(1) {
            let target = between(link, "href=\"", "\"");
            assert!(target.starts_with('/'), "{path}: {target}");
        }
    }
}

#[tokio::test]
async fn each_link_within_the_site_leads_somewhere() {
    let server = serve().await;
    let mut seen: HashSet<String> = HashSet::from(["/".to_owned()]);
    let mut next = VecDeque::from(["/".to_owned()]);
    while let Some(path) = next.pop_front() {
        let response = get(&server, &path).await;
        assert!(
            response.status().is_success() || response.status().is_redirection(),
            "{path}: {}",
            response.status()
        );
        let is_ours = response.headers().contains_key("content-security-policy")
            && response.url().path() == path;
        if !is_ours || path.starts_with("/api") {
            continue;
        }
        let html = response.text().await.expect("text");
        for href in values(&html, "href") {
            let (target, fragment) = href.split_once('#').unwrap_or((href, ""));
            if target.is_empty() {
                assert!(
                    html.contains(&format!("id=\"{fragment}\"")),
                    "{path}: #{fragment}"
                );
            } else if target.starts_with('/') && seen.insert(target.to_owned()) {
                next.push_back(target.to_owned());
            }
        }
    }
    for lab in Lab::ALL {
        assert!(seen.contains(&lab.path()), "{lab:?} is linked");
    }
}

#[tokio::test]
async fn a_document_is_compressed_and_not_sent_twice() {
    let server = serve().await;
    for (accepted, sent) in [
        ("br, gzip", Some("br")),
        ("gzip", Some("gzip")),
        ("identity", None),
    ] {
        let ask = |etag: Option<&header::HeaderValue>| {
            let mut request = Client::new()
                .get(server.url("/labs/request-response"))
                .header(header::ACCEPT_ENCODING, accepted);
            if let Some(etag) = etag {
                request = request.header(header::IF_NONE_MATCH, etag);
            }
            request.send()
        };
        let first = ask(None).await.expect("an answer");
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(
            first
                .headers()
                .get(header::CONTENT_ENCODING)
                .map(|value| value.to_str().expect("ascii")),
            sent
        );
        assert_eq!(first.headers()[header::VARY], "Accept-Encoding");
        let etag = first.headers()[header::ETAG].clone();
        let again = ask(Some(&etag)).await.expect("an answer");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{accepted}");
        assert_eq!(again.headers()[header::ETAG], etag);
        assert!(again.bytes().await.expect("no body").is_empty());
    }
}

#[tokio::test]
async fn an_address_that_nothing_has_answers_in_the_form_that_was_asked_for() {
    let server = serve().await;
    let page = get(&server, "/nothing/here").await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let problem = reqwest::get(server.url("/nothing/here"))
        .await
        .expect("an answer");
    assert_eq!(problem.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        problem.headers()["content-type"],
        "application/problem+json"
    );
}

#[tokio::test]
async fn an_unknown_lab_is_a_document_that_is_not_there() {
    let server = serve().await;
    for path in ["/labs/no-such-lab", "/problems/no-such-problem"] {
        let response = get(&server, path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let html = response.text().await.expect("text");
        assert!(html.contains("<h1>Nothing has this address</h1>"), "{path}");
    }
}

#[tokio::test]
async fn the_browser_is_told_what_it_may_fetch_ahead() {
    let server = serve().await;
    let field = get(&server, "/").await.headers()["speculation-rules"]
        .to_str()
        .expect("ascii")
        .trim_matches('"')
        .to_owned();
    let response = get(&server, &field).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()["content-type"],
        "application/speculationrules+json"
    );
}

#[tokio::test]
async fn the_sample_photograph_is_named_where_the_site_is_inside() {
    let server = serve().await;
    let html = html(&server, &Lab::ImageUpload.path()).await;
    let named = server::site::assets::logical("samples/deep-field.jpg");
    assert_eq!(values(&html, "data-sample").first().copied(), named);
}

#[test]
fn each_lab_has_its_row_in_the_readme() {
    let readme = include_str!("../../README.md");
    for lab in Lab::ALL {
        let file = format!("server/src/labs/{}.rs", lab.slug().replace('-', "_"));
        let row = readme
            .lines()
            .find(|line| line.contains(&format!("({file})")))
            .unwrap_or_else(|| panic!("{file}"));
        assert!(row.contains(lab.title()), "{row}");
        assert!(row.contains(&lab.path()), "{row}");
    }
}

#[test]
fn the_links_of_the_documents_in_the_repository_lead_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, text) in [
        ("README.md", include_str!("../../README.md")),
        ("CONTRIBUTING.md", include_str!("../../CONTRIBUTING.md")),
    ] {
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            let elsewhere = target.starts_with("http") || target == "docs/screenshot.png";
            assert!(elsewhere || root.join(target).exists(), "{name}: {target}");
        }
    }
}
