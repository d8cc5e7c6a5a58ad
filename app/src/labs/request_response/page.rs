//! The request–response lab on the page.

use std::rc::Rc;

use web_sys::AbortController;
use wire::trace::{Kind, Lane, Traceparent};

use super::{
    answer::{self, Answer},
    form::Form,
    knobs::{FRAMINGS, Knobs},
};
use crate::{
    browser::{location, spawn},
    components::{
        controls::{Line, line},
        lab::Shared,
        notice::Notice,
        query::Reader,
        raw::Places,
    },
    dom::{El, State, follow},
    session::Session,
    transport::{
        clock::now_ns,
        fetch::{Call, fetch},
        link::Seen,
        reply::{NoReply, Reply},
        settled,
    },
};

#[derive(Clone, Copy)]
struct Page {
    session: Session,
    form: Form,
    answer: State<Answer>,
    trouble: State<Option<Notice>>,
    abort: State<Option<AbortController>>,
}

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let knobs = Knobs::read(reader);
    let fresh = Knobs::default();
    let has_details = knobs.by_hand.is_some()
        || knobs.body.is_some()
        || (knobs.status, knobs.framing) != (fresh.status, fresh.framing);
    let page = Page {
        session,
        form: Form {
            knobs: State::new(knobs),
            details: State::new(has_details),
            said: State::new(String::new()),
        },
        answer: State::new(Answer::default()),
        trouble: State::new(None),
        abort: State::new(None),
    };
    follow(move || session.write_address(page.form.knobs.with(Knobs::write)));
    Shared {
        controls: page.controls(),
        below: Vec::new(),
        said: Box::new(move || {
            let answer = page.answer.with(|answer| answer.line.clone());
            if answer.is_empty() {
                page.form.said.get()
            } else {
                answer
            }
        }),
        trouble: Box::new(move || page.trouble.get()),
        commands: Box::new(move |place| {
            let places = Places {
                host: &place.host,
                traceparent: &place.traceparent,
            };
            let all = page
                .form
                .knobs
                .with(|knobs| knobs.commands(&place.origin, places));
            session.breaks.commands(all, |_| true)
        }),
        invitation: "Press Run: one request goes out, and each end says when what happened.",
    }
}

impl Page {
    fn controls(self) -> Vec<El> {
        let wrong = move || {
            let raw = self.form.knobs.with(|knobs| {
                knobs.raw_bytes(Places {
                    host: "localhost:3000",
                    traceparent: "",
                })
            });
            match raw {
                Some(Err(wrong)) => Some(format!("Line {}: {}", wrong.line, wrong.why)),
                _ => None,
            }
        };
        let line = line(Line {
            session: self.session,
            fields: self.form.fields(),
            beside: Vec::new(),
            verb: Box::new(move || match self.abort.with(Option::is_some) {
                true => "Stop",
                false => "Run",
            }),
            ready: Rc::new(move || wrong().is_none()),
            run: Box::new(move || match self.abort.now() {
                Some(abort) => abort.abort(),
                None => self.run(),
            }),
        });
        vec![line, self.form.details(self.answer, wrong)]
    }

    fn run(self) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        self.abort.set(Some(abort.clone()));
        self.trouble.set(None);
        self.form.said.set(String::new());
        self.answer.set(Answer::default());
        spawn(async move {
            let knobs = self.form.knobs.now();
            let outcome = if knobs.by_hand.is_some() {
                self.send_raw(&knobs, &abort).await
            } else {
                self.send(&knobs, &abort).await
            };
            if let Err(no_reply) = outcome {
                self.trouble.set(Some(match no_reply {
                    NoReply::Aborted => Notice::new(
                        "You stopped the request.",
                        "The browser no longer waits; the server may still work on it.",
                        "",
                    ),
                    NoReply::Network => Notice::new(
                        "No response came.",
                        "The server cannot be reached, or it closed the connection.",
                        "See whether it runs, then run again.",
                    ),
                }));
            }
            self.abort.set(None);
        });
    }

    async fn send(self, knobs: &Knobs, abort: &AbortController) -> Result<(), NoReply> {
        let feed = self.session.feed();
        let traceparent = self.session.exchange();
        let body = knobs.body_bytes();
        let headers = match &body {
            Some(_) => vec![("content-type", knobs.format().content_type.to_owned())],
            None => Vec::new(),
        };
        let target = self.session.breaks.target(&knobs.target());
        let call = Call {
            method: knobs.method(),
            target: &target,
            headers: &headers,
            traceparent,
            lane: Lane::BROWSER,
        };
        let reply = fetch(&feed, call, body.as_deref(), Some(&abort.signal())).await?;
        self.use_reply(&reply);
        self.consumed(traceparent, &reply).await;
        Ok(())
    }

    fn use_reply(self, reply: &Reply) {
        if let Some(answer) = reply
            .json()
            .and_then(|echo| answer::of_echo(reply.status, reply.body.len(), &echo))
        {
            self.answer.set(answer);
            return;
        }
        if let Some((title, detail)) = reply.problem() {
            self.trouble
                .set(Some(Notice::new(format!("{title}."), detail, "")));
            return;
        }
        self.answer.set(Answer {
            line: format!(
                "Status {}, {} of body.",
                reply.status,
                wire::time::bytes(reply.body.len() as u64)
            ),
            text: String::from_utf8_lossy(&reply.body).into_owned(),
        });
    }

    /// Sends a raw request through the server's own raw client, which joins the run of the call that hands it over.
    async fn send_raw(self, knobs: &Knobs, abort: &AbortController) -> Result<(), NoReply> {
        let feed = self.session.feed();
        let traceparent = self.session.exchange();
        let places = Places {
            host: &location().host().unwrap_or_default(),
            traceparent: &self.session.exchange().to_string(),
        };
        let Some(Ok(bytes)) = knobs.raw_bytes(places) else {
            return Ok(());
        };
        let call = Call {
            method: "POST",
            target: &self.session.breaks.target(&knobs.probe_target()),
            headers: &[("content-type", "application/octet-stream".to_owned())],
            traceparent,
            lane: Lane::BROWSER,
        };
        let reply = fetch(&feed, call, Some(&bytes), Some(&abort.signal())).await?;
        match reply.header("probe-end") {
            Some(end) => self.answer.set(answer::of_raw(&reply.body, end)),
            None => self.trouble.set(Some(Notice::new(
                "The probe did not send the request.",
                reply.words(),
                "",
            ))),
        }
        self.consumed(traceparent, &reply).await;
        Ok(())
    }

    /// The page has used a response when what it shows is in the document.
    async fn consumed(self, traceparent: Traceparent, reply: &Reply) {
        settled().await;
        self.session.feed().saw_of(
            traceparent.exchange,
            Seen::new(Lane::BROWSER, Kind::Consumed, reply.ended_ns)
                .until(now_ns())
                .bytes(reply.body.len() as u64),
        );
    }
}

const _: () = assert!(FRAMINGS.len() == 3, "the select names each framing");
