//! Caps per address: which address a peer counts under, and how many of something there are from each.

use std::{
    collections::{HashMap, hash_map::Entry},
    convert::Infallible,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use axum::{extract::FromRequestParts, http::request::Parts};
use parking_lot::Mutex;

use crate::{AppState, connection::Arrival};

/// The address that a request's sender counts under; `None` where the caps per address do not apply: on loopback, unless
/// the server was told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted(pub Option<IpAddr>);

impl FromRequestParts<AppState> for Counted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        let limit_loopback = app.config().limits.limit_loopback;
        let arrival = parts.extensions.get::<Arrival>();
        Ok(Counted(arrival.and_then(|arrival| {
            counted(arrival.peer.ip(), limit_loopback)
        })))
    }
}

/// The address that a peer counts under; `None` where the caps per address do not apply to it.
pub fn counted(peer: IpAddr, limit_loopback: bool) -> Option<IpAddr> {
    let address = counted_as(peer);
    (limit_loopback || !address.is_loopback()).then_some(address)
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

/// How many of something there are from each address.
#[derive(Debug, Default)]
pub struct PerAddress {
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one of them. It is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    held: Option<(Arc<PerAddress>, IpAddr)>,
}

impl PerAddress {
    /// A place for one more, unless there are `most` from this address already. Without an address it is not counted.
    pub fn take(self: &Arc<Self>, address: Option<IpAddr>, most: usize) -> Option<Place> {
        let Some(address) = address else {
            return Some(Place { held: None });
        };
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        let held = Some((self.clone(), address));
        Some(Place { held })
    }
}

impl Place {
    /// Are there `most` from the place's address?
    pub fn is_one_of(&self, most: usize) -> bool {
        self.held.as_ref().is_some_and(|(of, address)| {
            let counts = of.counts.lock();
            counts.get(address).is_some_and(|count| *count >= most)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((of, address)) = &self.held
            && let Entry::Occupied(mut count) = of.counts.lock().entry(*address)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_and_nothing_is_remembered() {
        let per_address = Arc::new(PerAddress::default());
        let (one, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        let first = per_address.take(one, 2);
        let second = per_address.take(one, 2);
        assert!(first.is_some() && second.is_some());
        assert!(per_address.take(one, 2).is_none(), "one past it");
        assert!(per_address.take(other, 2).is_some());
        assert!(per_address.take(None, 0).is_some());
        drop(first);
        assert!(per_address.take(one, 2).is_some());
        drop(second);
        assert!(per_address.counts.lock().is_empty());
    }

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
