//! The swarms of one server: how many there may be, and which there are.

use std::{net::IpAddr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::limits::{SWARM_SUBSCRIBERS_IN_ALL_MAX, SWARM_SUBSCRIBERS_PER_ADDRESS_MAX, SWARMS_MAX};

use super::{Plan, Report, Swarm};
use crate::address::{PerAddress, Place};

/// The swarms of one server.
pub struct Swarms {
    in_all: Arc<Semaphore>,
    per_address: Arc<PerAddress>,
    /// The oldest first.
    all: Mutex<Vec<Entry>>,
}

struct Entry {
    id: String,
    topic: String,
    swarm: Swarm,
}

/// The places of a swarm's subscribers.
struct Places {
    _in_all: OwnedSemaphorePermit,
    _of_address: Vec<Place>,
}

/// There are as many subscribers as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Of all swarms.
    InAll,
    /// Of the swarms that were asked for from one address.
    FromAddress,
}

impl Default for Swarms {
    fn default() -> Self {
        let most = usize::try_from(SWARM_SUBSCRIBERS_IN_ALL_MAX).unwrap_or(usize::MAX);
        Swarms {
            in_all: Arc::new(Semaphore::new(most)),
            per_address: Arc::default(),
            all: Mutex::default(),
        }
    }
}

impl Swarms {
    /// Begins a swarm that somebody at this address asks for, if there is room; gives its id.
    ///
    /// # Errors
    /// Where there is no room, or the server does not take it.
    pub async fn begin(
        &self,
        plan: Plan,
        address: Option<IpAddr>,
    ) -> Result<anyhow::Result<String>, Full> {
        let places = self.places(plan.subscribers, address)?;
        let topic = plan.topic.clone();
        let swarm = match Swarm::begin(plan).await {
            Ok(swarm) => swarm,
            Err(cause) => return Ok(Err(cause)),
        };
        let id = format!("{:016x}", rand::random::<u64>());
        let over = swarm.over();
        tokio::spawn(async move {
            over.await;
            drop(places);
        });
        let mut all = self.all.lock();
        if all.len() >= SWARMS_MAX {
            let over = all.iter().position(|entry| !entry.swarm.report().running);
            all.remove(over.unwrap_or(0));
        }
        all.push(Entry {
            id: id.clone(),
            topic,
            swarm,
        });
        Ok(Ok(id))
    }

    /// The topic of a swarm, and what it has seen.
    pub fn report(&self, id: &str) -> Option<(String, Report)> {
        let all = self.all.lock();
        let entry = all.iter().find(|entry| entry.id == id)?;
        Some((entry.topic.clone(), entry.swarm.report()))
    }

    /// Ends a swarm: its topic, and what it had seen.
    pub fn end(&self, id: &str) -> Option<(String, Report)> {
        let mut all = self.all.lock();
        let at = all.iter().position(|entry| entry.id == id)?;
        let Entry { topic, swarm, .. } = all.remove(at);
        let report = Report {
            running: false,
            left: Duration::ZERO,
            ..swarm.report()
        };
        Some((topic, report))
    }

    /// Ends all: the server stops.
    pub fn close(&self) {
        self.all.lock().clear();
    }

    fn places(&self, count: usize, address: Option<IpAddr>) -> Result<Places, Full> {
        let most = usize::try_from(SWARM_SUBSCRIBERS_PER_ADDRESS_MAX).unwrap_or(usize::MAX);
        let of_address = (0..count)
            .map(|_| self.per_address.take(address, most))
            .collect::<Option<Vec<_>>>()
            .ok_or(Full::FromAddress)?;
        let wanted = u32::try_from(count).unwrap_or(u32::MAX);
        let in_all = Arc::clone(&self.in_all).try_acquire_many_owned(wanted);
        Ok(Places {
            _in_all: in_all.map_err(|_| Full::InAll)?,
            _of_address: of_address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_up_to_the_limits_and_not_past_them() {
        let swarms = Swarms::default();
        let one = "192.0.2.1".parse().ok();
        let first = swarms.places(1_000, one).ok();
        let second = swarms.places(1_000, one).ok();
        assert!(first.is_some() && second.is_some());
        assert_eq!(swarms.places(1, one).err(), Some(Full::FromAddress));
        let others = [swarms.places(1_000, None), swarms.places(1_000, None)];
        assert!(others.iter().all(Result::is_ok));
        assert_eq!(swarms.places(1, None).err(), Some(Full::InAll));
        drop(first);
        assert!(swarms.places(1_000, one).is_ok());
    }
}
