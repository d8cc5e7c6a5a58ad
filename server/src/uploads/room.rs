//! The room on the disk: what all uploads together take, and those from one address.

use std::{collections::HashMap, net::IpAddr};

use parking_lot::Mutex;

use super::{Error, Limits, Result};

#[derive(Debug)]
pub(super) struct Room {
    total: u64,
    per_address: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    by_address: HashMap<IpAddr, u64>,
}

impl Room {
    /// All of it but what an earlier life has taken, of which nobody knows from where it came.
    pub(super) fn new(limits: &Limits, taken: u64) -> Room {
        Room {
            total: limits.total_bytes,
            per_address: limits.bytes_per_address,
            taken: Mutex::new(Taken {
                bytes: taken,
                by_address: HashMap::new(),
            }),
        }
    }

    /// Would so much still fit?
    pub(super) fn fits(&self, from: Option<IpAddr>, bytes: u64) -> Result<()> {
        self.check(&self.taken.lock(), from, bytes)
    }

    /// Takes so much, if there is as much.
    pub(super) fn take(&self, from: Option<IpAddr>, bytes: u64) -> Result<()> {
        let mut taken = self.taken.lock();
        self.check(&taken, from, bytes)?;
        taken.bytes += bytes;
        if let Some(from) = from {
            *taken.by_address.entry(from).or_default() += bytes;
        }
        Ok(())
    }

    pub(super) fn give_back(&self, from: Option<IpAddr>, bytes: u64) {
        let mut taken = self.taken.lock();
        taken.bytes = taken.bytes.saturating_sub(bytes);
        if let Some(from) = from
            && let Some(theirs) = taken.by_address.get_mut(&from)
        {
            *theirs = theirs.saturating_sub(bytes);
            if *theirs == 0 {
                taken.by_address.remove(&from);
            }
        }
    }

    fn check(&self, taken: &Taken, from: Option<IpAddr>, bytes: u64) -> Result<()> {
        if taken.bytes.saturating_add(bytes) > self.total {
            return Err(Error::Full(self.total));
        }
        let theirs = from.map_or(0, |from| taken.by_address.get(&from).copied().unwrap_or(0));
        if from.is_some() && theirs.saturating_add(bytes) > self.per_address {
            return Err(Error::AddressFull(self.per_address));
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> u64 {
        self.taken.lock().bytes
    }
}
