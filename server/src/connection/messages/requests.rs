//! Which request a byte that was read belongs to.

use std::time::Instant;

use wire::trace::SpanId;

use super::{
    super::entry::{Claim, Entry},
    Messages,
};

impl Messages {
    /// These bytes were read. Says how many of them, to the end, may be subject to faults that nobody has read yet.
    pub(in crate::connection) fn read(&mut self, at: Instant, bytes: &[u8]) -> usize {
        if self.backlog.is_empty() {
            self.frame(at, bytes)
        } else {
            self.backlog.push_back((at, bytes.to_vec()));
            0
        }
    }

    fn frame(&mut self, at: Instant, mut bytes: &[u8]) -> usize {
        let mut waits = 0;
        while !bytes.is_empty() {
            if self.requests.is_between() {
                if self.is_unsettled() {
                    self.backlog.push_back((at, bytes.to_vec()));
                    return waits;
                }
                self.begin(at);
            }
            let step = self.requests.advance(bytes);
            let head = self.requests.head().copied();
            let (these, rest) = bytes.split_at(step.bytes);
            let head_end = self.framed + step.head_bytes as u64;
            self.framed += step.bytes as u64;
            if let Some(entry) = self.entries.back_mut() {
                entry.read(at, these, step, head);
                entry.request_end = step.ended.then_some(self.framed);
                if step.head_end.is_some() {
                    entry.head_end = Some(head_end);
                    let body = step.bytes - step.head_bytes;
                    let has_body = body > 0 || !step.ended;
                    if has_body && entry.may_ask_for_faults() {
                        entry.faults_unknown = true;
                        waits = body + rest.len();
                    }
                }
            }
            bytes = rest;
            if step.ended {
                self.drop_finished();
            }
        }
        waits
    }

    /// Must the next message wait, because the one before it was not handed to the handler, or may turn the connection
    /// into something else?
    fn is_unsettled(&self) -> bool {
        self.begun > self.called || self.entries.back().is_some_and(Entry::may_upgrade)
    }

    /// Frames what had to wait, as far as it need not wait any longer.
    pub(super) fn catch_up(&mut self) {
        while let Some((at, bytes)) = self.backlog.pop_front() {
            let waiting = self.backlog.len();
            self.frame(at, &bytes);
            if self.backlog.len() > waiting {
                // It must wait on, and before what came later.
                self.backlog.rotate_right(1);
                return;
            }
        }
    }

    fn begin(&mut self, at: Instant) {
        let number = self.begun;
        self.begun += 1;
        let claim = match self.claimed.clone() {
            None => Claim::Open(std::mem::take(&mut self.spare)),
            Some((run, first)) => {
                // Each further request on a claimed connection has the next id.
                let id = first.get().wrapping_add(number);
                let exchange = SpanId::new(id).unwrap_or(first);
                Claim::Recorded(self.recording(run, exchange, number))
            }
        };
        self.entries.push_back(Entry::new(number, claim, at));
    }
}
