//! Publishing by POST, from the browser's lane.

use web_sys::AbortSignal;
use wire::trace::{Kind, Lane};

use super::{gap::message_id, knobs::TEXT_TYPE};
use crate::{
    components::notice::Notice,
    session::Session,
    transport::{
        clock::now_ns,
        fetch::{Call, fetch},
        link::Seen,
        reply::{NoReply, Reply},
    },
};

/// What came of one publish.
pub(crate) type Outcome = Result<Reply, NoReply>;

/// Publishes a message at this address: the topic's, with `/messages`.
pub(crate) async fn publish(
    session: Session,
    target: &str,
    text: &str,
    abort: &AbortSignal,
) -> Outcome {
    let traceparent = session.exchange();
    let call = Call {
        method: "POST",
        target,
        headers: &[("content-type", TEXT_TYPE.to_owned())],
        traceparent,
        lane: Lane::BROWSER,
    };
    let feed = session.feed();
    let reply = fetch(&feed, call, Some(text.as_bytes()), Some(abort)).await?;
    if let Some(id) = message_id(reply.json().as_ref(), "id") {
        feed.saw_of(
            traceparent.exchange,
            Seen::new(Lane::BROWSER, Kind::Consumed, reply.ended_ns)
                .until(now_ns())
                .with(|detail| detail.message = Some(id.to_string())),
        );
    }
    Ok(reply)
}

/// Why the message was not published, where it was not.
pub(crate) fn not_published(outcome: &Outcome) -> Option<Notice> {
    match outcome {
        Ok(reply) if reply.is_success() => None,
        Ok(reply) => Some(Notice::new(
            "The topic did not take the message.",
            reply.words(),
            "",
        )),
        Err(NoReply::Aborted) => Some(Notice::new(
            "You stopped publishing.",
            "What the topic took before stays there.",
            "",
        )),
        Err(NoReply::Network) => Some(Notice::new(
            "The message was not published, as far as the page knows.",
            "No answer came: the server cannot be reached, or the connection broke.",
            "See whether it runs, then publish again.",
        )),
    }
}
