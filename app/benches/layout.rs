//! How long a run of 10,000 events takes from events to a picture: fold, arrows, pulse, layout. Prints medians.
//!
//! `cargo bench -p app`. No gate here: the figures go into the notes.

use std::{hint::black_box, time::Instant};

use app::{
    run::Run,
    timeline::{Picture, Pulse, Source, View, Zoom, labels::Widths, layout},
};
use wire::trace::{Kind, Lane, SpanId, TraceEvent, TraceId};

const EVENTS: u64 = 10_000;
const TURNS: usize = 41;

/// Requests one after the other, with reads and writes in between, as a long upload or a busy page makes them. The
/// browser's events come late, as on the feed.
fn events() -> Vec<TraceEvent> {
    let mut events = Vec::new();
    let mut exchange = 0;
    while (events.len() as u64) < EVENTS {
        exchange += 1;
        let start = exchange as i64 * 45_000_000;
        let mut at = |lane, kind, us: i64, bytes: u64| {
            let mut event = TraceEvent::new(lane, kind, start + us * 1_000, 40_000);
            event.detail.exchange = SpanId::new(exchange);
            event.bytes = Some(bytes);
            events.push(event);
        };
        for part in 0..8 {
            at(Lane::SOCKET, Kind::Read, 500 + part * 40, 16_384);
        }
        at(Lane::HANDLER, Kind::Parse, 510, 0);
        at(Lane::HANDLER, Kind::Process, 560, 0);
        at(Lane::HANDLER, Kind::Respond, 20_000, 0);
        for part in 0..8 {
            at(Lane::SOCKET, Kind::Write, 20_010 + part * 30, 16_384);
        }
        at(Lane::BROWSER, Kind::RequestSent, 0, 0);
        at(Lane::BROWSER, Kind::ResponseHead, 21_000, 0);
        for part in 0..6 {
            at(
                Lane::BROWSER,
                Kind::ResponseData,
                21_100 + part * 50,
                20_000,
            );
        }
        at(Lane::BROWSER, Kind::ResponseEnd, 21_500, 0);
        at(Lane::BROWSER, Kind::Consumed, 21_510, 0);
    }
    events.truncate(EVENTS as usize);
    for (place, event) in events.iter_mut().enumerate() {
        event.seq = place as u64 + 1;
        if matches!(event.kind, Kind::Process | Kind::Parse | Kind::Consumed) {
            event.duration_ns = Some(if event.kind == Kind::Process {
                19_400_000
            } else {
                45_000
            });
        }
        if matches!(event.kind, Kind::Read | Kind::Write) {
            event.detail.offset = Some((place as u64 % 8) * 16_384);
        }
    }
    events
}

fn main() {
    let events = events();
    let views = [
        ("ladder, readable", Picture::Ladder, Zoom::Readable),
        ("ladder, whole", Picture::Ladder, Zoom::Whole),
        ("waterfall, whole", Picture::Waterfall, Zoom::Whole),
    ];
    let widths = Widths::rough(14.0);
    for (name, picture, zoom) in views {
        let (length_px, breadth_px) = match picture {
            Picture::Ladder => (600.0, 1_200.0),
            Picture::Waterfall => (1_200.0, 600.0),
        };
        let view = View {
            picture,
            length_px,
            breadth_px,
            unit: 1.0,
            zoom,
            to_scale: false,
            unfolded: Vec::new(),
        };
        let mut folds = Vec::new();
        let mut layouts = Vec::new();
        let mut both = Vec::new();
        for _ in 0..TURNS {
            let fresh = events.clone();
            let start = Instant::now();
            let mut run = Run::new();
            if let Some(id) = TraceId::new(1) {
                run.begin(id, "2026-11-24T02:00:00.000000Z");
            }
            for event in fresh {
                run.apply(event);
            }
            let folded = start.elapsed();
            let arrows = run.arrows();
            let sources = [Source {
                run: &run,
                arrows: &arrows,
                origin_ns: run.span_ns().map_or(0, |(first, _)| first),
            }];
            let pulse = Pulse::of(&sources);
            let scene = layout(&sources, &pulse, &view, &widths);
            let whole = start.elapsed();
            black_box(&scene);
            folds.push(folded);
            layouts.push(whole - folded);
            both.push(whole);
        }
        println!(
            "{name}: {EVENTS} events: fold {:?}, layout {:?}, together {:?} (median of {TURNS})",
            median(&mut folds),
            median(&mut layouts),
            median(&mut both)
        );
    }
}

fn median(times: &mut [std::time::Duration]) -> std::time::Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
