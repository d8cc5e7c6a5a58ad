//! What can be done from a terminal, lab by lab. The commands work as they stand: they draw an id for a run of their
//! own, join it, and read it back. A lab that is open replaces the run's id by the one on its screen.

use maud::{Markup, html};
use wire::Lab;

use super::document::Visit;

/// One command and what it does.
#[derive(Debug)]
pub(super) struct Command {
    /// What it does, as an imperative.
    pub(super) does: &'static str,
    /// Lines for a POSIX shell with curl.
    pub(super) lines: String,
}

/// Draws the id of a run.
fn draw_run() -> Command {
    Command {
        does: "Draw an id for a run of your own.",
        lines: "run=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')".to_owned(),
    }
}

/// Reads the run back.
fn read_run(origin: &str) -> Command {
    Command {
        does: "Read what the server measured.",
        lines: format!("curl -s {origin}/api/runs/$run"),
    }
}

/// The header field by which a request joins the run; each exchange has a number of its own.
fn join(exchange: u64) -> String {
    format!("-H \"traceparent: 00-$run-{exchange:016x}-01\"")
}

/// The commands of a lab for a server at `origin`, in the order in which they are to be run.
pub(super) fn commands(lab: Lab, origin: &str) -> Vec<Command> {
    let own = match lab {
        Lab::RequestResponse => vec![
            Command {
                does: "Ask; the server works for 40 ms before it answers.",
                lines: format!("curl -s {} \\\n  '{origin}/api/echo?delay_ms=40'", join(1)),
            },
            Command {
                does: "Send JSON and look at the bytes that curl saw.",
                lines: format!(
                    "curl -s {} \\\n  -H 'Content-Type: application/json' -d '{{\"name\":\"value\"}}' \\\n  \
                     --trace-ascii - {origin}/api/echo",
                    join(2)
                ),
            },
        ],
        Lab::PublishSubscribe => vec![
            Command {
                does: "Publish a message.",
                lines: format!(
                    "curl -s {} \\\n  -H 'Content-Type: text/plain' -d 'hello from a terminal' \\\n  \
                     {origin}/api/topics/demo/messages",
                    join(1)
                ),
            },
            Command {
                does: "Subscribe for five seconds, from the first message that is kept.",
                lines: format!(
                    "curl -sN -m 5 {} -H 'Accept: text/event-stream' \\\n  '{origin}/api/topics/demo/events?after=00000000-0'",
                    join(2)
                ),
            },
        ],
        Lab::ImageUpload => vec![
            Command {
                does: "Make a file of 300 kB; a photograph of yours serves as well.",
                lines: "head -c 300000 /dev/urandom > picture.bin".to_owned(),
            },
            Command {
                does: "Upload it in one request.",
                lines: format!(
                    "curl -s {} \\\n  --data-binary @picture.bin {origin}/api/images",
                    join(1)
                ),
            },
            Command {
                does: "Or create an upload and send it in two parts (tus 1.0.0).",
                lines: format!(
                    "upload=$(curl -si {create} -X POST \\\n  -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 300000' {origin}/files |\n  \
                     tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')\n\
                     case $upload in /*) upload={origin}$upload;; esac\n\
                     head -c 100000 picture.bin | curl -si {first} -X PATCH \\\n  -H 'Tus-Resumable: 1.0.0' -H 'Upload-Offset: 0' \\\n  \
                     -H 'Content-Type: application/offset+octet-stream' --data-binary @- $upload\n\
                     tail -c +100001 picture.bin | curl -si {second} -X PATCH \\\n  -H 'Tus-Resumable: 1.0.0' -H 'Upload-Offset: 100000' \\\n  \
                     -H 'Content-Type: application/offset+octet-stream' --data-binary @- $upload",
                    create = join(2),
                    first = join(3),
                    second = join(4),
                ),
            },
        ],
    };
    std::iter::once(draw_run())
        .chain(own)
        .chain(std::iter::once(read_run(origin)))
        .collect()
}

/// The tab.
pub(super) fn section(lab: Lab, visit: &Visit) -> Markup {
    html! {
        section #tab-terminal aria-labelledby="tab-terminal-title" {
            h2 #tab-terminal-title { "In your terminal" }
            p {
                "The server draws no line between this page and curl. These commands make a run of their own; a request "
                "joins a run by its " code { "traceparent" } " header."
            }
            ol.commands role="list" {
                @for command in commands(lab, &visit.origin()) {
                    li {
                        p { (command.does) }
                        pre tabindex="0" { code { (command.lines) } }
                    }
                }
            }
        }
    }
}
