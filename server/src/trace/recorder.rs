//! The emitting side: drafts go into a bounded queue, a thread of its own numbers them and puts them into their runs.
//!
//! Emitting costs one push. Where the queue is full (in drafts or in bytes), the draft is dropped and its run counts it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use wire::trace::{Detail, TraceEvent, TraceId};

use super::{
    clock::step_ns,
    draft::Draft,
    run::Run,
    store::{Evicted, Known, Store},
};

/// How many drafts may wait to be taken in.
const QUEUE_DRAFTS: usize = 8_192;
/// How many bytes the waiting drafts may hold.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// How many bytes a draft takes besides the bytes it carries along, roughly.
const DRAFT_BYTES: usize = 768;
/// How long the thread rests between two looks into a busy queue. While it rests an emitter need not wake it, which
/// is what would cost the emitter most; a watcher sees an event at most this much later.
const REST: Duration = Duration::from_millis(1);
/// How often runs that have grown too old are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Where events go. Cloning it costs one reference count.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

/// One run that is being recorded. Cloning it costs two reference counts.
#[derive(Clone)]
pub struct RunHandle {
    run: Arc<Run>,
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<Store>,
    queue: SyncSender<Message>,
    queued_bytes: Arc<AtomicUsize>,
}

enum Message {
    /// An event of the server's own.
    Draft(Arc<Run>, Draft),
    /// Events of a browser, already on the run's clock.
    Browser(Arc<Run>, Vec<TraceEvent>),
    /// What a run held; the thread has the time to free it.
    Free(Evicted),
    /// Everything that was sent before this is taken in.
    Settled(oneshot::Sender<()>),
}

impl Message {
    /// Roughly how many bytes it holds.
    fn bytes(&self) -> usize {
        let carried = |detail: &Detail| detail.data_base64.as_ref().map_or(0, String::len);
        match self {
            Message::Draft(_, draft) => DRAFT_BYTES + carried(&draft.detail),
            Message::Browser(_, events) => events
                .iter()
                .map(|event| DRAFT_BYTES + carried(&event.detail))
                .sum(),
            Message::Free(_) | Message::Settled(_) => 0,
        }
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder::new()
    }
}

impl Recorder {
    /// A recorder with no run. Its thread ends when the last handle is gone.
    pub fn new() -> Recorder {
        let (recorder, keeper) = Recorder::with_keeper();
        let thread = std::thread::Builder::new().name("recorder".into());
        if let Err(cause) = thread.spawn(move || keeper.run()) {
            // The queue has no reader now: every event is dropped and counted, and the server serves on.
            tracing::error!(%cause, "no thread for the recorder: nothing will be recorded");
        }
        recorder
    }

    /// A recorder and what its thread does.
    fn with_keeper() -> (Recorder, Keeper) {
        let (queue, messages) = sync_channel(QUEUE_DRAFTS);
        let store = Arc::new(Store::default());
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let keeper = Keeper {
            store: store.clone(),
            messages,
            queued_bytes: queued_bytes.clone(),
            step_ns: step_ns(),
        };
        let shared = Arc::new(Shared {
            store,
            queue,
            queued_bytes,
        });
        (Recorder { shared }, keeper)
    }

    /// The run that a request named. One that no page has opened begins in a small quota of its own; `None` when that
    /// is full.
    pub fn join(&self, run: TraceId) -> Option<RunHandle> {
        self.join_since(run, Instant::now())
    }

    /// The same; where the run is new, it began at `since`, with the first byte of the request that named it.
    pub fn join_since(&self, run: TraceId, since: Instant) -> Option<RunHandle> {
        let (run, evicted) = self.shared.store.join(run, since);
        self.free(evicted);
        Some(self.handle(run?))
    }

    /// The run that a page opens: from now on it has its full size. `None` when there is no place for it.
    pub(super) fn open(&self, run: TraceId) -> Option<RunHandle> {
        let (run, evicted) = self.shared.store.open(run);
        self.free(evicted);
        Some(self.handle(run?))
    }

    /// What is known about a run, everything that was emitted before included.
    pub(super) async fn get(&self, run: TraceId) -> Known {
        let (tell, settled) = oneshot::channel();
        // A full queue is not waited for: what is known so far is the answer.
        if self.shared.queue.try_send(Message::Settled(tell)).is_ok() {
            let _ = settled.await;
        }
        self.shared.store.get(run)
    }

    fn handle(&self, run: Arc<Run>) -> RunHandle {
        RunHandle {
            run,
            shared: self.shared.clone(),
        }
    }

    fn free(&self, evicted: Evicted) {
        if !evicted.is_empty() {
            // Where the queue is full it is freed here and now.
            let _ = self.shared.queue.try_send(Message::Free(evicted));
        }
    }
}

impl RunHandle {
    /// The run's id.
    pub fn id(&self) -> TraceId {
        self.run.id()
    }

    /// A time in nanoseconds since the run's start; negative before it.
    pub fn at_ns(&self, at: Instant) -> i64 {
        self.run.at_ns(at)
    }

    /// Records an event. Never waits: what cannot be taken is dropped and counted.
    pub fn emit(&self, draft: Draft) {
        self.send(Message::Draft(self.run.clone(), draft), 1);
    }

    /// Records what a browser saw, likewise.
    pub(super) fn emit_browser(&self, events: Vec<TraceEvent>) {
        let count = events.len() as u64;
        self.send(Message::Browser(self.run.clone(), events), count);
    }

    pub(super) fn run(&self) -> &Arc<Run> {
        &self.run
    }

    fn send(&self, message: Message, events: u64) {
        let bytes = message.bytes();
        let queued = self.shared.queued_bytes.fetch_add(bytes, Relaxed);
        let sent = queued + bytes <= QUEUE_BYTES && self.shared.queue.try_send(message).is_ok();
        if !sent {
            self.shared.queued_bytes.fetch_sub(bytes, Relaxed);
            self.run.count_dropped(events);
        }
    }
}

/// The thread's side of the queue.
struct Keeper {
    store: Arc<Store>,
    messages: Receiver<Message>,
    queued_bytes: Arc<AtomicUsize>,
    step_ns: u64,
}

impl Keeper {
    /// Takes messages in until no emitter is left.
    fn run(self) {
        let mut swept = Instant::now();
        loop {
            match self.messages.recv_timeout(SWEEP) {
                Ok(message) => {
                    self.take_batch(message);
                    std::thread::sleep(REST);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if now.duration_since(swept) >= SWEEP {
                swept = now;
                drop(self.store.sweep(now));
            }
        }
    }

    /// Takes in what is ready, at most a full queue, then tells the watchers.
    fn take_batch(&self, first: Message) {
        let mut touched: Vec<Arc<Run>> = Vec::new();
        let ready = std::iter::once(first).chain(self.messages.try_iter());
        for message in ready.take(QUEUE_DRAFTS) {
            self.take(message, &mut touched);
        }
        for run in touched {
            run.announce();
        }
    }

    fn take(&self, message: Message, touched: &mut Vec<Arc<Run>>) {
        self.queued_bytes.fetch_sub(message.bytes(), Relaxed);
        let now = Instant::now();
        let mut keep = |run: Arc<Run>, events: &mut dyn Iterator<Item = TraceEvent>| {
            for event in events {
                drop(self.store.append(&run, event, now));
            }
            if !touched.iter().any(|known| Arc::ptr_eq(known, &run)) {
                touched.push(run);
            }
        };
        match message {
            Message::Draft(run, draft) => {
                let event = self.event(&run, draft);
                keep(run, &mut std::iter::once(event));
            }
            Message::Browser(run, events) => keep(run, &mut events.into_iter()),
            Message::Free(evicted) => drop(evicted),
            // Who asked may have gone away meanwhile.
            Message::Settled(tell) => drop(tell.send(())),
        }
    }

    /// The draft on the run's clock.
    fn event(&self, run: &Run, draft: Draft) -> TraceEvent {
        let ns = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        TraceEvent {
            seq: 0,
            lane: draft.lane,
            kind: draft.kind,
            at_ns: run.at_ns(draft.at),
            duration_ns: draft.duration.map(ns),
            error_ns: self.step_ns.saturating_add(ns(draft.error)),
            truth: draft.truth,
            bytes: draft.bytes,
            detail: *draft.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::{Kind, Lane};

    fn draft() -> Draft {
        Draft::new(Lane::HANDLER, Kind::Process, Instant::now())
    }

    fn joined(recorder: &Recorder) -> RunHandle {
        let id = TraceId::new(1).expect("not zero");
        recorder.join(id).expect("there is room")
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (recorder, _keeper) = Recorder::with_keeper();
        let run = joined(&recorder);
        for _ in 0..QUEUE_DRAFTS {
            run.emit(draft());
        }
        assert_eq!(run.run().dropped(), 0);
        run.emit(draft());
        assert_eq!(run.run().dropped(), 1);
        let seen = TraceEvent::new(Lane::BROWSER, Kind::Marked, 0, 0);
        run.emit_browser(vec![seen; 3]);
        assert_eq!(run.run().dropped(), 4);
    }

    #[test]
    fn a_queue_full_of_bytes_drops_and_counts_and_takes_again_once_it_is_read() {
        let (recorder, keeper) = Recorder::with_keeper();
        let run = joined(&recorder);
        let large = || draft().with(|detail| detail.data_base64 = Some("A".repeat(1024 * 1024)));
        let fit = QUEUE_BYTES / (1024 * 1024 + DRAFT_BYTES);
        for _ in 0..fit {
            run.emit(large());
        }
        assert_eq!(run.run().dropped(), 0);
        run.emit(large());
        assert_eq!(run.run().dropped(), 1);
        // An ended run takes nothing: reading the queue is what counts here.
        drop(run.run().end(crate::trace::run::Ended::Age));
        let first = keeper.messages.recv().expect("the queue is full");
        keeper.take_batch(first);
        assert_eq!(keeper.queued_bytes.load(Relaxed), 0);
        let before = run.run().dropped();
        run.emit(draft());
        assert_eq!(run.run().dropped(), before);
    }

    #[test]
    fn without_its_thread_every_event_is_counted() {
        let (recorder, keeper) = Recorder::with_keeper();
        drop(keeper);
        let run = joined(&recorder);
        run.emit(draft());
        assert_eq!(run.run().dropped(), 1);
    }
}
