//! What every handler can reach.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    address::PerAddress,
    connection::Connections,
    jobs::Jobs,
    swarm::Swarms,
    topics::{Hub, Topics},
    trace::Recorder,
    uploads::Uploads,
};

/// Shared by all handlers; cloning it costs one reference count.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    recorder: Recorder,
    topics: Arc<dyn Hub>,
    uploads: Uploads,
    jobs: Jobs,
    stopping: CancellationToken,
    connections: Connections,
    feeds: Arc<PerAddress>,
    swarms: Arc<Swarms>,
    looks: Arc<PerAddress>,
}

impl AppState {
    /// Opens the storage below `config.data_dir` and starts with no run and no topic.
    pub fn new(config: Config) -> std::io::Result<AppState> {
        let uploads = Uploads::open(&config.data_dir, config.uploads.clone())?;
        AppState::with_uploads(config, uploads)
    }

    /// The same with uploads that are kept elsewhere.
    pub fn with_uploads(config: Config, uploads: Uploads) -> std::io::Result<AppState> {
        let topics =
            Topics::open(config.topics.clone(), &config.data_dir).map_err(std::io::Error::other)?;
        let inner = Inner {
            recorder: Recorder::new(),
            topics: Arc::new(topics),
            uploads,
            jobs: Jobs::new(config.jobs.clone()),
            stopping: CancellationToken::new(),
            connections: Connections::new(config.limits.clone()),
            feeds: Arc::default(),
            swarms: Arc::default(),
            looks: Arc::default(),
            config,
        };
        if let Ok(runtime) = Handle::try_current() {
            let (topics, uploads) = (Arc::clone(&inner.topics), inner.uploads.clone());
            runtime.spawn({
                let (swarms, stopping) = (Arc::clone(&inner.swarms), inner.stopping.clone());
                async move {
                    stopping.cancelled().await;
                    swarms.close();
                }
            });
            let jobs = inner.jobs.clone();
            runtime.spawn(keep_house(topics, uploads, jobs, inner.stopping.clone()));
        }
        Ok(AppState {
            inner: Arc::new(inner),
        })
    }

    /// What the server was told.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Cancelled when the server begins to stop: streams end themselves then, each as its protocol says goodbye.
    pub fn stopping(&self) -> &CancellationToken {
        &self.inner.stopping
    }

    /// The connections that are open.
    pub fn connections(&self) -> &Connections {
        &self.inner.connections
    }

    /// The feeds that are open.
    pub fn feeds(&self) -> &Arc<PerAddress> {
        &self.inner.feeds
    }

    /// The swarms that the race has added.
    pub fn swarms(&self) -> &Swarms {
        &self.inner.swarms
    }

    /// Those who look into topics all the time.
    pub fn looks(&self) -> &Arc<PerAddress> {
        &self.inner.looks
    }

    /// The trace.
    pub fn recorder(&self) -> &Recorder {
        &self.inner.recorder
    }

    /// The hub of topics.
    pub fn topics(&self) -> &Arc<dyn Hub> {
        &self.inner.topics
    }

    /// The uploads.
    pub fn uploads(&self) -> &Uploads {
        &self.inner.uploads
    }

    /// The jobs.
    pub fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }
}

/// Removes what is too old once a minute; ends the topics and the jobs, and with them their streams, when the server stops.
async fn keep_house(
    topics: Arc<dyn Hub>,
    uploads: Uploads,
    jobs: Jobs,
    stopping: CancellationToken,
) {
    let mut minute = interval(Duration::from_secs(60));
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            _ = minute.tick() => {
                topics.sweep();
                jobs.sweep();
                let uploads = uploads.clone();
                let _ = tokio::task::spawn_blocking(move || uploads.sweep()).await;
            }
        }
    }
    jobs.close();
    topics.close();
}
