//! "Break it": the faults that the lab's requests ask for. They are chosen by a word or written as the server takes them,
//! stand in the page's address, and go along with the requests and with the commands for a terminal.
//!
//! The words that a person reads are in the document (`server/src/site/breaks.rs`).

use wire::{Faults, faults::FAULTS_PARAMETER};

use super::query::Reader;

/// The faults that the address asks for, as they are written; empty where it asks for none.
pub fn read(reader: &mut Reader) -> String {
    match reader
        .text(FAULTS_PARAMETER)
        .unwrap_or("")
        .parse::<Faults>()
    {
        Ok(faults) => faults.to_string(),
        Err(wrong) => {
            reader.complain(
                [
                    "faults in the address: ",
                    &wrong.to_string(),
                    " None is used.",
                ]
                .concat(),
            );
            String::new()
        }
    }
}

/// This target, with these faults asked for. What they are written with needs no escape in a query (RFC 3986 §3.4).
pub fn in_target(target: &str, faults: &str) -> String {
    if faults.is_empty() {
        return target.to_owned();
    }
    let joint = if target.bytes().any(|byte| byte == b'?') {
        "&"
    } else {
        "?"
    };
    [target, joint, FAULTS_PARAMETER, "=", faults].concat()
}

/// This command, with these faults asked for wherever it joins a run. What is put in is data to a shell, quoted or not,
/// so that it is harmless wherever it stands.
pub fn in_command(command: &str, faults: &str) -> String {
    let mut with = String::new();
    let mut rest = command.chars();
    loop {
        let here = rest.as_str();
        let Some(next) = rest.next() else {
            return with;
        };
        let is = |start: &str| here.starts_with(start);
        if is("-H 'traceparent: 00-") || is("-H \"traceparent: 00-") {
            with.push_str(&["-H Roundtrip-Faults:", faults, " "].concat());
        }
        with.push(next);
        if is("?traceparent=00-") || is("&traceparent=00-") {
            with.push_str(&[FAULTS_PARAMETER, "=", faults, "&"].concat());
        }
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) use page::{Breaks, button, extend, row};

#[cfg(target_arch = "wasm32")]
mod page {
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;
    use wire::Faults;

    use super::{in_command, in_target};
    use crate::{
        browser::document,
        components::{controls, query::Reader, terminal::Shown},
        dom::{El, State, follow, set_value, value, value_of},
        session::Session,
    };

    /// What the page's requests ask for. Cheap to copy.
    #[derive(Clone, Copy)]
    pub(crate) struct Breaks {
        /// The faults, as they are written; empty for none.
        pub(crate) faults: State<String>,
        /// What stands in the field asks for nothing that there is: nothing may be sent.
        pub(crate) wrong: State<bool>,
        is_open: State<bool>,
    }

    impl Breaks {
        /// With the faults that the address asks for, where the lab's document has the row for them.
        pub(crate) fn read(reader: &mut Reader) -> Breaks {
            let faults = part("break-it").map_or_else(String::new, |_| super::read(reader));
            Breaks {
                is_open: State::new(!faults.is_empty()),
                faults: State::new(faults),
                wrong: State::new(false),
            }
        }

        /// A request's target, with the faults.
        pub(crate) fn target(self, target: &str) -> String {
            self.faults.peek(|faults| in_target(target, faults))
        }

        /// Commands for a terminal, with the faults; `goes` says which of them are meant.
        pub(crate) fn commands(
            self,
            mut commands: Vec<Shown>,
            goes: fn(&str) -> bool,
        ) -> Vec<Shown> {
            self.faults.with(|faults| {
                for (does, lines) in &mut commands {
                    if !faults.is_empty() && goes(does) {
                        *lines = in_command(lines, faults);
                    }
                }
            });
            commands
        }
    }

    fn part(id: &str) -> Option<HtmlElement> {
        document().get_element_by_id(id)?.dyn_into().ok()
    }

    /// What shows the row, where the lab's document has one.
    pub(crate) fn button(session: Session) -> Option<El> {
        let Breaks {
            faults, is_open, ..
        } = session.breaks;
        part("break-it")?;
        let button = controls::button("Break it", move || is_open.set(!is_open.now()))
            .attrs(&[
                ("class", "quiet break-it-button"),
                ("aria-controls", "break-it"),
            ])
            .bool_of("aria-expanded", move || is_open.get())
            .flag_of("data-broken", move || !faults.with(String::is_empty));
        Some(button)
    }

    /// Puts something at the row's end, where there is one.
    pub(crate) fn extend(with: El) {
        if let Some(row) = part("break-it") {
            let _ = El::of(row).add(with);
        }
    }

    /// The row with the choice and the field, where the lab's document has one.
    pub(crate) fn row(session: Session) -> Option<El> {
        let Breaks {
            faults,
            wrong,
            is_open,
        } = session.breaks;
        let (row, choice) = (part("break-it")?, part("break-it-choice")?);
        let (words, error) = (part("break-it-words")?, part("break-it-wrong")?);
        let (to_choose, to_write, to_blame) = (choice.clone(), words.clone(), error.clone());
        let _ = El::of(choice).on("change", move |event| {
            let chosen = value(&event);
            set_value(&to_write, &chosen);
            to_blame.set_text_content(None);
            wrong.change_to(false);
            faults.change_to(chosen);
        });
        set_value(&words, &faults.now());
        let _ = El::of(words)
            .bool_of("aria-invalid", move || wrong.get())
            .on("input", move |event| {
                let parsed = value(&event).parse::<Faults>();
                wrong.change_to(parsed.is_err());
                error.set_text_content(
                    parsed
                        .as_ref()
                        .err()
                        .map(|wrong| wrong.to_string())
                        .as_deref(),
                );
                if let Ok(parsed) = parsed {
                    faults.change_to(parsed.to_string());
                }
            });
        follow(move || {
            let faults = faults.get();
            set_value(&to_choose, &faults);
            // A choice that has no such option stands on none.
            if value_of(&to_choose) != faults {
                set_value(&to_choose, "own");
            }
        });
        Some(El::of(row).flag_of("hidden", move || !is_open.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> (String, Vec<String>) {
        let mut reader = Reader::new(query);
        let faults = super::read(&mut reader);
        (faults, reader.into_complaints())
    }

    #[test]
    fn the_address_asks_for_faults_or_is_told_why_not() {
        assert_eq!(read(""), (String::new(), Vec::new()));
        assert_eq!(read("faults=rate%3D1000kbit").0, "rate=1Mbit");
        let (faults, complaints) = read("faults=latency=11s");
        assert_eq!(faults, "");
        assert_eq!(
            complaints,
            [
                "faults in the address: The fault latency=11s is beyond its bounds: once, from 1ms to 10s. None is used."
            ]
        );
    }

    #[test]
    fn a_target_asks_for_what_is_chosen() {
        assert_eq!(in_target("/a", ""), "/a");
        assert_eq!(in_target("/a", "cut=1"), "/a?faults=cut=1");
        assert_eq!(
            in_target("/a?b=c", "slow_read=1KiB/s"),
            "/a?b=c&faults=slow_read=1KiB/s"
        );
    }

    #[test]
    fn a_command_asks_for_it_wherever_it_joins_the_run() {
        let faults = "latency=1s,cut=9";
        assert_eq!(
            in_command(
                "curl -i http://h/ \\\n  -H 'traceparent: 00-a-b-01'",
                faults
            ),
            "curl -i http://h/ \\\n  -H Roundtrip-Faults:latency=1s,cut=9 -H 'traceparent: 00-a-b-01'"
        );
        assert_eq!(
            in_command("  -H \"traceparent: 00-a-$(od)-01\"); do", faults),
            "  -H Roundtrip-Faults:latency=1s,cut=9 -H \"traceparent: 00-a-$(od)-01\"); do"
        );
        assert_eq!(
            in_command("wscat -c 'ws://h/s?after=x&traceparent=00-a-b-01'", faults),
            "wscat -c 'ws://h/s?after=x&faults=latency=1s,cut=9&traceparent=00-a-b-01'"
        );
        for untouched in ["curl -s http://h/", "ü", "--data-raw traceparent=00-a"] {
            assert_eq!(in_command(untouched, faults), untouched);
        }
    }
}
