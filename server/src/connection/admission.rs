//! Who may connect: caps on connections, in all and from one address; and what is known about those that are open.

use std::{
    collections::HashMap,
    future::poll_fn,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Context;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::{
    limits::{FAULTY_EXCHANGES_MAX, FAULTY_EXCHANGES_PER_ADDRESS_MAX, PROBES_MAX},
    trace::SpanId,
};

use super::{open::OpenCount, settling::Settling, streams::Streams};
use crate::{
    address::{PerAddress, Place, counted},
    config::ConnectionLimits,
    trace::RunHandle,
};

/// The connections of one server. Cloning it costs one reference count.
#[derive(Clone)]
pub struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    limits: Arc<ConnectionLimits>,
    /// Where this server listens, once it does.
    local: OnceLock<SocketAddr>,
    numbered: AtomicU64,
    open: OpenCount,
    per_address: Arc<PerAddress>,
    /// Connections that the probe will make from these addresses, and the run that each belongs to.
    expected: Mutex<HashMap<SocketAddr, Option<(RunHandle, SpanId)>>>,
    probes: Semaphore,
    /// Places for exchanges that ask for faults: what they hold in memory is bounded.
    faulty: Arc<Semaphore>,
    faulty_per_address: Arc<PerAddress>,
    stopping: AtomicBool,
    /// Responses that do not end.
    streams: Arc<Streams>,
    settling: Arc<Settling>,
}

/// Why a connection, or an exchange with faults, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are as many as there may be.
    InAll(usize),
    /// There are as many from this address as there may be from one.
    FromAddress(usize),
}

/// The place of one connection. It is free again when this is dropped.
pub(super) struct Admitted {
    connections: Connections,
    connection: u64,
    of_address: Option<Place>,
}

/// The place of one exchange with faults. It is free again when this is dropped.
pub(super) struct FaultPlace {
    _in_all: OwnedSemaphorePermit,
    _of_address: Place,
}

/// A request that came over one of the probe's own connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct FromProbe;

/// The promise that a connection from this address is the probe's, as long as this lives.
pub(super) struct Expected {
    connections: Connections,
    from: SocketAddr,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Connections {
        Connections {
            inner: Arc::new(Inner {
                limits: Arc::new(limits),
                local: OnceLock::new(),
                numbered: AtomicU64::new(0),
                open: OpenCount::default(),
                per_address: Arc::default(),
                expected: Mutex::default(),
                probes: Semaphore::new(PROBES_MAX),
                faulty: Arc::new(Semaphore::new(FAULTY_EXCHANGES_MAX)),
                faulty_per_address: Arc::default(),
                stopping: AtomicBool::new(false),
                streams: Arc::default(),
                settling: Arc::default(),
            }),
        }
    }

    pub(super) fn limits(&self) -> &Arc<ConnectionLimits> {
        &self.inner.limits
    }

    /// Where this server listens; none before it does.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        self.inner.local.get().copied()
    }

    /// Where this server can be reached from itself.
    ///
    /// # Errors
    /// Before it listens.
    pub fn own_address(&self) -> anyhow::Result<SocketAddr> {
        let address = self.local_address();
        let mut address = address.context("the server does not know where it listens")?;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        Ok(address)
    }

    pub(super) fn listens_at(&self, address: SocketAddr) {
        // A second listener of the same state would answer the same: the first one's address serves.
        let _ = self.inner.local.set(address);
    }

    /// A place for an exchange with faults that `peer` asks for, if there is one left.
    pub(super) fn place_for_faults(&self, peer: Option<SocketAddr>) -> Result<FaultPlace, Refused> {
        let inner = &self.inner;
        let address = peer.and_then(|peer| counted(peer.ip(), inner.limits.limit_loopback));
        let most = FAULTY_EXCHANGES_PER_ADDRESS_MAX;
        let of_address = inner.faulty_per_address.take(address, most);
        let in_all = inner.faulty.clone().try_acquire_owned();
        Ok(FaultPlace {
            _of_address: of_address.ok_or(Refused::FromAddress(most))?,
            _in_all: in_all.map_err(|_| Refused::InAll(FAULTY_EXCHANGES_MAX))?,
        })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.inner.open.get()
    }

    /// A place for a connection from `peer`, and its number.
    pub(super) fn admit(&self, peer: SocketAddr) -> Result<Admitted, Refused> {
        let limits = &self.inner.limits;
        if !self.inner.open.enter(limits.connections) {
            return Err(Refused::InAll(limits.connections));
        }
        let mut admitted = Admitted {
            connections: self.clone(),
            connection: self.inner.numbered.fetch_add(1, Relaxed) + 1,
            of_address: None,
        };
        let most = limits.connections_per_address;
        let address = counted(peer.ip(), limits.limit_loopback);
        match self.inner.per_address.take(address, most) {
            None => Err(Refused::FromAddress(most)),
            place => {
                admitted.of_address = place;
                Ok(admitted)
            }
        }
    }

    /// A connection that will come from `from` is the probe's. With a run, its bytes belong there from the first one on;
    /// its first request is that exchange.
    pub(super) fn expect(&self, from: SocketAddr, run: Option<(RunHandle, SpanId)>) -> Expected {
        self.inner.expected.lock().insert(from, run);
        Expected {
            connections: self.clone(),
            from,
        }
    }

    /// Is the connection from `peer` the probe's, and whose run is it in?
    pub(super) fn expected(&self, peer: SocketAddr) -> Option<Option<(RunHandle, SpanId)>> {
        self.inner.expected.lock().get(&peer).cloned()
    }

    /// A place for one probe.
    pub(super) fn probes(&self) -> &Semaphore {
        &self.inner.probes
    }

    /// Responses that do not end.
    pub(super) fn streams(&self) -> &Arc<Streams> {
        &self.inner.streams
    }

    /// HTTP is done with a connection.
    pub(super) fn is_done_with_one(&self) {
        self.inner.settling.one_more();
    }

    pub(super) fn stop(&self) {
        self.inner.stopping.store(true, Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Relaxed)
    }

    /// Waits until no connection is open: one task at a time.
    pub(super) async fn all_closed(&self) {
        poll_fn(|cx| self.inner.open.poll_none(cx)).await;
    }
}

impl Admitted {
    pub(super) fn connection(&self) -> u64 {
        self.connection
    }

    pub(super) fn streams(&self) -> &Arc<Streams> {
        self.connections.streams()
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let inner = &self.connections.inner;
        // Before the count in all: once that is down, a peer may come again.
        drop(self.of_address.take());
        inner.open.leave();
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.connections.inner.expected.lock().remove(&self.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(limit_loopback: bool) -> Connections {
        Connections::new(ConnectionLimits {
            connections: 3,
            connections_per_address: 2,
            limit_loopback,
            ..ConnectionLimits::default()
        })
    }

    fn from(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().expect("an address"), 1)
    }

    #[test]
    fn one_address_gets_as_many_as_it_may_and_no_more() {
        let connections = connections(false);
        let _first = connections.admit(from("192.0.2.1")).ok();
        let second = connections.admit(from("::ffff:192.0.2.1")).ok();
        let third = connections.admit(from("192.0.2.1")).err();
        assert_eq!(third, Some(Refused::FromAddress(2)));
        assert!(connections.admit(from("192.0.2.2")).is_ok());
        drop(second);
        assert!(connections.admit(from("192.0.2.1")).is_ok());
    }

    #[test]
    fn the_cap_in_all_holds_for_everybody() {
        let connections = connections(false);
        let places: Vec<_> = (0..3)
            .map(|_| connections.admit(from("127.0.0.1")))
            .collect();
        assert!(places.iter().all(Result::is_ok));
        let refused = connections.admit(from("127.0.0.1")).err();
        assert_eq!(refused, Some(Refused::InAll(3)));
        assert_eq!(connections.open(), 3);
        drop(places);
        assert_eq!(connections.open(), 0);
    }

    #[test]
    fn loopback_counts_where_it_is_told_to() {
        let connections = connections(true);
        let _places = [
            connections.admit(from("::1")),
            connections.admit(from("::1")),
        ];
        let refused = connections.admit(from("::1")).err();
        assert_eq!(refused, Some(Refused::FromAddress(2)));
    }
}
