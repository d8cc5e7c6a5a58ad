//! Requests as tus clients send them.

use reqwest::{Body, Client, Method, Response, StatusCode};
use server::testing::TestServer;

/// What makes a body a piece.
pub(crate) const PIECE: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// A request as tus clients send it.
pub(crate) async fn request(
    server: &TestServer,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: impl Into<Body>,
) -> Response {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = Client::new()
        .request(method, server.url(path))
        .header("tus-resumable", "1.0.0")
        .body(body);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

/// Creates an upload of so many bytes.
pub(crate) async fn create(server: &TestServer, length: usize) -> String {
    let length = length.to_string();
    let created = request(server, "POST", "/files", &[("upload-length", &length)], "").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    field(&created, "location").to_owned()
}

/// Sends a piece.
pub(crate) async fn patch(
    server: &TestServer,
    path: &str,
    offset: usize,
    piece: Vec<u8>,
) -> Response {
    let offset = offset.to_string();
    let fields = [PIECE, ("upload-offset", &offset)];
    request(server, "PATCH", path, &fields, piece).await
}

/// Where the upload stands.
pub(crate) async fn offset(server: &TestServer, path: &str) -> String {
    let head = request(server, "HEAD", path, &[], "").await;
    assert_eq!(head.status(), StatusCode::OK);
    field(&head, "upload-offset").to_owned()
}

/// Waits until so many bytes are in the upload's file. Asking the server for the offset would stop who sends them.
pub(crate) async fn stored(server: &TestServer, path: &str, bytes: u64) {
    let id = path.trim_start_matches("/files/");
    let uploads = server.state.config().data_dir.join("uploads");
    let data = uploads.join(format!("{id}.data"));
    while std::fs::metadata(&data).expect("the file").len() != bytes {
        tokio::task::yield_now().await;
    }
}

/// The names of the uploads' files.
pub(crate) fn files(server: &TestServer) -> Vec<String> {
    let uploads = server.state.config().data_dir.join("uploads");
    let names = std::fs::read_dir(uploads).expect("the folder");
    names
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .filter(|name| name != "lock")
        .collect()
}

/// A field of the answer, which has to be there.
pub(crate) fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    let value = value.unwrap_or_else(|| panic!("{name} in {:?}", response.headers()));
    value.to_str().expect("text")
}

/// Where the image is that the upload becomes.
pub(crate) fn image_of(upload: &str) -> String {
    upload.replace("/files/", "/api/images/")
}
