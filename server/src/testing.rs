//! A server on port 0 for tests, over real sockets.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use axum::http::{HeaderName, HeaderValue};

use crate::{
    AppState, Config, connection,
    labs::image_upload,
    uploads::{self, Picture, SharedStorage, Uploads},
};

/// A running server. It stops when this is dropped; its data folder goes with it.
pub struct TestServer {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What its handlers reach.
    pub state: AppState,
    stop: Option<oneshot::Sender<()>>,
    _data: tempfile::TempDir,
}

impl TestServer {
    /// `http://127.0.0.1:PORT` followed by `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// `ws://127.0.0.1:PORT` followed by `path`.
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.addr)
    }

    /// Begins to stop, as on SIGTERM.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }
}

/// Serves with default settings.
pub async fn serve() -> TestServer {
    serve_with(|_| {}).await
}

/// Serves with settings changed by `change`.
pub async fn serve_with(change: impl FnOnce(&mut Config)) -> TestServer {
    let state = |config| AppState::new(config).expect("storage opens");
    serve_state(change, state).await
}

/// Serves with the uploads in this storage.
pub async fn serve_over(storage: SharedStorage) -> TestServer {
    let state = |config: Config| {
        let uploads = Uploads::over(storage, config.uploads.clone(), Arc::new(SystemTime::now));
        AppState::with_uploads(config, uploads.expect("it loads")).expect("storage opens")
    };
    serve_state(|_| {}, state).await
}

async fn serve_state(
    change: impl FnOnce(&mut Config),
    state: impl FnOnce(Config) -> AppState,
) -> TestServer {
    let data = tempfile::tempdir().expect("a temporary folder");
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let addr = listener
        .local_addr()
        .expect("a bound listener has an address");
    let mut config = Config {
        listen: addr,
        data_dir: data.path().to_owned(),
        ..Config::default()
    };
    change(&mut config);
    let state = state(config);
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(connection::serve(listener, state.clone(), async {
        let _ = stopped.await;
    }));
    TestServer {
        addr,
        state,
        stop: Some(stop),
        _data: data,
    }
}

/// Sends exactly these bytes and returns all that comes until the server closes the connection. A server may close it
/// before it has read everything: what it answered first is returned.
pub async fn raw(server: &TestServer, request: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(server.addr)
        .await
        .expect("the server accepts");
    let (mut reader, mut writer) = socket.split();
    let mut answer = Vec::new();
    let read = async {
        let mut piece = [0; 64 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut piece).await {
            answer.extend_from_slice(&piece[..count]);
        }
    };
    let (_, ()) = tokio::join!(writer.write_all(request), read);
    answer
}

/// Reads the header fields of tus, one a line, as those of a request are read. Whatever they are, they are read or refused.
pub fn read_tus_fields(lines: &[u8]) -> bool {
    let fields = lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
        Some((name, value))
    });
    image_upload::reads(&fields.collect())
}

/// Decodes what may be a picture, as an upload is decoded.
pub fn decode_picture(bytes: Vec<u8>) -> Picture {
    uploads::decode_bytes(bytes)
}
