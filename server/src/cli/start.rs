//! Taking the port, and saying where the server is.

use std::{
    io::{self, IsTerminal, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use fast_qr::QRBuilder;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections the kernel holds until they are accepted: a class opens the page at once.
const BACKLOG: i32 = 4_096;

/// Why the server cannot listen: what happened, why, what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program has the port.
    #[error(
        "Port {port} is taken: another program listens on {address}, perhaps another Roundtrip.\n\
         Stop that program, or choose another port: --listen {ip}:{next}, or --listen {ip}:0 for any free one.",
        port = .address.port(), ip = bracketed(.address.ip()), next = .address.port().saturating_add(1),
    )]
    Taken {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system does not give this port to this user.
    #[error(
        "This user may not listen on {address}: ports below 1024 are kept for administrators.\n\
         Choose a higher port: --listen {ip}:3000.",
        ip = bracketed(.address.ip()),
    )]
    Denied {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address is not one of this machine's.
    #[error(
        "{address} is not an address of this machine.\n\
         Choose one that is: --listen 127.0.0.1:{port} for this machine only, or --lan for all of its addresses.",
        port = .address.port(),
    )]
    NotHere {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Something else.
    #[error("The server cannot listen on {address}: {cause}.")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
}

/// An address as it stands before a port.
fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Takes the port. `[::]` takes IPv4 too, and becomes `0.0.0.0` where the system has no IPv6. Must be called within a
/// tokio runtime.
pub fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let any_v6 = address.is_ipv6() && address.ip().is_unspecified();
    let fallback = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    bind(address)
        .or_else(|cause| {
            let no_ipv6 = matches!(
                cause.kind(),
                io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable
            ) || cause.raw_os_error() == Some(EAFNOSUPPORT);
            if any_v6 && no_ipv6 {
                bind(fallback)
            } else {
                Err(cause)
            }
        })
        .map_err(|cause| match cause.kind() {
            io::ErrorKind::AddrInUse => StartError::Taken { address },
            io::ErrorKind::PermissionDenied => StartError::Denied { address },
            io::ErrorKind::AddrNotAvailable => StartError::NotHere { address },
            _ => StartError::Other { address, cause },
        })
}

/// "Address family not supported", for which the standard library has no name of its own.
#[cfg(target_os = "linux")]
const EAFNOSUPPORT: i32 = libc::EAFNOSUPPORT;
#[cfg(not(target_os = "linux"))]
const EAFNOSUPPORT: i32 = i32::MIN;

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // On Unix this lets a restarted server have its port back at once; on Windows it would mean something else.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// Prints where the server is to be found, on standard output: its address first, on a line that programs may read.
/// Where it listens on all addresses, each of them and a QR code follow.
pub fn announce(listening: SocketAddr, data_dir: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let port = listening.port();
    let all = listening.ip().is_unspecified();
    let local = if all {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        listening.ip()
    };
    writeln!(out, "Roundtrip listens on {}", url(local, port))?;
    if all {
        let others = other_addresses();
        for ip in &others {
            writeln!(out, "  and on {}", url(*ip, port))?;
        }
        match others.first() {
            Some(ip) => {
                writeln!(out, "\n{}\n", qr(&url(*ip, port), out.is_terminal()))?;
                writeln!(out, "The code above leads to {}", url(*ip, port))?;
            }
            None => writeln!(
                out,
                "This machine has no other address: is it connected to a network?"
            )?,
        }
    }
    writeln!(out, "Uploads are kept in {}", data_dir.display())?;
    writeln!(out, "Stop with Ctrl-C")?;
    out.flush()
}

fn url(ip: IpAddr, port: u16) -> String {
    format!("http://{}:{port}", bracketed(ip))
}

/// This machine's addresses as others see them: IPv4 first, because they are easier to type. Link-local IPv6 is left
/// out: its zone is a different one on each machine.
fn other_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|cause| {
        tracing::warn!(%cause, "the machine's addresses cannot be listed");
        Vec::new()
    });
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    addresses.sort_by_key(|ip| ip.is_ipv6());
    addresses.dedup();
    addresses
}

/// The URL as a QR code of half blocks, light on dark: in colours of its own where a terminal shows them, so that it
/// can be read whatever the terminal's colours are.
fn qr(url: &str, colours: bool) -> String {
    let Ok(code) = QRBuilder::new(url).build() else {
        return url.to_owned();
    };
    // The standard asks for four light modules around the code; the drawing brings one.
    let full = |count: usize| "\u{2588}".repeat(count);
    let drawn = code.to_str();
    let empty = full(drawn.lines().next().map_or(0, |line| line.chars().count()));
    let around = [empty.as_str(), empty.as_str()];
    // The first line's upper half is dark: the rows above it make it needless.
    let rows = around
        .into_iter()
        .chain(drawn.lines().skip(1))
        .chain(around);
    let lines: Vec<String> = rows
        .map(|row| {
            let line = format!("{edge}{row}{edge}", edge = full(3));
            if colours {
                format!("  \x1b[97;40m{line}\x1b[0m")
            } else {
                format!("  {line}")
            }
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_says_what_happened_and_what_to_do() {
        let first = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = first.local_addr().expect("bound");
        let said = listen(address).expect_err("taken").to_string();
        let port = address.port();
        assert!(said.starts_with(&format!("Port {port} is taken")), "{said}");
        assert!(said.contains("--listen 127.0.0.1:0"), "{said}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named_as_such() {
        // 198.51.100.0/24 is kept for documentation (RFC 5737).
        let said = listen(SocketAddr::from(([198, 51, 100, 77], 0)))
            .expect_err("not here")
            .to_string();
        assert!(said.contains("not an address of this machine"), "{said}");
    }

    #[tokio::test]
    async fn all_addresses_take_ipv4_too() {
        let any = "[::]:0".parse().expect("an address");
        let listener = listen(any).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (connected, accepted) = tokio::join!(
            tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)),
            listener.accept()
        );
        connected.expect("connects");
        accepted.expect("is accepted");
    }

    #[test]
    fn a_code_has_a_quiet_edge_and_even_lines() {
        let code = qr("http://192.168.1.20:3000", false);
        let widths: Vec<usize> = code.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{code}");
        assert!(widths.len() > 12);
    }

    #[test]
    fn an_ipv6_url_has_brackets() {
        assert_eq!(
            url("::1".parse().expect("an address"), 80),
            "http://[::1]:80"
        );
    }
}
