//! The broker's inside on the page: the log in cells, each subscriber's place on it, how far it is behind, who left.
//!
//! It is one table: what the eye sees as a picture stands in its cells as numbers too. The rows stay the same elements,
//! so that a cursor moves rather than appears elsewhere.

use std::rc::Rc;

use wire::{
    json::Json,
    time::{bytes, duration},
};

use super::{
    inside::{CELLS, Cursor, Inside},
    subscriber::Subscriber,
};
use crate::{
    browser::later,
    components::notice::grouped,
    dom::{El, State, el, follow},
    transport::socket::{Socket, Told},
};

/// How many subscribers have a row, and how many of those who left.
const ROWS: usize = 5;
const GONE_ROWS: usize = 1;
/// How many cells a count needs before its bar.
const LABEL: u32 = 3;
/// After this time, in milliseconds, the page asks again when the server has gone.
const AGAIN_MS: u32 = 1_000;

/// The panel. `field` sets how much the topic keeps.
pub(super) fn broker(
    topic_path: impl Fn() -> String + 'static,
    subscribers: State<Vec<Subscriber>>,
    field: El,
) -> El {
    let inside = State::new(None::<Inside>);
    watch(topic_path, subscribers, inside);
    let cells: Vec<El> = (0..CELLS).map(|_| el("i")).collect();
    let bars: Vec<El> = (0..=CELLS).map(|_| el("i")).collect();
    for (place, bar) in bars.iter().enumerate() {
        set(bar, "--at", place as u64);
    }
    let (from, newest) = (el("span"), el("span.newest"));
    let strip = el("div.inside-cells").add_all(cells.iter().cloned());
    let offsets = el("div.inside-offsets")
        .add(from.clone())
        .add(newest.clone());
    let head = el("thead").add(el("tr").add_all([
        el("th").attr("scope", "col").text("The log"),
        el("td").attr("aria-hidden", "true").add(strip).add(offsets),
        el("th").attr("scope", "col").text("Behind"),
        el("th").attr("scope", "col").text("Missed"),
    ]));
    let all = el("th").attr("scope", "row");
    let density = el("td")
        .attr("aria-hidden", "true")
        .add(el("div.inside-bars").add_all(bars.iter().cloned()));
    let count = el("tr").add_all([all.clone(), density, el("td"), el("td")]);
    let rows: Vec<Row> = (0..ROWS + GONE_ROWS).map(|_| Row::new()).collect();
    let body = el("tbody")
        .add(count)
        .add_all(rows.iter().map(|row| row.row.clone()));
    let title = el("h2").attr("id", "inside-title").text("Inside the topic");
    let facts = el("p.inside-facts");
    let header = el("header").add(title).add(facts.clone()).add(field);
    follow(move || {
        let numbers: Vec<(u16, String)> = (subscribers.get().iter())
            .map(|it| (it.number, it.exchange.get()))
            .filter(|(_, exchange)| !exchange.is_empty())
            .collect();
        inside.with(|inside| {
            let nothing = Inside::default();
            let there = inside.as_ref();
            let inside = there.unwrap_or(&nothing);
            let window = inside.window();
            for (place, cell) in cells.iter().enumerate() {
                let state = if inside.bounds[0] == 0 {
                    "free"
                } else {
                    window.cell(place as u64)
                };
                cell.mark("data-is", state);
            }
            from.say(&(window.from + 1).to_string());
            newest.say(&grouped(inside.last));
            set(&newest, "--at", window.behind(inside.last));
            let mut counts = [0; CELLS as usize + 1];
            for (place, count) in &inside.places {
                counts[window.behind(*place) as usize] += count;
            }
            let mut free = LABEL;
            for (bar, count) in bars.iter().zip(counts) {
                // Twice as many are one step higher: one is seen, and so are a thousand.
                set(
                    bar,
                    "--level",
                    u64::from(u64::BITS - u64::leading_zeros(count)),
                );
                let has_label = count > 1 && free >= LABEL;
                let label = if has_label {
                    grouped(count)
                } else {
                    String::new()
                };
                bar.mark("data-count", &label);
                free = if count > 0 { 0 } else { free + 1 };
            }
            all.say(&match inside.subscribers {
                1 => "1 subscriber".to_owned(),
                count => format!("{} subscribers", grouped(count)),
            });
            let number = |cursor: &Cursor| {
                let is_it = |(_, exchange): &&(u16, String)| *exchange == cursor.exchange;
                numbers.iter().find(is_it).map(|(number, _)| *number)
            };
            // The page's own in the order of their numbers, then others.
            let mut told: Vec<&Cursor> = Vec::new();
            for (own, _) in &numbers {
                told.extend(
                    inside
                        .cursors
                        .iter()
                        .find(|cursor| number(cursor) == Some(*own)),
                );
            }
            let others = inside
                .cursors
                .iter()
                .filter(|cursor| number(cursor).is_none());
            let room = ROWS.saturating_sub(told.len());
            told.extend(others.take(room));
            facts.say(&words(
                there,
                inside.subscribers.saturating_sub(told.len() as u64),
            ));
            let here = told.len();
            told.extend(inside.gone.iter().take(GONE_ROWS));
            for (place, row) in rows.iter().enumerate() {
                match told.get(place) {
                    Some(cursor) => row.show(cursor, number(cursor), place >= here, inside),
                    None => row.row.mark("hidden", "hidden"),
                }
            }
        });
    });
    el("section.inside")
        .attr("aria-labelledby", "inside-title")
        .add(header)
        .add(el("table").add(head).add(body))
}

/// A row of the table: one subscriber.
struct Row {
    row: El,
    name: El,
    track: El,
    chip: El,
    behind: El,
    missed: El,
}

impl Row {
    fn new() -> Row {
        let (name, chip) = (el("span"), el("b"));
        let track = el("div.inside-track").add(el("i")).add(chip.clone());
        let (behind, missed) = (el("td"), el("td"));
        let row = el("tr").attr("hidden", "").add_all([
            el("th").attr("scope", "row").add(name.clone()),
            el("td").attr("aria-hidden", "true").add(track.clone()),
            behind.clone(),
            missed.clone(),
        ]);
        Row {
            row,
            name,
            track,
            chip,
            behind,
            missed,
        }
    }

    fn show(&self, cursor: &Cursor, number: Option<u16>, is_gone: bool, inside: &Inside) {
        let window = inside.window();
        let number = number.map_or_else(String::new, |number| number.to_string());
        self.row.mark("hidden", "");
        self.row
            .mark("class", if is_gone { "left" } else { "there" });
        self.row.mark("data-number", &number);
        let name = match number.as_str() {
            "" => format!("Another, {}", cursor.by()),
            number => format!("Subscriber {number}"),
        };
        self.name.say(&if is_gone { name + ", left" } else { name });
        self.chip.say(&number);
        set(&self.track, "--at", window.behind(cursor.after));
        set(&self.track, "--to", window.behind(inside.last));
        let let_go = inside.first.saturating_sub(cursor.after + 1);
        self.behind.say(&match let_go {
            1.. if !is_gone => format!("{}, {} let go of", grouped(cursor.lag), grouped(let_go)),
            _ => grouped(cursor.lag),
        });
        self.missed.say(&match cursor.why.as_str() {
            "" => grouped(cursor.missed),
            why => why.to_owned(),
        });
    }
}

/// What the log holds against its bounds, and how many subscribers are not told of one by one.
fn words(inside: Option<&Inside>, more: u64) -> String {
    let Some(inside) = inside else {
        return "The topic has not begun: publish, or connect a subscriber.".to_owned();
    };
    let ([messages, size, age_s], [most, most_bytes, most_s]) = (inside.held, inside.bounds);
    let time = |seconds: u64| match seconds / 3_600 {
        hours @ 2.. if seconds.is_multiple_of(3_600) => format!("{hours} h"),
        _ => duration((seconds * 1_000_000_000) as i64),
    };
    let let_go = match inside.first.saturating_sub(1) {
        0 => String::new(),
        count => format!(" {} were let go of.", grouped(count)),
    };
    let more = match more {
        0 => String::new(),
        more => format!(" {} subscribers have no row here.", grouped(more)),
    };
    format!(
        "{} of {} messages, {} of {}, the oldest {} of {}.{let_go}{more}",
        grouped(messages),
        grouped(most),
        bytes(size),
        bytes(most_bytes),
        time(age_s),
        time(most_s)
    )
}

fn set(element: &El, name: &str, value: u64) {
    let _ = element
        .node()
        .style()
        .set_property(name, &value.to_string());
}

/// Keeps a socket open that tells what is inside, first of the page's own subscribers.
fn watch(
    topic_path: impl Fn() -> String + 'static,
    subscribers: State<Vec<Subscriber>>,
    inside: State<Option<Inside>>,
) {
    let socket = State::new(None::<Socket>);
    let tries = State::new(0_u32);
    follow(move || {
        tries.track();
        let mut url = [&topic_path(), "/inside/live"].concat();
        let mut joint = "?mine=";
        for subscriber in subscribers.get() {
            let exchange = subscriber.exchange.get();
            if !exchange.is_empty() {
                url = [&url, joint, &exchange].concat();
                joint = ",";
            }
        }
        let take = move |told| match told {
            Told::Open => {}
            Told::Text(text) => {
                let told = Json::parse(&text).ok();
                inside.set(told.as_ref().and_then(Inside::read));
            }
            Told::Closed(..) => {
                later(AGAIN_MS, move || tries.update(|tries| *tries += 1));
            }
        };
        let new = Socket::open(&url, Rc::new(take)).ok();
        drop(socket.alter(|socket| std::mem::replace(socket, new)));
    });
}
