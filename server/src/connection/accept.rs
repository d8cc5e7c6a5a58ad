//! The accept loop: each connection is handed to HTTP through the tap.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tower::Service;

use super::{
    admission::{Admitted, Connections, FromProbe, Refused},
    again::Again,
    exchange::Arrival,
    refusal, system,
    tap::{Shared, Tap},
};
use crate::{AppState, config::ConnectionLimits};

/// After a failed accept the loop rests this long: mostly no file descriptor is free, and some will be.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// A refused peer is given this long to read why, and so many of them at once.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
const REFUSALS: usize = 256;
/// How long a connection is silent before the kernel asks whether the peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// When a refused peer may come again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// File descriptors that are not for connections.
const OTHER_FILES: u64 = 256;
/// hyper's buffers for one connection hold at least this much, in bytes.
const BUFFER_BYTES: usize = 128 * 1024;

/// Serves until `shutdown` resolves, then drains: no connection is accepted any more, what is under way may end.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = crate::app(state.clone());
    serve_routes(listener, state, router, shutdown).await
}

/// The same with these routes.
pub(super) async fn serve_routes(
    listener: TcpListener,
    state: AppState,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let connections = state.connections().clone();
    connections.listens_at(listener.local_addr()?);
    tell_open_files(connections.limits());
    let server = Arc::new(Server {
        http: http(connections.limits()),
        router,
        state,
        refusals: Semaphore::new(REFUSALS),
    });
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => server.clone().take(socket, peer),
            // The peer was gone before we came to it.
            Err(error) if is_peers_fault(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections now");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    connections.stop();
    server.state.stopping().cancel();
    let drain = connections.limits().drain;
    if timeout(drain, connections.all_closed()).await.is_err() {
        let open = connections.open();
        tracing::info!(
            open,
            "connections were still open at the end of the drain time"
        );
    }
    Ok(())
}

/// What every connection needs.
struct Server {
    http: http1::Builder,
    router: Router,
    state: AppState,
    refusals: Semaphore,
}

impl Server {
    fn connections(&self) -> &Connections {
        self.state.connections()
    }

    fn take(self: Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        match self.connections().admit(peer) {
            Ok(admitted) => self.serve(socket, peer, admitted),
            Err(refused) => self.refuse(socket, refused),
        }
    }

    fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, admitted: Admitted) {
        let limits = self.connections().limits().clone();
        prepare(&socket, &limits);
        if limits.without_tap {
            tokio::spawn(async move {
                self.run(socket, peer, None, None).await;
                drop(admitted);
            });
            return;
        }
        let expected = self.connections().expected(peer);
        let from_probe = expected.as_ref().map(|_| FromProbe);
        let recorder = self.state.recorder().clone();
        let tap = Tap::new(socket, admitted, expected.flatten(), limits, recorder);
        let shared = tap.shared().clone();
        tokio::spawn(async move {
            let left = self.run(tap, peer, Some(shared), from_probe).await;
            self.connections().is_done_with_one();
            if let Some(stream) = left.and_then(Tap::into_stream) {
                self.connections().streams().take(stream);
            }
        });
    }

    /// Serves one connection to its end, or until it is upgraded to something else. What is left is a socket that is
    /// taken over in the middle of a response.
    async fn run<S>(
        &self,
        socket: S,
        peer: SocketAddr,
        shared: Option<Arc<Shared>>,
        from_probe: Option<FromProbe>,
    ) -> Option<S>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            let tap = shared.clone();
            request.extensions_mut().insert(Arrival { peer, tap });
            if let Some(from_probe) = from_probe {
                request.extensions_mut().insert(from_probe);
            }
            self.router.clone().call(request)
        });
        let mut connection = self
            .http
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let mut stopping = pin!(self.state.stopping().cancelled());
        let (mut listening, mut told) = (false, false);
        let again = Again::new();
        let served = std::future::poll_fn(|cx| {
            // All connections share the token, and asking it takes a lock: it wakes this task once, a flag says the rest.
            if !listening {
                listening = true;
                let _ = stopping.as_mut().poll(cx);
            }
            if self.connections().is_stopping() && !told {
                told = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            match again.poll(cx, |cx| Pin::new(&mut connection).poll(cx)) {
                Poll::Ready(served) => Poll::Ready(Some(served)),
                Poll::Pending if shared.as_ref().is_some_and(|it| it.is_taken_over()) => {
                    Poll::Ready(None)
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        match served {
            // hyper has written all that it had, or the head would not be out.
            None => connection.into_parts().map(|parts| parts.io.into_inner()),
            Some(Ok(())) => None,
            Some(Err(error)) => {
                // A peer that leaves or sends nonsense is nothing to report above this level.
                tracing::debug!(%error, "a connection ended early");
                None
            }
        }
    }

    /// Says why in a few bytes, which fit into any send buffer, and closes.
    fn refuse(self: Arc<Self>, mut socket: TcpStream, refused: Refused) {
        let problem = match refused {
            Refused::InAll(limit) => refusal::too_many_connections("Connections", limit),
            Refused::FromAddress(limit) => {
                refusal::too_many_connections("Connections from your address", limit)
            }
        };
        tokio::spawn(async move {
            let Ok(_place) = self.refusals.try_acquire() else {
                return;
            };
            let answer = refusal::response(&problem, Some(RETRY_AFTER));
            let told = async {
                socket.write_all(&answer).await?;
                socket.shutdown().await?;
                // Until the peer has read it and closes: closing over its unread request would reset the connection.
                let mut rest = [0; 1024];
                while socket.read(&mut rest).await? > 0 {}
                io::Result::Ok(())
            };
            // Whether it was read in time or not: there is nothing more to do for this peer.
            let _ = timeout(REFUSAL_TIME, told).await;
        });
    }
}

/// How hyper reads and writes.
fn http(limits: &ConnectionLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.max_header_size(limits.head_bytes)
        .max_buf_size(BUFFER_BYTES.max(limits.head_bytes + 8 * 1024));
    if limits.head_fields != ConnectionLimits::default().head_fields {
        // hyper's own default is the same count, and costs no allocation.
        http.max_headers(limits.head_fields);
    }
    if limits.without_tap {
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head);
    } else {
        http.header_read_timeout(None);
    }
    http
}

/// Small messages go out at once, and a peer that acknowledges nothing is given up by the kernel too; so is one that has
/// gone without a word from a stream that is silent.
fn prepare(socket: &TcpStream, limits: &ConnectionLimits) {
    let options = [
        socket.set_nodelay(true),
        socket2::SockRef::from(socket)
            .set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE)),
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(socket).set_tcp_user_timeout(Some(limits.write_stall)),
    ];
    for error in options.into_iter().filter_map(Result::err) {
        // The peer is gone already: serving it will find out.
        tracing::debug!(%error, "a socket option could not be set");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = limits;
}

fn is_peers_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// A cap that the system's own undercuts is said so, once.
fn tell_open_files(limits: &ConnectionLimits) {
    if let Some(files) = system::raise_open_files() {
        let needed = limits.connections as u64 + OTHER_FILES;
        if files < needed {
            tracing::warn!(
                files,
                needed,
                "the system lets this process open fewer files than --connections needs"
            );
        }
    }
}
