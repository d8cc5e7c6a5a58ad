//! Whose run a message is in, and what that run is told of it.

use std::time::Instant;

use wire::{
    http1::BodyFraming,
    trace::{Kind, Lane, SpanId},
};

use super::{
    super::{
        entry::{Claim, Entry, Kept, Sender, request_sent, response_end},
        recording::{Passed, Recording},
        system::{self, Descriptor},
    },
    Messages,
};
use crate::trace::{Draft, RunHandle};

impl Messages {
    /// Begins a recording; the first on a connection also tells when it was accepted.
    pub(super) fn recording(
        &mut self,
        run: RunHandle,
        exchange: SpanId,
        number: u64,
    ) -> Box<Recording> {
        let recording = Recording::new(run.clone(), exchange, self.connection, number + 1);
        if self.told.is_none() {
            recording.emit(Draft::new(Lane::SOCKET, Kind::Accepted, self.accepted));
        }
        self.told = Some((run, exchange));
        Box::new(recording)
    }

    /// Records this request from its first byte on: what was kept of it is told now.
    pub(in crate::connection) fn claim(
        &mut self,
        number: u64,
        run: RunHandle,
        exchange: SpanId,
        sender: &Sender,
    ) {
        let Some(kept) = self.take_kept(number) else {
            return;
        };
        let mut recording = self.recording(run, exchange, number);
        let info = match sender {
            Sender::Browser => None,
            Sender::Program { .. } => self.socket.and_then(system::tcp_info),
        };
        let Some(entry) = self.entry(number) else {
            return;
        };
        if let Some(draft) = info.and_then(|info| request_sent(entry.first_read, info, sender)) {
            recording.emit(draft);
        }
        let mut bytes = kept.bytes.as_slice();
        for read in &kept.reads {
            let (these, rest) = bytes.split_at(read.kept);
            bytes = rest;
            recording.read(&Passed {
                at: read.at,
                until: None,
                bytes: these,
                step: read.step,
                head: entry.head,
            });
        }
        entry.from_program = info.is_some();
        entry.claim = Claim::Recorded(recording);
        self.spare = kept.spare().unwrap_or_default();
    }

    /// Nobody records this request.
    pub(in crate::connection) fn leave(&mut self, number: u64) {
        if let Some(kept) = self.take_kept(number) {
            self.spare = kept.spare().unwrap_or_default();
        }
    }

    fn take_kept(&mut self, number: u64) -> Option<Kept> {
        let claim = &mut self.entry(number)?.claim;
        match std::mem::replace(claim, Claim::Nobody) {
            Claim::Open(kept) => Some(kept),
            other => {
                *claim = other;
                None
            }
        }
    }

    /// The socket is about to be gone.
    pub(in crate::connection) fn closed(&mut self, at: Instant) {
        let socket = self.socket.take();
        let ends_here = self
            .responses
            .head()
            .is_some_and(|head| head.framing == BodyFraming::UntilClose);
        for entry in &mut self.entries {
            if let Claim::Recorded(recording) = &mut entry.claim {
                recording.flush();
            }
            if ends_here && entry.from_program {
                tell_end(entry, socket);
            }
        }
        if let Some((run, exchange)) = self.told.take() {
            let why = self.why.take();
            let connection = self.connection;
            run.emit(Draft::new(Lane::SOCKET, Kind::Closed, at).with(|detail| {
                detail.exchange = Some(exchange);
                detail.connection = Some(connection);
                detail.why = why;
            }));
        }
    }
}

/// Tells when the response came to its end at the program that asked.
pub(super) fn tell_end(entry: &Entry, socket: Option<Descriptor>) {
    if let Claim::Recorded(recording) = &entry.claim
        && let Some(last) = entry.last_write
        && let Some(info) = socket.and_then(system::tcp_info)
        && let Some(draft) = response_end(last, info)
    {
        recording.emit(draft);
    }
}
