//! One request and its response, from the first byte until both are over.

use std::{
    io::IoSlice,
    sync::Arc,
    time::{Duration, Instant},
};

use wire::{
    faults::FAULTS_PARAMETER,
    http1::{Advance, Answers, Head},
    limits::{EVENT_DATA_BYTES_MAX, RECORDED_MESSAGE_BYTES_MAX},
    trace::{Kind, Lane},
};

use super::{
    faults::Asked,
    recording::{Passed, Recording},
    system::TcpInfo,
};
use crate::trace::Draft;

/// Of a message that nobody has claimed, at most this many reads are told apart.
const KEPT_READS_MAX: usize = 256;
/// A buffer larger than this is not held on to for the next message, in bytes.
const SPARE_MAX: usize = 8 * 1024;

/// One request and its response.
pub(super) struct Entry {
    /// The request's number on its connection, from 0.
    pub number: u64,
    pub claim: Claim,
    pub first_read: Instant,
    /// What the request's head said, once it is whole.
    pub head: Option<Head>,
    /// The head as it came, where it was claimed before it did; else it is in what was kept.
    claimed_head: Vec<u8>,
    /// A program that is no browser sent it: the end of the response is told in its lane.
    pub from_program: bool,
    pub request_over: bool,
    /// Where its head and all of it end, in bytes from the connection's first, once they do.
    pub head_end: Option<u64>,
    pub request_end: Option<u64>,
    pub response_over: bool,
    pub response_head_out: bool,
    /// What the handler's side says of its response, where that is all that need be known.
    pub plain: Option<PlainAnswer>,
    /// When response bytes were last handed to the kernel, where they are recorded.
    pub last_write: Option<Instant>,
    /// The peer kept the handler waiting for the body for too long.
    pub body_timed_out: bool,
    /// Its head mentions faults, and nobody has read yet what it says about them.
    pub faults_unknown: bool,
    /// The faults that it asks for.
    pub faults: Option<Arc<Asked>>,
}

/// A response that is a head and a body of known length, and that nobody records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainAnswer {
    /// Its status code.
    pub status: u16,
    /// The length of its body, in bytes.
    pub body: u64,
}

impl PlainAnswer {
    /// Are these bytes it, whole? Its head is not searched: it must end where the length of the body says.
    pub(super) fn is_all_of(self, bytes: &[IoSlice<'_>]) -> bool {
        const START: &[u8] = b"HTTP/1.1 ";
        const END: &[u8] = b"\r\n\r\n";
        let all: usize = bytes.iter().map(|slice| slice.len()).sum();
        let Some(head) = usize::try_from(self.body)
            .ok()
            .and_then(|body| all.checked_sub(body))
        else {
            return false;
        };
        let Some(first) = bytes.first().filter(|first| first.len() >= head) else {
            return false;
        };
        let digits = [100, 10, 1].map(|place| b'0' + (self.status / place % 10) as u8);
        let status = first.get(START.len()..START.len() + 3);
        first.starts_with(START) && status == Some(&digits) && first[..head].ends_with(END)
    }
}

/// Whose run an exchange is in.
pub(super) enum Claim {
    /// Nobody knows yet.
    Open(Kept),
    /// Nobody records it.
    Nobody,
    /// It is being recorded.
    Recorded(Box<Recording>),
}

impl Entry {
    pub(super) fn new(number: u64, claim: Claim, first_read: Instant) -> Entry {
        Entry {
            number,
            claim,
            first_read,
            head: None,
            claimed_head: Vec::new(),
            from_program: false,
            request_over: false,
            head_end: None,
            request_end: None,
            response_over: false,
            response_head_out: false,
            plain: None,
            last_write: None,
            body_timed_out: false,
            faults_unknown: false,
            faults: None,
        }
    }

    pub(super) fn is_recorded(&self) -> bool {
        matches!(self.claim, Claim::Recorded(_))
    }

    /// What its response answers.
    pub(super) fn answers(&self) -> Answers {
        self.head.map_or(Answers::Other, |head| head.answers)
    }

    /// May its response turn the connection into something else?
    pub(super) fn may_upgrade(&self) -> bool {
        !self.response_head_out && self.head.is_some_and(|head| head.wants_upgrade)
    }

    /// Is the connection's byte at this place in the request's body, or in what comes once it is upgraded?
    pub(super) fn has_in_body(&self, at: u64) -> bool {
        self.head_end.is_some_and(|end| end <= at) && self.request_end.is_none_or(|end| at < end)
    }

    /// The request's head as far as it was kept, until the request is left or claimed.
    pub(super) fn head_bytes(&self) -> &[u8] {
        match &self.claim {
            Claim::Open(kept) => kept.head_bytes(),
            _ => &self.claimed_head,
        }
    }

    /// Does its head mention faults, as far as one can tell without reading it?
    pub(super) fn may_ask_for_faults(&self) -> bool {
        const WORD: &[u8] = FAULTS_PARAMETER.as_bytes();
        let Claim::Open(kept) = &self.claim else {
            return true;
        };
        memchr::memchr2_iter(b'f', b'F', &kept.bytes).any(|at| {
            let word = kept.bytes.get(at..at + WORD.len());
            word.is_some_and(|word| word.eq_ignore_ascii_case(WORD))
        })
    }

    /// Request bytes were read.
    pub(super) fn read(&mut self, at: Instant, bytes: &[u8], step: Advance, head: Option<Head>) {
        if self.head.is_none() && self.is_recorded() {
            let room = RECORDED_MESSAGE_BYTES_MAX.saturating_sub(self.claimed_head.len());
            let kept = step.head_bytes.min(room);
            self.claimed_head.extend_from_slice(&bytes[..kept]);
        }
        self.head = head;
        self.request_over = step.ended;
        match &mut self.claim {
            Claim::Open(kept) => kept.push(at, bytes, step),
            Claim::Nobody => {}
            Claim::Recorded(recording) => recording.read(&Passed {
                at,
                until: None,
                bytes,
                step,
                head,
            }),
        }
    }
}

/// What came of a message that nobody has claimed yet.
#[derive(Default)]
pub(super) struct Kept {
    pub reads: Vec<KeptRead>,
    pub bytes: Vec<u8>,
}

/// One read of it.
pub(super) struct KeptRead {
    pub at: Instant,
    /// How many of its bytes were kept.
    pub kept: usize,
    pub step: Advance,
}

impl Kept {
    fn push(&mut self, at: Instant, bytes: &[u8], step: Advance) {
        let room = RECORDED_MESSAGE_BYTES_MAX.saturating_sub(self.bytes.len());
        let kept = bytes.len().min(room);
        self.bytes.extend_from_slice(&bytes[..kept]);
        if self.reads.len() >= KEPT_READS_MAX
            && let Some(last) = self.reads.last_mut()
        {
            last.kept += kept;
            add(&mut last.step, step);
        } else {
            self.reads.push(KeptRead { at, kept, step });
        }
    }

    fn head_bytes(&self) -> &[u8] {
        let length: usize = self.reads.iter().map(|read| read.step.head_bytes).sum();
        &self.bytes[..length.min(self.bytes.len())]
    }

    /// Empty again, for another message; none where its buffer has grown too large to sit idle.
    pub(super) fn spare(mut self) -> Option<Kept> {
        self.reads.clear();
        self.bytes.clear();
        (self.bytes.capacity() <= SPARE_MAX).then_some(self)
    }
}

/// The bytes of one message out of one write.
pub(super) struct Gathered {
    at: Option<Instant>,
    pub until: Option<Instant>,
    pub step: Option<Advance>,
    pub bytes: Vec<u8>,
}

impl Gathered {
    pub(super) fn new(at: Option<Instant>, until: Option<Instant>) -> Gathered {
        Gathered {
            at,
            until,
            step: None,
            bytes: Vec::new(),
        }
    }

    /// When they were handed to the kernel. Of a response behind another one in the same write, nobody asked before.
    pub(super) fn at(&mut self) -> Instant {
        *self.at.get_or_insert_with(Instant::now)
    }

    pub(super) fn add(&mut self, bytes: &[u8], step: Advance) {
        let sum = match &mut self.step {
            Some(sum) => {
                add(sum, step);
                sum
            }
            none => none.insert(step),
        };
        // The whole head, as what hides its secrets must not miss a byte.
        let wanted = sum.head_bytes.max(EVENT_DATA_BYTES_MAX);
        let room = wanted.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Adds what follows to a step.
fn add(sum: &mut Advance, step: Advance) {
    sum.bytes += step.bytes;
    sum.head_bytes += step.head_bytes;
    sum.head_end = sum.head_end.or(step.head_end);
    sum.ended = step.ended;
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    /// A browser: it tells its own side.
    Browser,
    /// Any other program: its side can only be derived.
    Program {
        /// `GET /api/echo`.
        summary: Option<String>,
        /// What it calls itself.
        user_agent: Option<String>,
    },
}

/// When a program sent the request that was first read at `first`.
pub(super) fn request_sent(first: Instant, info: TcpInfo, sender: &Sender) -> Option<Draft> {
    let Sender::Program {
        summary,
        user_agent,
    } = sender
    else {
        return None;
    };
    let half = info.rtt / 2;
    let at = first.checked_sub(half).unwrap_or(first);
    let draft = Draft::new(Lane::TERMINAL, Kind::RequestSent, at)
        .derived("first read − tcpi_rtt / 2", half)
        .with(|detail| {
            detail.summary = summary.clone();
            if let Some(name) = user_agent {
                let name = name.replace(char::is_control, "\u{fffd}");
                detail.more.insert("user_agent".into(), name.into());
            }
            detail
                .more
                .insert("tcpi_rtt_us".into(), micros(info.rtt).into());
        });
    Some(draft)
}

/// When the end of a response, written at `last`, came to the program. Where the kernel still holds bytes back, nobody
/// on this side can tell.
pub(super) fn response_end(last: Instant, info: TcpInfo) -> Option<Draft> {
    if info.notsent_bytes > 0 {
        return None;
    }
    let half = info.rtt / 2;
    let draft = Draft::new(Lane::TERMINAL, Kind::ResponseEnd, last + half)
        .derived("last write + tcpi_rtt / 2", half)
        .with(|detail| {
            detail
                .more
                .insert("tcpi_rtt_us".into(), micros(info.rtt).into());
        });
    Some(draft)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_answer_ends_its_head_where_its_body_begins() {
        let plain = PlainAnswer {
            status: 200,
            body: 2,
        };
        let is_all_of = |parts: &[&str]| {
            let slices: Vec<IoSlice<'_>> = parts
                .iter()
                .map(|part| IoSlice::new(part.as_bytes()))
                .collect();
            plain.is_all_of(&slices)
        };
        assert!(is_all_of(&["HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "ok"]));
        assert!(is_all_of(&["HTTP/1.1 200 OK\r\nA: b\r\n\r\nok"]));
        for other in [
            &["HTTP/1.1 100 Continue\r\n\r\n", "ok"][..],
            &["HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "o"],
            &["HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "ok?"],
            &["HTTP/1.1 200 OK\r\n", "A: b\r\n\r\nok"],
            &["ok"],
            &["k"],
            &[],
        ] {
            assert!(!is_all_of(other), "{other:?}");
        }
    }
}
