//! The experiment that the labs about hearing a topic share: Run listens, publishes, and is over when all has arrived.

use std::rc::Rc;

use web_sys::AbortController;
use wire::topics::MessageId;

use super::{
    course::Course,
    fields::{is_too_long, message_field, topic_field},
    figures::Figures,
    knobs::{EVERY_MS_MAX, Knobs, MESSAGES_MAX},
    listener::Listener,
    panel::panel,
    restart::restart,
};
use crate::{
    components::{
        controls::{Line, Number, line, number},
        lab::{Place, Shared},
        notice::Notice,
        query::{Reader, Writer},
        terminal::Shown,
    },
    dom::{El, State, follow},
    session::Session,
};

/// What makes a lab's commands: the place they go to, what is set, and the last message that the listener has.
pub(crate) type Commands = Box<dyn Fn(&Place, &Knobs, Option<MessageId>) -> Vec<Shown>>;

/// Publishes a message in a lab's own way; false where it should go by POST.
pub(crate) type Publish = Rc<dyn Fn(Listener, &str) -> bool>;

/// A way of hearing a topic: what differs from lab to lab.
pub(crate) struct Way {
    /// Its own fields, behind the shared ones.
    pub(crate) fields: Vec<El>,
    /// Writes its own state into the address.
    pub(crate) write: Box<dyn Fn(&mut Writer)>,
    /// Begins to listen.
    pub(crate) listen: Rc<dyn Fn(Listener)>,
    /// Publishes.
    pub(crate) publish: Publish,
    /// The time between two messages; `None` for what is set.
    pub(crate) every_ms: Box<dyn Fn() -> Option<u64>>,
    /// The row of its own in the table of figures.
    pub(crate) row: fn(&Figures) -> (&'static str, String),
    /// What the figures show, in a sentence.
    pub(crate) point: fn(&Figures) -> String,
    /// The commands that do the same in a terminal.
    pub(crate) commands: Commands,
    /// What to do while nothing has happened.
    pub(crate) invitation: &'static str,
}

/// One page's experiment. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Experiment {
    pub(super) session: Session,
    pub(super) publish: State<Publish>,
    knobs: State<Knobs>,
    topic_wrong: State<bool>,
    said: State<String>,
    /// What is wrong with hearing the topic.
    pub(super) trouble: State<Option<Notice>>,
    /// What is wrong with publishing to it.
    pub(super) unsent: State<Option<Notice>>,
    pub(super) gap: State<Option<Notice>>,
    pub(super) course: State<Course>,
    /// What is set while it runs is for the next run.
    pub(super) running: State<Option<Running>>,
    /// Counts the runs, so that what is late is not taken for the present one's.
    pub(super) number: State<u32>,
}

/// A run under way.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) knobs: Knobs,
    /// What gives up the publishes that are under way.
    pub(super) abort: AbortController,
    pub(super) publishes: bool,
    /// What closes the listener's connection, or gives its request up.
    pub(super) close: Option<Rc<dyn Fn()>>,
}

/// The lab.
pub(crate) fn page(session: Session, reader: &mut Reader, way: Way) -> Shared {
    let it = Experiment {
        session,
        publish: State::new(way.publish),
        knobs: State::new(Knobs::read(reader)),
        topic_wrong: State::new(false),
        said: State::new(String::new()),
        trouble: State::new(None),
        unsent: State::new(None),
        gap: State::new(None),
        course: State::new(Course::default()),
        running: State::new(None),
        number: State::new(0),
    };
    let Way {
        fields,
        write,
        listen,
        every_ms,
        row,
        point,
        commands,
        invitation,
        ..
    } = way;
    follow(move || {
        let mut writer = Writer::new();
        it.knobs.with(|knobs| knobs.write(&mut writer));
        write(&mut writer);
        session.write_address(writer.finish());
    });
    let path = move || it.knobs.peek(Knobs::path);
    restart(session, path, it.said, it.trouble);
    let start = move || it.start(&listen, every_ms());
    let figures = move || {
        let spans = it.course.with(|course| course.spans().to_vec());
        session.store.with_shown(|run| Figures::of(run, &spans))
    };
    Shared {
        controls: vec![it.controls(fields, Box::new(start))],
        below: vec![panel(figures, row, point)],
        said: Box::new(move || it.said.get()),
        trouble: Box::new(move || it.first_trouble()),
        commands: Box::new(move |place| {
            let last = it.course.with(Course::last);
            let all = it.knobs.with(|knobs| commands(place, knobs, last));
            session.breaks.commands(all, |_| true)
        }),
        invitation,
    }
}

impl Experiment {
    fn controls(self, own: Vec<El>, start: Box<dyn Fn()>) -> El {
        let knobs = self.knobs;
        let take = move |topic| knobs.update(|knobs| knobs.topic = topic);
        let topic = topic_field(
            move || knobs.with(|knobs| knobs.topic.clone()),
            self.topic_wrong,
            take,
        );
        let text = message_field(
            move || knobs.with(|knobs| knobs.text.clone()),
            move |text| knobs.update(|knobs| knobs.text = text),
        );
        let messages = number(Number {
            id: "messages",
            label: "Messages",
            unit: "",
            bounds: Box::new(|| (1, MESSAGES_MAX)),
            value: Rc::new(move || knobs.with(|knobs| knobs.messages)),
            set: Box::new(move |count| knobs.update(|knobs| knobs.messages = count)),
        });
        let every = number(Number {
            id: "every",
            label: "One every",
            unit: "ms",
            bounds: Box::new(|| (0, EVERY_MS_MAX)),
            value: Rc::new(move || knobs.with(|knobs| knobs.every_ms)),
            set: Box::new(move |every_ms| knobs.update(|knobs| knobs.every_ms = every_ms)),
        });
        let mut fields = vec![topic, text, messages, every];
        fields.extend(own);
        let is_good =
            move || !self.topic_wrong.get() && knobs.with(|knobs| !is_too_long(&knobs.text));
        let is_on = move || self.running.with(Option::is_some);
        line(Line {
            session: self.session,
            fields,
            beside: Vec::new(),
            verb: Box::new(move || if is_on() { "Stop" } else { "Run" }),
            ready: Rc::new(move || is_on() || is_good()),
            run: Box::new(move || match is_on() {
                true => {
                    self.running
                        .peek(|running| running.iter().for_each(|it| it.abort.abort()));
                    self.end();
                    self.said
                        .update(|said| *said = format!("You stopped. {said}"));
                }
                false => start(),
            }),
        })
    }

    fn start(self, listen: &Rc<dyn Fn(Listener)>, every_ms: Option<u64>) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        let mut knobs = self.knobs.now();
        knobs.every_ms = every_ms.unwrap_or(knobs.every_ms);
        self.trouble.set(None);
        self.unsent.set(None);
        self.gap.set(None);
        self.course.set(Course::new(knobs.messages));
        self.running.set(Some(Running {
            knobs,
            abort,
            publishes: false,
            close: None,
        }));
        let number = self.number.now() + 1;
        self.number.set(number);
        let listener = Listener { it: self, number };
        self.tell();
        listen(listener);
    }

    /// While it runs, what comes back by itself when the topic is heard again; afterwards, what was missed.
    fn first_trouble(self) -> Option<Notice> {
        let (deaf, unsent) = (self.trouble.get(), self.unsent.get());
        let trouble = match self.running.with(Option::is_some) {
            true => deaf.or(unsent),
            false => unsent.or(deaf),
        };
        trouble.or(self.gap.get())
    }

    /// It is over, or the person stopped it.
    pub(super) fn end(self) {
        let running = self.running.update(Option::take);
        if let Some(close) = running.and_then(|running| running.close) {
            close();
        }
    }

    /// Says how far it is, and ends it when it is over.
    pub(super) fn tell(self) {
        self.said.set(self.course.peek(Course::words));
        if self.running.peek(Option::is_some) && self.course.peek(Course::is_over) {
            self.end();
        }
    }
}
