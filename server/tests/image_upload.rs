//! Images over the wire: one request, tus 1.0.0, and what both end in.

#[path = "support/problem.rs"]
mod problem;
#[path = "support/tus.rs"]
mod tus;

use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::stream;
use image::{ImageFormat, Rgb, RgbImage};
use problem::Problem;
use reqwest::{Body, Client, Method, Response, StatusCode, multipart};
use serde_json::{Value, json};
use server::testing::{TestServer, raw, serve, serve_with};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tus::*;

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A JPEG with something in every corner, so that it is not small.
fn jpeg(width: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, width / 4, |x, y| {
        let [a, b, ..] = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
        Rgb([a, b, a ^ b])
    });
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .expect("it encodes");
    bytes.into_inner()
}

async fn post(server: &TestServer, body: impl Into<Body>) -> Response {
    let request = Client::new().post(server.url("/api/images")).body(body);
    request.send().await.expect("an answer")
}

async fn get(server: &TestServer, path: &str) -> Response {
    reqwest::get(server.url(path)).await.expect("an answer")
}

#[tokio::test]
async fn one_request_is_an_image_with_a_preview_and_the_original() {
    let server = serve().await;
    let file = jpeg(1_200);
    let created = post(&server, file.clone()).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = field(&created, "location").to_owned();
    let image: Value = created.json().await.expect("JSON");
    let id = image["id"].as_str().expect("an id").to_owned();
    assert_eq!(location, format!("/api/images/{id}"));
    assert_eq!(
        image,
        json!({
            "id": id, "bytes": file.len(), "sha256": digest(&file), "width": 1_200, "height": 300,
            "preview": format!("{location}/preview"),
        })
    );
    let again: Value = get(&server, &location).await.json().await.expect("JSON");
    assert_eq!(again, image);

    let preview = get(&server, &format!("{location}/preview")).await;
    assert_eq!(preview.status(), StatusCode::OK);
    assert_eq!(field(&preview, "content-type"), "image/jpeg");
    assert_eq!(field(&preview, "x-content-type-options"), "nosniff");
    let bytes = preview.bytes().await.expect("bytes");
    let decoded = image::load_from_memory(&bytes).expect("it decodes");
    assert_eq!((decoded.width(), decoded.height()), (1_024, 256));

    let original = get(&server, &format!("{location}/original")).await;
    assert_eq!(field(&original, "content-disposition"), "attachment");
    assert_eq!(field(&original, "content-type"), "application/octet-stream");
    assert_eq!(field(&original, "x-content-type-options"), "nosniff");
    assert!(field(&original, "content-security-policy").contains("default-src 'none'; sandbox"));
    let expected = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&file)));
    assert_eq!(field(&original, "repr-digest"), expected);
    assert_eq!(original.bytes().await.expect("bytes"), file);
}

#[tokio::test]
async fn the_first_file_of_a_form_counts_and_its_name_cannot_break_out() {
    let server = serve().await;
    let file = jpeg(40);
    let name = "\"; filename=evil.html\r\nX-Evil: 1 – ü/../a.jpg";
    let part = multipart::Part::bytes(file.clone()).file_name(name.replace(['\r', '\n'], ""));
    let form = multipart::Form::new()
        .text("comment", "hello")
        .part("picture", part)
        .text("after", "the end");
    let request = Client::new()
        .post(server.url("/api/images"))
        .multipart(form);
    let created = request.send().await.expect("an answer");
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = field(&created, "location").to_owned();
    let image: Value = created.json().await.expect("JSON");
    assert_eq!(image["sha256"], json!(digest(&file)));
    let original = get(&server, &format!("{location}/original")).await;
    let disposition = field(&original, "content-disposition");
    let encoded = disposition
        .strip_prefix("attachment; filename*=UTF-8''")
        .expect("an encoded name");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&b);
    assert!(encoded.bytes().all(plain), "{disposition}");
    assert!(
        encoded.ends_with("%20%E2%80%93%20%C3%BC%2F..%2Fa.jpg"),
        "{disposition}"
    );
}

#[tokio::test]
async fn a_form_without_a_file_or_with_too_much_besides_is_refused() {
    let server = serve().await;
    let send = |form: multipart::Form| {
        Client::new()
            .post(server.url("/api/images"))
            .multipart(form)
            .send()
    };
    let none = multipart::Form::new().text("comment", "hello");
    let refused = send(none).await.expect("an answer");
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(400, "bad-request", None)
    );

    let answer = raw(
        &server,
        b"POST /api/images HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
          Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 8\r\n\r\n--x\r\nfoo",
    )
    .await;
    assert!(answer.starts_with(b"HTTP/1.1 400"));

    // A part's head that does not end is not collected for ever.
    let mut endless = b"--x\r\nX: ".to_vec();
    endless.resize(4 * 1024 * 1024, b'y');
    let mut request = format!(
        "POST /api/images HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n",
        endless.len() + 1
    )
    .into_bytes();
    request.extend(endless);
    // One byte is missing: only a server that has given up answers.
    let answer = raw(&server, &request).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"));
}

#[tokio::test]
async fn what_is_no_image_is_stored_and_says_why() {
    let server = serve().await;
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    for body in ["", "just words", svg] {
        let created = post(&server, body).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        let location = field(&created, "location").to_owned();
        let image: Value = created.json().await.expect("JSON");
        assert_eq!(image["preview"], Value::Null);
        assert!(image["why"].is_string());
        assert_eq!(image["bytes"], json!(body.len()));
        let preview = get(&server, &format!("{location}/preview")).await;
        assert_eq!(
            Problem::of(preview).await,
            Problem::new(404, "not-found", None)
        );
        let original = get(&server, &format!("{location}/original")).await;
        assert_eq!(field(&original, "content-type"), "application/octet-stream");
        assert_eq!(field(&original, "content-disposition"), "attachment");
        assert_eq!(original.text().await.expect("text"), body);
    }
}

#[tokio::test]
async fn a_file_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let server = serve_with(|config| config.uploads.file_bytes = 10_000).await;
    let at = post(&server, vec![0; 10_000]).await;
    assert_eq!(at.status(), StatusCode::CREATED);
    let too_large = || Problem::new(413, "too-large", Some(10_000));
    let past = post(&server, vec![0; 10_001]).await;
    assert_eq!(Problem::of(past).await, too_large());

    // In chunks, so that only counting tells.
    let chunks = |bytes: usize| {
        let chunks: Vec<_> = vec![0; bytes]
            .chunks(100)
            .map(|chunk: &[u8]| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect();
        Body::wrap_stream(stream::iter(chunks))
    };
    assert_eq!(
        post(&server, chunks(10_000)).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        Problem::of(post(&server, chunks(10_001)).await).await,
        too_large()
    );

    // As a form.
    let form = |bytes| {
        let part = multipart::Part::bytes(vec![0; bytes]).file_name("a");
        Client::new()
            .post(server.url("/api/images"))
            .multipart(multipart::Form::new().part("file", part))
            .send()
    };
    let at = form(10_000).await.expect("an answer");
    assert_eq!(at.status(), StatusCode::CREATED);
    let past = form(10_001).await.expect("an answer");
    assert_eq!(Problem::of(past).await, too_large());

    // tus.
    let at = request(&server, "POST", "/files", &[("upload-length", "10000")], "").await;
    assert_eq!(at.status(), StatusCode::CREATED);
    let past = request(&server, "POST", "/files", &[("upload-length", "10001")], "").await;
    assert_eq!(Problem::of(past).await, too_large());

    // What was refused left nothing behind: three files and one upload under way.
    let data = files(&server)
        .into_iter()
        .filter(|name| name.ends_with(".data"));
    assert_eq!(data.count(), 4);
}

#[tokio::test]
async fn a_full_storage_is_507() {
    let server = serve_with(|config| config.uploads.total_bytes = 1_000).await;
    assert_eq!(
        post(&server, vec![0; 600]).await.status(),
        StatusCode::CREATED
    );
    let refused = post(&server, vec![0; 401]).await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(507, "storage", None)
    );
    assert_eq!(
        post(&server, vec![0; 400]).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn one_address_has_its_share_of_the_room_and_of_the_places() {
    let server = serve_with(|config| {
        config.limits.limit_loopback = true;
        config.uploads.bytes_per_address = 1_000;
        config.uploads.unfinished_per_address = 2;
    })
    .await;
    let stored = post(&server, vec![0; 1_000]).await;
    assert_eq!(stored.status(), StatusCode::CREATED);
    let refused = post(&server, vec![0; 1]).await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(507, "storage", None)
    );
    let path = field(&stored, "location").replace("/api/images/", "/files/");
    request(&server, "DELETE", &path, &[], "").await;
    let stored = post(&server, vec![0; 1]).await;
    assert_eq!(stored.status(), StatusCode::CREATED);

    create(&server, 10).await;
    create(&server, 10).await;
    let refused = request(&server, "POST", "/files", &[("upload-length", "10")], "").await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(429, "too-many", Some(2))
    );
}

#[tokio::test]
async fn one_request_that_breaks_off_leaves_nothing() {
    let server = serve().await;
    let mut socket = TcpStream::connect(server.addr).await.expect("connects");
    let head = "POST /api/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("sends");
    socket.write_all(&[7; 4_321]).await.expect("sends");
    let begun = |name: &String| name.ends_with(".data");
    while !files(&server).iter().any(begun) {
        tokio::task::yield_now().await;
    }
    drop(socket);
    while !files(&server).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn options_says_what_tus_this_is() {
    let server = serve().await;
    for path in ["/files", "/files/0123456789abcdef0123456789abcdef"] {
        let request = Client::new().request(Method::OPTIONS, server.url(path));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(field(&answer, "tus-resumable"), "1.0.0");
        assert_eq!(field(&answer, "tus-version"), "1.0.0");
        assert_eq!(field(&answer, "tus-max-size"), "1073741824");
        let extensions: Vec<_> = field(&answer, "tus-extension").split(',').collect();
        assert_eq!(
            extensions,
            [
                "creation",
                "creation-with-upload",
                "creation-defer-length",
                "expiration",
                "checksum",
                "termination",
                "concatenation"
            ]
        );
        assert_eq!(
            field(&answer, "tus-checksum-algorithm"),
            "sha1,sha256,crc32c"
        );
    }
}

#[tokio::test]
async fn an_upload_goes_in_pieces_and_is_an_image_when_the_last_is_answered() {
    let server = serve().await;
    let file = jpeg(300);
    let length = file.len().to_string();
    let metadata = "filename w7wuanBn,relativePath,filetype aW1hZ2UvanBlZw==";
    let created = request(
        &server,
        "POST",
        "/files",
        &[("upload-length", &length), ("upload-metadata", metadata)],
        "",
    )
    .await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(field(&created, "tus-resumable"), "1.0.0");
    assert_eq!(field(&created, "upload-offset"), "0");
    let path = field(&created, "location").to_owned();
    let id = path.strip_prefix("/files/").expect("below /files");
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));

    let middle = file.len() / 2;
    let stored = patch(&server, &path, 0, file[..middle].to_vec()).await;
    assert_eq!(stored.status(), StatusCode::NO_CONTENT);
    assert_eq!(field(&stored, "upload-offset"), middle.to_string());
    assert!(field(&stored, "upload-expires").ends_with(" GMT"));
    let early = get(&server, &image_of(&path)).await;
    assert_eq!(
        Problem::of(early).await,
        Problem::new(404, "not-found", None)
    );

    let head = request(&server, "HEAD", &path, &[], "").await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(field(&head, "upload-offset"), middle.to_string());
    assert_eq!(field(&head, "upload-length"), length);
    assert_eq!(field(&head, "upload-metadata"), metadata);
    assert_eq!(field(&head, "cache-control"), "no-store");

    let stored = patch(&server, &path, middle, file[middle..].to_vec()).await;
    assert_eq!(field(&stored, "upload-offset"), length);
    assert_eq!(stored.headers().get("upload-expires"), None);
    let original = get(&server, &format!("{}/original", image_of(&path))).await;
    assert_eq!(
        field(&original, "content-disposition"),
        "attachment; filename*=UTF-8''%C3%BC.jpg"
    );
    assert_eq!(original.bytes().await.expect("bytes"), file);
    let image: Value = get(&server, &image_of(&path))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(image["sha256"], json!(digest(&file)));
    assert_eq!(image["width"], json!(300));

    // What is there may be asked for again, and no more be sent.
    let nothing = patch(&server, &path, file.len(), vec![]).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    let more = patch(&server, &path, file.len(), vec![0]).await;
    let limit = Some(file.len() as u64);
    assert_eq!(
        Problem::of(more).await,
        Problem::new(413, "too-large", limit)
    );
}

#[tokio::test]
async fn an_upload_survives_the_server() {
    let data = tempfile::tempdir().expect("a folder");
    let file = jpeg(200);
    let middle = file.len() / 3;
    let first = serve_with(|config| config.data_dir = data.path().to_owned()).await;
    let path = create(&first, file.len()).await;
    patch(&first, &path, 0, file[..middle].to_vec()).await;
    drop(first);

    let second = serve_with(|config| config.data_dir = data.path().to_owned()).await;
    assert_eq!(offset(&second, &path).await, middle.to_string());
    let stored = patch(&second, &path, middle, file[middle..].to_vec()).await;
    assert_eq!(stored.status(), StatusCode::NO_CONTENT);
    drop(second);

    let third = serve_with(|config| config.data_dir = data.path().to_owned()).await;
    let image: Value = get(&third, &image_of(&path))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(image["sha256"], json!(digest(&file)));
}

/// Sends this much of a longer PATCH, and waits until the server has stored it.
async fn begin_patch(server: &TestServer, path: &str, length: usize, sent: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(server.addr).await.expect("connects");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("sends");
    socket.write_all(sent).await.expect("sends");
    stored(server, path, sent.len() as u64).await;
    socket
}

#[tokio::test]
async fn a_piece_that_breaks_off_keeps_what_arrived() {
    let server = serve().await;
    let path = create(&server, 10_000).await;
    let socket = begin_patch(&server, &path, 10_000, &[7; 4_321]).await;
    drop(socket);
    assert_eq!(offset(&server, &path).await, "4321");
    let rest = patch(&server, &path, 4_321, vec![7; 10_000 - 4_321]).await;
    assert_eq!(rest.status(), StatusCode::NO_CONTENT);
    let image: Value = get(&server, &image_of(&path))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(image["sha256"], json!(digest(&[7; 10_000])));
}

#[tokio::test]
async fn a_client_that_comes_back_takes_over_from_its_own_dead_connection() {
    let server = serve().await;
    let path = create(&server, 10_000).await;
    let mut old = begin_patch(&server, &path, 10_000, &[7; 4_321]).await;
    let rest = patch(&server, &path, 4_321, vec![8; 10_000 - 4_321]).await;
    assert_eq!(rest.status(), StatusCode::NO_CONTENT);
    let mut answer = [0; 12];
    old.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 409");
}

#[tokio::test]
async fn tus_refuses_what_does_not_fit() {
    let server = serve().await;
    let path = create(&server, 100).await;
    patch(&server, &path, 0, vec![1; 50]).await;
    let conflict = patch(&server, &path, 49, vec![1; 10]).await;
    assert_eq!(field(&conflict, "tus-resumable"), "1.0.0");
    assert_eq!(
        Problem::of(conflict).await,
        Problem::new(409, "conflict", None)
    );

    let old = Client::new()
        .patch(server.url(&path))
        .header("tus-resumable", "0.2.2")
        .header(PIECE.0, PIECE.1)
        .header("upload-offset", "50")
        .body("x");
    let old = old.send().await.expect("an answer");
    assert_eq!(field(&old, "tus-version"), "1.0.0");
    assert_eq!(
        Problem::of(old).await,
        Problem::new(412, "precondition-failed", None)
    );
    let head = Client::new().head(server.url(&path)).send();
    let head = head.await.expect("an answer");
    assert_eq!(head.status(), StatusCode::PRECONDITION_FAILED);

    let no_piece = request(
        &server,
        "PATCH",
        &path,
        &[("upload-offset", "50"), ("content-type", "image/jpeg")],
        "x",
    );
    assert_eq!(
        Problem::of(no_piece.await).await,
        Problem::new(415, "unsupported-media-type", None)
    );
    for at in ["-1", "x", ""] {
        let nowhere = request(
            &server,
            "PATCH",
            &path,
            &[PIECE, ("upload-offset", at)],
            "x",
        )
        .await;
        assert_eq!(
            Problem::of(nowhere).await,
            Problem::new(400, "bad-request", None)
        );
    }
    let nowhere = request(&server, "PATCH", &path, &[PIECE], "x").await;
    assert_eq!(
        Problem::of(nowhere).await,
        Problem::new(400, "bad-request", None)
    );

    let too_much = patch(&server, &path, 50, vec![1; 51]).await;
    assert_eq!(
        Problem::of(too_much).await,
        Problem::new(413, "too-large", Some(100))
    );
    assert_eq!(offset(&server, &path).await, "50");

    for fields in [
        &[][..],
        &[("upload-length", "x")],
        &[("upload-length", "1"), ("upload-metadata", "a b!")],
    ] {
        let refused = request(&server, "POST", "/files", fields, "").await;
        assert_eq!(
            Problem::of(refused).await,
            Problem::new(400, "bad-request", None)
        );
    }
    for method in [Method::GET, Method::PATCH, Method::PUT] {
        let request = Client::new().request(method, server.url("/files")).send();
        let refused = request.await.expect("an answer");
        assert_eq!(
            Problem::of(refused).await,
            Problem::new(405, "method-not-allowed", None)
        );
    }
}

#[tokio::test]
async fn an_id_is_never_a_path() {
    let server = serve().await;
    let secret = server.state.config().data_dir.join("secret.data");
    std::fs::write(&secret, b"secret").expect("written");
    for id in [
        "..%2Fsecret",
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "%2e%2e%2fsecret",
        "..%5csecret",
        "0123456789abcdef0123456789abcdef%00",
        "0123456789ABCDEF0123456789ABCDEF",
        "0123456789abcdef0123456789abcdef",
    ] {
        for path in [
            format!("/api/images/{id}"),
            format!("/api/images/{id}/original"),
            format!("/api/images/{id}/preview"),
        ] {
            let answer = get(&server, &path).await;
            assert_eq!(
                Problem::of(answer).await,
                Problem::new(404, "not-found", None),
                "{path}"
            );
        }
        let path = format!("/files/{id}");
        for method in ["HEAD", "DELETE"] {
            let answer = request(&server, method, &path, &[], "").await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
        }
        assert_eq!(
            patch(&server, &path, 0, vec![1]).await.status(),
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(std::fs::read(secret).expect("still there"), b"secret");
}

#[tokio::test]
async fn a_removed_upload_is_gone() {
    let server = serve().await;
    let path = create(&server, 5).await;
    patch(&server, &path, 0, b"hello".to_vec()).await;
    let removed = request(&server, "DELETE", &path, &[], "").await;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    for method in ["HEAD", "DELETE"] {
        let answer = request(&server, method, &path, &[], "").await;
        assert_eq!(answer.status(), StatusCode::GONE);
    }
    let image = get(&server, &image_of(&path)).await;
    assert_eq!(Problem::of(image).await, Problem::new(410, "gone", None));
}

#[tokio::test]
async fn the_first_piece_may_come_with_the_creation_and_the_length_later() {
    let server = serve().await;
    let created = request(
        &server,
        "POST",
        "/files",
        &[PIECE, ("upload-defer-length", "1")],
        "hello ",
    )
    .await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(field(&created, "upload-offset"), "6");
    let path = field(&created, "location").to_owned();
    let head = request(&server, "HEAD", &path, &[], "").await;
    assert_eq!(field(&head, "upload-defer-length"), "1");
    assert_eq!(head.headers().get("upload-length"), None);
    let fields = [PIECE, ("upload-offset", "6"), ("upload-length", "11")];
    let last = request(&server, "PATCH", &path, &fields, "world").await;
    assert_eq!(last.status(), StatusCode::NO_CONTENT);
    let image: Value = get(&server, &image_of(&path))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(image["sha256"], json!(digest(b"hello world")));

    let empty = request(&server, "POST", "/files", &[("upload-length", "0")], "").await;
    let image = get(&server, &image_of(field(&empty, "location"))).await;
    assert_eq!(image.status(), StatusCode::OK);
}

#[tokio::test]
async fn post_may_stand_for_another_method() {
    let server = serve().await;
    let path = create(&server, 5).await;
    let meant = |method: &'static str| ("x-http-method-override", method);
    let fields = [PIECE, ("upload-offset", "0"), meant("PATCH")];
    let stored = request(&server, "POST", &path, &fields, "hello").await;
    assert_eq!(stored.status(), StatusCode::NO_CONTENT);
    let head = request(&server, "POST", &path, &[meant("HEAD")], "").await;
    assert_eq!(field(&head, "upload-offset"), "5");
    let none = request(&server, "POST", &path, &[], "").await;
    assert_eq!(
        Problem::of(none).await,
        Problem::new(405, "method-not-allowed", None)
    );
    let removed = request(&server, "POST", &path, &[meant("DELETE")], "").await;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        request(&server, "HEAD", &path, &[], "").await.status(),
        StatusCode::GONE
    );
}
