//! The source that runs, highlighted line by line.
//!
//! Highlighting is by weight and ink: colour means who, here as everywhere. A line that records an event carries the
//! colour of the event's lane in its margin, and the event's name, by which the page can find it.

use std::{ops::Range, sync::LazyLock};

use maud::{Markup, html};
use syntect::{
    easy::ScopeRangeIterator,
    parsing::{ParseState, ScopeStack, SyntaxSet},
};
use wire::{
    Lab,
    trace::{Kind, LaneKind},
};

use super::lanes;

/// A file of this program's source.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceFile {
    /// Its path in the repository.
    pub(super) path: &'static str,
    /// Its text, as it was compiled.
    pub(super) text: &'static str,
}

/// A path below `server/src/` with the text that stands there.
macro_rules! source {
    ($path:literal) => {
        SourceFile {
            path: concat!("server/src/", $path),
            text: include_str!(concat!("../", $path)),
        }
    };
}

/// The handlers behind a lab, the first of them first.
pub(super) const fn files(lab: Lab) -> &'static [SourceFile] {
    match lab {
        Lab::RequestResponse => &[
            source!("labs/request_response.rs"),
            source!("labs/request_response/body.rs"),
            source!("labs/request_response/framed.rs"),
        ],
        Lab::Limits => &[
            source!("labs/limits.rs"),
            source!("labs/limits/held.rs"),
            source!("labs/limits/events.rs"),
            source!("jobs/work.rs"),
        ],
        Lab::ShortPolling => &[
            source!("labs/short_polling.rs"),
            source!("labs/polling.rs"),
            source!("labs/topic/page.rs"),
        ],
        Lab::LongPolling => &[
            source!("labs/long_polling.rs"),
            source!("labs/polling.rs"),
            source!("labs/topic/page.rs"),
        ],
        Lab::ServerSentEvents => &[
            source!("labs/server_sent_events.rs"),
            source!("labs/topic/streaming.rs"),
            source!("labs/topic/delivery.rs"),
        ],
        Lab::Websocket => &[
            source!("labs/websocket.rs"),
            source!("labs/websocket/subscription.rs"),
            source!("labs/websocket/resting.rs"),
            source!("labs/websocket/publish.rs"),
            source!("labs/websocket/handshake.rs"),
        ],
        Lab::PublishSubscribe => &[
            source!("labs/publish_subscribe.rs"),
            source!("labs/server_sent_events.rs"),
            source!("labs/topic/streaming.rs"),
            source!("topics/log.rs"),
            source!("topics/subscriber.rs"),
        ],
        Lab::Race => &[
            source!("labs/race.rs"),
            source!("swarm/subscriber.rs"),
            source!("swarm/tally.rs"),
        ],
        Lab::ImageUpload => &[
            source!("labs/image_upload.rs"),
            source!("labs/image_upload/tus.rs"),
            source!("uploads/append.rs"),
        ],
        Lab::Chunks => &[
            source!("labs/chunks.rs"),
            source!("labs/image_upload/tus.rs"),
            source!("uploads/append.rs"),
            source!("labs/image_upload.rs"),
        ],
    }
}

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// How a token looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Comment,
    Keyword,
    Name,
    Text,
    Number,
    Attribute,
}

impl Look {
    const fn class(self) -> Option<&'static str> {
        match self {
            Look::Plain => None,
            Look::Comment => Some("s-comment"),
            Look::Keyword => Some("s-keyword"),
            Look::Name => Some("s-name"),
            Look::Text => Some("s-text"),
            Look::Number => Some("s-number"),
            Look::Attribute => Some("s-attribute"),
        }
    }

    /// The innermost scope that says something decides.
    fn of(stack: &ScopeStack) -> Look {
        for scope in stack.scopes.iter().rev() {
            let name = scope.build_string();
            let is = |prefix: &str| name.starts_with(prefix);
            if is("comment") {
                return Look::Comment;
            } else if is("string")
                || is("punctuation.definition.string")
                || is("constant.character")
            {
                return Look::Text;
            } else if is("meta.annotation") {
                return Look::Attribute;
            } else if is("constant.numeric") {
                return Look::Number;
            } else if is("entity.name.function")
                || is("entity.name.struct")
                || is("entity.name.enum")
            {
                return Look::Name;
            } else if is("keyword.operator") {
                return Look::Plain;
            } else if is("keyword") || is("storage") {
                return Look::Keyword;
            }
        }
        Look::Plain
    }
}

/// One file, a line a row, with the lanes' margin; folded unless `open`.
pub(super) fn listing(file: &SourceFile, open: bool) -> Markup {
    let syntaxes = &*SYNTAXES;
    let syntax = syntaxes
        .find_syntax_by_extension("rs")
        .unwrap_or_else(|| syntaxes.find_syntax_plain_text());
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    html! {
        details.source open[open] {
            summary { code { (file.path) } }
            pre.listing tabindex="0" aria-label=(file.path) {
                code {
                    @for line in file.text.split_inclusive('\n') {
                        (row(line, &regions(line, &mut state, &mut stack, syntaxes)))
                    }
                }
            }
        }
    }
}

/// The line as tokens, neighbours of one look together. A line that the grammar cannot read is one plain token.
fn regions<'a>(
    line: &'a str,
    state: &mut ParseState,
    stack: &mut ScopeStack,
    syntaxes: &SyntaxSet,
) -> Vec<(Look, &'a str)> {
    let Ok(ops) = state.parse_line(line, syntaxes) else {
        return vec![(Look::Plain, line)];
    };
    let mut tokens: Vec<(Look, Range<usize>)> = Vec::new();
    for (range, op) in ScopeRangeIterator::new(&ops, line) {
        let known = stack.apply(op).is_ok();
        let text = &line[range.clone()];
        if text.is_empty() {
            continue;
        }
        let look = match Look::of(stack) {
            // The grammar is older than these words.
            Look::Plain if matches!(text.trim(), "async" | "await" | "dyn" | "try") => {
                Look::Keyword
            }
            look if known => look,
            _ => Look::Plain,
        };
        match tokens.last_mut() {
            Some((last, together)) if *last == look => together.end = range.end,
            _ => tokens.push((look, range)),
        }
    }
    tokens
        .into_iter()
        .map(|(look, range)| (look, &line[range]))
        .collect()
}

fn row(line: &str, tokens: &[(Look, &str)]) -> Markup {
    let emitted = recorded(line);
    let lane = emitted.as_ref().map(|(_, lane)| lanes::class(*lane));
    html! {
        span.line.(lane.unwrap_or_default()) data-kind=[emitted.map(|(kind, _)| kind)] {
            @for (look, text) in tokens {
                @match look.class() {
                    Some(class) => span class=(class) { (text) },
                    None => (text),
                }
            }
        }
    }
}

/// The kind of event that a line of source records, and where it stands: the first `Kind::…` outside of comments.
fn recorded(line: &str) -> Option<(String, LaneKind)> {
    let code = line.split("//").next().unwrap_or_default();
    let (before, after) = code.split_once("Kind::")?;
    // `ErrorKind::NotFound` is another's.
    if before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let name: String = after
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let snake = snake_case(&name);
    let kind: Kind = serde_json::from_value(serde_json::Value::String(snake.clone())).ok()?;
    Some((snake, lane_of(kind)?))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Where a kind of event stands (`wire::trace::Kind` says so in words).
const fn lane_of(kind: Kind) -> Option<LaneKind> {
    match kind {
        Kind::RequestSent
        | Kind::Sent
        | Kind::Connected
        | Kind::Progress
        | Kind::ResponseHead
        | Kind::ResponseData
        | Kind::ResponseEnd
        | Kind::Consumed
        | Kind::Hashed
        | Kind::Marked
        | Kind::Failed
        | Kind::Aborted => Some(LaneKind::Browser),
        Kind::StreamOpened | Kind::Received | Kind::StreamClosed => Some(LaneKind::Subscriber),
        Kind::Accepted | Kind::Read | Kind::Write | Kind::Closed | Kind::Fault => {
            Some(LaneKind::Socket)
        }
        Kind::Parse | Kind::Body | Kind::Process | Kind::Respond | Kind::Noticed => {
            Some(LaneKind::Handler)
        }
        Kind::Published | Kind::Subscribed | Kind::Unsubscribed | Kind::Delivered | Kind::Gap => {
            Some(LaneKind::Topic)
        }
        Kind::Created
        | Kind::Stored
        | Kind::Synced
        | Kind::Finished
        | Kind::Previewed
        | Kind::Removed => Some(LaneKind::Storage),
        Kind::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a listing, its tags taken out.
    fn text_of(html: &str) -> String {
        let inside = html
            .split_once("<code><span")
            .expect("a listing")
            .1
            .split_once('>')
            .expect("a tag ends")
            .1;
        let mut text = String::new();
        let mut rest = inside;
        while let Some(at) = rest.find('<') {
            text.push_str(&rest[..at]);
            rest = rest[at..].split_once('>').expect("a tag ends").1;
        }
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
    }

    #[test]
    fn the_source_shown_is_the_file() {
        for lab in Lab::ALL {
            for file in files(lab) {
                let shown = text_of(&listing(file, true).into_string());
                assert_eq!(shown, file.text, "{}", file.path);
                let on_disk = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("..")
                    .join(file.path);
                let on_disk = std::fs::read_to_string(on_disk).expect("the file is there");
                assert_eq!(shown, on_disk, "{}", file.path);
            }
        }
    }

    #[test]
    fn tokens_have_their_looks() {
        let file = SourceFile {
            path: "x.rs",
            text: "// why\npub async fn answer() -> u8 { let s = \"a\\n<b>\"; 7 }\n",
        };
        let html = listing(&file, true).into_string();
        for part in [
            "<span class=\"s-comment\">// why",
            "<span class=\"s-name\">answer</span>",
            "&lt;b&gt;",
            "<span class=\"s-number\">7</span>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(text_of(&html), file.text);
    }

    #[test]
    fn a_line_that_records_an_event_stands_in_its_lane() {
        assert_eq!(
            recorded("    exchange.stretch(Kind::Process, began);"),
            Some(("process".into(), LaneKind::Handler))
        );
        assert_eq!(
            recorded("Draft::new(Lane::TOPIC, Kind::Published, now)"),
            Some(("published".into(), LaneKind::Topic))
        );
        assert_eq!(recorded("// Kind::Process is recorded elsewhere"), None);
        assert_eq!(recorded("std::io::ErrorKind::Closed"), None);
        let file = SourceFile {
            path: "x.rs",
            text: "exchange.stretch(Kind::Process, began);\n",
        };
        let html = listing(&file, true).into_string();
        assert!(
            html.contains("<span class=\"line lane-handler\" data-kind=\"process\">"),
            "{html}"
        );
    }
}
