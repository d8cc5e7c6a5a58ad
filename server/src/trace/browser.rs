//! What a browser may add to a run, and what is refused.

use wire::{
    Problem,
    limits::{FEED_DETAIL_BYTES_MAX, FEED_FRAME_EVENTS_MAX},
    trace::{ClientId, Kind, LaneKind, TraceEvent, Truth},
};

use crate::Error;

/// How far from now an event may lie, in nanoseconds: a day before, a minute after. Beyond, a clock is broken, and one
/// such event would stretch the timeline until nothing else could be seen.
const PAST_NS: i64 = 24 * 60 * 60 * 1_000_000_000;
const FUTURE_NS: i64 = 60 * 1_000_000_000;

/// Takes the events that a page may say, marked with the page's id; says what was refused of the rest, and why.
pub(super) fn admit(
    client: Option<ClientId>,
    events: Vec<TraceEvent>,
    now_ns: i64,
) -> (Vec<TraceEvent>, Option<Problem>) {
    let refused = |why: String| Some(Error::BadRequest(why).problem());
    let Some(client) = client else {
        let why =
            "A page says who it is before it sends events: send {\"hello\":{\"client\":…}} first.";
        return (Vec::new(), refused(why.into()));
    };
    let count = events.len();
    if count > FEED_FRAME_EVENTS_MAX {
        let problem = Error::TooLarge {
            what: "The number of events in one frame",
            limit: FEED_FRAME_EVENTS_MAX as u64,
            unit: "events",
        };
        return (Vec::new(), Some(problem.problem()));
    }
    let mut first_fault = None;
    let admitted: Vec<TraceEvent> = events
        .into_iter()
        .enumerate()
        .filter_map(|(index, mut event)| match fault(&event, now_ns) {
            None => {
                event.detail.client = Some(client);
                Some(event)
            }
            Some(why) => {
                first_fault.get_or_insert_with(|| format!("Event {} {why}", index + 1));
                None
            }
        })
        .collect();
    let problem = first_fault.and_then(|fault| {
        let left_out = count - admitted.len();
        refused(format!(
            "{left_out} of {count} events were refused. {fault}"
        ))
    });
    (admitted, problem)
}

/// What is wrong with an event.
fn fault(event: &TraceEvent, now_ns: i64) -> Option<String> {
    let lane = event.lane;
    let its_own = match lane.kind {
        LaneKind::Browser => lane.number == 0,
        LaneKind::Subscriber => lane.number > 0,
        // Nobody reads a clock on the way between.
        LaneKind::Network => lane.number == 0 && event.truth != Truth::Measured,
        LaneKind::Terminal
        | LaneKind::Socket
        | LaneKind::Handler
        | LaneKind::Topic
        | LaneKind::Storage => false,
    };
    if !its_own {
        return Some(format!(
            "stands in the lane {lane}, which is not the page's: it may speak for browser, subscriber:N and, modelled or derived, network."
        ));
    }
    if !is_of_a_client(event.kind) {
        return Some("is of a kind that only the server records.".into());
    }
    let earliest = now_ns.saturating_sub(PAST_NS);
    let latest = now_ns.saturating_add(FUTURE_NS);
    if event.at_ns < earliest || event.at_ns > latest || event.end_ns() > latest {
        return Some("lies more than a day ago or more than a minute ahead.".into());
    }
    if event.error_ns > PAST_NS.unsigned_abs() {
        return Some("has an error of more than a day.".into());
    }
    if event.truth == Truth::Derived && event.detail.formula.is_none() {
        return Some("is derived and does not say by which formula.".into());
    }
    let detail_bytes = serde_json::to_vec(&event.detail).map_or(usize::MAX, |json| json.len());
    if detail_bytes > FEED_DETAIL_BYTES_MAX {
        return Some(format!(
            "has a detail of {detail_bytes} bytes; at most {FEED_DETAIL_BYTES_MAX}."
        ));
    }
    None
}

fn is_of_a_client(kind: Kind) -> bool {
    match kind {
        Kind::RequestSent
        | Kind::Connected
        | Kind::Progress
        | Kind::ResponseHead
        | Kind::ResponseData
        | Kind::ResponseEnd
        | Kind::Consumed
        | Kind::StreamOpened
        | Kind::Sent
        | Kind::Received
        | Kind::StreamClosed
        | Kind::Hashed
        | Kind::Marked
        | Kind::Failed
        | Kind::Aborted => true,
        Kind::Accepted
        | Kind::Read
        | Kind::Write
        | Kind::Closed
        | Kind::Fault
        | Kind::Parse
        | Kind::Body
        | Kind::Process
        | Kind::Respond
        | Kind::Noticed
        | Kind::Published
        | Kind::Subscribed
        | Kind::Unsubscribed
        | Kind::Delivered
        | Kind::Gap
        | Kind::Created
        | Kind::Stored
        | Kind::Synced
        | Kind::Finished
        | Kind::Previewed
        | Kind::Removed
        | Kind::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::Lane;

    const NOW: i64 = 5_000_000_000;

    fn client() -> Option<ClientId> {
        ClientId::new(9)
    }

    fn event() -> TraceEvent {
        TraceEvent::new(Lane::BROWSER, Kind::RequestSent, NOW, 100)
    }

    fn why(event: TraceEvent) -> String {
        let (admitted, problem) = admit(client(), vec![event], NOW);
        assert!(admitted.is_empty());
        problem
            .and_then(|problem| problem.detail)
            .expect("refused with a reason")
    }

    #[test]
    fn an_event_is_marked_with_the_page_that_said_it() {
        let mut forged = event();
        forged.detail.client = ClientId::new(1);
        let (admitted, problem) = admit(client(), vec![forged], NOW);
        assert_eq!(problem, None);
        assert_eq!(admitted[0].detail.client, client());
    }

    #[test]
    fn nobody_speaks_before_saying_who_it_is() {
        let (admitted, problem) = admit(None, vec![event()], NOW);
        assert!(admitted.is_empty() && problem.is_some());
    }

    #[test]
    fn the_servers_lanes_and_kinds_are_its_own() {
        for lane in [
            Lane::SOCKET,
            Lane::HANDLER,
            Lane::TOPIC,
            Lane::STORAGE,
            Lane::TERMINAL,
            Lane::NETWORK,
        ] {
            let said = why(TraceEvent { lane, ..event() });
            assert!(said.contains(&lane.to_string()), "{said}");
        }
        let kind = Kind::Parse;
        assert!(why(TraceEvent { kind, ..event() }).contains("only the server"));
        let modelled = TraceEvent {
            lane: Lane::NETWORK,
            truth: Truth::Modelled,
            ..event()
        };
        assert_eq!(admit(client(), vec![modelled], NOW).1, None);
    }

    #[test]
    fn times_are_taken_at_the_bound_and_not_beyond() {
        let at = |at_ns| TraceEvent { at_ns, ..event() };
        for at_ns in [NOW - PAST_NS, NOW + FUTURE_NS] {
            assert_eq!(admit(client(), vec![at(at_ns)], NOW).1, None);
        }
        for at_ns in [NOW - PAST_NS - 1, NOW + FUTURE_NS + 1, i64::MIN, i64::MAX] {
            assert!(why(at(at_ns)).contains("ahead"));
        }
        let mut endless = event();
        endless.duration_ns = Some(u64::MAX);
        assert!(why(endless).contains("ahead"));
    }

    #[test]
    fn a_detail_is_taken_at_its_bound_and_not_beyond() {
        let with_detail_of = |bytes: usize| {
            let mut event = event();
            event.detail.client = client();
            event.detail.summary = Some(String::new());
            let empty = serde_json::to_vec(&event.detail).expect("serializes").len();
            event.detail.summary = Some("x".repeat(bytes - empty));
            event
        };
        assert_eq!(
            admit(client(), vec![with_detail_of(FEED_DETAIL_BYTES_MAX)], NOW).1,
            None
        );
        assert!(why(with_detail_of(FEED_DETAIL_BYTES_MAX + 1)).contains("detail"));
    }

    #[test]
    fn a_frame_is_taken_at_its_bound_and_not_beyond() {
        let (admitted, problem) = admit(client(), vec![event(); FEED_FRAME_EVENTS_MAX], NOW);
        assert_eq!((admitted.len(), problem), (FEED_FRAME_EVENTS_MAX, None));
        let (admitted, problem) = admit(client(), vec![event(); FEED_FRAME_EVENTS_MAX + 1], NOW);
        assert!(admitted.is_empty());
        assert_eq!(
            problem.and_then(|problem| problem.limit),
            Some(FEED_FRAME_EVENTS_MAX as u64)
        );
    }

    #[test]
    fn the_good_ones_of_a_frame_are_kept() {
        let bad = TraceEvent {
            lane: Lane::SOCKET,
            ..event()
        };
        let (admitted, problem) = admit(client(), vec![event(), bad, event()], NOW);
        assert_eq!(admitted.len(), 2);
        let detail = problem.and_then(|problem| problem.detail).expect("refused");
        assert!(
            detail.starts_with("1 of 3 events were refused. Event 2 "),
            "{detail}"
        );
    }
}
