//! What every request passes, outside of all routes: it joins its run, its host and its origin are checked, a panic or
//! a plain error becomes a problem document, and the response gets the header fields that all responses carry.

use std::{panic::AssertUnwindSafe, time::Instant};

use axum::{
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http_body::Body as _;
use wire::{
    Problem,
    trace::{Kind, Lane, Traceparent},
};

use super::{
    entry::{PlainAnswer, Sender},
    exchange::{Arrival, Call, Exchange},
    faults, headers, host, order, origin,
    streams::Endless,
};
use crate::{
    AppState, Error,
    error::problem_response,
    trace::{Draft, RunHandle},
};

/// Looking at a run is not part of it: what a feed sends would be recorded, and sent, without end.
const NEVER_RECORDED: &str = "/api/runs/";
/// A plain error text longer than this is no explanation, in bytes.
const PLAIN_ERROR_MAX: usize = 4 * 1024;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The outermost layer.
pub(super) async fn pass(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let called = Instant::now();
    let method = request.method().clone();
    let named = traceparent(request.headers(), request.uri());
    let is_grouped = order::is_grouped(request.headers());
    let arrival = request.extensions_mut().get_mut::<Arrival>();
    let tap = arrival.and_then(|arrival| arrival.tap.take());
    let mut call = tap.map(|tap| Call::begin(tap, named.is_some(), is_grouped));
    let field_names = call.as_mut().and_then(Call::take_field_names);
    let mut exchange = join(&state, call.as_ref(), &request, named);
    if let Some(names) = field_names {
        exchange = exchange.with_field_names(names);
    }
    if let Some(first_read) = call.as_ref().and_then(Call::first_read) {
        exchange = exchange.parsed_within(called.saturating_duration_since(first_read));
        exchange.emit(|| Draft::new(Lane::HANDLER, Kind::Parse, first_read).until(called));
    }
    let checked = host::check(&request, &state.config().hosts)
        .and_then(|()| origin::check(&request))
        .and_then(|()| faults::asked(&request, &exchange, state.connections()));
    let (checked, asked) = match checked {
        Ok(asked) => (Ok(()), asked),
        Err(error) => (Err(error), None),
    };
    // Nothing is said of it, nothing is done to it, and its response may be framed in chunks.
    let is_plain = !exchange.is_recorded()
        && asked.is_none()
        && method == Method::GET
        && request.version() == Version::HTTP_11;
    if let Some(call) = &call {
        call.settle_faults(asked);
    }
    let mut response = match checked {
        Err(error) => error.into_response(),
        Ok(()) => {
            request.extensions_mut().insert(exchange.clone());
            let handled = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            handled.unwrap_or_else(|panic| Error::from(panicked(&*panic)).into_response())
        }
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        let body_timed_out = call.as_ref().is_some_and(Call::body_timed_out);
        response = if body_timed_out {
            Error::Timeout("The request's body paused for too long. Send it again.".into())
                .into_response()
        } else {
            explained(response, &method).await
        };
    }
    let unended = response.extensions_mut().remove::<Endless>();
    if is_plain
        && let Some(call) = &call
        && let Some(source) = unended.and_then(|unended| unended.take())
    {
        call.will_take_over(source);
        let fields = response.headers_mut();
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status();
    exchange.emit(|| {
        Draft::new(Lane::HANDLER, Kind::Respond, Instant::now()).with(|detail| {
            detail.status = Some(status.as_u16());
            detail.summary = Some(status.to_string());
        })
    });
    let fields = response.headers_mut();
    if !fields.contains_key(SERVER_TIMING)
        && let Some(timing) = exchange.server_timing(called)
    {
        fields.insert(SERVER_TIMING, timing);
    }
    headers::secure(fields);
    if let Some(call) = &call
        && let Some(plain) = plain_answer(&response, &method)
    {
        call.will_answer(plain);
    }
    response
}

/// What the tap is told of a response that has a body of known length.
fn plain_answer(response: &Response, method: &Method) -> Option<PlainAnswer> {
    let status = response.status();
    let may_have_body = *method != Method::HEAD && *method != Method::CONNECT;
    let is_plain = may_have_body && status.is_success() && status != StatusCode::NO_CONTENT;
    let body = response.body().size_hint().exact().filter(|_| is_plain)?;
    Some(PlainAnswer {
        status: status.as_u16(),
        body,
    })
}

/// Joins the run that the request names, in the header or, where headers cannot be set, in the query.
fn join(
    state: &AppState,
    call: Option<&Call>,
    request: &Request,
    named: Option<Traceparent>,
) -> Exchange {
    let connection = call.map_or(0, Call::connection);
    if let Some((run, exchange)) = call.and_then(Call::claimed) {
        return Exchange::joined(run, exchange, connection);
    }
    let joined = named.and_then(|named| {
        let first_read = call.and_then(Call::first_read);
        let run: RunHandle = state
            .recorder()
            .join_since(named.run, first_read.unwrap_or_else(Instant::now))?;
        Some((run, named.exchange))
    });
    match (joined, call) {
        (Some((run, exchange)), call) => {
            if let Some(call) = call {
                call.claim(run.clone(), exchange, &sender(request));
            }
            Exchange::joined(run, exchange, connection)
        }
        (None, Some(call)) => {
            call.leave();
            Exchange::default()
        }
        (None, None) => Exchange::default(),
    }
}

/// The run and exchange that a request wants to be recorded in. A `traceparent` that is none, two of them, or flags `00`
/// are no error: nothing is recorded (W3C Trace Context §3.2).
fn traceparent(fields: &HeaderMap, uri: &Uri) -> Option<Traceparent> {
    if uri.path().starts_with(NEVER_RECORDED) {
        return None;
    }
    let mut values = fields.get_all("traceparent").iter();
    let named: Traceparent = match (values.next(), values.next()) {
        (Some(_), Some(_)) => return None,
        (Some(value), None) => value.to_str().ok()?.parse().ok()?,
        (None, _) => uri
            .query()?
            .split('&')
            .find_map(|pair| pair.strip_prefix("traceparent="))?
            .parse()
            .ok()?,
    };
    named.recorded.then_some(named)
}

/// A browser says where a request comes from (Fetch Metadata §2), but only to addresses that it trusts: over plain HTTP
/// on a LAN its name must do.
fn sender(request: &Request) -> Sender {
    let fields = request.headers();
    let user_agent = fields
        .get(header::USER_AGENT)
        .map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    let is_browser = fields.contains_key("sec-fetch-site")
        || fields.contains_key("sec-fetch-mode")
        || user_agent
            .as_deref()
            .is_some_and(|name| name.starts_with("Mozilla/"));
    if is_browser {
        return Sender::Browser;
    }
    Sender::Program {
        summary: Some(format!("{} {}", request.method(), request.uri().path())),
        user_agent,
    }
}

/// What a panic said.
fn panicked(panic: &(dyn std::any::Any + Send)) -> anyhow::Error {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    anyhow::anyhow!("a handler panicked: {}", said.unwrap_or("no reason given"))
}

/// A plain error, as axum's own extractors and routing give it, becomes a problem document. What has a body of another
/// type was meant so.
async fn explained(response: Response, method: &Method) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let is_small = response
        .body()
        .size_hint()
        .upper()
        .is_some_and(|bytes| bytes <= PLAIN_ERROR_MAX as u64);
    if !is_plain || !is_small {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, PLAIN_ERROR_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let problem = plain_problem(parts.status, text.trim(), method);
    let (explained, body) = problem_response(&problem).into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(explained.headers);
    Response::from_parts(parts, body)
}

fn plain_problem(status: StatusCode, text: &str, method: &Method) -> Problem {
    let error = match status {
        StatusCode::NOT_FOUND if text.is_empty() => {
            Error::NotFound("Nothing has this address.".into())
        }
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed(format!(
            "This address does not take {method}. The response's Allow field says what it takes."
        )),
        _ => {
            let name = status.canonical_reason().unwrap_or("Error");
            return Problem {
                kind: format!("/problems/{}", name.to_lowercase().replace(' ', "-")),
                title: name.to_owned(),
                status: status.as_u16(),
                detail: (!text.is_empty()).then(|| text.to_owned()),
                limit: None,
            };
        }
    };
    error.problem()
}
