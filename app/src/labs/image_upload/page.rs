//! The image upload lab on the page: its state, and the upload in one request.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Blob, File};
use wire::{
    images::{IMAGES_PATH, ImageInfo},
    trace::{Kind, Lane},
};

use super::{
    knobs::{CHUNKS, Knobs},
    progress::Progress,
    queue::{Fate, Kept, Queue},
    tus::{Phase, Tus},
};
use crate::{
    browser::{spawn, window},
    components::{lab::Shared, notice::Notice, query::Reader},
    dom::{State, follow},
    session::Session,
    transport::{
        clock::now_ns,
        digest::sha256,
        fetch::Call,
        ids,
        link::Seen,
        reply::{NoReply, Reply},
        settled,
        upload::upload,
    },
};

/// What became of the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing has been uploaded, or it is under way.
    Open,
    /// The server has it.
    Stored(ImageInfo),
    /// The person gave it up.
    Cancelled,
    /// It failed: why, and what to do.
    Failed(String),
}

/// What the lab holds. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) session: Session,
    pub(super) knobs: State<Knobs>,
    pub(super) file: State<Option<File>>,
    /// The page's own digest of the file, in hex.
    pub(super) digest: State<Option<String>>,
    pub(super) tus: State<Option<Tus>>,
    /// Is an upload in one request on its way?
    pub(super) is_sending: State<bool>,
    pub(super) progress: State<Progress>,
    pub(super) outcome: State<Outcome>,
    pub(super) trouble: State<Option<Notice>>,
    pub(super) said: State<String>,
    pub(super) abort: State<Option<AbortController>>,
    /// Counts what was started, so that what was left behind knows it.
    pub(super) turn: State<u32>,
    /// The files that go one after the other.
    pub(super) queue: State<Queue<File>>,
    /// This tab's name among those that may be at an upload.
    pub(super) tab: State<String>,
    /// Has another tab taken the upload over?
    pub(super) is_elsewhere: State<bool>,
    /// Counts the files chosen, likewise.
    choices: State<u32>,
    /// Where the sample photograph is.
    sample: State<Option<String>>,
}

/// The lab, and the commands that do the same. `sample` is the address of a photograph to begin with.
pub(crate) fn page(session: Session, reader: &mut Reader, sample: Option<String>) -> Shared {
    let page = Page {
        session,
        knobs: State::new(Knobs::read(reader)),
        file: State::new(None),
        digest: State::new(None),
        tus: State::new(None),
        is_sending: State::new(false),
        progress: State::new(Progress::default()),
        outcome: State::new(Outcome::Open),
        trouble: State::new(None),
        said: State::new(String::new()),
        abort: State::new(None),
        turn: State::new(0),
        queue: State::new(Queue::default()),
        tab: State::new(ids::span().to_string()),
        is_elsewhere: State::new(false),
        choices: State::new(0),
        sample: State::new(sample),
    };
    follow(move || session.write_address(page.knobs.with(Knobs::write)));
    page.accept_files();
    page.yield_to_others();
    Shared {
        controls: vec![page.controls()],
        below: vec![page.below()],
        said: Box::new(move || page.said.get()),
        trouble: Box::new(move || page.what_is_wrong()),
        commands: Box::new(move |place| {
            let (name, media_type) = page.name_and_type();
            let run = session.run.get().to_string();
            let all = page.knobs.with(|knobs| {
                knobs.commands(&place.origin, &run, &place.traceparent, &name, &media_type)
            });
            session.breaks.commands(all, |_| true)
        }),
        invitation: "Press Upload: the file goes up, and each end says where every piece was when.",
    }
}

impl Page {
    fn what_is_wrong(self) -> Option<Notice> {
        self.trouble.get().or_else(|| match self.outcome.get() {
            Outcome::Failed(why) => Some(Notice::new("The upload stopped.", why, "")),
            _ => None,
        })
    }

    /// The chosen file's name and media type; of the sample before one is chosen.
    pub(super) fn name_and_type(self) -> (String, String) {
        self.file.with(|file| match file {
            Some(file) => {
                let media_type = file.type_();
                let media_type = if media_type.is_empty() {
                    "application/octet-stream".to_owned()
                } else {
                    media_type
                };
                (file.name(), media_type)
            }
            None => ("photo.jpg".to_owned(), "image/jpeg".to_owned()),
        })
    }

    pub(super) fn has_sample(self) -> bool {
        self.sample.peek(Option::is_some)
    }

    /// Is something on its way, or paused?
    pub(super) fn is_busy(self) -> bool {
        self.is_sending.get()
            || self.tus.with(|tus| {
                tus.as_ref()
                    .is_some_and(|tus| tus.is_running() || *tus.phase() == Phase::Paused)
            })
    }

    /// Takes a file. Its digest is begun at once, so that it is there when the server's comes.
    pub(super) fn choose(self, file: File) {
        self.stop();
        self.tus.set(None);
        self.is_sending.set(false);
        self.outcome.set(Outcome::Open);
        self.trouble.set(None);
        self.digest.set(None);
        self.progress.set(Progress::of(file.size() as u64));
        self.file.set(Some(file.clone()));
        if self.recalled().is_some() {
            self.said
                .set("This file was begun before: Upload goes on with it.".to_owned());
        }
        self.choices.update(|count| *count += 1);
        let choice = self.choices.now();
        spawn(async move {
            let go_on = move || self.choices.now() == choice;
            let digest = sha256(&self.session.feed(), &file, go_on).await;
            if !go_on() {
                return;
            }
            if digest.is_none() {
                self.trouble.set(Some(Notice::new(
                    format!("{} cannot be read.", file.name()),
                    "It was moved or changed, or this page may not read it.",
                    "Choose it again.",
                )));
            }
            self.digest.set(digest);
            self.compare();
        });
    }

    /// Fetches the sample photograph, as if it had been chosen.
    async fn choose_sample(self) -> Option<File> {
        let url = self.sample.now()?;
        self.said
            .set("The sample photograph is being fetched.".to_owned());
        let file = fetched_file(&url).await;
        self.said.set(String::new());
        if file.is_none() {
            self.trouble.set(Some(Notice::new(
                "The sample photograph did not come.",
                "The server cannot be reached.",
                "See whether it runs, or choose a file of your own.",
            )));
        }
        file
    }

    /// Uploads the chosen file, or the sample where none was chosen.
    pub(super) fn upload(self) {
        self.trouble.set(None);
        self.outcome.set(Outcome::Open);
        spawn(async move {
            let file = match self.file.now() {
                Some(file) => file,
                None => {
                    let Some(file) = self.choose_sample().await else {
                        return;
                    };
                    self.choose(file.clone());
                    file
                }
            };
            self.progress.set(Progress::of(file.size() as u64));
            self.sent(0);
            if self.knobs.peek(|knobs| knobs.way) == CHUNKS {
                self.start_chunks(file.into());
            } else {
                self.send_whole(file.into()).await;
            }
        });
    }

    /// The upload came to this.
    pub(super) fn ends(self, outcome: Outcome) -> bool {
        let is_stored = matches!(outcome, Outcome::Stored(_));
        let is_cancelled = outcome == Outcome::Cancelled;
        self.outcome.set(outcome);
        if is_cancelled {
            self.next(Fate::Stopped);
        } else if self.digest.peek(Option::is_some) {
            self.compare();
        }
        is_stored
    }

    /// Where the server has the file and this page its digest, the next one goes.
    fn compare(self) {
        if let Outcome::Stored(info) = self.outcome.now() {
            let digest = self.digest.now();
            self.next(Fate::Stored(Kept {
                is_equal: digest.map(|digest| digest == info.sha256),
                preview: info.preview,
            }));
        }
    }

    /// The next file, where one waits, goes by itself.
    fn next(self, fate: Fate) {
        if let Some(next) = self.queue.update(|queue| queue.ended(fate)) {
            self.choose(next);
            self.upload();
        }
    }

    async fn send_whole(self, file: Blob) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        let signal = abort.signal();
        self.abort.set(Some(abort));
        self.tus.set(None);
        self.is_sending.set(true);
        self.turn.update(|turn| *turn += 1);
        let turn = self.turn.now();
        let (_, media_type) = self.name_and_type();
        let headers = [("content-type", media_type)];
        let session = self.session;
        let traceparent = session.exchange();
        let call = Call {
            method: "POST",
            target: &session.breaks.target(IMAGES_PATH),
            headers: &headers,
            traceparent,
            lane: Lane::BROWSER,
        };
        let feed = self.session.feed();
        let progress = Rc::new(move |sent| self.sent(sent));
        let outcome = upload(&feed, call, &file, &signal, progress).await;
        if self.turn.now() != turn && !signal.aborted() {
            return;
        }
        self.is_sending.set(false);
        let is_stored = self.ends(match outcome {
            Ok(reply) => match stored(&reply) {
                Some(info) if reply.is_success() => {
                    self.sent(info.bytes);
                    Outcome::Stored(info)
                }
                _ => Outcome::Failed(reply.words()),
            },
            Err(NoReply::Aborted) => Outcome::Cancelled,
            Err(NoReply::Network) => Outcome::Failed(
                "No answer came: the server cannot be reached, or it closed the connection. One request cannot be resumed; \
                 upload again, or in chunks."
                    .to_owned(),
            ),
        });
        if is_stored {
            let since_ns = now_ns();
            settled().await;
            feed.saw_of(
                traceparent.exchange,
                Seen::new(Lane::BROWSER, Kind::Consumed, since_ns).until(now_ns()),
            );
        }
    }
}

/// What the server says about an image: [`ImageInfo`], read field by field.
pub(super) fn stored(reply: &Reply) -> Option<ImageInfo> {
    let json = reply.json()?;
    let text = |name: &str| Some(json.get(name)?.as_str()?.to_owned());
    let number = |name: &str| json.get(name)?.as_u64();
    Some(ImageInfo {
        id: text("id")?,
        bytes: number("bytes")?,
        sha256: text("sha256")?,
        width: number("width").map(|pixels| pixels as u32),
        height: number("height").map(|pixels| pixels as u32),
        preview: text("preview"),
        why: text("why"),
    })
}

async fn fetched_file(url: &str) -> Option<File> {
    let response: web_sys::Response = JsFuture::from(window().fetch_with_str(url))
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    if !response.ok() {
        return None;
    }
    let blob: Blob = JsFuture::from(response.blob().ok()?)
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    let options = web_sys::FilePropertyBag::new();
    options.set_type("image/jpeg");
    // The same file each time, so that an upload of it can be gone on with.
    options.set_last_modified(0.0);
    File::new_with_blob_sequence_and_options(&js_sys::Array::of1(&blob), "photo.jpg", &options).ok()
}
