//! One exchange's bytes as events: what was read and written, when, which part of the message it was.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use wire::{
    http1::{Advance, BodyFraming, Head},
    limits::{EVENT_DATA_BYTES_MAX, RECORDED_MESSAGE_BYTES_MAX},
    trace::{Kind, Lane, Part, SpanId},
};

use super::mask::Mask;
use crate::trace::{Draft, RunHandle};

/// From this many events on, the reads or writes of one body of known length are put together.
const SINGLE_EVENTS: u32 = 256;
/// What is put together is an event once it is this many bytes, or lasted this long.
const MERGED_BYTES: u64 = 1024 * 1024;
const MERGED_TIME: Duration = Duration::from_millis(250);

/// What one exchange records into its run.
pub(super) struct Recording {
    pub run: RunHandle,
    pub exchange: SpanId,
    connection: u64,
    /// Which of its connection's requests this is, from 1.
    request_number: u64,
    request: Way,
    response: Way,
}

/// One direction of it.
struct Way {
    kind: Kind,
    mask: Mask,
    /// How many more bytes of the message are kept.
    room: usize,
    events: u32,
    merged: Option<Merged>,
}

/// Several reads or writes of one long body.
struct Merged {
    since: Instant,
    until: Instant,
    offset: u64,
    bytes: u64,
    count: u64,
}

/// Bytes of one message that went through the socket in one go.
pub(super) struct Passed<'a> {
    /// When they were read, or handed to the kernel.
    pub at: Instant,
    /// When the kernel had taken them, where it made the server wait.
    pub until: Option<Instant>,
    /// The bytes, or as many of the first of them as were kept.
    pub bytes: &'a [u8],
    /// How they lie in the message.
    pub step: Advance,
    /// What the message's head said, once it is whole.
    pub head: Option<Head>,
}

impl Recording {
    pub(super) fn new(
        run: RunHandle,
        exchange: SpanId,
        connection: u64,
        request_number: u64,
    ) -> Recording {
        Recording {
            run,
            exchange,
            connection,
            request_number,
            request: Way::new(Kind::Read),
            response: Way::new(Kind::Write),
        }
    }

    /// Request bytes were read.
    pub(super) fn read(&mut self, passed: &Passed<'_>) {
        let number = self.request_number;
        if let Some(draft) = self.request.take(passed) {
            self.emit(draft.with(|detail| {
                if detail.offset == Some(0) && number > 1 {
                    // The connection was there already: no time went into opening one.
                    detail.more.insert("request_number".into(), number.into());
                }
            }));
        }
        if passed.step.ended {
            self.flush();
        }
    }

    /// Response bytes were written.
    pub(super) fn write(&mut self, passed: &Passed<'_>) {
        if let Some(draft) = self.response.take(passed) {
            let status = passed
                .step
                .head_end
                .and(passed.head)
                .and_then(|head| head.status);
            self.emit(draft.with(|detail| detail.status = status));
        }
        if passed.step.ended {
            self.flush();
        }
    }

    /// Records an event of this exchange.
    pub(super) fn emit(&self, draft: Draft) {
        self.run.emit(draft.with(|detail| {
            detail.exchange = Some(self.exchange);
            detail.connection = Some(self.connection);
        }));
    }

    /// Says what was put together and not said yet.
    pub(super) fn flush(&mut self) {
        for draft in [self.request.merged(), self.response.merged()]
            .into_iter()
            .flatten()
        {
            self.emit(draft);
        }
    }
}

impl Way {
    fn new(kind: Kind) -> Way {
        Way {
            kind,
            mask: Mask::new(),
            room: RECORDED_MESSAGE_BYTES_MAX,
            events: 0,
            merged: None,
        }
    }

    /// The event for these bytes; none where they were added to others.
    fn take(&mut self, passed: &Passed<'_>) -> Option<Draft> {
        let step = &passed.step;
        let known_length =
            matches!(passed.head, Some(head) if matches!(head.framing, BodyFraming::Length(_)));
        if self.events >= SINGLE_EVENTS && known_length && step.head_bytes == 0 {
            return self.merge(passed);
        }
        self.events += 1;
        let data = self.seen(passed);
        let left_out = (step.bytes - data.len()) as u64;
        let mut draft = Draft::new(Lane::SOCKET, self.kind, passed.at).bytes(step.bytes as u64);
        if let Some(until) = passed.until {
            draft = draft.until(until);
        }
        Some(draft.with(|detail| {
            detail.part = Some(match step.head_bytes {
                0 => Part::Body,
                head if head == step.bytes => Part::Head,
                _ => Part::HeadAndBody,
            });
            detail.offset = Some(step.offset);
            detail.head_bytes = step.head_end;
            detail.data_base64 = (!data.is_empty()).then(|| BASE64_STANDARD.encode(&data));
            detail.data_left_out = (left_out > 0).then_some(left_out);
            if step.head_bytes > 0 && self.mask.is_between_heads() {
                detail.summary = summary(self.mask.start_line(), self.kind);
            }
        }))
    }

    /// What of the bytes is recorded: bounded, secrets overwritten.
    fn seen(&mut self, passed: &Passed<'_>) -> Vec<u8> {
        let room = self.room.min(EVENT_DATA_BYTES_MAX).min(passed.bytes.len());
        let mut data = Vec::with_capacity(room);
        let (head, body) = passed
            .bytes
            .split_at(passed.step.head_bytes.min(passed.bytes.len()));
        self.mask.apply(head, &mut data, room);
        data.extend_from_slice(&body[..body.len().min(room - data.len())]);
        self.room -= data.len();
        data
    }

    fn merge(&mut self, passed: &Passed<'_>) -> Option<Draft> {
        let until = passed.until.unwrap_or(passed.at);
        let merged = self.merged.get_or_insert(Merged {
            since: passed.at,
            until,
            offset: passed.step.offset,
            bytes: 0,
            count: 0,
        });
        merged.until = until;
        merged.bytes += passed.step.bytes as u64;
        merged.count += 1;
        let enough = merged.bytes >= MERGED_BYTES || until - merged.since >= MERGED_TIME;
        if enough { self.merged() } else { None }
    }

    fn merged(&mut self) -> Option<Draft> {
        let Merged {
            since,
            until,
            offset,
            bytes,
            count,
        } = self.merged.take()?;
        let draft = Draft::new(Lane::SOCKET, self.kind, since)
            .until(until)
            .bytes(bytes);
        Some(draft.with(|detail| {
            detail.part = Some(Part::Body);
            detail.offset = Some(offset);
            detail.data_left_out = Some(bytes);
            detail.more.insert("merged".into(), count.into());
        }))
    }
}

/// The words for an arrow: `GET /api/echo` from a request line, `200 OK` from a status line.
pub(super) fn summary(start_line: &[u8], kind: Kind) -> Option<String> {
    let line = String::from_utf8_lossy(start_line);
    let words = match kind {
        Kind::Write => line.split_once(' ')?.1.to_owned(),
        _ => {
            let mut words = line.splitn(3, ' ');
            let (method, target) = (words.next()?, words.next()?);
            let path = target.split('?').next().unwrap_or(target);
            format!("{method} {path}")
        }
    };
    Some(words.replace(char::is_control, "\u{fffd}"))
}
