//! The lessons: Markdown beside each lab's handler.
//!
//! A sentence that explains an event carries `data-explains` with the name of its [`Kind`](wire::trace::Kind); the timeline's inspector
//! shows that sentence. Each kind that a lab can emit is explained in its lesson exactly once.

use maud::{Markup, PreEscaped, html};
use wire::Lab;

use super::markdown;

const fn text(lab: Lab) -> &'static str {
    match lab {
        Lab::RequestResponse => include_str!("../labs/request_response.md"),
        Lab::Limits => include_str!("../labs/limits.md"),
        Lab::ShortPolling => include_str!("../labs/short_polling.md"),
        Lab::LongPolling => include_str!("../labs/long_polling.md"),
        Lab::ServerSentEvents => include_str!("../labs/server_sent_events.md"),
        Lab::Websocket => include_str!("../labs/websocket.md"),
        Lab::PublishSubscribe => include_str!("../labs/publish_subscribe.md"),
        Lab::Race => include_str!("../labs/race.md"),
        Lab::ImageUpload => include_str!("../labs/image_upload.md"),
        Lab::Chunks => include_str!("../labs/chunks.md"),
    }
}

/// The lesson as it stands on the lab's page.
pub(super) fn article(lab: Lab) -> Markup {
    html! {
        article.lesson aria-label="Lesson" { (PreEscaped(markdown::render(text(lab)))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use wire::trace::Kind;

    /// What every request and its response leave on the timeline.
    const EXCHANGE: [Kind; 16] = [
        Kind::RequestSent,
        Kind::Connected,
        Kind::ResponseHead,
        Kind::ResponseData,
        Kind::ResponseEnd,
        Kind::Consumed,
        Kind::Failed,
        Kind::Aborted,
        Kind::Accepted,
        Kind::Read,
        Kind::Write,
        Kind::Closed,
        Kind::Fault,
        Kind::Parse,
        Kind::Body,
        Kind::Respond,
    ];

    /// What a lab's own events are, besides those of [`EXCHANGE`].
    fn own(lab: Lab) -> &'static [Kind] {
        match lab {
            Lab::RequestResponse => &[Kind::Process],
            Lab::Limits => &[
                Kind::Process,
                Kind::Noticed,
                Kind::Published,
                Kind::Subscribed,
                Kind::Unsubscribed,
                Kind::Delivered,
                Kind::Gap,
                Kind::StreamOpened,
                Kind::Received,
                Kind::StreamClosed,
            ],
            Lab::ShortPolling => &[
                Kind::Published,
                Kind::Synced,
                Kind::Delivered,
                Kind::Gap,
                Kind::Received,
            ],
            Lab::LongPolling => &[
                Kind::Process,
                Kind::Published,
                Kind::Synced,
                Kind::Subscribed,
                Kind::Unsubscribed,
                Kind::Delivered,
                Kind::Gap,
                Kind::Received,
            ],
            Lab::ServerSentEvents => &[
                Kind::Published,
                Kind::Synced,
                Kind::Subscribed,
                Kind::Unsubscribed,
                Kind::Delivered,
                Kind::Gap,
                Kind::StreamOpened,
                Kind::Received,
                Kind::StreamClosed,
            ],
            Lab::Websocket => &[
                Kind::Sent,
                Kind::Published,
                Kind::Synced,
                Kind::Subscribed,
                Kind::Unsubscribed,
                Kind::Delivered,
                Kind::Gap,
                Kind::StreamOpened,
                Kind::Received,
                Kind::StreamClosed,
            ],
            Lab::PublishSubscribe | Lab::Race => &[
                Kind::Process,
                Kind::Synced,
                Kind::Published,
                Kind::Subscribed,
                Kind::Unsubscribed,
                Kind::Delivered,
                Kind::Gap,
                Kind::StreamOpened,
                Kind::Received,
                Kind::StreamClosed,
            ],
            Lab::ImageUpload => &[
                Kind::Hashed,
                Kind::Marked,
                Kind::Progress,
                Kind::Created,
                Kind::Stored,
                Kind::Synced,
                Kind::Finished,
                Kind::Previewed,
                Kind::Removed,
            ],
            Lab::Chunks => &[
                Kind::Progress,
                Kind::Created,
                Kind::Stored,
                Kind::Synced,
                Kind::Finished,
                Kind::Previewed,
            ],
        }
    }

    fn name(kind: Kind) -> String {
        match serde_json::to_value(kind) {
            Ok(serde_json::Value::String(name)) => name,
            other => panic!("{kind:?} has no name: {other:?}"),
        }
    }

    #[test]
    fn each_kind_that_a_lab_emits_is_explained_once_and_no_other() {
        for lab in Lab::ALL {
            let html = article(lab).into_string();
            let mut found = BTreeMap::new();
            for rest in html.split("data-explains=\"").skip(1) {
                let kind = rest.split('"').next().unwrap_or_default();
                *found.entry(kind.to_owned()).or_insert(0) += 1;
            }
            let wanted: BTreeMap<_, _> = EXCHANGE
                .iter()
                .chain(own(lab))
                .map(|kind| (name(*kind), 1))
                .collect();
            assert_eq!(found, wanted, "{lab:?}");
        }
    }

    #[test]
    fn an_explanation_is_a_whole_sentence() {
        for lab in Lab::ALL {
            for rest in text(lab).split("data-explains=\"").skip(1) {
                let inside = rest.split_once('>').expect("an opening tag ends").1;
                // A lane's word may stand inside, in a span of its own.
                let words: String = html_text(inside);
                let first = words.trim_start().chars().next().expect("words");
                assert!(first.is_uppercase(), "{lab:?}: {words:?}");
                assert!(words.trim_end().ends_with('.'), "{lab:?}: {words:?}");
            }
        }
    }

    /// The text up to the `</span>` that closes the one we are in.
    fn html_text(html: &str) -> String {
        let (mut depth, mut text, mut rest) = (1, String::new(), html);
        while let Some(at) = rest.find('<') {
            text.push_str(&rest[..at]);
            depth += match &rest[at..] {
                tag if tag.starts_with("</span>") => -1,
                tag if tag.starts_with("<span") => 1,
                _ => 0,
            };
            if depth == 0 {
                break;
            }
            rest = rest[at..].split_once('>').expect("a tag ends").1;
        }
        text
    }

    #[test]
    fn a_lesson_is_read_in_a_few_minutes_and_has_its_parts() {
        for lab in Lab::ALL {
            let html = article(lab).into_string();
            for heading in ["What it is", "When to use", "What it costs", "The standard"] {
                assert!(
                    html.contains(&format!("<h2>{heading}")),
                    "{lab:?}: {heading}"
                );
            }
            let mut words = 0;
            let mut rest = text(lab);
            while let Some(at) = rest.find('<') {
                words += rest[..at].split_whitespace().count();
                rest = rest[at..].split_once('>').expect("a tag ends").1;
            }
            words += rest.split_whitespace().count();
            assert!((250..=450).contains(&words), "{lab:?}: {words} words");
        }
    }
}
