use proptest::prelude::*;
use std::collections::BTreeSet;
use wire::trace::{Kind, Lane, SpanId, TraceEvent, TraceId};

use super::{
    Picture, Pulse, Scene, Source, View, Zoom, axis::Piece, labels::Widths, layout, scene::Whose,
};
use crate::run::Run;

fn run(events: impl IntoIterator<Item = TraceEvent>) -> Run {
    let mut run = Run::new();
    run.begin(
        TraceId::new(7).expect("not zero"),
        "2026-11-24T02:00:00.000000Z",
    );
    for (number, mut event) in events.into_iter().enumerate() {
        event.seq = number as u64 + 1;
        run.apply(event);
    }
    run
}

fn event(exchange: u64, lane: Lane, kind: Kind, at_us: i64) -> TraceEvent {
    let mut event = TraceEvent::new(
        lane,
        kind,
        at_us * 1_000,
        if lane == Lane::BROWSER { 90_000 } else { 30 },
    );
    event.detail.exchange = SpanId::new(exchange);
    event
}

fn lasting(mut event: TraceEvent, us: u64) -> TraceEvent {
    event.duration_ns = Some(us * 1_000);
    event
}

fn sized(mut event: TraceEvent, bytes: u64) -> TraceEvent {
    event.bytes = Some(bytes);
    event
}

/// A request on loopback as it is measured: 40 ms of work between two flights of less than a millisecond.
fn request(exchange: u64, from_us: i64) -> Vec<TraceEvent> {
    let at = |lane, kind, us| event(exchange, lane, kind, from_us + us);
    let mut head = sized(at(Lane::SOCKET, Kind::Read, 610), 412);
    head.detail.head_bytes = Some(412);
    let mut write = sized(at(Lane::SOCKET, Kind::Write, 40_705), 640);
    write.detail.head_bytes = Some(140);
    let mut sent = at(Lane::BROWSER, Kind::RequestSent, 0);
    sent.detail.summary = Some("GET /api/echo".into());
    let mut answered = at(Lane::BROWSER, Kind::ResponseHead, 41_350);
    answered.detail.summary = Some("200 OK".into());
    answered.detail.status = Some(200);
    vec![
        sent,
        head,
        lasting(at(Lane::HANDLER, Kind::Parse, 610), 42),
        lasting(at(Lane::HANDLER, Kind::Process, 655), 40_020),
        at(Lane::HANDLER, Kind::Respond, 40_680),
        write,
        answered,
        sized(at(Lane::BROWSER, Kind::ResponseData, 41_420), 500),
        sized(at(Lane::BROWSER, Kind::ResponseEnd, 41_455), 500),
        lasting(at(Lane::BROWSER, Kind::Consumed, 41_460), 120),
    ]
}

fn view(picture: Picture) -> View {
    let (length_px, breadth_px) = match picture {
        Picture::Ladder => (520.0, 1_100.0),
        Picture::Waterfall => (1_100.0, 520.0),
    };
    View {
        picture,
        length_px,
        breadth_px,
        unit: 1.0,
        zoom: Zoom::Readable,
        to_scale: false,
        unfolded: Vec::new(),
    }
}

fn lay(runs: &[&Run], view: &View) -> Scene {
    lay_in(runs, view, &Widths::rough(14.0))
}

fn lay_in(runs: &[&Run], view: &View, widths: &Widths) -> Scene {
    let arrows: Vec<_> = runs.iter().map(|run| run.arrows()).collect();
    let sources: Vec<Source<'_>> = runs
        .iter()
        .zip(&arrows)
        .map(|(run, arrows)| Source {
            run,
            arrows,
            origin_ns: run.span_ns().map_or(0, |(first, _)| first),
        })
        .collect();
    layout(&sources, &Pulse::of(&sources), view, widths)
}

fn texts(scene: &Scene) -> Vec<&str> {
    scene
        .labels
        .iter()
        .map(|label| label.text.as_str())
        .collect()
}

/// What holds for every picture, whatever the run.
fn check(scene: &Scene, runs: &[&Run]) -> Result<(), TestCaseError> {
    // Every event is in exactly one mark.
    for (source, run) in runs.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for mark in scene.marks.iter().filter(|mark| mark.source == source) {
            for &index in scene.events_of(mark) {
                prop_assert!(seen.insert(index), "event {index} has two marks");
            }
        }
        prop_assert_eq!(seen.len(), run.len());
    }
    // No words over other words.
    for (place, label) in scene.labels.iter().enumerate() {
        for other in &scene.labels[place + 1..] {
            prop_assert!(!label.rect.overlaps(&other.rect), "{label:?} and {other:?}");
        }
    }
    // Order: in every lane a later mark does not stand before an earlier one; and drawing order is time's.
    prop_assert!(scene.marks.is_sorted_by(|a, b| a.from_px <= b.from_px));
    for mark in &scene.marks {
        let events = scene.events_of(mark);
        let first = runs[mark.source].events()[events[0] as usize].at_ns;
        let origin = runs[mark.source].span_ns().expect("events").0;
        prop_assert!((scene.axis.px(first - origin) - mark.from_px).abs() < 1e-6);
    }
    // Culling by time finds every mark and every arrow that touches a window.
    let window = (scene.size.1 * 0.3, scene.size.1 * 0.5);
    let found = scene.marks_between(window.0, window.1);
    for (place, mark) in scene.marks.iter().enumerate() {
        if mark.to_px >= window.0 && mark.from_px <= window.1 {
            prop_assert!(found.contains(&place));
        }
    }
    let found = scene.flights_between(window.0, window.1);
    for (place, flight) in scene.flights.iter().enumerate() {
        let (a, b) = (scene.along(flight.from), scene.along(flight.to));
        if a.max(b) >= window.0 && a.min(b) <= window.1 {
            prop_assert!(found.contains(&place));
        }
    }
    Ok(())
}

/// What holds for every ladder: lanes keep their order, and an event's words stand in its lane's column, beside no line.
fn check_columns(scene: &Scene, run: &Run) -> Result<(), TestCaseError> {
    let lanes: Vec<Lane> = scene.tracks.iter().map(|track| track.lane).collect();
    prop_assert_eq!(&lanes, run.lanes());
    prop_assert!(scene.tracks.is_sorted_by(|a, b| a.line < b.line));
    for label in &scene.labels {
        let Whose::Mark(place) = label.whose else {
            continue;
        };
        let mark = &scene.marks[place];
        let (from, to) = scene.tracks[mark.track].words;
        let (left, right) = (label.rect.x, label.rect.x + label.rect.w);
        prop_assert!(from - 1e-6 <= left && right <= to + 1e-6, "{label:?}");
        let crossed = scene
            .tracks
            .iter()
            .find(|track| left < track.line && track.line < right);
        prop_assert_eq!(crossed, None);
    }
    Ok(())
}

#[test]
fn a_request_is_readable_at_first_sight() {
    let run = run(request(1, 0));
    let scene = lay(&[&run], &view(Picture::Ladder));
    check(&scene, &[&run]).expect("a sound picture");
    assert_eq!(scene.size, (1_100.0, 520.0), "it fits the window");
    let folds: Vec<_> = scene
        .axis
        .segments()
        .iter()
        .filter(|s| s.piece == Piece::Fold)
        .collect();
    assert_eq!(
        folds.len(),
        1,
        "the work is folded, the flights are not: {:#?}",
        scene.axis
    );
    assert!(
        scene.marks.iter().all(|mark| mark.count == 1),
        "every event has its own mark"
    );
    assert_eq!(
        texts(&scene).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([
            "GET /api/echo, 412 B",
            "200 OK, 640 B",
            "sends",
            "reads 412 B",
            "parses, 42 µs",
            "works, 40 ms",
            "responds",
            "writes 640 B",
            "has the head: 200",
            "gets 500 B",
            "has it all, 500 B",
            "uses it, 120 µs",
        ])
    );
}

#[test]
fn on_a_phone_a_request_is_readable_too() {
    let run = run(request(1, 0));
    let phone = View {
        breadth_px: 358.0,
        ..view(Picture::Ladder)
    };
    // As wide as the page's own font is.
    let scene = lay_in(&[&run], &phone, &Widths::rough(12.0));
    check(&scene, &[&run]).expect("a sound picture");
    assert_eq!(scene.size.0, 358.0, "nothing to scroll across");
    assert_eq!(
        texts(&scene).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([
            "GET",
            "/api/echo",
            "200 OK,",
            "640 B",
            "sends",
            "reads 412 B",
            "parses, 42 µs",
            "works, 40 ms",
            "responds",
            "writes 640 B",
            "200",
            "500 B",
            "has it all",
            "120 µs",
        ])
    );
    let words_of = |lane| {
        let of_lane = scene.labels.iter().filter(move |label| label.lane == lane);
        of_lane.filter(|label| matches!(label.whose, Whose::Mark(_)))
    };
    let column: BTreeSet<i64> = words_of(Lane::SOCKET)
        .chain(words_of(Lane::HANDLER))
        .map(|label| label.rect.x.round() as i64)
        .collect();
    assert_eq!(column.len(), 1, "the server's lanes share a column");
    // Each lane's name has room over its line.
    for track in &scene.tracks {
        assert!(track.to - track.from >= 64.0, "{track:?}");
        assert!((track.from..track.to).contains(&track.line), "{track:?}");
    }
}

#[test]
fn requests_far_apart_are_each_readable() {
    let events = (0..5).flat_map(|n| request(n + 1, n as i64 * 3_000_000));
    let run = run(events);
    let view = view(Picture::Ladder);
    let scene = lay(&[&run], &view);
    check(&scene, &[&run]).expect("a sound picture");
    assert!(scene.size.1 > view.length_px, "it is scrolled");
    let folds = scene
        .axis
        .segments()
        .iter()
        .filter(|s| s.piece == Piece::Fold)
        .count();
    assert_eq!(folds, 9, "five stretches of work, four of rest");
    assert_eq!(
        texts(&scene)
            .iter()
            .filter(|text| **text == "works, 40 ms")
            .count(),
        5
    );
    let whole = lay(
        &[&run],
        &View {
            zoom: Zoom::Whole,
            ..view
        },
    );
    assert_eq!(whole.size.1, 520.0);
    check(&whole, &[&run]).expect("a sound picture");
}

#[test]
fn a_fold_opens_and_everything_can_be_had_to_scale() {
    let run = run(request(1, 0));
    let mut view = view(Picture::Ladder);
    let folded = lay(&[&run], &view);
    let fold = *folded
        .axis
        .segments()
        .iter()
        .find(|s| s.piece == Piece::Fold)
        .expect("one");
    view.unfolded = vec![fold.from_ns];
    let open = lay(&[&run], &view);
    assert!(open.axis.segments().iter().all(|s| s.piece != Piece::Fold));
    check(&open, &[&run]).expect("a sound picture");
    view.to_scale = true;
    let plain = lay(&[&run], &view);
    assert_eq!(plain.axis.segments().len(), 1, "one scale");
    assert!(
        (plain.axis.px(20_000_000)
            - plain.axis.px(10_000_000)
            - (plain.axis.px(30_000_000) - plain.axis.px(20_000_000)))
        .abs()
            < 1e-6
    );
    check(&plain, &[&run]).expect("a sound picture");
}

#[test]
fn long_flights_are_not_folded() {
    let mut events = request(1, 0);
    for event in &mut events {
        if event.lane != Lane::BROWSER {
            event.at_ns += 200_000_000;
        } else if event.kind != Kind::RequestSent {
            event.at_ns += 400_000_000;
        }
    }
    let run = run(events);
    let scene = lay(&[&run], &view(Picture::Ladder));
    check(&scene, &[&run]).expect("a sound picture");
    assert!(
        scene.axis.segments().iter().all(|s| s.piece != Piece::Fold),
        "{:#?}",
        scene.axis
    );
    assert!(
        scene
            .axis
            .segments()
            .iter()
            .any(|s| matches!(s.piece, Piece::Lens(_))),
        "what the server does within a pixel is drawn larger"
    );
}

#[test]
fn many_at_once_become_one_mark_that_says_how_many() {
    let mut events = Vec::new();
    for n in 0..400 {
        let mut read = sized(event(1, Lane::SOCKET, Kind::Read, n * 100), 20_000);
        read.detail.offset = Some(n as u64 * 20_000);
        events.push(read);
    }
    let run = run(events);
    let scene = lay(&[&run], &view(Picture::Ladder));
    check(&scene, &[&run]).expect("a sound picture");
    assert_eq!(scene.marks.len(), 1);
    assert_eq!(texts(&scene), ["400 reads, 8 MB"]);
    let near = lay(
        &[&run],
        &View {
            zoom: Zoom::Fixed(2e-4),
            ..view(Picture::Ladder)
        },
    );
    check(&near, &[&run]).expect("a sound picture");
    assert_eq!(near.marks.len(), 400, "zoomed in, each has its own");
}

#[test]
fn two_runs_share_one_scale() {
    let (quick, slow) = (run(request(1, 0)), {
        let mut events = request(1, 5_000);
        for event in events.iter_mut().filter(|event| event.at_ns > 45_000_000) {
            event.at_ns += 20_000_000;
        }
        run(events)
    });
    for picture in [Picture::Ladder, Picture::Waterfall] {
        let scene = lay(&[&quick, &slow], &view(picture));
        check(&scene, &[&quick, &slow]).expect("a sound picture");
        let end = |source| {
            let marks = scene.marks.iter().filter(|mark| mark.source == source);
            marks.map(|mark| mark.to_px).fold(0.0, f64::max)
        };
        assert!(end(1) > end(0));
        let first = |source| {
            scene
                .marks
                .iter()
                .find(|mark| mark.source == source)
                .map(|mark| mark.from_px)
        };
        assert_eq!(first(0), first(1), "both begin at the same place");
    }
}

#[test]
fn a_run_of_one_event_has_a_picture() {
    let run = run([event(1, Lane::BROWSER, Kind::Marked, 5)]);
    for picture in [Picture::Ladder, Picture::Waterfall] {
        let scene = lay(&[&run], &view(picture));
        check(&scene, &[&run]).expect("a sound picture");
        assert_eq!(scene.marks.len(), 1);
    }
}

const KINDS: [(Lane, Kind); 12] = [
    (Lane::BROWSER, Kind::RequestSent),
    (Lane::SOCKET, Kind::Read),
    (Lane::HANDLER, Kind::Parse),
    (Lane::HANDLER, Kind::Process),
    (Lane::HANDLER, Kind::Respond),
    (Lane::SOCKET, Kind::Write),
    (Lane::BROWSER, Kind::ResponseHead),
    (Lane::BROWSER, Kind::ResponseData),
    (Lane::BROWSER, Kind::Failed),
    (Lane::TOPIC, Kind::Delivered),
    (Lane::subscriber(2), Kind::Received),
    (Lane::STORAGE, Kind::Stored),
];

fn any_run() -> impl Strategy<Value = Run> {
    let one = (
        0..KINDS.len(),
        0_i64..1_000_000,
        prop::option::of(0_u64..200_000),
        0_u64..5,
        0_u64..4,
    );
    // Times on many scales at once, as in real runs: microseconds within, seconds between.
    let scale = prop::sample::select(vec![1_i64, 50, 20_000]);
    prop::collection::vec((one, scale), 1..120).prop_map(|events| {
        run(events
            .into_iter()
            .map(|((which, at_us, lasts_us, exchange, message), scale)| {
                let (lane, kind) = KINDS[which];
                let mut event = event(exchange, lane, kind, at_us * scale);
                event.duration_ns = lasts_us.map(|us| us * 1_000);
                event.bytes = Some(message * 100);
                event.detail.offset = Some(message * 50);
                event.detail.message = Some(["00000001-", &message.to_string()].concat());
                event
            }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_picture_of_any_run_is_sound(
        run in any_run(),
        waterfall in any::<bool>(),
        zoom in prop_oneof![
            Just(Zoom::Readable), Just(Zoom::Whole), (-9.0_f64..-2.0).prop_map(|power| Zoom::Fixed(10_f64.powf(power)))
        ],
        to_scale in any::<bool>(),
        breadth_px in 300.0_f64..2_000.0,
    ) {
        let picture = if waterfall { Picture::Waterfall } else { Picture::Ladder };
        let view = View { zoom, to_scale, breadth_px, ..view(picture) };
        let scene = lay(&[&run], &view);
        check(&scene, &[&run])?;
        if picture == Picture::Ladder {
            check_columns(&scene, &run)?;
        }
        for label in &scene.labels {
            prop_assert!(label.rect.x >= 0.0 && label.rect.x + label.rect.w <= scene.size.0 + 1.0, "{label:?}");
        }
    }

    #[test]
    fn every_event_can_be_told_from_its_neighbours_by_zooming_in(run in any_run()) {
        let scene = lay(&[&run], &View { zoom: Zoom::Fixed(super::fit::SCALE_MAX), ..view(Picture::Ladder) });
        check(&scene, &[&run])?;
        for mark in scene.marks.iter().filter(|mark| mark.count > 1) {
            let at = |index: &u32| run.events()[*index as usize].at_ns;
            let events = scene.events_of(mark);
            let (first, last) = (events.iter().map(at).min(), events.iter().map(at).max());
            // What is still one mark happened within a step of the clock, or the picture would be too long.
            let near = last.zip(first).is_none_or(|(last, first)| last - first <= 5_000 * mark.count as i64);
            prop_assert!(near || scene.size.1 >= super::fit::LENGTH_MAX_PX * 0.9, "{mark:?}");
        }
    }
}
