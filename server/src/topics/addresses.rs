//! How many subscribers there are from one address, over all topics and transports.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;

use super::Error;

/// The subscribers of each address that is counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One subscriber's place. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// A place for one more subscriber from this address; where none is counted, it needs none.
    pub(super) fn admit(
        &self,
        address: Option<IpAddr>,
        limit: usize,
    ) -> Result<Option<Place>, Error> {
        let Some(address) = address else {
            return Ok(None);
        };
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_default();
        if *count >= limit {
            return Err(Error::TooManyFromAddress(limit));
        }
        *count += 1;
        drop(counts);
        Ok(Some(Place {
            addresses: self.clone(),
            address,
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.addresses.counts.lock().entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
