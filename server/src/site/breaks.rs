//! "Break it": what can be made to go wrong with a lab's requests. The document has the words; the WebAssembly puts them
//! into their place and makes them work (`app/src/components/breaks.rs`).

use maud::{Markup, html};
use wire::{Fault, Lab};

/// Something to choose: what it is called, and the words that ask for it.
type Preset = (&'static str, &'static str);

const SLOW: Preset = ("A slow line", "latency=100ms,rate=56kbit");
const FAR: Preset = (
    "A server on the other side of the world",
    "latency=150ms,jitter=50ms",
);
const DROPS: Preset = ("A line that drops after 2 s", "cut_after=2s");

/// What a lab offers; nothing where it breaks things in its own way.
const fn presets(lab: Lab) -> &'static [Preset] {
    match lab {
        Lab::RequestResponse => &[
            SLOW,
            FAR,
            ("An answer that breaks off", "cut=100"),
            ("A line that drops at once", "cut_after=20ms"),
            ("A server that reads slowly", "slow_read=20B/s"),
        ],
        Lab::ShortPolling | Lab::LongPolling => {
            &[SLOW, FAR, DROPS, ("An answer that breaks off", "cut=150")]
        }
        Lab::ServerSentEvents | Lab::Websocket | Lab::PublishSubscribe => &[
            SLOW,
            FAR,
            ("A proxy that collects 150 bytes", "buffer=150B"),
            ("A proxy that collects 4 KiB", "buffer=4KiB"),
            DROPS,
        ],
        Lab::ImageUpload => &[
            ("A slow line", "latency=50ms,rate=20Mbit"),
            FAR,
            ("A line that drops 300 kB into a request", "cut=300000"),
            ("A server that reads slowly", "slow_read=2MiB/s"),
        ],
        Lab::Race | Lab::Limits | Lab::Chunks => &[],
    }
}

/// What it acts on.
const fn scope(lab: Lab) -> &'static str {
    match lab {
        Lab::RequestResponse | Lab::ImageUpload => "It acts on each request from now on.",
        Lab::ShortPolling | Lab::LongPolling => {
            "It acts on each poll and each publish from now on."
        }
        Lab::ServerSentEvents => "It acts on each stream and each publish from now on.",
        Lab::Websocket => "It acts on each socket that is opened, and on each publish by POST.",
        Lab::PublishSubscribe => {
            "It acts on subscriber 1 when it connects again; the others keep a good line."
        }
        Lab::Race | Lab::Limits | Lab::Chunks => "",
    }
}

/// The least and the most of it, in its own words.
fn bounds(fault: Fault) -> String {
    let (least, most) = fault.bounds().into_inner();
    let words = match fault {
        // A place in a body is a count of bytes.
        Fault::Cut => Fault::Buffer,
        other => other,
    };
    format!("{} to {}", words.in_words(least), words.in_words(most))
}

/// What a fault does.
const fn does(fault: Fault) -> &'static str {
    match fault {
        Fault::Latency => "each piece comes so much later, both ways",
        Fault::Jitter => "that delay varies by so much either way; the order is kept",
        Fault::Rate => "so many bits a second go through, each way",
        Fault::Buffer => "a proxy holds the response back until so many bytes have gathered",
        Fault::Cut => "the connection is reset behind so many bytes of a body",
        Fault::CutAfter => "the connection is reset after this time",
        Fault::SlowRead => "the server reads the request’s body no faster",
    }
}

/// The panel, which waits in the document until the lab is there.
pub(super) fn panel(lab: Lab) -> Markup {
    if presets(lab).is_empty() {
        return Markup::default();
    }
    html! {
        div #break-it role="group" aria-labelledby="break-it-title" hidden {
            p.break-it-title #break-it-title { "Break it" }
            div.field {
                label for="break-it-choice" { "What goes wrong" }
                select #break-it-choice {
                    option value="" { "Nothing" }
                    @for (name, words) in presets(lab) { option value=(words) { (name) } }
                    option value="own" disabled { "In words of your own" }
                }
            }
            div.field.grows {
                label for="break-it-words" { "In the words that curl takes too" }
                input.mono #break-it-words type="text" autocomplete="off" autocapitalize="off" spellcheck="false"
                    aria-describedby="break-it-wrong" placeholder="nothing";
                span.field-error #break-it-wrong role="status" {}
            }
            p.hint { (scope(lab)) " What it did is on the timeline, with a lightning mark." }
            details {
                summary { "The words" }
                dl {
                    @for fault in Fault::ALL {
                        div {
                            dt { code { (fault.name()) "=" } }
                            dd { (does(fault)) "; " (bounds(fault)) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::Faults;

    use super::*;

    #[test]
    fn every_preset_is_what_the_server_takes_and_how_the_page_writes_it() {
        for lab in Lab::ALL {
            for (name, words) in presets(lab) {
                let faults: Faults = words.parse().expect(name);
                assert!(!faults.is_none(), "{name}");
                assert_eq!(faults.to_string(), *words, "{name}");
            }
        }
    }
}
