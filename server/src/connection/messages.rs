//! Which message a byte belongs to, and whose run that message is in.
//!
//! Bytes arrive before anyone knows whose run they belong to. So the head of the message under way is kept (bounded),
//! with the times of its reads, until the request's handler is called and says: *this run*, or *nobody records this*.
//! A connection serves many messages, one after the other or pipelined; each has an [`Entry`] here from its first byte
//! until both its directions are over.
//!
//! The n-th request of a connection is the n-th call of the handler, and the n-th response answers it (RFC 9112 §9.3.2).

use std::{collections::VecDeque, io::IoSlice, sync::Arc, time::Instant};

use axum::http::HeaderName;
use wire::{
    http1::{Answers, BodyFraming, Framer},
    trace::{Kind, Lane, SpanId},
};

use super::{
    entry::{Claim, Entry, Gathered, Kept, PlainAnswer, Sender, request_sent, response_end},
    faults::Asked,
    order,
    recording::{Passed, Recording},
    system::{self, Descriptor},
};
use crate::trace::{Draft, RunHandle};

/// What the tap of one connection knows about its messages.
pub(super) struct Messages {
    connection: u64,
    accepted: Instant,
    /// The socket, while the tap has it.
    socket: Option<Descriptor>,
    requests: Framer,
    responses: Framer,
    /// Messages under way, oldest first.
    entries: VecDeque<Entry>,
    /// How many bytes of requests were told apart.
    framed: u64,
    /// How many requests have begun to arrive.
    begun: u64,
    /// How many of them were handed to the handler.
    called: u64,
    /// How many responses have begun to be written.
    answered: u64,
    /// Bytes of requests behind one that is not settled yet, with the time of their read.
    backlog: VecDeque<(Instant, Vec<u8>)>,
    /// The buffer of the last message that nobody claimed, for the next one.
    spare: Kept,
    /// The whole connection belongs to this run, whatever its requests say.
    claimed: Option<(RunHandle, SpanId)>,
    /// The last exchange recorded here: the connection's end is told there.
    told: Option<(RunHandle, SpanId)>,
    /// Why the server closed the connection, where it did.
    why: Option<String>,
    upgraded: bool,
}

/// What the peer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The first byte of all.
    FirstByte,
    /// The rest of the n-th request's head.
    Head(u64),
    /// More of a request's body.
    Body,
    /// The next request.
    NextRequest,
    /// Nothing in particular: it is the server's turn, or the connection is no longer HTTP.
    Nothing,
}

/// Where the byte that goes to HTTP next stands among the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ahead {
    /// The request whose body it is in, or that the connection was upgraded for.
    pub number: Option<u64>,
    /// How many bytes go before something else begins: to the body's end, or to the end of a head that mentions faults
    /// and that nobody has read yet.
    pub bytes: u64,
}

/// What is known of a request when its handler is called.
pub(super) struct Called {
    /// Its number on its connection, from 0.
    pub number: u64,
    /// When its first byte was read.
    pub first_read: Option<Instant>,
    /// The run and the exchange that it belongs to, where the whole connection belongs to a run.
    pub claimed: Option<(RunHandle, SpanId)>,
}

impl Messages {
    pub(super) fn new(
        connection: u64,
        accepted: Instant,
        socket: Descriptor,
        claimed: Option<(RunHandle, SpanId)>,
    ) -> Messages {
        Messages {
            connection,
            accepted,
            socket: Some(socket),
            requests: Framer::request(),
            responses: Framer::response(Answers::Other),
            entries: VecDeque::new(),
            framed: 0,
            begun: 0,
            called: 0,
            answered: 0,
            backlog: VecDeque::new(),
            spare: Kept::default(),
            claimed,
            told: None,
            why: None,
            upgraded: false,
        }
    }

    /// What the connection waits for when a read finds nothing.
    pub(super) fn waiting(&self) -> Waiting {
        if self.begun == 0 {
            Waiting::FirstByte
        } else if self.upgraded || !self.backlog.is_empty() {
            Waiting::Nothing
        } else if self.requests.is_in_head() && self.entries.len() == 1 {
            Waiting::Head(self.begun)
        } else if !self.requests.is_between() && !self.requests.is_in_head() {
            Waiting::Body
        } else if self.entries.is_empty() {
            Waiting::NextRequest
        } else {
            Waiting::Nothing
        }
    }

    /// Is there request data that nobody will read, so that closing at once could cost the peer our answer?
    pub(super) fn has_unread(&self) -> bool {
        !self.upgraded && (!self.requests.is_between() || !self.backlog.is_empty())
    }

    /// These bytes were read. Says how many of them, to the end, may be subject to faults that nobody has read yet.
    pub(super) fn read(&mut self, at: Instant, bytes: &[u8]) -> usize {
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
    fn catch_up(&mut self) {
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

    /// Begins a recording; the first on a connection also tells when it was accepted.
    fn recording(&mut self, run: RunHandle, exchange: SpanId, number: u64) -> Box<Recording> {
        let recording = Recording::new(run.clone(), exchange, self.connection, number + 1);
        if self.told.is_none() {
            recording.emit(Draft::new(Lane::SOCKET, Kind::Accepted, self.accepted));
        }
        self.told = Some((run, exchange));
        Box::new(recording)
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let first = self.entries.front()?.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        self.entries.get_mut(index)
    }

    /// The handler is called with the next request.
    pub(super) fn call(&mut self) -> Called {
        let number = self.called;
        self.called += 1;
        let entry = self.entry(number);
        let called = Called {
            number,
            first_read: entry.as_ref().map(|entry| entry.first_read),
            claimed: entry.and_then(|entry| match &entry.claim {
                Claim::Recorded(recording) => Some((recording.run.clone(), recording.exchange)),
                _ => None,
            }),
        };
        self.catch_up();
        called
    }

    /// The names of this request's header fields as they came. Ask before the request is left or claimed: what was kept
    /// of it is gone then.
    pub(super) fn field_names(&mut self, number: u64) -> Vec<HeaderName> {
        let entry = self.entry(number);
        entry.map_or_else(Vec::new, |entry| order::names(entry.head_bytes()))
    }

    /// Records this request from its first byte on: what was kept of it is told now.
    pub(super) fn claim(&mut self, number: u64, run: RunHandle, exchange: SpanId, sender: &Sender) {
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
    pub(super) fn leave(&mut self, number: u64) {
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

    /// What the handler's side says of the response that it hands over.
    pub(super) fn will_answer(&mut self, number: u64, plain: PlainAnswer) {
        if let Some(entry) = self.entry(number)
            && !entry.is_recorded()
        {
            entry.plain = Some(plain);
        }
    }

    /// The handler's side has read the request: these faults are asked for, or none.
    pub(super) fn settle_faults(&mut self, number: u64, asked: Option<Arc<Asked>>) {
        if let Some(entry) = self.entry(number) {
            entry.faults_unknown = false;
            entry.faults = asked;
        }
    }

    /// Does any exchange under way ask for faults, or may it?
    pub(super) fn has_faults(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.faults_unknown || entry.faults.is_some())
    }

    /// The faults that this exchange asks for.
    pub(super) fn faults(&mut self, number: u64) -> Option<Arc<Asked>> {
        self.entry(number)?.faults.clone()
    }

    /// Where the next byte stands that goes to HTTP, while the last `held` of those that were read have not gone there.
    pub(super) fn ahead(&self, held: usize) -> Ahead {
        let unframed: usize = self.backlog.iter().map(|(_, bytes)| bytes.len()).sum();
        let at = (self.framed + unframed as u64).saturating_sub(held as u64);
        let mut entries = self.entries.iter();
        let body = entries.find(|entry| entry.has_in_body(at));
        let mut entries = self.entries.iter();
        let unknown = entries.find(|entry| entry.faults_unknown);
        let ends = [
            body.and_then(|entry| entry.request_end),
            unknown.and_then(|entry| entry.head_end),
        ];
        Ahead {
            number: body.map(|entry| entry.number),
            bytes: ends
                .into_iter()
                .flatten()
                .min()
                .map_or(u64::MAX, |end| end.saturating_sub(at)),
        }
    }

    /// The exchange that the next byte of a response belongs to.
    pub(super) fn responding(&self) -> u64 {
        if self.responses.is_between() {
            self.answered
        } else {
            self.answered.saturating_sub(1)
        }
    }

    /// A framer that follows the responses from here on.
    pub(super) fn responses_ahead(&mut self) -> Framer {
        let mut framer = self.responses.clone();
        if framer.is_between() {
            let answers = self.entry(self.answered).map(|entry| entry.answers());
            framer.answering(answers.unwrap_or_default());
        }
        framer
    }

    /// Is the head of the response to this request out?
    pub(super) fn is_head_out(&mut self, number: u64) -> bool {
        self.entry(number)
            .is_some_and(|entry| entry.response_head_out)
    }

    /// Is anything under way recorded?
    pub(super) fn is_recorded(&self) -> bool {
        self.entries.iter().any(Entry::is_recorded)
    }

    /// The connection is no longer followed: what was kept to do so goes.
    pub(super) fn forget(&mut self) {
        self.entries = VecDeque::new();
        self.backlog = VecDeque::new();
        self.spare = Kept::default();
    }

    /// The socket is about to be closed, before the connection's end is told.
    pub(super) fn forget_socket(&mut self) {
        self.socket = None;
    }

    /// The request that is being received or was refused: its number, and what was kept of it.
    pub(super) fn open(&self) -> Option<(u64, &[u8])> {
        let entry = self.entries.back()?;
        match &entry.claim {
            Claim::Open(kept) => Some((entry.number, &kept.bytes)),
            _ => None,
        }
    }

    /// Would a response that begins now be hyper's own, to a head that it did not hand to the handler?
    pub(super) fn is_automatic(&self) -> bool {
        self.answered >= self.called && self.responses.is_between()
    }

    /// Is what is written next being recorded?
    pub(super) fn records_response(&mut self) -> bool {
        self.entry(self.responding())
            .is_some_and(|entry| entry.is_recorded())
    }

    /// The first `count` bytes of `slices` were handed to the kernel at `at`; it had them at `until` where it made us
    /// wait.
    pub(super) fn wrote(
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

    fn drop_finished(&mut self) {
        while let Some(entry) = self.entries.front()
            && entry.request_over
            && entry.response_over
        {
            self.entries.pop_front();
        }
    }

    /// The peer kept the handler waiting for the body of the request that is being received.
    pub(super) fn note_body_timeout(&mut self) {
        if let Some(entry) = self.entries.back_mut() {
            entry.body_timed_out = true;
        }
    }

    /// Did the peer keep this request's handler waiting for its body for too long?
    pub(super) fn body_timed_out(&mut self, number: u64) -> bool {
        self.entry(number).is_some_and(|entry| entry.body_timed_out)
    }

    /// The server closes the connection, for this reason.
    pub(super) fn close_because(&mut self, why: String) {
        self.why.get_or_insert(why);
    }

    /// The socket is about to be gone.
    pub(super) fn closed(&mut self, at: Instant) {
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
fn tell_end(entry: &Entry, socket: Option<Descriptor>) {
    if let Claim::Recorded(recording) = &entry.claim
        && let Some(last) = entry.last_write
        && let Some(info) = socket.and_then(system::tcp_info)
        && let Some(draft) = response_end(last, info)
    {
        recording.emit(draft);
    }
}
