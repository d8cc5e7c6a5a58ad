//! `/run`: the viewer of a saved run.

use maud::{Markup, html};

use super::{shell::Shell, sketch::Heads};
use wire::trace::LaneKind;

/// The document.
pub(super) fn document() -> Markup {
    Shell {
        title: "Saved run",
        description: "Open the file of a run again, without the server that made it.",
        path: "/run",
        app: Some("run"),
        has_rail: true,
        main: html! {
            header.lab-title {
                h1 { "Saved run" }
                p { "Opens the file of a run again, with or without the server that made it. The file stays in this browser." }
            }
            section #lab data-page="run" aria-label="Run" {
                div.lab-placeholder {
                    div.lab-controls-placeholder {}
                    div.lab-stage-placeholder {
                        (Heads(&[LaneKind::Browser, LaneKind::Network, LaneKind::Socket, LaneKind::Handler]).markup())
                        div.invitation {
                            p.invitation-title { "A run opens here" }
                            p.when-loading { "The timeline is being loaded." }
                            p.when-failed {
                                "The timeline could not be loaded: this browser did not run its WebAssembly. Reload the page, or "
                                "try a browser of mid-2024 or later."
                            }
                            noscript {
                                p { "The timeline needs JavaScript and WebAssembly. The file is JSON and reads well in an editor." }
                            }
                        }
                    }
                }
            }
        },
    }
    .document()
}
