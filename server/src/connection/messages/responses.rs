//! Which response a byte that was written belongs to.

use std::{io::IoSlice, time::Instant};

use wire::http1::{BodyFraming, Framer};

use super::{
    super::{
        entry::{Claim, Gathered},
        recording::Passed,
    },
    Messages,
    recorded::tell_end,
};

impl Messages {
    /// The exchange that the next byte of a response belongs to.
    pub(in crate::connection) fn responding(&self) -> u64 {
        if self.responses.is_between() {
            self.answered
        } else {
            self.answered.saturating_sub(1)
        }
    }

    /// A framer that follows the responses from here on.
    pub(in crate::connection) fn responses_ahead(&mut self) -> Framer {
        let mut framer = self.responses.clone();
        if framer.is_between() {
            let answers = self.entry(self.answered).map(|entry| entry.answers());
            framer.answering(answers.unwrap_or_default());
        }
        framer
    }

    /// Is the head of the response to this request out?
    pub(in crate::connection) fn is_head_out(&mut self, number: u64) -> bool {
        self.entry(number)
            .is_some_and(|entry| entry.response_head_out)
    }

    /// Would a response that begins now be hyper's own, to a head that it did not hand to the handler?
    pub(in crate::connection) fn is_automatic(&self) -> bool {
        self.answered >= self.called && self.responses.is_between()
    }

    /// Is what is written next being recorded?
    pub(in crate::connection) fn records_response(&mut self) -> bool {
        self.entry(self.responding())
            .is_some_and(|entry| entry.is_recorded())
    }

    /// The first `count` bytes of `slices` were handed to the kernel at `at`; it had them at `until` where it made us
    /// wait.
    pub(in crate::connection) fn wrote(
        &mut self,
        at: Option<Instant>,
        until: Option<Instant>,
        slices: &[IoSlice<'_>],
        mut count: usize,
    ) {
        if self.wrote_plain(slices, count) {
            return;
        }
        let mut gathered = Gathered::new(at, until);
        for slice in slices {
            let mut bytes = &slice[..slice.len().min(count)];
            count -= bytes.len();
            while !bytes.is_empty() {
                if self.responses.is_between() {
                    let answers = self.entry(self.answered).map(|entry| entry.answers());
                    self.responses.answering(answers.unwrap_or_default());
                    self.answered += 1;
                }
                let step = self.responses.advance(bytes);
                let (these, rest) = bytes.split_at(step.bytes);
                bytes = rest;
                let Some(entry) = self.entry(self.answered.saturating_sub(1)) else {
                    continue;
                };
                entry.response_head_out |= step.head_end.is_some();
                if entry.is_recorded() {
                    gathered.add(these, step);
                }
                if step.ended {
                    self.tell_written(&mut gathered);
                    self.end_response();
                }
                if step.head_end.is_some() {
                    self.head_is_out();
                }
            }
            if count == 0 {
                break;
            }
        }
        self.tell_written(&mut gathered);
    }

    /// Was that a plain answer, whole, and the only one under way? Then its head need not be looked through.
    fn wrote_plain(&mut self, slices: &[IoSlice<'_>], count: usize) -> bool {
        let [entry] = self.entries.make_contiguous() else {
            return false;
        };
        let Some(plain) = entry.plain else {
            return false;
        };
        let is_all = self.responses.is_between()
            && entry.number == self.answered
            && count == slices.iter().map(|slice| slice.len()).sum::<usize>()
            && plain.is_all_of(slices);
        if is_all {
            self.answered += 1;
            entry.response_head_out = true;
            self.end_response();
            self.catch_up();
        }
        is_all
    }

    /// A response's head was written: it is known whether the connection goes on as HTTP.
    fn head_is_out(&mut self) {
        let head = self.responses.head();
        if head.is_some_and(|head| head.framing == BodyFraming::Upgraded) {
            self.upgraded = true;
            self.requests.upgrade();
            if let Some(entry) = self.entries.back_mut() {
                // All that comes from here on is this exchange's.
                entry.request_end = None;
            }
        }
        self.catch_up();
    }

    fn tell_written(&mut self, gathered: &mut Gathered) {
        let Some(step) = gathered.step.take() else {
            return;
        };
        let at = gathered.at();
        let head = self.responses.head().copied();
        if let Some(entry) = self.entry(self.answered.saturating_sub(1))
            && let Claim::Recorded(recording) = &mut entry.claim
        {
            entry.last_write = Some(at);
            recording.write(&Passed {
                at,
                until: gathered.until,
                bytes: &gathered.bytes,
                step,
                head,
            });
        }
        gathered.bytes.clear();
    }

    /// The response under way is over.
    fn end_response(&mut self) {
        let socket = self.socket;
        if let Some(entry) = self.entry(self.answered.saturating_sub(1)) {
            entry.response_over = true;
            if entry.from_program {
                tell_end(entry, socket);
            }
        }
        self.drop_finished();
    }
}
