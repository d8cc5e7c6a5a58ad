//! A server on port 0 for tests, over real sockets.

use std::net::SocketAddr;

use tokio::{net::TcpListener, sync::oneshot};

use crate::{AppState, Config, connection};

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
    let state = AppState::new(config).expect("storage opens");
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
