//! How lanes are called and marked in the documents.

use maud::{Markup, html};
use wire::trace::LaneKind;

/// The words over a lane.
pub(super) const fn label(lane: LaneKind) -> &'static str {
    match lane {
        LaneKind::Browser => "Browser",
        LaneKind::Network => "Network",
        LaneKind::Socket => "Server’s socket",
        LaneKind::Handler => "Handler",
        LaneKind::Topic => "Topic",
        LaneKind::Storage => "Storage",
        LaneKind::Terminal => "Terminal",
        LaneKind::Subscriber => "Subscriber",
    }
}

/// The class that carries a lane's colour and shape.
pub(super) const fn class(lane: LaneKind) -> &'static str {
    match lane {
        LaneKind::Browser => "lane-browser",
        LaneKind::Network => "lane-network",
        LaneKind::Socket => "lane-socket",
        LaneKind::Handler => "lane-handler",
        LaneKind::Topic => "lane-topic",
        LaneKind::Storage => "lane-storage",
        LaneKind::Terminal => "lane-terminal",
        LaneKind::Subscriber => "lane-subscriber",
    }
}

/// A lane's name behind its mark.
pub(super) fn word(lane: LaneKind, words: &str) -> Markup {
    html! { span.lane.(class(lane)) { (words) } }
}
