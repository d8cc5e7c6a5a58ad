//! Which message a byte belongs to, and whose run that message is in.
//!
//! Bytes arrive before anyone knows whose run they belong to. So the head of the message under way is kept (bounded),
//! with the times of its reads, until the request's handler is called and says: *this run*, or *nobody records this*.
//! A connection serves many messages, one after the other or pipelined; each has an [`Entry`] here from its first byte
//! until both its directions are over.
//!
//! The n-th request of a connection is the n-th call of the handler, and the n-th response answers it (RFC 9112 §9.3.2).

mod recorded;
mod requests;
mod responses;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use axum::http::HeaderName;
use wire::{
    http1::{Answers, Framer},
    trace::SpanId,
};

use super::{
    entry::{Claim, Entry, Kept, PlainAnswer},
    faults::Asked,
    order,
    system::Descriptor,
};
use crate::trace::RunHandle;

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
}
