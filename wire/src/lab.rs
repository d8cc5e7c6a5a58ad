//! The lab catalogue: one variant, one pattern, one word everywhere.
//!
//! Exhaustive matches over [`Lab`] are the checklist for adding a lab: the compiler names every place that has to know.

use serde::{Deserialize, Serialize};

/// One lab of the playground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Lab {
    /// One request, one response: the five steps, measured.
    RequestResponse,
    /// What one request and one response cannot do well, and what is done instead.
    Limits,
    /// The client asks again and again.
    ShortPolling,
    /// The server holds the request until it has something.
    LongPolling,
    /// One response that does not end.
    ServerSentEvents,
    /// One connection on which both sides speak at any time.
    Websocket,
    /// Publishers and subscribers that know a topic, not each other.
    PublishSubscribe,
    /// All ways to hear of a topic, side by side.
    Race,
    /// An image in one request or in chunks that can be paused and resumed.
    ImageUpload,
    /// A file in one request and in chunks, side by side, over a line that drops.
    Chunks,
}

/// The chapters of the course, in its order. The navigation groups labs by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chapter {
    /// One asks, the other answers.
    RequestAndResponse,
    /// The server speaks first.
    PushAndPull,
    /// Moving something large.
    Transfer,
}

impl Chapter {
    /// Every chapter, in the order of the course.
    pub const ALL: [Chapter; 3] = [
        Chapter::RequestAndResponse,
        Chapter::PushAndPull,
        Chapter::Transfer,
    ];

    /// The heading over the chapter's labs.
    pub const fn title(self) -> &'static str {
        match self {
            Chapter::RequestAndResponse => "Ask and answer",
            Chapter::PushAndPull => "Push and pull",
            Chapter::Transfer => "Moving something large",
        }
    }
}

impl Lab {
    /// Every lab, in the order of the course.
    pub const ALL: [Lab; 10] = [
        Lab::RequestResponse,
        Lab::Limits,
        Lab::ShortPolling,
        Lab::LongPolling,
        Lab::ServerSentEvents,
        Lab::Websocket,
        Lab::PublishSubscribe,
        Lab::Race,
        Lab::ImageUpload,
        Lab::Chunks,
    ];

    /// The last segment of the lab's address, `/labs/{slug}`.
    pub const fn slug(self) -> &'static str {
        match self {
            Lab::RequestResponse => "request-response",
            Lab::Limits => "limits",
            Lab::ShortPolling => "short-polling",
            Lab::LongPolling => "long-polling",
            Lab::ServerSentEvents => "server-sent-events",
            Lab::Websocket => "websocket",
            Lab::PublishSubscribe => "publish-subscribe",
            Lab::Race => "race",
            Lab::ImageUpload => "image-upload",
            Lab::Chunks => "chunks",
        }
    }

    /// The lab's name as the field says it.
    pub const fn title(self) -> &'static str {
        match self {
            Lab::RequestResponse => "Request–response",
            Lab::Limits => "Where request–response ends",
            Lab::ShortPolling => "Short polling",
            Lab::LongPolling => "Long polling",
            Lab::ServerSentEvents => "Server-sent events",
            Lab::Websocket => "WebSocket",
            Lab::PublishSubscribe => "Publish–subscribe",
            Lab::Race => "The race",
            Lab::ImageUpload => "Image upload",
            Lab::Chunks => "One request or chunks",
        }
    }

    /// One sentence that says when to use the pattern.
    pub const fn when_to_use(self) -> &'static str {
        match self {
            Lab::RequestResponse => {
                "Use it when the client knows what it wants and can wait for the answer."
            }
            Lab::Limits => {
                "Use something else when the answer takes minutes, or when the server has to speak first."
            }
            Lab::ShortPolling => {
                "Use it when news may come late, and the server should do no more than answer."
            }
            Lab::LongPolling => {
                "Use it when news should come at once, and only plain requests get through."
            }
            Lab::ServerSentEvents => {
                "Use it when the server has a stream of news for a page that need not answer on it."
            }
            Lab::Websocket => "Use it when both sides speak often, and at any time.",
            Lab::PublishSubscribe => {
                "Use it when the one who has news should not need to know who wants it, or how many."
            }
            Lab::Race => {
                "Use it when you have to choose a transport, and want to see first what each one costs."
            }
            Lab::ImageUpload => {
                "Use one request when the link is short and steady, chunks when it may break before the end."
            }
            Lab::Chunks => {
                "Use it when you have to choose a chunk’s size, and want to see first what a broken line costs."
            }
        }
    }

    /// The chapter whose heading the lab stands under.
    pub const fn chapter(self) -> Chapter {
        match self {
            Lab::RequestResponse | Lab::Limits => Chapter::RequestAndResponse,
            Lab::ShortPolling
            | Lab::LongPolling
            | Lab::ServerSentEvents
            | Lab::Websocket
            | Lab::PublishSubscribe
            | Lab::Race => Chapter::PushAndPull,
            Lab::ImageUpload | Lab::Chunks => Chapter::Transfer,
        }
    }

    /// The lab that answers to a slug.
    pub fn from_slug(slug: &str) -> Option<Lab> {
        Lab::ALL.into_iter().find(|lab| lab.slug() == slug)
    }

    /// The address of the lab's page.
    pub fn path(self) -> String {
        format!("/labs/{}", self.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn slugs_are_unique_and_lead_back_to_their_lab() {
        let slugs: HashSet<_> = Lab::ALL.iter().map(|lab| lab.slug()).collect();
        assert_eq!(slugs.len(), Lab::ALL.len());
        for lab in Lab::ALL {
            assert_eq!(Lab::from_slug(lab.slug()), Some(lab));
            assert!(Chapter::ALL.contains(&lab.chapter()));
        }
        assert_eq!(Lab::from_slug("no-such-lab"), None);
    }
}
