//! What tells the tap, and whoever waits for it, about faults. It is set by one task and read by two others, of which
//! neither may sleep through it: who sets something wakes afterwards, who waits registers first and looks afterwards.
//! The wakers order what is set before and read behind them.

use std::task::Context;

use super::lockfree::{AtomicBool, AtomicWaker, Relaxed};

/// The signals of one connection.
#[derive(Default)]
pub(super) struct Signals {
    /// Some exchange asks for faults, or may.
    on: AtomicBool,
    /// The connection was cut.
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Signals {
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Relaxed)
    }

    pub(super) fn turn_on(&self) {
        self.on.store(true, Relaxed);
    }

    pub(super) fn turn_off(&self) {
        self.on.store(false, Relaxed);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Relaxed)
    }

    /// The connection is cut: both look again.
    pub(super) fn cut(&self) {
        self.cut.store(true, Relaxed);
        self.wake();
    }

    /// Whoever reads or writes shall look again.
    pub(super) fn wake(&self) {
        self.reader.wake();
        self.writer.wake();
    }

    pub(super) fn wake_writer(&self) {
        self.writer.wake();
    }

    /// The reader is about to look.
    pub(super) fn register_reader(&self, cx: &Context<'_>) {
        self.reader.register(cx.waker());
    }

    /// The writer is about to look.
    pub(super) fn register_writer(&self, cx: &Context<'_>) {
        self.writer.register(cx.waker());
    }
}
