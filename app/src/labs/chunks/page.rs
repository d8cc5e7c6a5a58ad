//! The comparison on the page.

use std::rc::Rc;

use web_sys::{AbortController, AbortSignal};

use super::{
    knobs::{CHECK_NAMES, CORRUPTED, KNOBS, Knobs},
    picture::{Shown, picture, shown, table},
    sender::{Journey, Sender, Stopped, file},
    sizes::Measured,
    track::Track,
    words::sentence,
};
use crate::{
    browser::{sleep, spawn},
    components::{
        controls::{Line, Number, choice, line, number},
        lab::Shared,
        notice::Notice,
        query::Reader,
    },
    dom::{El, State, follow},
    session::Session,
};

/// How often the picture grows, in milliseconds.
const BEAT_MS: u32 = 100;
/// For how many beats the last events of the server may be late.
const BEATS_LATE: u32 = 30;

/// What the lab holds. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) session: Session,
    pub(super) knobs: State<Knobs>,
    pub(super) said: State<String>,
    /// Gives up what is under way, as long as something is.
    pub(super) abort: State<Option<AbortController>>,
    /// What the chunk sizes came to, for a file of this many bytes.
    pub(super) measured: State<Vec<Measured>>,
    pub(super) measured_file: State<u64>,
    /// Where the best lies among them, once all are measured.
    pub(super) best_size: State<String>,
    /// How far the present size has come.
    pub(super) tried: State<Journey>,
    trouble: State<Option<Notice>>,
    /// One request, and chunks.
    journeys: [State<Journey>; 2],
    shown: State<Shown>,
}

/// The lab.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let page = Page {
        session,
        knobs: State::new(Knobs::read(reader)),
        said: State::new(String::new()),
        abort: State::new(None),
        measured: State::new(Vec::new()),
        measured_file: State::new(0),
        best_size: State::new(String::new()),
        tried: State::new(Journey::default()),
        trouble: State::new(None),
        journeys: [0, 1].map(|_| State::new(Journey::default())),
        shown: State::new(Shown::default()),
    };
    follow(move || session.write_address(page.knobs.with(Knobs::write)));
    Shared {
        controls: vec![page.controls(), picture(page.shown)],
        below: vec![table(page.shown), page.sizes_section()],
        said: Box::new(move || page.said.get()),
        trouble: Box::new(move || page.trouble.get()),
        commands: Box::new(move |place| {
            let run = session.run.get().to_string();
            page.knobs
                .with(|knobs| knobs.commands(&place.origin, &run, &place.traceparent))
        }),
        invitation: "Press Compare: the same file goes up both ways, over a line that drops once.",
    }
}

impl Page {
    fn controls(self) -> El {
        let check = choice(
            "chunks",
            "Chunks go",
            &CHECK_NAMES,
            move || self.knobs.with(|knobs| knobs.check),
            move |check| self.knobs.update(|knobs| knobs.check = check),
        );
        let fields = KNOBS.iter().enumerate().map(|(place, knob)| {
            let (least, greatest, _) = knob.bounds;
            number(Number {
                id: knob.name,
                label: knob.label,
                unit: knob.unit,
                bounds: Box::new(move || (least, greatest)),
                value: Rc::new(move || self.knobs.with(|knobs| knobs.numbers[place])),
                set: Box::new(move |value| self.knobs.update(|knobs| knobs.numbers[place] = value)),
            })
        });
        let is_on = move || self.abort.with(Option::is_some);
        line(Line {
            session: self.session,
            fields: fields.chain([check]).collect(),
            beside: Vec::new(),
            verb: Box::new(move || if is_on() { "Stop" } else { "Compare" }),
            ready: Rc::new(|| true),
            run: Box::new(move || match self.abort.peek(Option::is_some) {
                true => self.stop(),
                false => self.compare(),
            }),
        })
    }

    fn stop(self) {
        if let Some(abort) = self.abort.update(Option::take) {
            abort.abort();
        }
        self.said.set("You stopped.".to_owned());
    }

    /// What was begun is over, unless something else has begun since.
    fn ends(self, signal: &AbortSignal, how: Result<(), Stopped>) {
        if signal.aborted() {
            return;
        }
        let abort = self.abort.update(Option::take);
        if let Err(Stopped(why)) = how {
            self.said.set(String::new());
            self.trouble
                .set(Some(Notice::new("The file did not arrive.", why, "")));
            if let Some(abort) = abort {
                abort.abort();
            }
        }
    }

    fn begins(self) -> Option<AbortSignal> {
        let abort = AbortController::new().ok()?;
        let signal = abort.signal();
        self.abort.set(Some(abort));
        self.trouble.set(None);
        Some(signal)
    }

    pub(super) fn try_sizes(self) {
        if let Some(signal) = self.begins() {
            spawn(async move {
                let how = self.tries_sizes(signal.clone()).await;
                self.ends(&signal, how);
            });
        }
    }

    fn compare(self) {
        let knobs = self.knobs.now();
        let (Some(file), Some(signal)) = (file(knobs.file()), self.begins()) else {
            return;
        };
        self.said.set("Both are under way.".to_owned());
        for (way, journey) in self.journeys.into_iter().enumerate() {
            journey.set(Journey::default());
            let (file, signal) = (file.clone(), signal.clone());
            let sender = Sender {
                session: self.session,
                knobs,
                cut: knobs.cut(),
                corrupts: knobs.check == CORRUPTED,
                recorded: true,
                signal: signal.clone(),
                journey,
            };
            spawn(async move {
                if let Err(stopped) = sender.go(file, way == 1).await {
                    self.ends(&signal, Err(stopped));
                }
            });
        }
        spawn(self.watch(knobs, signal));
    }

    /// Draws what has come, until both are there and the server has told all of it.
    async fn watch(self, knobs: Knobs, signal: AbortSignal) {
        let mut late = 0;
        while !signal.aborted() {
            sleep(BEAT_MS).await;
            let journeys = self.journeys.map(State::now);
            let tracks = self
                .session
                .store
                .live
                .peek(|run| [0, 1].map(|way| Track::of(run, &journeys[way].parts, way == 0)));
            self.shown
                .change_to(shown(&tracks, &journeys, knobs.file()));
            if journeys
                .iter()
                .any(|journey| journey.sha256.is_empty() || journey.took_ns.is_none())
            {
                continue;
            }
            let is_told = tracks.iter().all(|track| track.high == knobs.file());
            late += 1;
            if !is_told && late < BEATS_LATE {
                continue;
            }
            let [one, chunks] = [0, 1].map(|way| (tracks[way].clone(), journeys[way].took_ns));
            self.ends(&signal, Ok(()));
            self.said
                .set(match journeys[0].sha256 == journeys[1].sha256 {
                    true => sentence(&one, &chunks),
                    false => "The server has two different files: their SHA-256 differ.".to_owned(),
                });
            return;
        }
    }
}
