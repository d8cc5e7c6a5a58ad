//! The frames of a topic's socket as the page reads and writes them.

use wire::{json::Json, topics::MessageId};

use crate::components::topic::{envelope, gap::message_id, knobs::TEXT_TYPE};

/// A frame that came down.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A message, and how many bytes were published.
    Message(MessageId, u64),
    /// A gap: the JSON that says so.
    Gap(Json),
    /// The topic took what was published with this number.
    Published(MessageId),
    /// The topic did not take what was published: why.
    Refused(String),
    /// The socket begins behind this message.
    Place(MessageId),
    /// Something else: who is there, say.
    Other,
}

/// What a text frame says.
pub fn read(text: &str) -> Frame {
    let Ok(json) = Json::parse(text) else {
        return Frame::Other;
    };
    let text = |at: &Json, name: &str| {
        at.get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(id) = message_id(Some(&json), "id") {
        return Frame::Message(id, envelope::size(&json));
    }
    if json.get("gap").is_some() {
        return Frame::Gap(json);
    }
    if let Some(error) = json.get("error") {
        return Frame::Refused(format!(
            "{}. {}",
            text(error, "title"),
            text(error, "detail")
        ));
    }
    if let Some(place) = message_id(Some(&json), "place") {
        return Frame::Place(place);
    }
    match message_id(json.get("published"), "id") {
        Some(id) => Frame::Published(id),
        None => Frame::Other,
    }
}

/// The frame that publishes a text.
pub fn publish(text: &str) -> String {
    let message = Json::Object(vec![
        ("content_type".to_owned(), TEXT_TYPE.into()),
        ("data".to_owned(), text.into()),
    ]);
    Json::Object(vec![("publish".to_owned(), message)]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wire::topics::{Envelope, Gap, GapNotice, GapReason, Presence, PresenceNotice};

    fn frame(value: impl serde::Serialize) -> Frame {
        read(&serde_json::to_string(&value).expect("serializes"))
    }

    #[test]
    fn what_comes_down_is_told_apart() {
        let id = MessageId {
            epoch: 10,
            offset: 3,
        };
        let envelope = Envelope {
            id,
            time: String::new(),
            content_type: TEXT_TYPE.into(),
            data: Some("Tea".into()),
            data_base64: None,
        };
        assert_eq!(frame(envelope), Frame::Message(id, 3));
        let gap = Gap {
            after: "0000000a-1".into(),
            next: id,
            missed: Some(1),
            reason: GapReason::Slow,
        };
        assert!(matches!(frame(GapNotice { gap }), Frame::Gap(_)));
        assert_eq!(
            frame(json!({"published": {"id": "0000000a-3"}})),
            Frame::Published(id)
        );
        let refused = json!({"error": {"type": "x", "title": "Too large", "status": 413, "detail": "64 KiB."}});
        assert_eq!(frame(refused), Frame::Refused("Too large. 64 KiB.".into()));
        assert_eq!(frame(json!({"presence": {"sse": 1}})), Frame::Other);
        let first = PresenceNotice {
            presence: Presence::default(),
            place: Some(id),
        };
        assert_eq!(frame(first), Frame::Place(id));
        assert_eq!(read("}"), Frame::Other);
    }

    #[test]
    fn a_publish_is_what_the_server_reads() {
        let json: Value = serde_json::from_str(&publish("it's \"ready\"")).expect("JSON");
        assert_eq!(json["publish"]["data"], "it's \"ready\"");
        assert_eq!(json["publish"]["content_type"], TEXT_TYPE);
    }
}
