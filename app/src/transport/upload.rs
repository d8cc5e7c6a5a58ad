//! XMLHttpRequest, for the one thing that `fetch` cannot do: say how far an upload has come.

use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Blob, Event, ProgressEvent, XmlHttpRequest, XmlHttpRequestResponseType,
};
use wire::trace::Kind;

use super::{
    clock::now_ns,
    feed::Feed,
    fetch::Call,
    link::Seen,
    reply::{NoReply, Reply},
};

/// Sends a piece of a file and reads the response. `progress` is told how many bytes the browser has handed on.
///
/// # Errors
/// When there is no complete response.
pub(crate) async fn upload(
    feed: &Feed,
    call: Call<'_>,
    body: &Blob,
    abort: &AbortSignal,
    progress: Rc<dyn Fn(u64)>,
) -> Result<Reply, NoReply> {
    let sent_ns = now_ns();
    let lane = call.lane;
    call.saw(
        feed,
        Seen::new(lane, Kind::RequestSent, sent_ns)
            .summary(call.summary())
            .bytes(body.size() as u64),
    );
    let reply = sent(feed, &call, body, abort, progress)
        .await
        .ok()
        .flatten();
    let Some(reply) = reply else {
        let (kind, outcome) = if abort.aborted() {
            (Kind::Aborted, NoReply::Aborted)
        } else {
            (Kind::Failed, NoReply::Network)
        };
        call.saw(feed, Seen::new(lane, kind, now_ns()).why(outcome.words()));
        return Err(outcome);
    };
    call.saw(
        feed,
        Seen::new(lane, Kind::ResponseEnd, reply.ended_ns)
            .bytes(reply.body.len() as u64)
            .with(|detail| detail.status = Some(reply.status)),
    );
    call.find_connection(feed, sent_ns);
    Ok(reply)
}

/// `None` when it ended without a response.
async fn sent(
    feed: &Feed,
    call: &Call<'_>,
    body: &Blob,
    abort: &AbortSignal,
    progress: Rc<dyn Fn(u64)>,
) -> Result<Option<Reply>, JsValue> {
    let request = XmlHttpRequest::new()?;
    request.open(call.method, call.target)?;
    request.set_response_type(XmlHttpRequestResponseType::Arraybuffer);
    request.set_request_header("traceparent", &call.traceparent.to_string())?;
    for (name, value) in call.headers {
        request.set_request_header(name, value)?;
    }
    let (lane, exchange) = (call.lane, call.traceparent.exchange);
    let is_recorded = call.traceparent.recorded;

    let recorder = feed.clone();
    let on_progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        let so_far = event.loaded() as u64;
        if is_recorded {
            recorder.saw_of(
                exchange,
                Seen::new(lane, Kind::Progress, now_ns()).bytes(so_far),
            );
        }
        progress(so_far);
    });
    request
        .upload()?
        .set_onprogress(Some(on_progress.as_ref().unchecked_ref()));

    let (recorder, head) = (feed.clone(), request.clone());
    let on_state = Closure::<dyn FnMut(Event)>::new(move |_: Event| {
        let status = head.status().unwrap_or(0);
        if is_recorded && head.ready_state() == XmlHttpRequest::HEADERS_RECEIVED && status != 0 {
            let words = format!("{status} {}", head.status_text().unwrap_or_default());
            recorder.saw_of(
                exchange,
                Seen::new(lane, Kind::ResponseHead, now_ns())
                    .summary(words)
                    .with(|detail| detail.status = Some(status)),
            );
        }
    });
    request.set_onreadystatechange(Some(on_state.as_ref().unchecked_ref()));

    let aborted = request.clone();
    let on_abort = Closure::<dyn FnMut(Event)>::new(move |_: Event| {
        let _ = aborted.abort();
    });
    // Several uploads may be given up by one signal.
    let on_abort = on_abort.as_ref().unchecked_ref();
    abort.add_event_listener_with_callback("abort", on_abort)?;

    let mut started = Ok(());
    let ended = Promise::new(&mut |resolve, _| {
        request.set_onloadend(Some(&resolve));
        started = if abort.aborted() {
            Err(JsValue::NULL)
        } else {
            request.send_with_opt_blob(Some(body))
        };
    });
    if started.is_ok() {
        JsFuture::from(ended).await?;
    }
    let ended_ns = now_ns();
    abort.remove_event_listener_with_callback("abort", on_abort)?;
    started?;
    request.set_onreadystatechange(None);
    let status = request.status()?;
    if status == 0 {
        return Ok(None);
    }
    Ok(Some(Reply {
        status,
        headers: fields(&request.get_all_response_headers()?),
        body: Uint8Array::new(&request.response()?).to_vec(),
        ended_ns,
    }))
}

fn fields(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}
