//! One page's session: its run, the feed that fills it, its state in the address.

use wire::trace::{Kind, Lane, TraceId, Traceparent};

use crate::{
    browser::{Timer, later, location, window},
    components::{
        breaks::{self, Breaks},
        notice::Notice,
        query::Reader,
    },
    dom::State,
    timeline::RunStore,
    transport::{
        clock::now_ns,
        feed::{Feed, News},
        ids,
        link::{Opening, Seen},
    },
};

/// How long the address waits for the last change: browsers allow only so many changes in a time.
const ADDRESS_WAIT_MS: u32 = 300;
/// For how long an event's feed may be away before the page says so.
const PATIENCE_MS: u32 = 700;

/// What the labs of a page share. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    /// The page's runs.
    pub(crate) store: RunStore,
    /// The live run's id.
    pub(crate) run: State<TraceId>,
    /// What is the matter with the connection to the server, if anything.
    pub(crate) trouble: State<Option<Notice>>,
    /// What happened to the connection, in a sentence; empty when there is nothing to say.
    pub(crate) said: State<String>,
    /// What the lab's requests ask to go wrong.
    pub(crate) breaks: Breaks,
    feed: State<Option<Feed>>,
    /// Is the run's id in the address, so that it has to stay there?
    named: State<bool>,
    address: State<Option<Timer>>,
}

impl Session {
    /// Opens the page's run: the one that the address names with `run=`, or a new one.
    pub(crate) fn open(reader: &mut Reader) -> Session {
        let named = reader.text("run").map(str::parse::<TraceId>);
        let run = match named {
            Some(Ok(id)) => id,
            Some(Err(why)) => {
                reader.complain(format!(
                    "run in the address names no run ({why}): a new one is used."
                ));
                ids::trace()
            }
            None => ids::trace(),
        };
        let session = Session {
            store: RunStore::new(),
            run: State::new(run),
            trouble: State::new(None),
            said: State::new(String::new()),
            breaks: Breaks::read(reader),
            feed: State::new(None),
            named: State::new(matches!(named, Some(Ok(_)))),
            address: State::new(None),
        };
        session.follow(run);
        session
    }

    /// The feed, to say what the page sees.
    pub(crate) fn feed(&self) -> Feed {
        self.feed
            .now()
            .unwrap_or_else(|| self.follow(self.run.now()))
    }

    /// A new exchange of the live run.
    pub(crate) fn exchange(&self) -> Traceparent {
        self.feed().exchange()
    }

    /// Says what the person did, where it explains what follows.
    pub(crate) fn mark(&self, words: &str) {
        self.feed()
            .saw(Seen::new(Lane::BROWSER, Kind::Marked, now_ns()).summary(words));
    }

    /// Begins a new run on an empty timeline.
    pub(crate) fn start_over(&self) {
        let run = ids::trace();
        self.store.opened.set(None);
        self.store.selected.set(None);
        self.store.live.set(crate::run::Run::new());
        self.named.set(false);
        self.run.set(run);
        self.said.set(String::new());
        self.follow(run);
    }

    /// Keeps the last exchange on the screen to be compared with what comes, and begins a new run.
    pub(crate) fn keep(&self) {
        let last = self.store.with_shown(|run| {
            run.exchanges()
                .last()
                .map(|exchange| run.only(&[exchange.span()]))
        });
        if last.is_some() {
            self.store.compare.set(last);
            self.start_over();
        }
    }

    /// Puts the page's state into its address: the query that reads back as the same controls, and the faults, whose
    /// change is followed here.
    pub(crate) fn write_address(&self, query: String) {
        let mut query = self
            .breaks
            .faults
            .with(|faults| breaks::in_target(&query, faults));
        if self.named.now() {
            let joint = if query.is_empty() { "?run=" } else { "&run=" };
            query = [&query, joint, &self.run.now().to_string()].concat();
        }
        self.address.update(|waiting| {
            if let Some(timer) = waiting.take() {
                timer.stop();
            }
            let write = move || {
                let path = location().pathname().unwrap_or_default();
                let hash = location().hash().unwrap_or_default();
                if let Ok(history) = window().history() {
                    // Refused when there were too many changes; the next one says it all again.
                    let _ = history.replace_state_with_url(
                        &wasm_bindgen::JsValue::NULL,
                        "",
                        Some(&format!("{path}{query}{hash}")),
                    );
                }
            };
            *waiting = Some(later(ADDRESS_WAIT_MS, write));
        });
    }

    fn follow(&self, run: TraceId) -> Feed {
        let session = *self;
        let feed = Feed::open(run, move |news| session.take(run, news));
        let before = self.feed.update(|slot| slot.replace(feed.clone()));
        if let Some(before) = before {
            before.close();
        }
        feed
    }

    fn take(&self, run: TraceId, news: News) {
        match news {
            News::Events(events, dropped) => self.store.live.update(|live| {
                for event in events {
                    live.apply(event);
                }
                live.set_dropped(dropped + self.feed().lost());
            }),
            News::Opened(opening, opened) => {
                let was_lost = self.trouble.peek(Option::is_some);
                self.trouble.set(None);
                match opening {
                    Opening::First => self
                        .store
                        .live
                        .update(|live| live.begin(run, &opened.started_at)),
                    Opening::Same if was_lost => self
                        .said
                        .set("Connected again. What happened meanwhile is on the timeline.".to_owned()),
                    Opening::Same => {}
                    Opening::Anew => self.said.set(
                        "Connected again. The server had restarted or let the run go; what follows stands behind what was there."
                            .to_owned(),
                    ),
                }
            }
            News::Timed => {}
            News::Lost { why, wait_ms } => {
                // A break that heals at once is not worth a word.
                let session = *self;
                let now = move || {
                    session.trouble.set(Some(Notice::new(
                        why,
                        "What the server sees cannot be shown until it is back.",
                        format!(
                            "The page tries again by itself, next in {}.",
                            wire::time::duration(i64::from(wait_ms) * 1_000_000)
                        ),
                    )));
                };
                if self.trouble.peek(Option::is_some) {
                    now();
                } else {
                    let feed = self.feed();
                    later(PATIENCE_MS, move || {
                        if !feed.is_open() && session.run.now() == run {
                            now();
                        }
                    });
                }
            }
            News::Evicted(why) => self.said.set(format!(
                "The server no longer keeps this run: {why} It stays on this page; save it, or go on."
            )),
            News::Refused(why) => self.said.set(why),
        }
    }
}
