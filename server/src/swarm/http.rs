//! The swarm's client: one connection, one request after the other.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1::{Builder, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// How much of an answer is read at once: a subscriber costs little.
const READ_BYTES: usize = 16 * 1024;
/// The largest answer that is read as a whole: a page of messages, and a little more.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);

/// Which server, and by which name.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it is.
    pub at: SocketAddr,
    /// What `Host` says.
    pub authority: String,
}

impl Server {
    /// A TCP connection to it.
    pub(super) async fn connect(&self) -> anyhow::Result<TcpStream> {
        let connecting = timeout(CONNECT, TcpStream::connect(self.at)).await;
        let stream = connecting.context("took too long")??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// An HTTP/1.1 connection to it.
    pub(super) async fn open(&self) -> anyhow::Result<Connection> {
        let stream = TokioIo::new(self.connect().await?);
        let (sender, connection) = Builder::new()
            .max_buf_size(READ_BYTES)
            .handshake(stream)
            .await?;
        // It ends when its sender and the body under way are dropped.
        tokio::spawn(connection);
        Ok(Connection {
            sender,
            authority: self.authority.clone(),
        })
    }
}

/// An open connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Connection {
    /// Asks, and gives the head of the answer if it is what was expected.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
        content_type: &str,
    ) -> anyhow::Result<Response<Incoming>> {
        self.sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(body.into()))?;
        let answer = self.sender.send_request(request).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => Ok(answer),
            status => {
                let problem = whole(answer).await.unwrap_or_default();
                let problem: Option<wire::Problem> = serde_json::from_slice(&problem).ok();
                let detail = problem.and_then(|problem| problem.detail);
                bail!("{status}: {}", detail.unwrap_or_default())
            }
        }
    }

    /// Asks for what stands there.
    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<Response<Incoming>> {
        self.ask(Method::GET, path, Bytes::new(), "text/plain")
            .await
    }
}

/// The whole answer.
pub(super) async fn whole(answer: Response<Incoming>) -> anyhow::Result<Bytes> {
    let body = Limited::new(answer.into_body(), ANSWER_BYTES);
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(cause) => bail!("the answer broke off: {cause}"),
    }
}
