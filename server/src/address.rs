//! Which address a peer counts under, for the caps per address.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};

use crate::AppState;

/// The address that a request's sender counts under; `None` where the caps per address do not apply: on loopback, unless
/// the server was told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted(pub Option<IpAddr>);

impl FromRequestParts<AppState> for Counted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.map(|ConnectInfo(peer)| counted_as(peer.ip()));
        let limit_loopback = app.config().limits.limit_loopback;
        Ok(Counted(address.filter(|address| {
            limit_loopback || !address.is_loopback()
        })))
    }
}

/// The address that a peer counts under: an IPv4 address within IPv6 is that IPv4 address, and of an IPv6 address only
/// the network counts (/64), as one host has all of it.
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_address() {
        assert_eq!(
            counted_as("2001:db8::1".parse().expect("v6")),
            counted_as("2001:db8::ffff".parse().expect("v6"))
        );
        assert_ne!(
            counted_as("2001:db8:0:1::1".parse().expect("v6")),
            counted_as("2001:db8::1".parse().expect("v6"))
        );
    }
}
