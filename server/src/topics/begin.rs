//! How a topic begins, and who makes room for it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;
use wire::topics::is_topic_name;

use super::{
    Error, Topics,
    topic::{Ended, Topic},
};

/// How long it is taken for granted that there is no room for another topic: looking for some takes all of them.
pub(super) const CROWDED: Duration = Duration::from_secs(1);

impl Topics {
    /// Does something with the topic's present life; begins one where there is none.
    pub(super) fn alive<R>(
        &self,
        name: &str,
        act: impl Fn(&Arc<Topic>) -> Result<R, Ended>,
    ) -> Result<R, Error> {
        self.alive_from(name, None, act)
    }

    /// The same; a life that is begun counts under the address.
    pub(super) fn alive_from<R>(
        &self,
        name: &str,
        address: Option<IpAddr>,
        act: impl Fn(&Arc<Topic>) -> Result<R, Ended>,
    ) -> Result<R, Error> {
        if !is_topic_name(name) {
            return Err(Error::BadName);
        }
        loop {
            let topic = self.find_or_begin(name, address)?;
            // A life that ended between the two steps is no longer in the map: the next turn begins another.
            if let Ok(result) = act(&topic) {
                return Ok(result);
            }
        }
    }

    fn find_or_begin(&self, name: &str, address: Option<IpAddr>) -> Result<Arc<Topic>, Error> {
        let (inner, limits) = (&self.inner, &self.inner.limits);
        let mut topics = inner.topics.lock();
        if inner.closed.load(Relaxed) {
            return Err(Error::Closed);
        }
        if let Some(topic) = topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        let cap = limits.topics_per_address;
        let place = inner.beginners.take(address, cap);
        let place = place.ok_or(Error::TooManyTopicsFromAddress(cap))?;
        if topics.len() >= limits.topics && !self.make_room(&mut topics) {
            return Err(Error::TooManyTopics(limits.topics));
        }
        let epoch = inner.epochs.begin(name);
        let totals = Arc::clone(&inner.totals);
        let topic = Arc::new(Topic::new(name, totals, epoch, limits.history, Some(place)));
        topics.insert(Arc::clone(topic.name()), Arc::clone(&topic));
        Ok(topic)
    }

    /// Ends the topics with which nothing is lost, or else the one that has been idle the longest, if one has been for
    /// long enough.
    fn make_room(&self, topics: &mut HashMap<Arc<str>, Arc<Topic>>) -> bool {
        let limits = &self.inner.limits;
        let mut crowded = self.inner.crowded.lock();
        if crowded.is_some_and(|since| since.elapsed() < CROWDED) {
            return false;
        }
        let before = topics.len();
        topics.retain(|_, topic| !topic.end_blank(limits.history));
        if topics.len() < before {
            return true;
        }
        let longest = topics
            .values()
            .filter_map(|topic| Some((topic.idle_since()?, topic)))
            .min_by_key(|(since, _)| *since)
            .map(|(_, topic)| Arc::clone(topic));
        let ended = longest.filter(|topic| topic.end_idle(limits.idle, false));
        *crowded = ended.is_none().then(Instant::now);
        ended.is_some_and(|topic| topics.remove(topic.name()).is_some())
    }
}
