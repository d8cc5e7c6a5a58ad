//! What holds for every operation that the API's description names: none takes a body without end, none that changes
//! something does so for another site's page, and none lets one read its answers.

use std::time::Duration;

use server::testing::{TestServer, raw, serve_with};

/// No operation but an upload takes this much, and that is told here to take less.
const BODY_BYTES: usize = 16 * 1024 * 1024;
const UPLOAD_BYTES: u64 = 1024 * 1024;

struct Operation {
    method: String,
    path: String,
    content_type: Option<String>,
}

/// All that the description names, with something in place of each parameter.
fn operations() -> Vec<Operation> {
    let described = serde_json::to_value(server::openapi()).expect("JSON");
    let paths = described["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("an item") {
            if !matches!(
                method.as_str(),
                "get" | "head" | "post" | "put" | "patch" | "delete" | "options"
            ) {
                continue;
            }
            let types = operation["requestBody"]["content"].as_object();
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.replace(['{', '}'], ""),
                content_type: types.and_then(|types| types.keys().next().cloned()),
            });
        }
    }
    let with_body = operations.iter().filter(|one| one.content_type.is_some());
    assert!(with_body.count() > 8, "the description has bodies");
    operations
}

async fn serve() -> TestServer {
    serve_with(|config| {
        config.uploads.file_bytes = UPLOAD_BYTES;
        config.limits.body_pause = Duration::from_secs(2);
    })
    .await
}

/// The status of the answer, and its head.
async fn answered(
    server: &TestServer,
    operation: &Operation,
    fields: &str,
    body: &[u8],
) -> (u16, String) {
    let Operation {
        method,
        path,
        content_type,
    } = operation;
    let content_type = content_type.as_deref().unwrap_or("text/plain");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         Tus-Resumable: 1.0.0\r\nUpload-Defer-Length: 1\r\nUpload-Offset: 0\r\n{fields}\r\n"
    );
    let answer = raw(server, &[head.as_bytes(), body].concat()).await;
    let answer = String::from_utf8_lossy(&answer);
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{method} {path} was not answered: {head}"));
    (status, head.to_ascii_lowercase())
}

/// Whoever waits for the rest of a body answers 408 in the end: nobody has to, as it is too large long before.
#[tokio::test(flavor = "multi_thread")]
async fn none_takes_a_body_without_end() {
    let server = serve().await;
    let mut body = format!("{:x}\r\n", 4 * BODY_BYTES).into_bytes();
    body.resize(body.len() + BODY_BYTES, b'x');
    for operation in operations() {
        if operation.content_type.is_none() {
            continue;
        }
        let fields = "Transfer-Encoding: chunked\r\n";
        let (status, head) = answered(&server, &operation, fields, &body).await;
        let name = format!("{} {}: {head}", operation.method, operation.path);
        assert!((400..500).contains(&status) && status != 408, "{name}");
    }
}

#[tokio::test]
async fn none_that_changes_something_does_it_for_another_sites_page() {
    let server = serve().await;
    for operation in operations() {
        let safe = matches!(operation.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        for field in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"] {
            if safe {
                continue;
            }
            let fields = format!("{field}\r\nContent-Length: 2\r\n");
            let (status, head) = answered(&server, &operation, &fields, b"{}").await;
            let name = format!(
                "{} {} with {field}: {head}",
                operation.method, operation.path
            );
            assert_eq!(status, 403, "{name}");
            assert!(!head.contains("access-control-"), "{name}");
        }
    }
}

/// Without a field that allows it, a browser gives no page of another site the answer, and sends no cookies for it.
#[tokio::test]
async fn none_lets_another_sites_page_read_its_answers() {
    let server = serve().await;
    for operation in operations() {
        if operation.method != "GET"
            || operation.path.contains("stream")
            || operation.path.contains("events")
        {
            continue;
        }
        let fields = "Origin: http://evil.example\r\n";
        let (_, head) = answered(&server, &operation, fields, b"").await;
        assert!(
            !head.contains("access-control-"),
            "{}: {head}",
            operation.path
        );
    }
}
