//! What goes to the disk's thread, and how that begins.

use std::{collections::HashSet, sync::Arc};

use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::{
    Error, NewMessage, Publishing, Topics, Unstored,
    disk::{self, Ask, Disk, Reply},
    restore::restored,
    store::Store,
    topic::{Ended, Keyed, Topic},
};

impl Topics {
    /// Takes the store's topics in, and starts the thread that keeps them.
    pub(super) fn start(&self, mut store: Store) -> Result<(), Unstored> {
        let mut kept = HashSet::new();
        for stored in store.load(None)? {
            let totals = Arc::clone(&self.inner.totals);
            let topic = Arc::new(restored(stored, totals));
            kept.insert(Arc::clone(topic.name()));
            let mut topics = self.inner.topics.lock();
            topics.insert(Arc::clone(topic.name()), topic);
        }
        self.relieve();
        let disk = self.disk_thread(store, kept)?;
        // Nobody else has started one: this is the beginning.
        let _ = self.inner.disk.set(disk);
        Ok(())
    }

    fn disk_thread(&self, store: Store, kept: HashSet<Arc<str>>) -> Result<Disk, Unstored> {
        let inner = &self.inner;
        let hub = disk::Shared {
            topics: Arc::clone(&inner.topics),
            totals: Arc::clone(&inner.totals),
            epochs: Arc::clone(&inner.epochs),
            limits: inner.limits.clone(),
        };
        Disk::start(store, kept, hub).map_err(|cause| {
            tracing::error!(%cause, "the thread that keeps topics on disk does not start");
            Unstored::Failed
        })
    }

    /// The way to the disk, which begins with the first topic that wants it.
    fn disk(&self) -> Result<&Disk, Error> {
        if let Some(disk) = self.inner.disk.get() {
            return Ok(disk);
        }
        let folder = self.inner.folder.as_deref();
        let store = Store::in_folder(folder.ok_or(Error::Unstored(Unstored::ReadOnly))?);
        let disk = self
            .disk_thread(store, HashSet::new())
            .map_err(Error::Unstored)?;
        Ok(self.inner.disk.get_or_init(|| disk))
    }

    pub(super) fn publish_on_disk(
        &self,
        topic: Arc<Topic>,
        new: NewMessage,
        keyed: Option<Keyed>,
    ) -> Publishing {
        let name = Arc::clone(topic.name());
        let (reply, told) = oneshot::channel();
        let ask = Ask::Publish {
            topic,
            new: new.clone(),
            keyed: keyed.clone(),
            reply,
        };
        if let Err(error) = self.disk().and_then(|disk| disk.ask(ask)) {
            // What waits is its present life's: with the map held, none follows it.
            let topics = self.inner.topics.lock();
            if let Some(topic) = topics.get(&name) {
                topic.waits_no_more();
            }
            return Err(error).into();
        }
        let topics = self.clone();
        let told = async move {
            match told.await {
                Ok(Ok(told)) => told,
                // The topic had gone before the turn came: it begins anew.
                Ok(Err(Ended)) => {
                    let key = keyed.as_ref().map(|keyed| &*keyed.key);
                    topics.begin_publish(&name, new, key).await
                }
                Err(_) => Err(Error::Unstored(Unstored::Failed)),
            }
        };
        Publishing::Waiting(told.boxed())
    }

    /// Asks the disk's thread for something about a topic, until it is told about a life that has not ended.
    pub(super) async fn ask<T>(
        &self,
        name: &str,
        ask: impl Fn(Arc<Topic>, Reply<T>) -> Ask,
    ) -> Result<T, Error> {
        loop {
            let topic = self.alive(name, |topic| Ok(Arc::clone(topic)))?;
            let (reply, told) = oneshot::channel();
            self.disk()?.ask(ask(topic, reply))?;
            match told.await {
                Ok(Ok(told)) => return told,
                Ok(Err(Ended)) => {}
                Err(_) => return Err(Error::Unstored(Unstored::Failed)),
            }
        }
    }
}
