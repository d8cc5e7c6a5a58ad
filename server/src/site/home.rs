//! `/`: what this is, the labs, how to open a saved run, how others reach it.

use fast_qr::qr::QRBuilder;
use maud::{Markup, PreEscaped, html};
use wire::{Lab, lab::Chapter, limits};

use super::{
    document::Visit,
    shell::{NBSP, Shell, labs_of},
    sketches,
};

/// What a lab lets one see, one line each.
const fn shows(lab: Lab) -> &'static [&'static str] {
    match lab {
        Lab::RequestResponse => &[
            "The five steps from sending to using, each as a measured stretch",
            "Every byte of the request and the response, explained",
            "What a server makes of a request that is malformed on purpose",
        ],
        Lab::Limits => &[
            "A chat by asking beside the same chat by push",
            "A job of minutes: held until a gateway gives up, or accepted, watched and cancelled",
            "What a server does for a client that has left, and why a seventh request waits",
        ],
        Lab::ShortPolling => &[
            "What each message waited for the next poll",
            "How many answers were empty, and what their headers cost",
            "What a shorter or a longer interval changes",
        ],
        Lab::LongPolling => &[
            "A request held by the server until the topic wakes it",
            "What comes between two requests, and why it is not lost",
            "What happens when the time to wait is over",
        ],
        Lab::ServerSentEvents => &[
            "One response that stays open, and every message on it",
            "A dropped connection, and what comes when it is back",
            "How few bytes one more message takes",
        ],
        Lab::Websocket => &[
            "The handshake that turns a request into a socket",
            "Messages up and down the same connection, alone and in a burst",
            "Publishing in a frame against publishing by POST",
        ],
        Lab::PublishSubscribe => &[
            "One message on its way to every subscriber, in this page and in others",
            "What a subscriber gets that was away for a while",
            "Why the publisher’s answer says nothing about readers",
        ],
        Lab::Race => &[
            "Every message as a dot: how late it was, by each of five ways",
            "Requests, header bytes, empty answers and sockets, and what they buy",
            "Where every message is while the server is killed and comes back",
        ],
        Lab::ImageUpload => &[
            "One request against resumable chunks, on the same scale",
            "Pause, resume and cancel, seen from the server’s disk",
            "The same SHA-256, computed at both ends",
        ],
        Lab::Chunks => &[
            "The same file both ways at once, over a line that drops where you say",
            "What the cut cost each: bytes sent again, and the time to be back",
            "Chunks of every size, and where the best lies on this line",
        ],
    }
}

/// The document.
pub(super) fn document(visit: &Visit) -> Markup {
    Shell {
        title: "",
        description: "A live playground for backend communication: real requests, topics and uploads on one timeline that is measured at both ends.",
        path: "/",
        app: None,
        has_rail: false,
        main: html! {
            div.opening {
                div.opening-words {
                    h1 { "See what two programs say to each other, measured at both ends" }
                    p.lead {
                        "Roundtrip is a live playground for backend communication. Each lab does the real thing between "
                        "your browser and this server, and draws it on one timeline: what left, what arrived, what took time, and how "
                        "far the two clocks may disagree."
                    }
                    p {
                        a.button.primary href=(Lab::RequestResponse.path()) { "Start with one request" }
                    }
                }
                figure {
                    (sketches::FIRST.svg())
                    figcaption { "Time runs down; what travels slants. A sketch: the labs measure theirs." }
                }
            }
            @for chapter in Chapter::ALL {
                section.chapter {
                    h2 { (chapter.title()) }
                    ul.lab-list role="list" {
                        @for lab in labs_of(chapter) { li { (entry(lab)) } }
                    }
                }
            }
            div.practical {
                section {
                    h2 { "Open a saved run" }
                    p {
                        "Every run can be saved as a file. " a href="/run" { "Open the file here" }
                        ", or in any other Roundtrip, without the server that made it."
                    }
                }
                (from_elsewhere(visit))
                section {
                    h2 { "From a program" }
                    p {
                        "Everything a page does, curl can do, and join the run on the screen. " a href="/api" { "The API" }
                        " describes each endpoint; " a href="/openapi.json" { "openapi.json" } " is the same for machines."
                    }
                }
            }
            (bounds())
        },
    }
    .document()
}

fn entry(lab: Lab) -> Markup {
    html! {
        article.lab-entry {
            div.lab-picture { (sketches::of(lab).svg()) }
            div.lab-words {
                h3 { a href=(lab.path()) { (lab.title()) } }
                p { (lab.when_to_use()) }
                ul { @for line in shows(lab) { li { (line) } } }
            }
        }
    }
}

/// How other machines reach this server: depends on how it was started and how this visitor reached it.
fn from_elsewhere(visit: &Visit) -> Markup {
    let everywhere = !visit.listen.ip().is_loopback();
    let host = visit
        .authority
        .rsplit_once(':')
        .map_or(visit.authority.as_str(), |(host, _)| host);
    let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    html! {
        section {
            h2 { "From other machines" }
            @if !everywhere {
                p {
                    "This server listens on this machine only. Started with " code.nowrap { "cargo xtask run --lan" } " or "
                    code.nowrap { "roundtrip --lan" } ", it listens on all addresses and prints them with a QR code."
                }
            } @else if is_here {
                p {
                    "This server can be reached from other machines. Its terminal shows the addresses; opened by one of them, this "
                    "page shows it as a QR code."
                }
            } @else {
                p { "Whoever is on this network reaches this server here:" }
                p { a href={ (visit.origin()) "/" } { (visit.origin()) "/" } }
                (qr(&format!("{}/", visit.origin())))
            }
        }
    }
}

/// The address as a QR code; nothing where it is too long for one.
fn qr(address: &str) -> Markup {
    let Ok(code) = QRBuilder::new(address).build() else {
        return html! {};
    };
    // Four modules of quiet zone on each side (ISO/IEC 18004 §6.3.8).
    let size = code.size + 8;
    let mut path = String::new();
    for y in 0..code.size {
        for x in 0..code.size {
            if code[y][x].value() {
                path.push_str(&format!("M{} {}h1v1h-1z", x + 4, y + 4));
            }
        }
    }
    html! {
        svg.qr role="img" aria-label={ "QR code of " (address) } viewBox={ "0 0 " (size) " " (size) } {
            path d=(PreEscaped(path)) {}
        }
    }
}

/// The limits that a visitor can meet, from the constants that the server enforces.
fn bounds() -> Markup {
    let rows: [(&str, String); 16] = [
        (
            "Longest wait asked of /api/echo",
            seconds(limits::ECHO_DELAY_MS_MAX / 1_000),
        ),
        (
            "Longest computation asked of /api/echo",
            seconds(limits::ECHO_CPU_MS_MAX / 1_000),
        ),
        (
            "Largest response of /api/echo",
            bytes(limits::ECHO_BYTES_MAX),
        ),
        (
            "Largest request body that /api/echo mirrors",
            bytes(limits::ECHO_BODY_MAX),
        ),
        (
            "Longest job, waiting and computing",
            format!(
                "{}, {}",
                seconds(limits::JOB_WORK_MS_MAX / 1_000),
                seconds(limits::JOB_CPU_MS_MAX / 1_000)
            ),
        ),
        (
            "Unfinished jobs, in all and from one address",
            format!(
                "{}, {}",
                grouped(limits::UNFINISHED_JOBS_MAX as u64),
                grouped(limits::UNFINISHED_JOBS_PER_ADDRESS_MAX as u64)
            ),
        ),
        (
            "Largest message to a topic",
            bytes(limits::MESSAGE_BYTES_MAX),
        ),
        (
            "History of a topic",
            format!(
                "{} messages, {}, {}",
                grouped(limits::HISTORY_COUNT as u64),
                bytes(limits::HISTORY_BYTES),
                seconds(limits::HISTORY_AGE_S)
            ),
        ),
        (
            "Subscribers of a topic",
            grouped(limits::SUBSCRIBERS_PER_TOPIC_MAX as u64),
        ),
        (
            "Subscribers that the race adds",
            grouped(limits::SWARM_SUBSCRIBERS_MAX),
        ),
        ("Largest upload", bytes(limits::UPLOAD_BYTES_MAX)),
        ("All uploads together", bytes(limits::UPLOADS_TOTAL_MAX)),
        (
            "Uploads from one address",
            bytes(limits::UPLOADS_PER_ADDRESS_BYTES_MAX),
        ),
        (
            "Time to finish an upload, and to keep it",
            seconds(limits::UPLOAD_AGE_S),
        ),
        (
            "A run",
            format!(
                "{} events, {}, kept for {} after the last",
                grouped(limits::RUN_EVENTS_MAX as u64),
                bytes(limits::RUN_BYTES_MAX as u64),
                seconds(limits::RUN_AGE_S)
            ),
        ),
        (
            "Bytes of one message that a run records",
            bytes(limits::RECORDED_MESSAGE_BYTES_MAX as u64),
        ),
    ];
    html! {
        section.limits {
            h2 { "Limits" }
            p { "Each is met with an error that names it. Deadlines and caps of connections stand in " code.nowrap { "roundtrip --help" } "." }
            dl.limits-list {
                @for (what, limit) in rows { div { dt { (what) } dd { (with_nbsp(&limit)) } } }
            }
        }
    }
}

fn with_nbsp(text: &str) -> Markup {
    let mut parts = text.split('_');
    html! {
        (parts.next().unwrap_or_default())
        @for part in parts { (NBSP) (part) }
    }
}

/// Binary units, `16 MiB`; `_` stands for the space before the unit.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut count = count;
    let mut unit = 0;
    while count >= 1_024 && count.is_multiple_of(1_024) && unit + 1 < UNITS.len() {
        count /= 1_024;
        unit += 1;
    }
    format!("{}_{}", grouped(count), UNITS[unit])
}

fn seconds(count: u64) -> String {
    match count {
        hours if hours.is_multiple_of(3_600) => format!("{}_h", hours / 3_600),
        minutes if minutes.is_multiple_of(60) => format!("{}_min", minutes / 60),
        seconds => format!("{seconds}_s"),
    }
}

/// Thousands apart: `20,000`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_their_units() {
        assert_eq!(bytes(64 * 1_024), "64_KiB");
        assert_eq!(bytes(1_500), "1,500_B");
        assert_eq!(bytes(10 << 30), "10_GiB");
        assert_eq!(seconds(86_400), "24_h");
        assert_eq!(seconds(600), "10_min");
        assert_eq!(seconds(5), "5_s");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(100), "100");
    }

    fn visit(authority: &str, listen: &str) -> Visit {
        Visit {
            authority: authority.to_owned(),
            listen: listen.parse().expect("an address"),
        }
    }

    #[test]
    fn how_others_reach_it_depends_on_how_it_listens() {
        let words = |authority, listen| from_elsewhere(&visit(authority, listen)).into_string();
        assert!(words("localhost:3000", "127.0.0.1:3000").contains("--lan"));
        assert!(words("127.0.0.1:3000", "0.0.0.0:3000").contains("Its terminal shows"));
        let named = words("192.168.1.7:3000", "0.0.0.0:3000");
        assert!(named.contains("http://192.168.1.7:3000/") && named.contains("<svg class=\"qr\""));
    }
}
