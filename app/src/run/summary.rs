//! A run in one sentence.

use wire::{
    time::{bytes, duration},
    trace::{Kind, LaneKind, TraceEvent},
};

use super::{Exchange, Run, Steps, messages::ByMessage};
use crate::order;

impl Run {
    /// What happened, in plain words: of an upload the whole of it, of a topic its messages, otherwise the latest
    /// request. Empty while nothing has happened.
    pub fn summary(&self) -> String {
        if let Some(words) = self.upload_words().or_else(|| self.message_words()) {
            return words;
        }
        let asked = |exchange: &&Exchange| {
            let steps = exchange.steps(self);
            steps.sent.or(steps.first_read).is_some()
        };
        let count = self.exchanges().iter().filter(asked).count();
        let latest = self
            .exchanges()
            .iter()
            .filter(asked)
            .max_by_key(|exchange| {
                let steps = exchange.steps(self);
                steps.sent.or(steps.first_read).map(|event| event.at_ns)
            });
        let Some(latest) = latest else {
            return match self.len() {
                0 => String::new(),
                1 => "1 event.".to_owned(),
                many => format!("{many} events."),
            };
        };
        let words = request_words(&latest.steps(self));
        if count > 1 {
            format!("{count} requests. The last: {words}")
        } else {
            words
        }
    }

    /// Bytes that came to storage, in how many requests, how long that took, and whether both ends agree.
    fn upload_words(&self) -> Option<String> {
        let parts: Vec<Steps<'_>> = self
            .exchanges()
            .iter()
            .filter(|exchange| {
                exchange
                    .events(self)
                    .any(|event| matches!(event.kind, Kind::Stored | Kind::Progress))
            })
            .map(|exchange| exchange.steps(self))
            .collect();
        let first = parts
            .iter()
            .filter_map(|steps| steps.sent.or(steps.first_read))
            .min_by_key(|event| event.at_ns)?;
        let all = self.in_time();
        let (mut stored, mut finished, mut hashed, mut removed, mut pauses) =
            (0, None, None, None, 0);
        for event in all {
            match event.kind {
                Kind::Stored => stored += event.bytes.unwrap_or(0),
                Kind::Finished => finished = Some(event),
                // The storage says when it was done hashing, the browser what came of it.
                Kind::Hashed if event.detail.sha256.is_some() => hashed = Some(event),
                Kind::Removed => removed = Some(event),
                // The lab's words: "Paused at 3.1 MB".
                Kind::Marked
                    if event
                        .detail
                        .summary
                        .as_deref()
                        .is_some_and(|words| words.starts_with("Paused")) =>
                {
                    pauses += 1;
                }
                _ => {}
            }
        }
        let requests = match parts.len() {
            1 => "one request".to_owned(),
            many => format!("{many} requests"),
        };
        let pauses = match pauses {
            0 => String::new(),
            1 => ", paused once".to_owned(),
            many => format!(", paused {many} times"),
        };
        if removed.is_some() && finished.is_none() {
            return Some(format!(
                "Cancelled: the {} that had come in {requests} are gone.",
                bytes(stored)
            ));
        }
        let Some(finished) = finished else {
            if let Some(broken) = parts.last().and_then(|steps| steps.broken) {
                let why = broken
                    .detail
                    .why
                    .as_deref()
                    .unwrap_or("no reason was given");
                return Some(format!(
                    "Stopped with {} stored in {requests}{pauses}: {}.",
                    bytes(stored),
                    trimmed(why)
                ));
            }
            return Some(format!(
                "{} stored so far, in {requests}{pauses}.",
                bytes(stored)
            ));
        };
        let end = parts
            .iter()
            .filter_map(|steps| steps.end.or(steps.last_write))
            .map(TraceEvent::end_ns)
            .max()
            .unwrap_or(finished.end_ns());
        let took = end.saturating_sub(first.at_ns);
        let rate = if took > 0 {
            let per_second = stored as f64 / (took as f64 / 1e9);
            format!(" ({}/s)", bytes(per_second as u64))
        } else {
            String::new()
        };
        let agreed = match (&finished.detail.sha256, hashed.map(|e| &e.detail.sha256)) {
            (Some(there), Some(Some(here))) if there == here => {
                ". Both ends computed the same SHA-256."
            }
            (Some(_), Some(Some(_))) => ". The two ends computed different SHA-256 digests.",
            _ => ".",
        };
        Some(format!(
            "{} stored in {requests} and {}{rate}{pauses}{agreed}",
            bytes(stored),
            duration(took)
        ))
    }

    /// Messages that came to subscribers, and how long that took.
    fn message_words(&self) -> Option<String> {
        let mut published = ByMessage::default();
        let (mut ways, mut lanes, mut messages, mut missed) =
            (Vec::new(), Vec::new(), 0_u64, 0_u64);
        let mut error_ns = 0;
        let (mut open, mut taken) = (0_u64, 0_u64);
        for &index in self.order() {
            let event = self.event(index);
            match (event.kind, event.detail.message.as_deref()) {
                (Kind::Published, Some(id)) => {
                    taken += 1;
                    published.insert(id, index);
                }
                (Kind::Received, id) => {
                    messages += 1;
                    if !lanes.contains(&event.lane) {
                        lanes.push(event.lane);
                    }
                    if let Some(sent) = id.and_then(|id| published.get(id)) {
                        let sent = self.event(sent);
                        ways.push(event.at_ns.saturating_sub(sent.at_ns).max(0));
                        error_ns = error_ns.max(event.error_ns.saturating_add(sent.error_ns));
                    }
                }
                (Kind::Gap, _) => {
                    let more = &event.detail.more;
                    missed += more.get("missed").and_then(|n| n.as_u64()).unwrap_or(1);
                }
                (Kind::StreamOpened, _) => open += 1,
                _ => {}
            }
        }
        if messages == 0 {
            return match (open, taken) {
                (0, 0) => None,
                (0, _) => Some(format!(
                    "{} published; nobody subscribed.",
                    counted(taken, "message")
                )),
                (_, 0) => Some(format!("{} open; no message yet.", counted(open, "stream"))),
                _ => Some(format!(
                    "{} published; on the way to {}.",
                    counted(taken, "message"),
                    counted(open, "subscriber")
                )),
            };
        }
        let mut words = format!(
            "{} received by {}",
            counted(messages, "message"),
            counted(lanes.len() as u64, "subscriber")
        );
        order::by_number(&mut ways, |way| *way);
        if let Some(&middle) = ways.get(ways.len() / 2) {
            let which = if ways.len() > 1 { " (median)" } else { "" };
            words += &format!(
                ", {} after publishing{which} ± {}",
                duration(middle),
                duration(error_ns as i64)
            );
        }
        if missed > 0 {
            words += &format!("; {} missed, and said so", counted(missed, "message"));
        }
        words.push('.');
        Some(words)
    }
}

/// The latest request, as far as it has come.
fn request_words(steps: &Steps<'_>) -> String {
    if let Some(broken) = steps.broken {
        let after = steps
            .sent
            .map(|sent| {
                format!(
                    " after {}",
                    duration(broken.at_ns.saturating_sub(sent.at_ns))
                )
            })
            .unwrap_or_default();
        return match (broken.kind, broken.detail.why.as_deref()) {
            (Kind::Aborted, _) => format!("Given up{after}."),
            (_, Some(why)) => format!("Failed{after}: {}.", trimmed(why)),
            _ => format!("Failed{after}."),
        };
    }
    if steps.is_stream() {
        return match steps.closed {
            Some(_) => format!(
                "The stream ended after {}.",
                counted(steps.received, "message")
            ),
            None => format!(
                "The stream is open: {} so far.",
                counted(steps.received, "message")
            ),
        };
    }
    let how = match steps.status() {
        Some(status) if status >= 400 => format!("Answered with {status} in"),
        _ => "Answered in".to_owned(),
    };
    let parts = parts_words(steps);
    if let (Some(whole), Some(way_ns)) = (steps.whole(), steps.on_the_way_ns()) {
        return format!(
            "{how} {}: {parts}{} on the way (± {}).",
            duration(whole.ns()),
            duration(way_ns),
            duration(whole.error_ns as i64)
        );
    }
    if let Some(whole) = steps.whole() {
        return format!(
            "{how} {} (± {}).",
            duration(whole.ns()),
            duration(whole.error_ns as i64)
        );
    }
    // A terminal sees for itself when the answer is there, and does not tell us.
    let asked_by_browser = steps
        .client()
        .is_some_and(|lane| lane.kind != LaneKind::Terminal);
    match (steps.at_server(), steps.head, steps.first_read) {
        (Some(served), _, _) if !asked_by_browser => format!(
            "{how} {}, as the server saw it: {}.",
            duration(served.ns()),
            parts.strip_suffix(", ").unwrap_or(&parts)
        ),
        (_, Some(_), _) => format!(
            "The response is coming: {} so far.",
            bytes(steps.written_bytes)
        ),
        (_, _, Some(_)) => "The server has the request and works on it.".to_owned(),
        _ => "Sent; the server has read nothing of it yet.".to_owned(),
    }
}

/// `0.3 ms parsing, 40 ms working, `.
fn parts_words(steps: &Steps<'_>) -> String {
    let mut words = String::new();
    let took = |event: Option<&TraceEvent>| event.and_then(|event| event.duration_ns);
    let worked = took(steps.process).map(|_| steps.worked_ns as u64);
    for (took, what) in [
        (took(steps.parse), "parsing"),
        (took(steps.body), "on the body"),
        (worked.filter(|ns| *ns > 0), "working"),
    ] {
        if let Some(ns) = took {
            words += &format!("{} {what}, ", duration(ns as i64));
        }
    }
    words
}

/// `1 message`, `2 messages`.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn trimmed(sentence: &str) -> &str {
    sentence.trim().trim_end_matches('.')
}
