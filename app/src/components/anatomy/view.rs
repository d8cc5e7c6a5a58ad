//! The anatomy on the page: the bytes of a request and its response, each piece explained where the pointer or the
//! keyboard stands.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Event, KeyboardEvent, ScrollIntoViewOptions, ScrollLogicalPosition};
use wire::{
    http1::{Answers, Direction},
    time::bytes,
    trace::SpanId,
};

use super::{Message, Piece, assemble, exchanges, take_apart};
use crate::{
    browser::document,
    components::{controls::check_box, notice::grouped},
    dom::{El, State, el, follow, target, value},
    timeline::RunStore,
};

/// How much of one piece is shown, in bytes.
const SHOWN_MAX: usize = 2_048;

/// One message, taken apart.
#[derive(Debug, PartialEq)]
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

    fn is_request(&self) -> bool {
        self.message.direction == Direction::Request
    }
}

/// The bytes of the run on the screen. Works only while it is shown.
pub(crate) fn panel(store: RunStore, is_shown: impl Fn() -> bool + 'static) -> [El; 1] {
    let chosen = State::new(None::<SpanId>);
    let list = State::new(Vec::<(SpanId, String)>::new());
    let now = State::new(None::<SpanId>);
    let both = State::new(None::<[Rc<Anatomy>; 2]>);
    let (hex, table) = (State::new(false), State::new(false));
    follow(move || {
        if is_shown() {
            let chosen = chosen.get();
            store.with_shown(|run| {
                let all = exchanges(run.in_time());
                let span = chosen
                    .filter(|span| all.iter().any(|(known, _)| known == span))
                    .or_else(|| all.last().map(|(span, _)| *span));
                list.change_to(all);
                now.change_to(span);
                both.change_to(span.map(|span| taken_apart(run, span)));
            });
        }
    });
    let options = move || {
        let all = list.get();
        let now = now.get();
        all.into_iter()
            .enumerate()
            .rev()
            .map(|(place, (span, words))| {
                let option = el("option")
                    .attr("value", &span.to_string())
                    .text(&format!("{}: {words}", place + 1));
                if now == Some(span) {
                    option.attr("selected", "")
                } else {
                    option
                }
            })
            .collect()
    };
    let select = el("select")
        .attr("id", "anatomy-exchange")
        .on("change", move |event| {
            chosen.set(value(&event).parse().ok())
        })
        .holds(options);
    let tools = el("div.anatomy-tools")
        .flag_of("hidden", move || both.with(Option::is_none))
        .add(
            el("div.field")
                .add(el("label").attr("for", "anatomy-exchange").text("Exchange"))
                .add(select),
        )
        .add(check_box("In hex", hex))
        .add(check_box("As a table", table));
    let panes = el("div.anatomy-panes").holds(move || {
        let (hex, table) = (hex.get(), table.get());
        match both.get() {
            Some(both) => both.into_iter().map(|one| pane(one, hex, table)).collect(),
            None => vec![el("p.hint").text(
                "Nothing is recorded yet. When a request has run, its bytes stand here as the server's socket saw them.",
            )],
        }
    });
    [el("div.anatomy").add(tools).add(panes)]
}

fn taken_apart(run: &crate::run::Run, span: SpanId) -> [Rc<Anatomy>; 2] {
    let messages = assemble(run.in_time(), span);
    let method = messages.request.bytes.split(|byte| *byte == b' ').next();
    let answers = match method {
        Some(b"HEAD") => Answers::Head,
        Some(b"CONNECT") => Answers::Connect,
        _ => Answers::Other,
    };
    [messages.request, messages.response].map(|message| Rc::new(Anatomy::new(message, answers)))
}

fn pane(anatomy: Rc<Anatomy>, hex: bool, table: bool) -> El {
    let (id, title) = if anatomy.is_request() {
        ("anatomy-request", "Request ")
    } else {
        ("anatomy-response", "Response ")
    };
    let missing = anatomy.message.not_recorded();
    let left_out = (missing > 0).then(|| {
        el("p.hint").text(&format!(
            "{} more are not recorded: a run keeps each message up to a bound.",
            bytes(missing)
        ))
    });
    let title = el("h3")
        .attr("id", id)
        .text(title)
        .add(el("small").text(&bytes(anatomy.message.length)));
    let body = if anatomy.pieces.is_empty() {
        vec![el("p.hint").text("Nothing of it has come.")]
    } else if table {
        vec![as_table(&anatomy, hex)]
    } else {
        Vec::from(as_listing(anatomy, hex))
    };
    el("section.anatomy-pane")
        .attr("aria-labelledby", id)
        .add(title)
        .add_all(body)
        .add_all(left_out)
}

/// The bytes in a row, piece by piece: one stop for the Tab key, arrows inside.
fn as_listing(anatomy: Rc<Anatomy>, hex: bool) -> [El; 2] {
    let picked = State::new(None::<usize>);
    let count = anatomy.pieces.len();
    let (prefix, label) = if anatomy.is_request() {
        ("request", "The request, piece by piece")
    } else {
        ("response", "The response, piece by piece")
    };
    let id_of = move |place: usize| format!("{prefix}-{place}");
    let spans = anatomy.pieces.iter().enumerate().map(|(place, piece)| {
        el("span.piece")
            .attrs(&[
                ("id", &id_of(place)),
                ("role", "option"),
                ("class", &format!("piece {}", piece.class)),
                ("aria-selected", "false"),
                ("data-piece", &place.to_string()),
            ])
            .text(&written(
                anatomy.bytes_of(piece),
                hex,
                piece.class == "body",
            ))
    });
    let list = el("div.pieces.mono")
        .attrs(&[
            ("role", "listbox"),
            ("tabindex", "0"),
            ("aria-label", label),
        ])
        .add_all(spans);
    // Which piece is picked is marked on two elements, not asked of each of hundreds.
    let marked = list.node().clone();
    follow(move || {
        let now = picked.get();
        if let Ok(Some(before)) = marked.query_selector("[aria-selected=true]") {
            let _ = before.set_attribute("aria-selected", "false");
        }
        let Some(place) = now else { return };
        let _ = marked.set_attribute("aria-activedescendant", &id_of(place));
        if let Ok(Some(piece)) = marked.query_selector(&format!("[data-piece='{place}']")) {
            let _ = piece.set_attribute("aria-selected", "true");
        }
    });
    let point = move |event: Event| {
        if let Some(place) = piece_at(&event) {
            picked.change_to(Some(place));
        }
    };
    let key = move |event: Event| {
        let Some(key) = event.dyn_ref::<KeyboardEvent>().map(KeyboardEvent::key) else {
            return;
        };
        let now = picked.now();
        let next = match key.as_str() {
            "ArrowRight" | "ArrowDown" => now.map_or(0, |place| (place + 1).min(count - 1)),
            "ArrowLeft" | "ArrowUp" => now.map_or(0, |place| place.saturating_sub(1)),
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        picked.change_to(Some(next));
        if let Some(piece) = document().get_element_by_id(&id_of(next)) {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            piece.scroll_into_view_with_scroll_into_view_options(&options);
        }
    };
    let list = list
        .on("pointerover", point)
        .on("pointerdown", point)
        .on("keydown", key)
        .on("focus", move |_| {
            if picked.now().is_none() {
                picked.set(Some(0));
            }
        });
    let says = el("p.says").attr("aria-live", "polite").holds(move || {
        match picked.get().and_then(|place| anatomy.pieces.get(place)) {
            Some(piece) => vec![
                el("strong").text(&format!(
                    "{}, {} from byte {}. ",
                    piece.name,
                    bytes(piece.range.len() as u64),
                    grouped(piece.range.start as u64)
                )),
                el("span").text(&piece.says),
            ],
            None => vec![el("span").text("Point at a piece, or walk with the arrow keys.")],
        }
    });
    [list, says]
}

fn piece_at(event: &Event) -> Option<usize> {
    let piece = target(event)?.closest("[data-piece]").ok()??;
    piece.get_attribute("data-piece")?.parse().ok()
}

fn as_table(anatomy: &Anatomy, hex: bool) -> El {
    let heads = [
        "From byte",
        "Bytes",
        "Piece",
        "What stands there",
        "What it is for",
    ];
    let head = heads
        .iter()
        .map(|name| el("th").attr("scope", "col").text(name));
    let rows = anatomy.pieces.iter().map(|piece| {
        el("tr")
            .add(el("td.number").text(&grouped(piece.range.start as u64)))
            .add(el("td.number").text(&grouped(piece.range.len() as u64)))
            .add(el("th").attr("scope", "row").text(piece.name))
            .add(el("td.mono").text(&written(anatomy.bytes_of(piece), hex, false)))
            .add(el("td").text(&piece.says))
    });
    el("div.table-scroll")
        .attrs(&[
            ("tabindex", "0"),
            ("role", "region"),
            ("aria-label", "Pieces"),
        ])
        .add(
            el("table")
                .add(el("thead").add(el("tr").add_all(head)))
                .add(el("tbody").add_all(rows)),
        )
}

/// Bytes for the eye: in hex, or as text in which what cannot be seen has a sign of its own. A body keeps its lines.
fn written(bytes: &[u8], hex: bool, is_body: bool) -> String {
    let shown = bytes.get(..SHOWN_MAX).unwrap_or(bytes);
    let mut text = String::with_capacity(shown.len() * 3);
    if hex {
        for byte in shown {
            text.push_str(&format!("{byte:02x} "));
        }
    } else {
        for c in String::from_utf8_lossy(shown).chars() {
            text.push(match c {
                '\n' | '\t' if is_body => c,
                // Unicode has a picture for each control character.
                '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(c),
                '\u{7f}' => '\u{2421}',
                other => other,
            });
        }
    }
    if shown.ends_with(b"\n") && !is_body {
        text.push('\n');
    }
    if shown.len() < bytes.len() {
        let more = wire::time::bytes((bytes.len() - shown.len()) as u64);
        text.push_str(&format!(" … {more} more"));
    }
    text
}
