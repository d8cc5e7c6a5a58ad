//! The anatomy on the page: the bytes of a request and its response, each piece explained where the pointer or the
//! keyboard stands.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use wire::{
    http1::{Answers, Direction},
    time::bytes,
    trace::SpanId,
};

use super::{Message, Messages, Piece, assemble, exchanges, take_apart};
use crate::{components::notice::grouped, timeline::RunStore};

/// How much of one piece is shown, in bytes.
const SHOWN_MAX: usize = 2_048;

/// One message, taken apart.
#[derive(Debug, Clone, PartialEq)]
struct Anatomy {
    message: Message,
    pieces: Vec<Piece>,
}

impl Anatomy {
    fn new(message: Message, answers: Answers) -> Anatomy {
        Anatomy {
            pieces: take_apart(&message.bytes, message.direction, answers),
            message,
        }
    }

    fn bytes_of(&self, piece: &Piece) -> &[u8] {
        self.message
            .bytes
            .get(piece.range.clone())
            .unwrap_or_default()
    }
}

/// How the bytes are written.
#[derive(Clone, Copy)]
struct Style {
    hex: RwSignal<bool>,
    table: RwSignal<bool>,
}

/// The bytes of the run on the screen. Works only while it is shown.
pub(crate) fn panel(store: RunStore, is_shown: Signal<bool>) -> AnyView {
    let chosen = RwSignal::new(None::<SpanId>);
    let list = Memo::new(move |_| {
        if !is_shown.get() {
            return Vec::new();
        }
        store.with_shown(|run| exchanges(run.in_time()))
    });
    let now = Memo::new(move |_| {
        list.with(|list| {
            chosen
                .get()
                .filter(|span| list.iter().any(|(known, _)| known == span))
                .or_else(|| list.last().map(|(span, _)| *span))
        })
    });
    let messages = Memo::new(move |_| {
        now.get()
            .map(|span| store.with_shown(|run| assemble(run.in_time(), span)))
    });
    let style = Style {
        hex: RwSignal::new(false),
        table: RwSignal::new(false),
    };
    let options = move || {
        list.get()
            .into_iter()
            .enumerate()
            .rev()
            .map(|(place, (span, words))| {
                view! {
                    <option value=span.to_string() prop:selected=move || now.get() == Some(span)>
                        {format!("{}: {words}", place + 1)}
                    </option>
                }
            })
            .collect_view()
    };
    view! {
        <div class="anatomy">
            <div class="anatomy-tools" hidden=move || now.with(Option::is_none)>
                <div class="field">
                    <label for="anatomy-exchange">"Exchange"</label>
                    <select
                        id="anatomy-exchange"
                        on:change=move |event| chosen.set(event_target_value(&event).parse().ok())
                    >
                        {options}
                    </select>
                </div>
                {toggle("In hex", style.hex)} {toggle("As a table", style.table)}
            </div>
            {move || match messages.get() {
                Some(messages) => both(messages, style),
                None => {
                    view! {
                        <p class="hint">
                            "Nothing is recorded yet. When a request has run, its bytes stand here as the server's socket saw them."
                        </p>
                    }
                        .into_any()
                }
            }}
        </div>
    }
    .into_any()
}

fn toggle(label: &'static str, value: RwSignal<bool>) -> AnyView {
    view! {
        <label>
            <input
                type="checkbox"
                prop:checked=value
                on:change=move |event| value.set(event_target_checked(&event))
            />
            {label}
        </label>
    }
    .into_any()
}

fn both(messages: Messages, style: Style) -> AnyView {
    let answers = match messages.request.bytes.split(|byte| *byte == b' ').next() {
        Some(b"HEAD") => Answers::Head,
        Some(b"CONNECT") => Answers::Connect,
        _ => Answers::Other,
    };
    let request = StoredValue::new(Anatomy::new(messages.request, answers));
    let response = StoredValue::new(Anatomy::new(messages.response, answers));
    view! {
        {pane(request, style)}
        {pane(response, style)}
    }
    .into_any()
}

fn pane(anatomy: StoredValue<Anatomy>, style: Style) -> AnyView {
    let (direction, length, missing) = anatomy.with_value(|anatomy| {
        (
            anatomy.message.direction,
            anatomy.message.length,
            anatomy.message.not_recorded(),
        )
    });
    let (id, title) = match direction {
        Direction::Request => ("request", "Request"),
        Direction::Response => ("response", "Response"),
    };
    let left_out = (missing > 0).then(|| {
        format!(
            "{} more are not recorded: a run keeps each message up to a bound.",
            bytes(missing)
        )
    });
    view! {
        <section class="anatomy-pane" aria-labelledby=format!("anatomy-{id}")>
            <h3 id=format!("anatomy-{id}")>{title} " " <small>{bytes(length)}</small></h3>
            {move || {
                if style.table.get() { table(anatomy, style) } else { listing(anatomy, style, id) }
            }}
            {left_out.map(|words| view! { <p class="hint">{words}</p> })}
        </section>
    }
    .into_any()
}

/// The bytes in a row, piece by piece: one stop for the Tab key, arrows inside.
fn listing(anatomy: StoredValue<Anatomy>, style: Style, id: &'static str) -> AnyView {
    let picked = RwSignal::new(None::<usize>);
    let count = anatomy.with_value(|anatomy| anatomy.pieces.len());
    if count == 0 {
        return view! { <p class="hint">"Nothing of it has come."</p> }.into_any();
    }
    let spans = move || {
        let hex = style.hex.get();
        anatomy.with_value(|anatomy| {
            anatomy
                .pieces
                .iter()
                .enumerate()
                .map(|(place, piece)| {
                    let text = written(anatomy.bytes_of(piece), hex, piece.class == "body");
                    view! {
                        <span
                            id=format!("{id}-{place}")
                            role="option"
                            data-piece=place.to_string()
                            class=format!("piece {}", piece.class)
                            aria-selected=move || (picked.get() == Some(place)).to_string()
                            aria-label=piece.name
                        >
                            {text}
                        </span>
                    }
                })
                .collect_view()
        })
    };
    let point = move |event: ev::PointerEvent| {
        if let Some(place) = piece_at(event.target()) {
            picked.set(Some(place));
        }
    };
    let key = move |event: ev::KeyboardEvent| {
        let now = picked.get_untracked();
        let next = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => now.map_or(0, |place| (place + 1).min(count - 1)),
            "ArrowLeft" | "ArrowUp" => now.map_or(0, |place| place.saturating_sub(1)),
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        picked.set(Some(next));
        if let Some(element) = document().get_element_by_id(&format!("{id}-{next}")) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    };
    let explained = move || {
        picked
            .get()
            .and_then(|place| {
                anatomy.with_value(|anatomy| {
                    anatomy.pieces.get(place).map(|piece| {
                        let range = &piece.range;
                        let name = format!(
                            "{}, {} from byte {}.",
                            piece.name,
                            bytes(range.len() as u64),
                            grouped(range.start as u64)
                        );
                        (name, piece.says.clone())
                    })
                })
            })
            .unwrap_or_else(|| {
                (
                    "Point at a piece, or walk with the arrow keys.".to_owned(),
                    String::new(),
                )
            })
    };
    view! {
        <div
            class="pieces mono"
            class:hex=style.hex
            role="listbox"
            tabindex="0"
            aria-label=match id {
                "request" => "The request, piece by piece",
                _ => "The response, piece by piece",
            }
            aria-activedescendant=move || picked.get().map(|place| format!("{id}-{place}"))
            on:pointerover=point
            on:pointerdown=point
            on:keydown=key
            on:focus=move |_| {
                if picked.get_untracked().is_none() {
                    picked.set(Some(0));
                }
            }
        >
            {spans}
        </div>
        <p class="says" aria-live="polite">
            <strong>{move || explained().0}</strong>
            " "
            {move || explained().1}
        </p>
    }
    .into_any()
}

fn piece_at(target: Option<web_sys::EventTarget>) -> Option<usize> {
    let element: web_sys::Element = target?.dyn_into().ok()?;
    let piece = element.closest("[data-piece]").ok()??;
    piece.get_attribute("data-piece")?.parse().ok()
}

fn table(anatomy: StoredValue<Anatomy>, style: Style) -> AnyView {
    let rows = move || {
        let hex = style.hex.get();
        anatomy.with_value(|anatomy| {
            anatomy
                .pieces
                .iter()
                .map(|piece| {
                    view! {
                        <tr>
                            <td class="number">{grouped(piece.range.start as u64)}</td>
                            <td class="number">{grouped(piece.range.len() as u64)}</td>
                            <th scope="row">{piece.name}</th>
                            <td class="mono">{written(anatomy.bytes_of(piece), hex, false)}</td>
                            <td>{piece.says.clone()}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Pieces">
            <table>
                <thead>
                    <tr>
                        <th scope="col" class="number">"From byte"</th>
                        <th scope="col" class="number">"Bytes"</th>
                        <th scope="col">"Piece"</th>
                        <th scope="col">"What stands there"</th>
                        <th scope="col">"What it is for"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Bytes for the eye: in hex, or as text in which what cannot be seen has a sign of its own. A body keeps its lines.
fn written(bytes: &[u8], hex: bool, is_body: bool) -> String {
    let shown = bytes.get(..SHOWN_MAX).unwrap_or(bytes);
    let mut text = String::with_capacity(shown.len() * 3);
    if hex {
        for byte in shown {
            text.push_str(&format!("{byte:02x} "));
        }
        if shown.ends_with(b"\n") && !is_body {
            text.push('\n');
        }
    } else {
        for c in String::from_utf8_lossy(shown).chars() {
            match c {
                '\n' if is_body => text.push('\n'),
                '\t' if is_body => text.push('\t'),
                // Unicode has a picture for each control character.
                '\0'..='\u{1f}' => {
                    text.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'))
                }
                '\u{7f}' => text.push('\u{2421}'),
                other => text.push(other),
            }
        }
        if shown.ends_with(b"\n") && !is_body {
            text.push('\n');
        }
    }
    if shown.len() < bytes.len() {
        text.push_str(&format!(
            " … {} more",
            wire::time::bytes((bytes.len() - shown.len()) as u64)
        ));
    }
    text
}
