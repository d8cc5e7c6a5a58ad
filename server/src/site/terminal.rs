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

/// curl with the header field by which its request joins the run; each exchange has a number of its own.
fn curl(options: &str, exchange: u64) -> String {
    format!("curl {options} -H \"traceparent: 00-$run-{exchange:016x}-01\"")
}

/// One command over several lines.
fn lines(parts: &[&str]) -> String {
    parts.join(" \\\n  ")
}

/// The order of a job.
const JOB: &str = "-H 'Content-Type: application/json' -d '{\"work_ms\":3000}'";

/// Appends what stands on standard input to the upload at `$upload`.
fn append(exchange: u64, offset: u64) -> String {
    lines(&[
        &curl("-si -X PATCH", exchange),
        &format!("-H 'Tus-Resumable: 1.0.0' -H 'Upload-Offset: {offset}'"),
        "-H 'Content-Type: application/offset+octet-stream'",
        "--data-binary @- $upload",
    ])
}

/// Picks the last text under this name out of JSON.
fn last_of(name: &str) -> String {
    format!("sed 's/.*\"{name}\":\"\\([^\"]*\\)\".*/\\1/'")
}

/// Keeps the topic's last id.
fn newest(origin: &str) -> Command {
    Command {
        does: "See where the topic stands, and keep its last id.",
        lines: format!(
            "next=$(curl -s '{origin}/api/topics/demo/messages?limit=1' | {})",
            last_of("next")
        ),
    }
}

/// Publishes a message.
fn publish(origin: &str, exchange: u64) -> Command {
    Command {
        does: "Publish a message.",
        lines: lines(&[
            &curl("-s", exchange),
            "-H 'Content-Type: text/plain' -d 'hello from a terminal'",
            &format!("{origin}/api/topics/demo/messages"),
        ]),
    }
}

/// The commands of a lab for a server at `origin`, in the order in which they are to be run.
pub(super) fn commands(lab: Lab, origin: &str) -> Vec<Command> {
    let own = match lab {
        Lab::RequestResponse => vec![
            Command {
                does: "Ask; the server works for 40 ms before it answers.",
                lines: lines(&[&curl("-s", 1), &format!("'{origin}/api/echo?delay_ms=40'")]),
            },
            Command {
                does: "Send JSON and look at the bytes that curl saw.",
                lines: lines(&[
                    &curl("-s --trace-ascii -", 2),
                    "-H 'Content-Type: application/json' -d '{\"name\":\"value\"}'",
                    &format!("{origin}/api/echo"),
                ]),
            },
        ],
        Lab::Limits => vec![
            Command {
                does: "Order a job of three seconds and wait for it, behind a gateway that waits for one: 504, and the job goes on.",
                lines: lines(&[
                    &curl("-si", 1),
                    JOB,
                    &format!("'{origin}/api/jobs?answer=wait&timeout_ms=1000'"),
                ]),
            },
            Command {
                does: "Order it again, to be answered at once: 202, and where the job is. With a key, pressing twice orders once.",
                lines: format!(
                    "job={origin}$({}\n  tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')",
                    lines(&[
                        &curl("-si", 2),
                        JOB,
                        "-H \"Idempotency-Key: $run\"",
                        &format!("{origin}/api/jobs |"),
                    ])
                ),
            },
            Command {
                does: "Look at it now, then hold the question until it is over.",
                lines: [
                    &(curl("-s", 3) + " $job; echo"),
                    &(curl("-s", 4) + " -H 'Prefer: wait=10' $job; echo"),
                ]
                .map(String::as_str)
                .join("\n"),
            },
            Command {
                does: "Order one of a minute, leave after a second, and let the server cancel it then.",
                lines: lines(&[
                    &curl("-si -m 1", 5),
                    "-H 'Content-Type: application/json' -d '{\"work_ms\":60000}'",
                    &format!("'{origin}/api/jobs?answer=wait&on_disconnect=cancel'"),
                ]),
            },
        ],
        Lab::ShortPolling => vec![
            newest(origin),
            publish(origin, 1),
            Command {
                does: "Ask three times, a second apart, each time behind the last message.",
                lines: [
                    "for poll in 2 3 4; do",
                    &format!(
                        "  answer=$({}",
                        curl("-s", 0).replace("0000-01", "000$poll-01") + " \\"
                    ),
                    &format!("    \"{origin}/api/topics/demo/messages?after=$next\")"),
                    "  echo \"$answer\"",
                    &format!("  next=$(echo \"$answer\" | {})", last_of("next")),
                    "  sleep 1",
                    "done",
                ]
                .join("\n"),
            },
        ],
        Lab::LongPolling => vec![
            newest(origin),
            Command {
                does: "Publish a message in two seconds.",
                lines: format!("(sleep 2; {}) &", publish(origin, 1).lines),
            },
            Command {
                does: "Ask now: the server holds the request until the message is there.",
                lines: lines(&[
                    &curl("-si", 2),
                    "-H 'Prefer: wait=10'",
                    &format!("\"{origin}/api/topics/demo/messages?after=$next\""),
                ]),
            },
        ],
        Lab::ServerSentEvents => vec![
            newest(origin),
            publish(origin, 1),
            Command {
                does: "Listen for three seconds as one who has missed that message: it comes at once.",
                lines: lines(&[
                    &curl("-sN -m 3", 2),
                    "-H \"Last-Event-ID: $next\"",
                    &format!("{origin}/api/topics/demo/events"),
                ]),
            },
        ],
        Lab::Websocket => vec![
            newest(origin),
            publish(origin, 1),
            Command {
                does: "Shake hands as a WebSocket client does, and look at the frames of three seconds.",
                lines: lines(&[
                    &curl("-siN -m 3", 2),
                    "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13'",
                    "-H \"Sec-WebSocket-Key: $(head -c 16 /dev/urandom | base64)\"",
                    &format!("\"{origin}/api/topics/demo/socket?after=$next\""),
                ]),
            },
        ],
        Lab::PublishSubscribe => vec![
            publish(origin, 1),
            Command {
                does: "Subscribe for five seconds, after an id of another life of the topic: it says so with a gap.",
                lines: lines(&[
                    &curl("-sN -m 5", 2),
                    &format!("'{origin}/api/topics/demo/events?after=00000000-0'"),
                ]),
            },
        ],
        Lab::Race => vec![
            Command {
                does: "Add twenty subscribers of two ways for five seconds; the answer says where to ask what they see.",
                lines: format!(
                    "swarm=$({} | {})",
                    lines(&[
                        "curl -s -H 'Content-Type: application/json'",
                        "-d '{\"topic\":\"demo\",\"subscribers\":20,\"seconds\":5,\"transports\":[\"sse\",\"websocket\"]}'",
                        &format!("{origin}/api/race/swarm"),
                    ]),
                    last_of("id")
                ),
            },
            publish(origin, 1),
            Command {
                does: "Ask what they have seen.",
                lines: format!("curl -s {origin}/api/race/swarm/$swarm"),
            },
            Command {
                does: "Or let them come from this machine, with messages of their own: this program is a client, too.",
                lines: format!(
                    "if command -v roundtrip; then\n  roundtrip swarm {origin}/ --topic demo --subscribers 20 --seconds 3 --publish 10\nfi"
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
                lines: lines(&[
                    &curl("-s", 1),
                    &format!("--data-binary @picture.bin {origin}/api/images"),
                ]),
            },
            Command {
                does: "Or create an upload (tus 1.0.0): its address is in the answer.",
                lines: format!(
                    "upload=$({}\ncase $upload in /*) upload={origin}$upload;; esac",
                    lines(&[
                        &curl("-si -X POST", 2),
                        "-H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 300000'",
                        &format!("{origin}/files |"),
                    ]) + "\n  tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')"
                ),
            },
            Command {
                does: "Send the first 100,000 bytes.",
                lines: format!("head -c 100000 picture.bin | {}", append(3, 0)),
            },
            Command {
                does: "Send the rest, now or tomorrow.",
                lines: format!("tail -c +100001 picture.bin | {}", append(4, 100_000)),
            },
        ],
        Lab::Chunks => vec![
            Command {
                does: "Make a file of 300 kB.",
                lines: "head -c 300000 /dev/urandom > picture.bin".to_owned(),
            },
            Command {
                does: "Send it in one request over a line that drops behind 200,000 bytes: nothing of it is left.",
                lines: lines(&[
                    &curl("-s", 1),
                    "-H 'Roundtrip-Faults: rate=20Mbit,cut=200000'",
                    &format!(
                        "--data-binary @picture.bin {origin}/api/images || echo \"broke off\""
                    ),
                ]),
            },
            Command {
                does: "Or create an upload (tus 1.0.0): its address is in the answer.",
                lines: format!(
                    "upload=$({}\ncase $upload in /*) upload={origin}$upload;; esac",
                    lines(&[
                        &curl("-si -X POST", 2),
                        "-H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 300000'",
                        &format!("{origin}/files |"),
                    ]) + "\n  tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')"
                ),
            },
            Command {
                does: "Send it as one piece over the same line.",
                lines: format!(
                    "{} || echo \"broke off\"",
                    append(3, 0).replace(
                        "--data-binary @-",
                        "-H 'Roundtrip-Faults: rate=20Mbit,cut=200000' --data-binary @picture.bin"
                    )
                ),
            },
            Command {
                does: "Ask how much is there, and send the rest.",
                lines: format!(
                    "offset=$({}\ntail -c +$((offset + 1)) picture.bin | {}",
                    lines(&[&curl("-sI", 4), "-H 'Tus-Resumable: 1.0.0' $upload |",])
                        + "\n  tr -d '\\r' | sed -n 's/^[Uu]pload-[Oo]ffset: //p')",
                    append(5, 0).replace("'Upload-Offset: 0'", "\"Upload-Offset: $offset\"")
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
                "To the server curl is a client like this page. These commands make a run of their own; a request joins a run "
                "by its " code { "traceparent" } " header."
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
