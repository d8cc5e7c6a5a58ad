//! tus 1.0.0 over the wire: checksums, concatenation, expiration, who may write, and a storage that fails.

#[path = "support/problem.rs"]
mod problem;
#[path = "support/tus.rs"]
mod tus;

use std::{io, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use problem::Problem;
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::{
    testing::{TestServer, serve, serve_over, serve_with},
    uploads::{Append, Content, Folder, Found, Record, Storage, UploadId},
};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tus::*;

const MISMATCH: fn() -> Problem = || Problem::new(460, "checksum-mismatch", None);

fn sha256(bytes: &[u8]) -> String {
    format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)))
}

async fn sha256_of_image(server: &TestServer, upload: &str) -> Value {
    let image = reqwest::get(server.url(&image_of(upload))).await;
    let image: Value = image.expect("an answer").json().await.expect("JSON");
    image["sha256"].clone()
}

fn hex(bytes: &[u8]) -> Value {
    let digest = Sha256::digest(bytes);
    json!(
        digest
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    )
}

#[tokio::test]
async fn a_piece_is_kept_only_if_its_checksum_is_right() {
    let server = serve().await;
    let path = create(&server, 11).await;
    let send = |at: &'static str, checksum: &'static str, bytes: &'static str| {
        let fields = [PIECE, ("upload-offset", at), ("upload-checksum", checksum)];
        let (server, path) = (&server, &path);
        async move { request(server, "PATCH", path, &fields, bytes).await }
    };
    for (checksum, bytes) in [
        ("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "hello "),
        ("crc32c AAAAAA==", "hello "),
        (
            "sha256 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "hello ",
        ),
    ] {
        let refused = send("0", checksum, bytes).await;
        assert_eq!(Problem::of(refused).await, MISMATCH());
        assert_eq!(offset(&server, &path).await, "0");
    }
    for wrong in [
        "md5 AAAAAAAAAAAAAAAAAAAAAA==",
        "sha1",
        "sha1 AA==",
        "crc32c x",
    ] {
        let refused = send("0", wrong, "hello ").await;
        assert_eq!(
            Problem::of(refused).await,
            Problem::new(400, "bad-request", None)
        );
    }
    // printf 'hello ' | openssl dgst -sha1 -binary | base64
    let stored = send("0", "sha1 xNhxrROtAP3pp7t/9+0lQ67FQkE=", "hello ").await;
    assert_eq!(stored.status(), StatusCode::NO_CONTENT);
    // crc32c("world") is 0x31aa814e.
    let stored = send("6", "crc32c MaqBTg==", "world").await;
    assert_eq!(stored.status(), StatusCode::NO_CONTENT);
    assert_eq!(field(&stored, "upload-offset"), "11");
    assert_eq!(sha256_of_image(&server, &path).await, hex(b"hello world"));
}

#[tokio::test]
async fn the_status_of_a_wrong_checksum_has_its_name() {
    let server = serve().await;
    let answer = server::testing::raw(
        &server,
        b"POST /files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTus-Resumable: 1.0.0\r\n\
          Upload-Length: 3\r\nUpload-Checksum: crc32c AAAAAA==\r\nContent-Length: 3\r\n\
          Content-Type: application/offset+octet-stream\r\n\r\nabc",
    )
    .await;
    assert!(answer.starts_with(b"HTTP/1.1 460 Checksum Mismatch\r\n"));
    assert_eq!(files(&server), [""; 0]);
}

#[tokio::test]
async fn a_checked_piece_that_breaks_off_leaves_nothing() {
    let server = serve().await;
    let path = create(&server, 10_000).await;
    let sum = sha256(&[7; 10_000]);
    let mut socket = TcpStream::connect(server.addr).await.expect("connects");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Upload-Checksum: {sum}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 10000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("sends");
    socket.write_all(&[7; 4_321]).await.expect("sends");
    stored(&server, &path, 4_321).await;
    drop(socket);
    assert_eq!(offset(&server, &path).await, "0");
    let fields = [PIECE, ("upload-offset", "0"), ("upload-checksum", &sum)];
    let stored = request(&server, "PATCH", &path, &fields, vec![7; 10_000]).await;
    assert_eq!(field(&stored, "upload-offset"), "10000");
}

#[tokio::test]
async fn whoever_asks_for_the_offset_stops_the_one_who_is_stuck() {
    let server = serve().await;
    let path = create(&server, 10_000).await;
    let mut old = TcpStream::connect(server.addr).await.expect("connects");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 10000\r\n\r\n"
    );
    old.write_all(head.as_bytes()).await.expect("sends");
    old.write_all(&[7; 4_321]).await.expect("sends");
    stored(&server, &path, 4_321).await;

    assert_eq!(offset(&server, &path).await, "4321");
    let mut answer = [0; 12];
    old.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 409");
    // What still comes on the old connection changes nothing.
    let _ = old.write_all(&[9; 1_000]).await;
    assert_eq!(offset(&server, &path).await, "4321");
    let rest = patch(&server, &path, 4_321, vec![8; 10_000 - 4_321]).await;
    assert_eq!(rest.status(), StatusCode::NO_CONTENT);
    let file = [vec![7; 4_321], vec![8; 10_000 - 4_321]].concat();
    assert_eq!(sha256_of_image(&server, &path).await, hex(&file));
}

async fn part(server: &TestServer, length: usize, bytes: Vec<u8>) -> String {
    let length = length.to_string();
    let fields = [
        PIECE,
        ("upload-length", &length),
        ("upload-concat", "partial"),
    ];
    let created = request(server, "POST", "/files", &fields, bytes).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    field(&created, "location").to_owned()
}

#[tokio::test]
async fn parts_are_joined() {
    let server = serve().await;
    let one = part(&server, 6, b"hello ".to_vec()).await;
    let two = part(&server, 5, b"wor".to_vec()).await;
    let head = request(&server, "HEAD", &two, &[], "").await;
    assert_eq!(field(&head, "upload-concat"), "partial");
    assert_eq!(field(&head, "upload-length"), "5");
    let concat = format!("final;{one} {}", server.url(&two));
    let fields = [
        ("upload-concat", concat.as_str()),
        ("upload-metadata", "filename YS5qcGc="),
    ];

    let early = request(&server, "POST", "/files", &fields, "").await;
    assert_eq!(
        Problem::of(early).await,
        Problem::new(409, "conflict", None)
    );
    patch(&server, &two, 3, b"ld".to_vec()).await;

    let joined = request(&server, "POST", "/files", &fields, "").await;
    assert_eq!(joined.status(), StatusCode::CREATED);
    let path = field(&joined, "location").to_owned();
    assert_eq!(sha256_of_image(&server, &path).await, hex(b"hello world"));
    let head = request(&server, "HEAD", &path, &[], "").await;
    assert_eq!(field(&head, "upload-concat"), concat);
    assert_eq!(field(&head, "upload-offset"), "11");
    assert_eq!(field(&head, "upload-length"), "11");
    assert_eq!(field(&head, "upload-metadata"), "filename YS5qcGc=");

    let more = patch(&server, &path, 11, b"!".to_vec()).await;
    assert_eq!(
        Problem::of(more).await,
        Problem::new(403, "forbidden", None)
    );
    let image = reqwest::get(server.url(&image_of(&one))).await;
    assert_eq!(
        Problem::of(image.expect("an answer")).await,
        Problem::new(404, "not-found", None)
    );
}

#[tokio::test]
async fn what_cannot_be_joined_is_said() {
    let server = serve().await;
    let whole = part(&server, 6, b"hello ".to_vec()).await;
    let no_part = create(&server, 0).await;
    for urls in [
        "",
        &no_part,
        &format!("{whole} {no_part}"),
        "/files/0123456789abcdef0123456789abcdef",
        "/files/..%2F..%2Fetc%2Fpasswd",
        &format!("{whole}/../../secret"),
        "file:///etc/passwd",
    ] {
        let concat = format!("final;{urls}");
        let refused = request(&server, "POST", "/files", &[("upload-concat", &concat)], "").await;
        assert_eq!(
            Problem::of(refused).await,
            Problem::new(400, "bad-request", None),
            "{concat}"
        );
    }
    let concat = format!("final;{whole}");
    let fields = [("upload-concat", concat.as_str()), ("upload-length", "6")];
    let refused = request(&server, "POST", "/files", &fields, "").await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(400, "bad-request", None)
    );
}

#[tokio::test]
async fn an_upload_ends_when_it_said_it_would() {
    let server = serve_with(|config| config.uploads.age = Duration::ZERO).await;
    let fields = [("upload-length", "10"), ("upload-concat", "partial")];
    let created = request(&server, "POST", "/files", &fields, "").await;
    // Its time is over at once: it is gone before it can be told of.
    assert_eq!(Problem::of(created).await, Problem::new(410, "gone", None));

    let server = serve_with(|config| config.uploads.age = Duration::from_secs(60)).await;
    let before = std::time::SystemTime::now();
    let created = request(&server, "POST", "/files", &fields, "").await;
    let expires = httpdate::parse_http_date(field(&created, "upload-expires")).expect("a date");
    let from_now = expires.duration_since(before).expect("later");
    assert!((58..=60).contains(&from_now.as_secs()), "{from_now:?}");
    let path = field(&created, "location").to_owned();
    let stored = patch(&server, &path, 0, vec![1; 10]).await;
    let head = request(&server, "HEAD", &path, &[], "").await;
    for answer in [stored, head] {
        // A part is not kept for ever, even when all of it is there.
        assert!(field(&answer, "upload-expires").ends_with(" GMT"));
    }
}

/// A folder on a disk that is full, or cannot be written.
#[derive(Debug)]
struct Broken(Folder, io::ErrorKind);

struct BrokenFile(io::ErrorKind);

impl io::Write for BrokenFile {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Append for BrokenFile {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Broken {
    fn load(&self) -> io::Result<Vec<Found>> {
        self.0.load()
    }
    fn create(&self, id: UploadId, record: &Record) -> io::Result<()> {
        match self.1 {
            io::ErrorKind::ReadOnlyFilesystem => Err(self.1.into()),
            _ => self.0.create(id, record),
        }
    }
    fn append(&self, _: UploadId, _: u64) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(BrokenFile(self.1)))
    }
    fn read(&self, id: UploadId) -> io::Result<Content> {
        self.0.read(id)
    }
    fn write_record(&self, id: UploadId, record: &Record) -> io::Result<()> {
        self.0.write_record(id, record)
    }
    fn write_preview(&self, id: UploadId, bytes: &[u8]) -> io::Result<()> {
        self.0.write_preview(id, bytes)
    }
    fn read_preview(&self, id: UploadId) -> io::Result<Content> {
        self.0.read_preview(id)
    }
    fn remove(&self, id: UploadId) -> io::Result<()> {
        self.0.remove(id)
    }
}

#[tokio::test]
async fn a_disk_that_is_full_or_read_only_is_507() {
    for kind in [
        io::ErrorKind::StorageFull,
        io::ErrorKind::ReadOnlyFilesystem,
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Folder::open(folder.path().to_owned()).expect("a folder");
        let server = serve_over(Arc::new(Broken(storage, kind))).await;
        let storage = || Problem::new(507, "storage", None);
        let sent = reqwest::Client::new()
            .post(server.url("/api/images"))
            .body("hello")
            .send();
        assert_eq!(Problem::of(sent.await.expect("an answer")).await, storage());
        let fields = [PIECE, ("upload-length", "5")];
        let created = request(&server, "POST", "/files", &fields, "hello").await;
        assert_eq!(Problem::of(created).await, storage());
        // Nothing is left of either, but for what makes the folder ours.
        let left = std::fs::read_dir(folder.path()).expect("the folder");
        assert_eq!(left.count(), 1);
        if kind == io::ErrorKind::StorageFull {
            let path = create(&server, 5).await;
            let refused = patch(&server, &path, 0, b"hello".to_vec()).await;
            assert_eq!(Problem::of(refused).await, storage());
            assert_eq!(offset(&server, &path).await, "0");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_lost_is_gone_and_the_others_are_there() {
    let server = serve().await;
    let lost = create(&server, 10).await;
    let kept = create(&server, 10).await;
    for path in [&lost, &kept] {
        patch(&server, path, 0, vec![1; 5]).await;
    }
    let id = lost.trim_start_matches("/files/");
    let uploads = server.state.config().data_dir.join("uploads");
    std::fs::remove_file(uploads.join(format!("{id}.data"))).expect("removed");
    let head = request(&server, "HEAD", &lost, &[], "").await;
    assert_eq!(head.status(), StatusCode::GONE);
    let more = patch(&server, &lost, 5, vec![1; 5]).await;
    assert_eq!(Problem::of(more).await, Problem::new(410, "gone", None));
    let rest = patch(&server, &kept, 5, vec![1; 5]).await;
    assert_eq!(rest.status(), StatusCode::NO_CONTENT);
    assert_eq!(sha256_of_image(&server, &kept).await, hex(&[1; 10]));
}
