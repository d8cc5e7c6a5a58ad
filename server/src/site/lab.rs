//! `/labs/{slug}`: a lab's page. Complete as a document; the WebAssembly mounts the lab into `#lab`.

use maud::{Markup, html};
use wire::{Lab, trace::LaneKind};

use super::{
    assets, breaks, document::Visit, lesson, shell::Shell, sketch::Heads, source, terminal,
};

/// The lanes that a lab's timeline begins with.
const fn lanes(lab: Lab) -> &'static [LaneKind] {
    match lab {
        Lab::RequestResponse | Lab::Limits => &[
            LaneKind::Browser,
            LaneKind::Network,
            LaneKind::Socket,
            LaneKind::Handler,
        ],
        Lab::ShortPolling | Lab::LongPolling | Lab::ServerSentEvents | Lab::Websocket => &[
            LaneKind::Browser,
            LaneKind::Subscriber,
            LaneKind::Network,
            LaneKind::Socket,
            LaneKind::Handler,
            LaneKind::Topic,
        ],
        Lab::PublishSubscribe | Lab::Race => &[
            LaneKind::Browser,
            LaneKind::Subscriber,
            LaneKind::Network,
            LaneKind::Socket,
            LaneKind::Topic,
        ],
        Lab::ImageUpload | Lab::Chunks => &[
            LaneKind::Browser,
            LaneKind::Network,
            LaneKind::Socket,
            LaneKind::Handler,
            LaneKind::Storage,
        ],
    }
}

/// What stands where the timeline will be.
const fn invitation(lab: Lab) -> (&'static str, &'static str) {
    match lab {
        Lab::RequestResponse => (
            "One request, seen from both ends",
            "Run sends it and draws when each byte left, arrived, was worked on and came back.",
        ),
        Lab::Limits => (
            "Ask, and wait; or be told",
            "Four experiments that one request and one response do badly, each beside what does them well.",
        ),
        Lab::ShortPolling => (
            "Anything new? Anything new?",
            "Run asks at intervals while messages are published, and shows what each had to wait.",
        ),
        Lab::LongPolling => (
            "One request, held until there is news",
            "Run asks, the server keeps the request, and the message that comes is its answer.",
        ),
        Lab::ServerSentEvents => (
            "One response that does not end",
            "Run opens a stream; messages come down it as they are published, also after a break.",
        ),
        Lab::Websocket => (
            "One connection, both ways",
            "Run opens a socket, sends messages up it and sees them come down.",
        ),
        Lab::PublishSubscribe => (
            "One message, many readers",
            "Publish a message and see when it reached each subscriber, in this page and in others.",
        ),
        Lab::Race => (
            "One message, five ways to hear of it",
            "Run publishes at a rate; every way to subscribe listens, and each message is a dot where it arrived.",
        ),
        Lab::ImageUpload => (
            "One file, whole or in chunks",
            "Upload a photograph, pause it, go on, and see where every piece was at any time.",
        ),
        Lab::Chunks => (
            "One file, twice, over a line that drops",
            "Compare sends it in one request and in chunks at once, and draws what each had when the line dropped.",
        ),
    }
}

/// The address of the file that a lab begins with.
fn sample(lab: Lab) -> Option<&'static str> {
    match lab {
        Lab::ImageUpload => assets::logical("samples/deep-field.jpg"),
        Lab::RequestResponse
        | Lab::Limits
        | Lab::ShortPolling
        | Lab::LongPolling
        | Lab::ServerSentEvents
        | Lab::Websocket
        | Lab::PublishSubscribe
        | Lab::Race
        | Lab::Chunks => None,
    }
}

/// The document.
pub(super) fn document(lab: Lab, visit: &Visit) -> Markup {
    let (title, words) = invitation(lab);
    Shell {
        title: lab.title(),
        description: lab.when_to_use(),
        path: &lab.path(),
        app: Some(lab.slug()),
        has_rail: true,
        main: html! {
            header.lab-title {
                h1 { (lab.title()) }
                p { (lab.when_to_use()) }
            }
            section #lab data-lab=(lab.slug()) data-sample=[sample(lab)] aria-label="Lab" {
                div.lab-placeholder {
                    div.lab-controls-placeholder {}
                    div.lab-stage-placeholder {
                        (Heads(lanes(lab)).markup())
                        div.invitation {
                            p.invitation-title { (title) }
                            p { (words) }
                            p.when-loading { "The lab is being loaded." }
                            p.when-failed {
                                "The lab could not be loaded: this browser did not run its WebAssembly. Reload the page, or try a "
                                "browser of mid-2024 or later. The commands below work without it."
                            }
                            noscript {
                                p {
                                    "The lab needs JavaScript and WebAssembly. Everything else works without: the lesson, the source, "
                                    "and " a href="#tab-terminal" { "the same requests from a terminal" } "."
                                }
                            }
                        }
                    }
                }
            }
            (breaks::panel(lab))
            div.lab-below {
                (lesson::article(lab))
                div #lab-tabs role="region" aria-label="By hand, in code, in bytes" {
                    (terminal::section(lab, visit))
                    section #tab-source aria-labelledby="tab-source-title" {
                        h2 #tab-source-title { "The code that ran" }
                        p {
                            "The file that this server was compiled from. A mark in the margin is a line that records an event, in "
                            "the colour of its lane."
                        }
                        @for (at, file) in source::files(lab).iter().enumerate() { (source::listing(file, at == 0)) }
                    }
                    section #tab-bytes aria-labelledby="tab-bytes-title" {
                        h2 #tab-bytes-title { "Bytes" }
                        p {
                            "When the lab has run, the messages that it caused stand here byte by byte, as the server’s socket saw "
                            "them. From a terminal, " code { "curl --trace-ascii -" } " shows what curl saw: one record for each "
                            "read, which is not one for each segment."
                        }
                    }
                }
            }
        },
    }
    .document()
}
