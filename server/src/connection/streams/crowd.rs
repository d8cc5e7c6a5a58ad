//! A crowd: streams that one task writes, woken once for all of them.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::yield_now,
    time::{Instant, Sleep, sleep_until},
};

use super::{Bell, Stream, Streams, chunk::Chunks, rouse::Roused, stream::Turn};
use crate::topics::presence_gap;

/// After so many writes others have their turn.
const WRITES: usize = 64;
/// Who is due is looked for no more often than this.
const LOOK: Duration = Duration::from_millis(100);
/// With nobody due, the timer stands this far ahead.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Crowd {
    bell: Bell,
    newcomers: UnboundedReceiver<Stream>,
    /// How many there are, those at the door included.
    size: Arc<AtomicUsize>,
    all: Arc<Streams>,
    streams: BTreeMap<u64, Box<Stream>>,
    /// How many of them are conversations.
    conversations: usize,
    /// Something murmured: conversations are asked when the timer goes off.
    murmured: Option<Instant>,
    /// How many have joined.
    joined: u64,
    roused: Arc<Roused>,
    chunks: Chunks,
    /// One timer for all.
    timer: Pin<Box<Sleep>>,
}

impl Crowd {
    pub(super) fn new(
        bell: Bell,
        newcomers: UnboundedReceiver<Stream>,
        size: Arc<AtomicUsize>,
        all: Arc<Streams>,
    ) -> Crowd {
        Crowd {
            bell,
            newcomers,
            size,
            all,
            streams: BTreeMap::new(),
            conversations: 0,
            murmured: None,
            joined: 0,
            roused: Arc::default(),
            chunks: Chunks::default(),
            timer: Box::pin(sleep_until(Instant::now() + FAR)),
        }
    }

    /// Writes until nobody is left.
    pub(super) async fn run(mut self) {
        // Those that may have something to write, and those that their sockets woke.
        let (mut ready, mut roused) = (Vec::new(), Vec::new());
        loop {
            tokio::select! {
                Some(stream) = self.newcomers.recv() => ready.extend(self.join(stream)),
                // The sender lives as long as anybody here may hear of it.
                Ok(()) = self.bell.rings.changed() => {
                    ready.clear();
                    ready.extend(self.streams.keys());
                }
                Ok(()) = self.bell.murmurs.changed(), if self.hears_murmurs() => self.murmur(),
                () = self.roused.wait(&mut roused) => self.rouse(&mut roused, &mut ready),
                () = self.timer.as_mut() => self.look(&mut ready),
                () = std::future::ready(()), if !ready.is_empty() => {}
            }
            self.write(&mut ready).await;
            if ready.is_empty() {
                self.chunks.clear();
            }
            if self.streams.is_empty() && self.all.end(self.bell.number, &self.size) {
                return;
            }
        }
    }

    /// Takes a stream in, and says its number if it may have something to write.
    fn join(&mut self, mut stream: Stream) -> Option<u64> {
        self.joined += 1;
        let number = self.joined;
        let turn = stream.join(number, &self.roused);
        self.remind(stream.due());
        self.conversations += usize::from(stream.is_conversation());
        self.streams.insert(number, Box::new(stream));
        (!self.settle(number, &turn)).then_some(number)
    }

    /// Lets those that their sockets woke look at them.
    fn rouse(&mut self, roused: &mut Vec<u64>, ready: &mut Vec<u64>) {
        let now = Instant::now();
        for number in roused.drain(..) {
            if let Some(stream) = self.streams.get_mut(&number) {
                let turn = stream.roused(now);
                self.settle(number, &turn);
                if matches!(turn, Turn::GoesOn) {
                    ready.push(number);
                }
            }
        }
    }

    /// Writes once what each of these has; leaves those that may have more. Whatever else has come has its turn between.
    async fn write(&mut self, ready: &mut Vec<u64>) {
        let now = Instant::now();
        let mut left = 0;
        for at in 0..ready.len() {
            let number = ready[at];
            let Some(stream) = self.streams.get_mut(&number) else {
                continue;
            };
            let turn = stream.write(&mut self.chunks, now);
            self.settle(number, &turn);
            if matches!(turn, Turn::GoesOn) {
                ready[left] = number;
                left += 1;
                if left % WRITES == 0 {
                    yield_now().await;
                }
            }
        }
        ready.truncate(left);
    }

    fn hears_murmurs(&self) -> bool {
        self.conversations > 0 && self.murmured.is_none()
    }

    /// Conversations are asked when it is time.
    fn murmur(&mut self) {
        let presence = *self.bell.murmurs.borrow();
        let due = Instant::now() + presence_gap(presence);
        self.murmured = Some(due);
        self.remind(Some(due));
    }

    /// The timer went off: it is looked who is due, and set anew. Leaves those that may have something to write.
    fn look(&mut self, ready: &mut Vec<u64>) {
        let now = Instant::now();
        self.timer.as_mut().reset(now + FAR);
        if self.murmured.is_some_and(|due| due <= now) {
            self.murmured = None;
            let conversations = self.streams.iter();
            let conversations = conversations.filter(|(_, stream)| stream.is_conversation());
            ready.extend(conversations.map(|(number, _)| number));
        }
        self.remind(self.murmured);
        let numbers: Vec<u64> = self.streams.keys().copied().collect();
        for number in numbers {
            if let Some(stream) = self.streams.get_mut(&number) {
                let turn = stream.look(&mut self.chunks, now);
                let due = stream.due();
                if !self.settle(number, &turn) {
                    self.remind(due.map(|due| due.max(now + LOOK)));
                }
            }
        }
    }

    /// After a turn of a stream: is it over?
    fn settle(&mut self, number: u64, turn: &Turn) -> bool {
        match turn {
            Turn::Rests | Turn::GoesOn => false,
            Turn::Blocks { until } => {
                self.remind(Some(*until));
                false
            }
            Turn::Ends(end) => {
                if let Some(stream) = self.streams.remove(&number) {
                    self.size.fetch_sub(1, Relaxed);
                    self.conversations -= usize::from(stream.is_conversation());
                    stream.end(end);
                }
                true
            }
        }
    }

    /// Sees to it that the timer goes off by then.
    fn remind(&mut self, due: Option<Instant>) {
        if let Some(due) = due
            && due < self.timer.deadline()
        {
            self.timer.as_mut().reset(due);
        }
    }
}
