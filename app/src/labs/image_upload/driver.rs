//! Does what the state machine of [`super::tus`] says, and tells it how it went.

use std::rc::Rc;

use web_sys::{AbortController, AbortSignal, Blob};
use wire::{
    images::{IMAGES_PATH, TUS_PATH},
    time::bytes,
    trace::Lane,
};

use super::{
    page::{Outcome, Page, stored},
    tus::{Phase, Step, Trouble, Tus, metadata},
};
use crate::{
    browser::{document, spawn},
    transport::{
        clock::now_ns,
        fetch::{Call, fetch},
        reply::{NoReply, Reply},
        sleep,
        upload::upload,
    },
};

type Header = (&'static str, String);
/// What an answer does to the machine.
type Change = Box<dyn FnOnce(&mut Tus) -> Step>;

fn version() -> Header {
    ("tus-resumable", "1.0.0".to_owned())
}

impl Page {
    /// Begins an upload in chunks.
    pub(super) fn start_chunks(self, file: Blob) {
        let mut tus = Tus::new(file.size() as u64, self.knobs.peek(|knobs| knobs.chunk()));
        let step = match self.recalled() {
            Some(url) => {
                self.session.mark("Goes on with what was begun before");
                tus.recall(url)
            }
            None => tus.start(),
        };
        self.said.set(String::new());
        self.tus.set(Some(tus));
        self.drive(step, file);
    }

    /// The person pauses: what is on its way is aborted; what has arrived is the server's to say.
    pub(super) fn pause(self) {
        if self.change(Tus::pause).unwrap_or(false) {
            self.stop();
            self.is_elsewhere.set(false);
            self.session.mark(&format!(
                "Paused at {}",
                bytes(self.progress.peek(|progress| progress.sent))
            ));
            self.progress.update(|progress| progress.stand());
        }
    }

    /// Another tab takes the upload over: this one lets go of it.
    pub(super) fn yields(self) {
        self.pause();
        let is_paused = self.tus.peek(|tus| {
            tus.as_ref()
                .is_some_and(|tus| *tus.phase() == Phase::Paused)
        });
        self.is_elsewhere.set(is_paused);
    }

    /// The person goes on.
    pub(super) fn resume(self) {
        let Some(file) = self.file.now() else {
            return;
        };
        self.session.mark("Resumed");
        self.trouble.set(None);
        // Another tab may have begun it anew meanwhile.
        let step = match self.recalled() {
            Some(url) => self.change(|tus| tus.recall(url)),
            None => self.change(Tus::resume),
        };
        if let Some(step) = step {
            self.drive(step, file.into());
        }
    }

    /// The person gives it up: the server removes what it has.
    pub(super) fn cancel(self) {
        self.stop();
        let (Some(step), Some(file)) = (self.change(Tus::cancel), self.file.now()) else {
            return;
        };
        self.session.mark("Cancelled");
        self.progress.update(|progress| progress.stand());
        self.drive(step, file.into());
    }

    fn change<T>(self, change: impl FnOnce(&mut Tus) -> T) -> Option<T> {
        self.tus.update(|tus| tus.as_mut().map(change))
    }

    /// Aborts what is on its way and makes its driver leave.
    pub(super) fn stop(self) {
        self.turn.update(|turn| *turn += 1);
        if let Some(abort) = self.abort.update(Option::take) {
            abort.abort();
        }
    }

    fn drive(self, mut step: Step, file: Blob) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        let signal = abort.signal();
        self.abort.set(Some(abort));
        self.turn.update(|turn| *turn += 1);
        let turn = self.turn.now();
        self.is_elsewhere.set(false);
        self.remember();
        spawn(async move {
            while step != Step::Rest {
                let url = self
                    .tus
                    .peek(|tus| tus.as_ref()?.url().map(str::to_owned))
                    .unwrap_or_default();
                let change: Change = match step {
                    Step::Create => self.create(&file, &signal).await,
                    Step::Send(range) => self.send(&url, range, &file, &signal).await,
                    Step::Ask => self.ask(&url, &signal).await,
                    Step::Delete => self.delete(&url, &signal).await,
                    Step::Wait(wait_ms) => {
                        sleep(wait_ms).await;
                        Box::new(Tus::waited)
                    }
                    Step::Rest => return,
                };
                // Paused, cancelled or begun anew meanwhile: another driver has it now.
                if self.turn.now() != turn {
                    return;
                }
                match self.change(change) {
                    Some(next) => step = next,
                    None => return,
                }
            }
            self.rested().await;
        });
    }

    /// The machine has come to rest: done, failed or cancelled.
    async fn rested(self) {
        let (phase, url) = self.tus.peek(|tus| match tus {
            Some(tus) => (tus.phase().clone(), tus.url().map(str::to_owned)),
            None => (Phase::Idle, None),
        });
        match phase {
            Phase::Done => {
                let id = url
                    .as_deref()
                    .and_then(|url| url.rsplit('/').next())
                    .unwrap_or_default()
                    .to_owned();
                self.forget();
                self.ask_about(&id).await;
            }
            Phase::Cancelled => {
                self.forget();
                self.ends(Outcome::Cancelled);
            }
            Phase::Failed(why) => {
                self.ends(Outcome::Failed(why));
            }
            _ => {}
        }
    }

    /// Asks what the server made of a file.
    async fn ask_about(self, id: &str) {
        let target = format!("{IMAGES_PATH}/{id}");
        let call = self.call("GET", &target, &[]);
        let outcome = match fetch(&self.session.feed(), call, None, None).await {
            Ok(reply) => match stored(&reply) {
                Some(info) => Outcome::Stored(info),
                None => Outcome::Failed(reply.words()),
            },
            Err(no_reply) => Outcome::Failed(no_reply.words().to_owned()),
        };
        self.ends(outcome);
    }

    fn call<'a>(self, method: &'a str, target: &'a str, headers: &'a [Header]) -> Call<'a> {
        Call {
            method,
            target,
            headers,
            traceparent: self.session.exchange(),
            lane: Lane::BROWSER,
        }
    }

    async fn create(self, file: &Blob, signal: &AbortSignal) -> Change {
        let (name, media_type) = self.name_and_type();
        let headers = [
            version(),
            ("upload-length", (file.size() as u64).to_string()),
            ("upload-metadata", metadata(&name, &media_type)),
        ];
        let target = self.session.breaks.target(TUS_PATH);
        let call = self.call("POST", &target, &headers);
        let outcome = fetch(&self.session.feed(), call, None, Some(signal)).await;
        answered(outcome, |reply| {
            let place = path_of(reply.header("location")?)?;
            Some(Box::new(move |tus: &mut Tus| {
                let step = tus.created(place);
                self.remembers(tus);
                step
            }))
        })
    }

    async fn send(
        self,
        url: &str,
        range: std::ops::Range<u64>,
        file: &Blob,
        signal: &AbortSignal,
    ) -> Change {
        let Ok(chunk) = file.slice_with_f64_and_f64(range.start as f64, range.end as f64) else {
            return Box::new(|tus| {
                tus.failed(Trouble::Status(
                    0,
                    "The file cannot be read any more: it was moved or changed. Choose it again."
                        .to_owned(),
                ))
            });
        };
        let headers = [
            version(),
            ("upload-offset", range.start.to_string()),
            ("content-type", "application/offset+octet-stream".to_owned()),
        ];
        let target = self.session.breaks.target(url);
        let call = self.call("PATCH", &target, &headers);
        let progress = Rc::new(move |sent| self.sent(range.start + sent));
        let outcome = upload(&self.session.feed(), call, &chunk, signal, progress).await;
        answered(outcome, |reply| self.offset(reply))
    }

    async fn ask(self, url: &str, signal: &AbortSignal) -> Change {
        let headers = [version()];
        let target = self.session.breaks.target(url);
        let call = self.call("HEAD", &target, &headers);
        let outcome = fetch(&self.session.feed(), call, None, Some(signal)).await;
        answered(outcome, |reply| self.offset(reply))
    }

    async fn delete(self, url: &str, signal: &AbortSignal) -> Change {
        // A browser gives up what was aborted in a task of its own. Until then it would be told what becomes of a chunk
        // whose upload is removed, and complain.
        sleep(0).await;
        let headers = [version()];
        let call = self.call("DELETE", url, &headers);
        let outcome = fetch(&self.session.feed(), call, None, Some(signal)).await;
        answered(outcome, |_| Some(Box::new(Tus::cancelled)))
    }

    /// The server says how many bytes it has.
    fn offset(self, reply: &Reply) -> Option<Change> {
        let offset = reply.header("upload-offset")?.parse().ok()?;
        self.sent(offset);
        Some(Box::new(move |tus| tus.stored(offset)))
    }

    pub(super) fn sent(self, sent: u64) {
        self.progress
            .update(|progress| progress.reached(sent, now_ns()));
    }
}

/// What an answer means for the machine. `read` finds what a success has to bring with it.
fn answered(
    outcome: Result<Reply, NoReply>,
    read: impl FnOnce(&Reply) -> Option<Change>,
) -> Change {
    let trouble = match outcome {
        Ok(reply) if reply.is_success() => match read(&reply) {
            Some(change) => return change,
            None => Trouble::Status(
                reply.status,
                "The server's answer lacks what tus says must be in it: the upload's address or its offset.".to_owned(),
            ),
        },
        Ok(reply) => Trouble::Status(reply.status, reply.words()),
        Err(_) => Trouble::NoAnswer,
    };
    Box::new(move |tus| tus.failed(trouble))
}

/// The path of an upload on this server: its address may be told with or without the origin.
fn path_of(place: &str) -> Option<String> {
    let base = document().base_uri().ok()??;
    let url = web_sys::Url::new_with_base(place, &base).ok()?;
    Some(format!("{}{}", url.pathname(), url.search()))
}
