//! What travelled: the two ends of each hop, found among the events of both sides.
//!
//! An arrow is never measured as such; its two ends are. Which end belongs to which is told by the exchange and by
//! byte counts, for messages by their id.

use wire::trace::{Kind, LaneKind, TraceEvent};

use super::{Exchange, Run, messages::ByMessage};
use crate::order;

/// Why something is at one end and then at the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// The request's first bytes: sent at the client, read by the server.
    Request,
    /// More of the request's body: handed on by the browser, read by the server.
    Upload,
    /// Response bytes: written by the server, there at the client.
    Response,
    /// A message: written by the server, received by a subscriber.
    Message,
    /// Within the server, from one part to the next.
    Handover,
}

/// Something that went from one event to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrow {
    /// Index of the event where it left.
    pub from: u32,
    /// Index of the event where it arrived.
    pub to: u32,
    /// What it was.
    pub way: Way,
}

impl Run {
    /// All arrows, by the time at which they left.
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::with_capacity(self.len() / 2);
        for exchange in self.exchanges() {
            Finder {
                run: self,
                arrows: &mut arrows,
            }
            .exchange(exchange);
        }
        // By time, and at one time by number.
        order::by_number(&mut arrows, |arrow| self.event(arrow.from).seq as i64);
        order::by_number(&mut arrows, |arrow| self.event(arrow.from).at_ns);
        arrows
    }
}

struct Finder<'a> {
    run: &'a Run,
    arrows: &'a mut Vec<Arrow>,
}

impl<'a> Finder<'a> {
    fn exchange(&mut self, exchange: &Exchange) {
        let run = self.run;
        let of = |wanted: fn(&TraceEvent) -> bool| -> Vec<u32> {
            let indexes = exchange.indexes().iter().copied();
            indexes.filter(|&index| wanted(run.event(index))).collect()
        };
        let reads = of(|event| event.kind == Kind::Read);
        let writes = of(|event| event.kind == Kind::Write);
        let sent = of(|event| event.kind == Kind::RequestSent);
        let progress = of(|event| event.kind == Kind::Progress);
        let heads = of(|event| matches!(event.kind, Kind::ResponseHead | Kind::StreamOpened));
        let pieces = of(|event| matches!(event.kind, Kind::ResponseData | Kind::ResponseEnd));
        let messages = of(|event| {
            matches!(event.kind, Kind::Delivered | Kind::Received) && event.detail.message.is_some()
        });

        if let (Some(&sent), Some(&read)) = (sent.first(), reads.first()) {
            self.push(sent, read, Way::Request);
        }
        self.frames(&of(|event| event.kind == Kind::Sent), &reads);
        self.uploads(&progress, &reads);
        self.handovers(exchange, &reads, &writes);
        let is_stream = !messages.is_empty();
        self.responses(&writes, &heads, if is_stream { &[] } else { &pieces });
        if is_stream {
            self.messages(&messages, &writes);
        }
    }

    /// The browser says how many bytes of the body it has handed on; the read that takes in the last of them is the
    /// other end. Where the server had them before the browser said so, there is nothing to draw.
    fn uploads(&mut self, progress: &[u32], reads: &[u32]) {
        let head = self.head_bytes(reads);
        let mut reads = reads.iter().copied().skip(1).peekable();
        for &index in progress {
            let at = self.run.event(index);
            let wanted = head.saturating_add(at.bytes.unwrap_or(0));
            while reads
                .next_if(|&read| end_offset(self.run.event(read)) < wanted)
                .is_some()
            {}
            let Some(&read) = reads.peek() else { break };
            if self.run.event(read).at_ns >= at.at_ns {
                self.push(index, read, Way::Upload);
            }
        }
    }

    /// A frame leaves where the client sent it and arrives with the first read from then on; several may come in one.
    fn frames(&mut self, frames: &[u32], reads: &[u32]) {
        for &frame in frames {
            let sent = self.run.event(frame);
            let earliest_ns = sent.at_ns.saturating_sub_unsigned(sent.error_ns);
            let read = reads.iter().copied().skip(1);
            if let Some(read) = { read }.find(|&read| self.run.event(read).at_ns >= earliest_ns) {
                self.push(frame, read, Way::Request);
            }
        }
    }

    /// Each write goes to what the client noticed of it: the one that completes the head to the head, the others to
    /// the first piece that reaches beyond their last byte.
    ///
    /// A client counts the body's bytes without chunk framing. Where the two sums differ, the client's are stretched
    /// to the server's, which is exact at the end and for chunks of one size.
    fn responses(&mut self, writes: &[u32], heads: &[u32], pieces: &[u32]) {
        let run = self.run;
        let head = self.head_bytes(writes);
        let written = writes
            .iter()
            .map(|&write| end_offset(run.event(write)))
            .max()
            .unwrap_or(0)
            .saturating_sub(head);
        let data = |index: &&u32| run.event(**index).kind == Kind::ResponseData;
        let got: u64 = pieces
            .iter()
            .filter(data)
            .filter_map(|&index| run.event(index).bytes)
            .sum();
        let stretch = if got > 0 {
            written.max(got) as f64 / got as f64
        } else {
            1.0
        };
        // For each piece, up to which byte of the body's framing the client has come with it.
        let mut so_far = 0;
        let reached: Vec<(u32, u64)> = pieces
            .iter()
            .map(|&index| {
                let event = run.event(index);
                if event.kind == Kind::ResponseData {
                    so_far += event.bytes.unwrap_or(0);
                    (index, (so_far as f64 * stretch).round() as u64)
                } else {
                    (index, u64::MAX)
                }
            })
            .collect();
        let mut next = 0;
        for &write in writes {
            let event = run.event(write);
            if event.detail.head_bytes.is_some()
                && let Some(&to) = heads.first()
            {
                self.push(write, to, Way::Response);
                continue;
            }
            let end = end_offset(event).saturating_sub(head);
            while reached.get(next).is_some_and(|(_, up_to)| *up_to < end) {
                next += 1;
            }
            if let Some((to, _)) = reached.get(next) {
                self.push(write, *to, Way::Response);
            }
        }
    }

    /// A delivered message leaves with the first write of its exchange from then on, and arrives where it is received.
    fn messages(&mut self, messages: &[u32], writes: &[u32]) {
        let run = self.run;
        let id = |index: u32| {
            run.event(index)
                .detail
                .message
                .as_deref()
                .unwrap_or_default()
        };
        let mut received = ByMessage::default();
        for &index in messages {
            if run.event(index).kind == Kind::Received {
                received.insert(id(index), index);
            }
        }
        let mut write = 0;
        for &index in messages {
            let delivered = run.event(index);
            if delivered.kind != Kind::Delivered {
                continue;
            }
            let after = |place: usize| {
                writes
                    .get(place)
                    .is_some_and(|&write| run.event(write).at_ns < delivered.at_ns)
            };
            while after(write) {
                write += 1;
            }
            let by = writes.get(write).copied();
            if let Some(by) = by {
                self.push(index, by, Way::Handover);
            }
            if let Some(to) = received.get(id(index)) {
                self.push(by.unwrap_or(index), to, Way::Message);
            }
        }
    }

    fn handovers(&mut self, exchange: &Exchange, reads: &[u32], writes: &[u32]) {
        let run = self.run;
        let mut handler = None;
        for &index in exchange.indexes() {
            let event = run.event(index);
            match event.kind {
                Kind::Parse => {
                    if let Some(&read) = reads.first() {
                        self.push(read, index, Way::Handover);
                    }
                }
                Kind::Respond => {
                    let after = writes.partition_point(|&w| run.event(w).at_ns < event.at_ns);
                    if let Some(&write) = writes.get(after) {
                        self.push(index, write, Way::Handover);
                    }
                }
                Kind::Published | Kind::Subscribed | Kind::Created | Kind::Finished => {
                    if let Some(from) = handler {
                        self.push(from, index, Way::Handover);
                    }
                }
                _ => {}
            }
            if event.lane.kind == LaneKind::Handler {
                handler = Some(index);
            }
        }
    }

    fn head_bytes(&self, parts: &[u32]) -> u64 {
        parts
            .iter()
            .find_map(|&index| self.run.event(index).detail.head_bytes)
            .unwrap_or(0)
    }

    fn push(&mut self, from: u32, to: u32, way: Way) {
        self.arrows.push(Arrow { from, to, way });
    }
}

/// The first byte of the message that comes after this event's.
fn end_offset(event: &TraceEvent) -> u64 {
    event
        .detail
        .offset
        .unwrap_or(0)
        .saturating_add(event.bytes.unwrap_or(0))
}
