//! What the picture says about an event, an arrow, a lane: short enough to stand beside a mark.

use wire::{
    time::{bytes, duration},
    trace::{Kind, Lane, LaneKind, TraceEvent, Truth},
};

use crate::run::Way;

/// The lane's name over its column.
pub fn lane(lane: Lane) -> String {
    let name = match lane.kind {
        LaneKind::Browser => "Browser",
        LaneKind::Network => "Network",
        LaneKind::Socket => "Socket",
        LaneKind::Handler => "Handler",
        LaneKind::Topic => "Topic",
        LaneKind::Storage => "Storage",
        LaneKind::Terminal => "Terminal",
        LaneKind::Subscriber => "Subscriber",
    };
    if lane.number == 0 {
        return name.to_owned();
    }
    let mut words = String::from(name);
    words.push(' ');
    words.push_str(&lane.number.to_string());
    words
}

/// What a lane is, in a sentence, for the one who points at it.
pub fn lane_means(lane: Lane) -> &'static str {
    match lane.kind {
        LaneKind::Browser => "This page, as its own clock sees it.",
        LaneKind::Network => {
            "The way between the two ends: never measured, only computed or simulated."
        }
        LaneKind::Socket => "The server's end of the connection: when bytes are read and written.",
        LaneKind::Handler => "The server's code that makes the answer.",
        LaneKind::Topic => "Where messages are taken, numbered and handed on.",
        LaneKind::Storage => "Where the server keeps bytes.",
        LaneKind::Terminal => "A program that is no browser, such as curl.",
        LaneKind::Subscriber => "Somebody who listens to a topic.",
    }
}

/// What happened, without figures.
pub fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::RequestSent => "sends",
        Kind::Connected => "connects",
        Kind::Progress => "hands on",
        Kind::ResponseHead => "has the head",
        Kind::ResponseData => "gets",
        Kind::ResponseEnd => "has it all",
        Kind::Consumed => "uses it",
        Kind::StreamOpened => "stream open",
        Kind::Sent => "sends a frame",
        Kind::Received => "receives",
        Kind::StreamClosed => "stream over",
        Kind::Hashed => "computes SHA-256",
        Kind::Marked => "marked",
        Kind::Failed => "fails",
        Kind::Aborted => "gives up",
        Kind::Accepted => "accepts",
        Kind::Read => "reads",
        Kind::Write => "writes",
        Kind::Closed => "closes",
        Kind::Fault => "fault",
        Kind::Parse => "parses",
        Kind::Body => "takes the body",
        Kind::Process => "works",
        Kind::Respond => "responds",
        Kind::Noticed => "notices",
        Kind::Published => "takes",
        Kind::Subscribed => "subscriber joins",
        Kind::Unsubscribed => "subscriber leaves",
        Kind::Delivered => "hands on",
        Kind::Gap => "declares a gap",
        Kind::Created => "creates",
        Kind::Stored => "stores",
        Kind::Synced => "syncs",
        Kind::Finished => "whole",
        Kind::Previewed => "makes the preview",
        Kind::Removed => "removes",
        Kind::Unknown => "something newer than this page",
    }
}

/// What many of a kind are called: `128 reads`.
pub fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::RequestSent => "requests",
        Kind::Progress => "progress reports",
        Kind::ResponseData => "pieces",
        Kind::Received => "messages received",
        Kind::Sent => "frames",
        Kind::Read => "reads",
        Kind::Write => "writes",
        Kind::Published => "messages taken",
        Kind::Delivered => "messages handed on",
        Kind::Stored => "pieces stored",
        Kind::Fault => "faults",
        _ => "events",
    }
}

/// Which words win where there is no room for all: larger is more.
pub fn weight(kind: Kind) -> u8 {
    match kind {
        Kind::Failed | Kind::Aborted | Kind::Fault | Kind::Gap | Kind::Marked | Kind::Noticed => 9,
        Kind::Process | Kind::RequestSent | Kind::Finished | Kind::Published => 8,
        Kind::Received | Kind::Sent | Kind::Consumed | Kind::Previewed | Kind::Hashed => 7,
        Kind::ResponseHead | Kind::StreamOpened | Kind::StreamClosed | Kind::Body => 6,
        Kind::Parse | Kind::ResponseEnd | Kind::Stored | Kind::Created | Kind::Removed => 5,
        Kind::Write | Kind::Read => 4,
        Kind::Respond | Kind::Delivered | Kind::Subscribed | Kind::Unsubscribed => 3,
        Kind::Connected | Kind::Accepted | Kind::Closed | Kind::Synced => 2,
        Kind::ResponseData | Kind::Progress | Kind::Unknown => 1,
    }
}

/// `works, 40 ms`: what stands beside a mark.
pub fn event(event: &TraceEvent) -> String {
    let detail = &event.detail;
    let verb = verb(event.kind);
    let size = || match event.bytes {
        Some(count) => [verb, " ", &bytes(count)].concat(),
        None => verb.to_owned(),
    };
    match event.kind {
        // Within a run the epoch rarely changes; the inspector shows the whole id.
        Kind::Published | Kind::Received | Kind::Delivered => match number(event) {
            Some(number) => [verb, " #", number].concat(),
            None => verb.to_owned(),
        },
        Kind::ResponseHead | Kind::Respond => match detail.status {
            Some(status) => [verb, ": ", &status.to_string()].concat(),
            None => verb.to_owned(),
        },
        Kind::Marked => detail.summary.clone().unwrap_or_else(|| verb.to_owned()),
        Kind::Failed | Kind::Fault | Kind::Closed | Kind::StreamClosed | Kind::Gap => {
            match detail.why.as_deref().or(detail.summary.as_deref()) {
                Some(why) => [verb, ": ", why].concat(),
                None => verb.to_owned(),
            }
        }
        Kind::ResponseEnd => match event.bytes {
            Some(count) => [verb, ", ", &bytes(count)].concat(),
            None => verb.to_owned(),
        },
        Kind::Write => size(),
        _ => match event.duration_ns {
            Some(ns) => [&size(), ", ", &duration(ns as i64)].concat(),
            None => size(),
        },
    }
}

/// The same where there is less room: the figure alone where it says enough, otherwise the word alone.
pub fn event_short(event: &TraceEvent) -> String {
    let word = || verb(event.kind).to_owned();
    match event.kind {
        Kind::Published | Kind::Received | Kind::Delivered => {
            number(event).map_or_else(word, |number| ["#", number].concat())
        }
        Kind::Read | Kind::Write | Kind::Stored | Kind::Progress | Kind::ResponseData => {
            event.bytes.map_or_else(word, bytes)
        }
        Kind::ResponseHead | Kind::Respond => event
            .detail
            .status
            .map_or_else(word, |status| status.to_string()),
        Kind::Process | Kind::Parse | Kind::Body | Kind::Consumed => event
            .duration_ns
            .map_or_else(word, |ns| duration(ns as i64)),
        Kind::Marked => event.detail.summary.clone().unwrap_or_else(word),
        _ => word(),
    }
}

/// A message's number in its topic.
fn number(event: &TraceEvent) -> Option<&str> {
    let id = event.detail.message.as_deref()?;
    Some(id.rsplit('-').next().unwrap_or(id))
}

/// What is written along an arrow: `GET /api/echo, 412 B`, or without the size. Empty where there is nothing to add.
pub fn arrow(from: &TraceEvent, to: &TraceEvent, way: Way, with_size: bool) -> String {
    let summary = |event: &'_ TraceEvent| event.detail.summary.clone();
    let (words, size) = match way {
        Way::Request => {
            let words = summary(from).or_else(|| summary(to));
            // The query is long; the path is what tells requests apart.
            let words = words.map(|words| words.split('?').next().unwrap_or_default().to_owned());
            (words, to.bytes)
        }
        Way::Response if from.detail.head_bytes.is_some() => {
            let status = to.detail.status.map(|status| status.to_string());
            (summary(to).or(status), from.bytes)
        }
        Way::Response => (None, from.bytes),
        Way::Message => {
            let number = number(to).or_else(|| number(from));
            (
                number.map(|number| ["#", number].concat()),
                from.bytes.or(to.bytes),
            )
        }
        Way::Upload => (
            from.bytes.map(|count| ["up to ", &bytes(count)].concat()),
            None,
        ),
        Way::Handover => (None, None),
    };
    match (words, size.map(bytes)) {
        (Some(words), Some(size)) if with_size => [&words, ", ", &size].concat(),
        (Some(words), _) => words,
        (None, Some(size)) => size,
        (None, None) => String::new(),
    }
}

/// What many arrows at once are called.
pub fn arrows(way: Way, count: usize) -> String {
    let what = match way {
        Way::Message => " messages",
        Way::Request => " requests",
        Way::Upload | Way::Response | Way::Handover => " parts",
    };
    [&count.to_string(), what].concat()
}

/// What a truth label means, in a sentence.
pub fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::Measured => "Measured: a clock was read when it happened.",
        Truth::Derived => "Derived: computed from measured figures.",
        Truth::Modelled => "Modelled: a simulation, not a measurement.",
    }
}

/// The truth label alone.
pub fn truth_name(truth: Truth) -> &'static str {
    match truth {
        Truth::Measured => "measured",
        Truth::Derived => "derived",
        Truth::Modelled => "modelled",
    }
}

/// One sentence that names the event completely, for those who do not see the picture.
pub fn spoken(event: &TraceEvent, origin_ns: i64) -> String {
    let long = self::event(event);
    let at = event.at_ns.saturating_sub(origin_ns);
    let mut words = [&lane(event.lane), " ", &long, ", at ", &duration(at)].concat();
    if event.error_ns > 0 {
        words.push_str(" ± ");
        words.push_str(&duration(event.error_ns as i64));
    }
    if event.truth != Truth::Measured {
        words.push_str(", ");
        words.push_str(truth_name(event.truth));
    }
    words
}
