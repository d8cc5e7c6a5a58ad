//! What only the operating system knows: a connection's TCP figures, how many files this process may open.
//!
//! This is the one module of the server with `unsafe` code; each use is one system call. Elsewhere than on Linux it knows nothing and
//! says so by `None`.

use std::time::Duration;

/// What the kernel knows about one TCP connection (`TCP_INFO`, `tcp(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TcpInfo {
    /// The smoothed round-trip time, `tcpi_rtt`.
    pub rtt: Duration,
    /// How many bytes were handed over and not yet sent, `tcpi_notsent_bytes`.
    pub notsent_bytes: u32,
}

/// A socket's descriptor; nothing where there are none.
#[cfg(unix)]
pub(super) type Descriptor = std::os::fd::RawFd;
#[cfg(not(unix))]
pub(super) type Descriptor = ();

/// The descriptor of `socket`.
pub(super) fn descriptor(socket: &tokio::net::TcpStream) -> Descriptor {
    #[cfg(unix)]
    {
        std::os::fd::AsRawFd::as_raw_fd(socket)
    }
    #[cfg(not(unix))]
    {
        let _ = socket;
    }
}

/// The TCP figures of the connection behind `socket`; `None` where the system does not offer them.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "getsockopt fills a plain struct of the size that it is told"
)]
pub(super) fn tcp_info(socket: Descriptor) -> Option<TcpInfo> {
    // SAFETY: `tcp_info` is integers only, for which all zero bits are a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
    // SAFETY: both pointers point to locals that outlive the call, and `length` is the size of the first. A descriptor
    // that is no TCP socket makes the call fail.
    let result = unsafe {
        libc::getsockopt(
            socket,
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    // An old kernel knows fewer fields and fills less; what we read has been there since Linux 4.6.
    let filled = usize::try_from(length).ok()?;
    let needed = std::mem::offset_of!(libc::tcp_info, tcpi_notsent_bytes) + size_of::<u32>();
    (result == 0 && filled >= needed).then(|| TcpInfo {
        rtt: Duration::from_micros(info.tcpi_rtt.into()),
        notsent_bytes: info.tcpi_notsent_bytes,
    })
}

/// The TCP figures of the connection behind `socket`; `None` where the system does not offer them.
#[cfg(not(target_os = "linux"))]
pub(super) fn tcp_info(_socket: Descriptor) -> Option<TcpInfo> {
    None
}

/// Raises the number of files this process may open to what the system grants at most, and returns it: the usual 1,024
/// would be a lower cap on connections than any that was asked for.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "getrlimit and setrlimit read and write a plain struct"
)]
pub(super) fn raise_open_files() -> Option<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to a local of the type that the call fills.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return None;
    }
    let before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the pointer is to a local of the type that the call reads.
    let raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0;
    Some(if raised { limit.rlim_cur } else { before })
}

/// Raises nothing and knows nothing.
#[cfg(not(target_os = "linux"))]
pub(super) fn raise_open_files() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream, UdpSocket};

    #[tokio::test]
    async fn a_tcp_connection_has_a_round_trip_time() {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        client.expect("connects");
        let (server, _) = server.expect("accepts");
        let info = tcp_info(descriptor(&server)).expect("Linux tells");
        assert!(info.rtt > Duration::ZERO);
        assert_eq!(info.notsent_bytes, 0);
    }

    #[tokio::test]
    async fn what_is_no_tcp_connection_has_none() {
        let socket = UdpSocket::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        assert_eq!(tcp_info(std::os::fd::AsRawFd::as_raw_fd(&socket)), None);
        assert_eq!(tcp_info(-1), None);
    }

    #[test]
    fn files_can_be_opened() {
        assert!(raise_open_files().is_some_and(|files| files >= 256));
    }
}
