//! The ladder's columns: where each lane's line stands, and where its words do.
//!
//! Clients stand at the left with their words at the left of their lines, the server's parts at the right with their
//! words at the right, so that the way between the two stays free for the arrows and what they carry. Where there is
//! room, each lane has its words beside its own line. On a phone there is none: the lines of a side stand close to one
//! another and share one column of words beyond the outermost of them, wide enough to be read.

use wire::trace::{Lane, LaneKind};

use super::{Source, View, scene::Track, words};

/// Below this the window is a phone's.
pub(super) const NARROW_PX: f64 = 560.0;

/// What the parts of the picture take at least, in pixels at unit 1, and how they share what is left.
struct Measures {
    /// Room for the times.
    gutter: f64,
    /// A client's lane, and one of the server's, with words beside it.
    client: f64,
    server: f64,
    /// The way between the ends.
    way: f64,
    /// How the rest of the room is shared.
    client_share: f64,
    server_share: f64,
    way_share: f64,
    /// From a lane's edge to its line.
    inset: f64,
    /// From a line to the words beside it.
    words_off: f64,
}

const WIDE: Measures = Measures {
    gutter: 76.0,
    client: 104.0,
    server: 104.0,
    way: 88.0,
    client_share: 1.0,
    server_share: 0.9,
    way_share: 1.35,
    inset: 15.0,
    words_off: 13.0,
};
const NARROW: Measures = Measures {
    gutter: 56.0,
    client: 80.0,
    server: 100.0,
    way: 70.0,
    client_share: 0.4,
    server_share: 3.0,
    way_share: 0.2,
    inset: 9.0,
    words_off: 11.0,
};
/// A lane whose words stand elsewhere: a client's, one of the server's. Names have two rows there, so that each may reach
/// over its neighbour.
const BARE_CLIENT_PX: f64 = 40.0;
const BARE_SERVER_PX: f64 = 25.0;
/// What words leave free at the far edge of their column.
const EDGE_PX: f64 = 3.0;

/// Is this one of those who ask?
pub(super) fn is_client(lane: Lane) -> bool {
    matches!(
        lane.kind,
        LaneKind::Browser | LaneKind::Terminal | LaneKind::Subscriber
    )
}

/// Is the window so narrow that the lanes of a side share their column of words?
pub(super) fn is_narrow(view: &View) -> bool {
    view.breadth_px < NARROW_PX * view.unit
}

/// The lanes' columns of all runs, the gutter, and how wide all of it is.
pub(super) fn columns(sources: &[Source<'_>], view: &View) -> (Vec<Track>, f64, f64) {
    let unit = view.unit;
    let narrow = is_narrow(view);
    let measures = if narrow { &NARROW } else { &WIDE };
    let runs: Vec<Vec<Part>> = sources
        .iter()
        .map(|source| parts(source.run.lanes(), measures, narrow))
        .collect();
    let all = || runs.iter().flatten();
    let gutter = measures.gutter * unit;
    let needs = gutter + all().map(|part| part.least).sum::<f64>() * unit;
    let width = view.breadth_px.max(needs);
    let spare = (width - needs) / all().map(|part| part.share).sum::<f64>().max(1.0);
    let mut tracks = Vec::new();
    let mut from = gutter;
    for (number, parts) in runs.iter().enumerate() {
        let first = tracks.len();
        let mut way_from = from;
        for part in parts {
            let to = from + part.least * unit + part.share * spare;
            match part.lane {
                Some(lane) => tracks.push(track(number, lane, (from, to), measures, unit)),
                None => way_from = from,
            }
            from = to;
        }
        if narrow {
            share_words(tracks.get_mut(first..).unwrap_or_default(), way_from);
        }
    }
    (tracks, gutter, width)
}

/// A stretch of the picture's width: a lane, or the way.
struct Part {
    lane: Option<Lane>,
    least: f64,
    share: f64,
}

fn parts(lanes: &[Lane], measures: &Measures, narrow: bool) -> Vec<Part> {
    let clients = lanes.iter().filter(|lane| is_client(**lane)).count();
    let mut parts = Vec::with_capacity(lanes.len() + 1);
    for (place, &lane) in lanes.iter().enumerate() {
        let (is_first, is_last) = (place == clients, place + 1 == lanes.len());
        // Where both ends are on the picture there is a way between them.
        if is_first && clients > 0 {
            parts.push(Part {
                lane: None,
                least: measures.way,
                share: measures.way_share,
            });
        }
        let (least, share) = match is_client(lane) {
            true if narrow && place > 0 => (BARE_CLIENT_PX, 0.0),
            true => (measures.client, measures.client_share),
            false if narrow && !is_last => (BARE_SERVER_PX, 0.0),
            false => (measures.server, measures.server_share),
        };
        parts.push(Part {
            lane: Some(lane),
            least,
            share,
        });
    }
    parts
}

fn track(
    source: usize,
    lane: Lane,
    (from, to): (f64, f64),
    measures: &Measures,
    unit: f64,
) -> Track {
    let (inset, off) = (measures.inset * unit, measures.words_off * unit);
    let (line, words) = if is_client(lane) {
        (to - inset, (from + EDGE_PX, to - inset - off))
    } else {
        (from + inset, (from + inset + off, to - EDGE_PX))
    };
    Track {
        source,
        lane,
        line,
        from,
        to,
        words,
        name: words::lane(lane),
        note: String::new(),
    }
}

/// The outermost lane of each side lends the others its column of words. Names get room over the next lane, where the
/// name stands in the other row, and that of the server's first lane over the way.
fn share_words(tracks: &mut [Track], way_from: f64) {
    let clients = tracks.partition_point(|track| is_client(track.lane));
    let (clients, servers) = tracks.split_at_mut(clients);
    if let Some((words, from)) = clients.first().map(|track| (track.words, track.from)) {
        let ends: Vec<f64> = clients.iter().map(|track| track.to).collect();
        for (place, track) in clients.iter_mut().enumerate() {
            track.words = words;
            let before = place.checked_sub(2).and_then(|place| ends.get(place));
            track.from = before.copied().unwrap_or(from);
        }
    }
    if let Some((words, to)) = servers.last().map(|track| (track.words, track.to)) {
        let starts: Vec<f64> = servers.iter().map(|track| track.from).collect();
        let has_way = !clients.is_empty() && servers.len() > 1;
        for (place, track) in servers.iter_mut().enumerate() {
            track.words = words;
            if place == 0 && has_way {
                track.from = way_from;
            } else {
                track.to = starts.get(place + 2).copied().unwrap_or(to);
            }
        }
    }
}
