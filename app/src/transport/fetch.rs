//! `fetch`, read as a stream, with its times.

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Blob, Headers, PerformanceResourceTiming, ReadableStreamDefaultReader,
    RequestCache, RequestCredentials, RequestInit, Response,
};
use wire::trace::{Kind, Lane, SpanId, Traceparent};

use super::{
    clock::now_ns,
    feed::Feed,
    link::Seen,
    reply::{NoReply, Reply},
};
use crate::browser::{document, later, window};

/// A request of the page.
pub(crate) struct Call<'a> {
    /// The method.
    pub(crate) method: &'a str,
    /// The request target: path and query.
    pub(crate) target: &'a str,
    /// Header fields, besides `traceparent`.
    pub(crate) headers: &'a [(&'static str, String)],
    /// The run and the exchange.
    pub(crate) traceparent: Traceparent,
    /// Whose request it is.
    pub(crate) lane: Lane,
}

impl Call<'_> {
    /// `GET /api/echo`, for an arrow.
    pub(crate) fn summary(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Says what it took to connect, as soon as the browser tells.
    pub(crate) fn find_connection(&self, feed: &Feed, sent_ns: i64) {
        if self.traceparent.recorded {
            let target = self.target.to_owned();
            let exchange = self.traceparent.exchange;
            find_connection(feed.clone(), self.lane, exchange, target, sent_ns, 0);
        }
    }

    /// Says what the page saw of this request, unless it asks not to be recorded.
    pub(crate) fn saw(&self, feed: &Feed, seen: Seen) {
        if self.traceparent.recorded {
            feed.saw_of(self.traceparent.exchange, seen);
        }
    }
}

/// Sends a request and reads the response to its end.
///
/// # Errors
/// When there is no complete response.
pub(crate) fn fetch<'a>(
    feed: &'a Feed,
    call: Call<'a>,
    body: Option<&[u8]>,
    abort: Option<&'a AbortSignal>,
) -> impl Future<Output = Result<Reply, NoReply>> + use<'a> {
    whole(feed, call, with_bytes(body), abort)
}

/// Sends a piece of a file on a connection of its own, and reads the response to its end.
///
/// A browser sends a request again by itself when a connection breaks on which it has had an answer before, and the page
/// is not told. Requests without credentials share no connection with those that have them (Fetch, "obtain a
/// connection"): one that alone has none goes on a new connection, and is sent once.
///
/// # Errors
/// When there is no complete response.
pub(crate) fn fetch_apart<'a>(
    feed: &'a Feed,
    call: Call<'a>,
    body: &Blob,
    abort: &'a AbortSignal,
) -> impl Future<Output = Result<Reply, NoReply>> + use<'a> {
    let init = RequestInit::new();
    init.set_credentials(RequestCredentials::Omit);
    init.set_body(body);
    whole(feed, call, (init, Some(body.size() as u64)), Some(abort))
}

/// Sends a request and hands over the response piece by piece, each with the status; the first is empty, when the head
/// has come. The reply at its end has no body.
///
/// # Errors
/// When there is no complete response.
pub(crate) fn fetch_pieces<'a>(
    feed: &'a Feed,
    call: Call<'a>,
    body: Option<&[u8]>,
    abort: Option<&'a AbortSignal>,
    take: &'a mut dyn FnMut(u16, &[u8]),
) -> impl Future<Output = Result<Reply, NoReply>> + use<'a> {
    pieces(feed, call, with_bytes(body), abort, take)
}

/// What is sent, and how many bytes its body has.
type Sent = (RequestInit, Option<u64>);

fn with_bytes(body: Option<&[u8]>) -> Sent {
    let init = RequestInit::new();
    if let Some(body) = body {
        init.set_body(&Uint8Array::from(body));
    }
    (init, body.map(|body| body.len() as u64))
}

async fn whole(
    feed: &Feed,
    call: Call<'_>,
    sent: Sent,
    abort: Option<&AbortSignal>,
) -> Result<Reply, NoReply> {
    let mut bytes = Vec::new();
    let mut take = |_: u16, piece: &[u8]| bytes.extend_from_slice(piece);
    let mut reply = pieces(feed, call, sent, abort, &mut take).await?;
    reply.body = bytes;
    Ok(reply)
}

async fn pieces(
    feed: &Feed,
    call: Call<'_>,
    (init, length): Sent,
    abort: Option<&AbortSignal>,
    take: &mut dyn FnMut(u16, &[u8]),
) -> Result<Reply, NoReply> {
    let sent_ns = now_ns();
    let mut sent = Seen::new(call.lane, Kind::RequestSent, sent_ns).summary(call.summary());
    sent.bytes = length;
    call.saw(feed, sent);
    init.set_signal(abort);
    match exchanged(feed, &call, &init, take).await {
        Ok(reply) => {
            call.find_connection(feed, sent_ns);
            Ok(reply)
        }
        Err(error) => {
            let aborted = abort.is_some_and(AbortSignal::aborted);
            let (kind, outcome) = if aborted {
                (Kind::Aborted, NoReply::Aborted)
            } else {
                (Kind::Failed, NoReply::Network)
            };
            let why = Reflect::get(&error, &"message".into())
                .ok()
                .and_then(|message| message.as_string())
                .unwrap_or_else(|| outcome.words().to_owned());
            call.saw(feed, Seen::new(call.lane, kind, now_ns()).why(why));
            Err(outcome)
        }
    }
}

async fn exchanged(
    feed: &Feed,
    call: &Call<'_>,
    init: &RequestInit,
    take: &mut dyn FnMut(u16, &[u8]),
) -> Result<Reply, JsValue> {
    init.set_method(call.method);
    // Chromium holds back a second identical request while the first may still fill the cache.
    init.set_cache(RequestCache::NoStore);
    let headers = Headers::new()?;
    headers.set("traceparent", &call.traceparent.to_string())?;
    for (name, value) in call.headers {
        headers.set(name, value)?;
    }
    init.set_headers(&headers);
    let response = JsFuture::from(window().fetch_with_str_and_init(call.target, init)).await?;
    let response: Response = response.dyn_into()?;
    let status = response.status();
    call.saw(
        feed,
        Seen::new(call.lane, Kind::ResponseHead, now_ns())
            .summary(format!("{status} {}", response.status_text()))
            .with(|detail| detail.status = Some(status)),
    );
    take(status, &[]);
    let length = read(feed, call, &response, take).await?;
    let ended_ns = now_ns();
    call.saw(
        feed,
        Seen::new(call.lane, Kind::ResponseEnd, ended_ns)
            .bytes(length)
            .with(|detail| detail.status = Some(status)),
    );
    Ok(Reply {
        status,
        headers: fields(&response.headers()),
        body: Vec::new(),
        ended_ns,
    })
}

/// Reads the body piece by piece, as the browser hands it over; gives its length.
async fn read(
    feed: &Feed,
    call: &Call<'_>,
    response: &Response,
    take: &mut dyn FnMut(u16, &[u8]),
) -> Result<u64, JsValue> {
    let mut length = 0;
    let Some(stream) = response.body() else {
        return Ok(length);
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().dyn_into()?;
    loop {
        let turn = JsFuture::from(reader.read()).await?;
        if Reflect::get(&turn, &"done".into())?.is_truthy() {
            return Ok(length);
        }
        let piece: Uint8Array = Reflect::get(&turn, &"value".into())?.dyn_into()?;
        let piece = piece.to_vec();
        length += piece.len() as u64;
        call.saw(
            feed,
            Seen::new(call.lane, Kind::ResponseData, now_ns()).bytes(piece.len() as u64),
        );
        take(response.status(), &piece);
    }
}

fn fields(headers: &Headers) -> Vec<(String, String)> {
    let Ok(Some(entries)) = js_sys::try_iter(headers) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pair: Array = entry.dyn_into().ok()?;
            Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
        })
        .collect()
}

/// Looks for the browser's own record of the request (Resource Timing) and says what it took to connect. The record
/// comes a little after the response; after some tries it is let go.
fn find_connection(
    feed: Feed,
    lane: Lane,
    exchange: SpanId,
    target: String,
    sent_ns: i64,
    tries: usize,
) {
    const WAITS_MS: [u32; 4] = [0, 20, 100, 500];
    let Some(wait_ms) = WAITS_MS.get(tries) else {
        return;
    };
    let look = move || match resource_timing(&target, sent_ns) {
        Some(timing) => {
            let (start_ms, end_ms) = (timing.connect_start(), timing.connect_end());
            // On a connection that was there already, both are the moment of the fetch.
            if end_ms > start_ms {
                let ns = |ms: f64| (ms * 1e6).round() as i64;
                feed.saw_of(
                    exchange,
                    Seen::new(lane, Kind::Connected, ns(start_ms)).until(ns(end_ms)),
                );
            }
        }
        None => find_connection(feed, lane, exchange, target, sent_ns, tries + 1),
    };
    later(*wait_ms, look);
}

fn resource_timing(target: &str, sent_ns: i64) -> Option<PerformanceResourceTiming> {
    let base = document().base_uri().ok()??;
    let url = web_sys::Url::new_with_base(target, &base).ok()?.href();
    let entries = window()
        .performance()?
        .get_entries_by_name_with_entry_type(&url, "resource");
    entries
        .iter()
        .filter_map(|entry| entry.dyn_into::<PerformanceResourceTiming>().ok())
        // The record's start may stand up to a clock's step before the reading that preceded it.
        .find(|entry| entry.start_time() * 1e6 >= (sent_ns - 100_000) as f64)
}
