//! The trace as text and back, without serde: the page's side of what [`serde`] does for the server.
//!
//! Reading is what the derived readers do, by [`Json`]: unknown names are passed over, what may be missing may be null.

use std::str::FromStr;

use super::{Detail, FeedDown, FeedUp, Kind, Lane, Opened, Part, Run, TraceEvent, Truth};
use crate::{Problem, json::Json};

impl FeedDown {
    /// Reads a frame of the feed; `None` where it is none that this version knows.
    pub fn from_text(frame: &str) -> Option<FeedDown> {
        let mut frame = Fields::of(Json::parse(frame).ok()?)?;
        let (name, value) = frame.0.pop().filter(|_| frame.0.is_empty())?;
        let mut fields = Fields::of(value)?;
        Some(match name.as_str() {
            "opened" => FeedDown::Opened(Opened {
                run: fields.parsed("run")?,
                started_at: fields.text("started_at")?,
                events_max: fields.count("events_max")?,
                bytes_max: fields.count("bytes_max")?,
                age_s: fields.count("age_s")?,
            }),
            "events" => FeedDown::Events {
                events: events(fields.take("events")?)?,
                dropped: fields.count("dropped")?,
            },
            "clock" => FeedDown::Clock {
                t1_ns: fields.take("t1_ns")?.as_i64()?,
                t2_ns: fields.take("t2_ns")?.as_i64()?,
                t3_ns: fields.take("t3_ns")?.as_i64()?,
            },
            "evicted" => FeedDown::Evicted {
                why: fields.text("why")?,
            },
            "refused" => FeedDown::Refused(Problem {
                kind: fields.text("type")?,
                title: fields.text("title")?,
                status: fields.count("status")?.try_into().ok()?,
                detail: fields.optional("detail", text)?,
                limit: fields.optional("limit", count)?,
            }),
            _ => return None,
        })
    }
}

impl FeedUp {
    /// The frame as it is sent.
    pub fn to_text(&self) -> String {
        let mut frame = Writer::new();
        match self {
            FeedUp::Hello { client } => frame.nested("hello", |hello| {
                hello.text("client", &client.to_string());
            }),
            FeedUp::Clock { t1_ns } => frame.nested("clock", |clock| {
                clock.plain("t1_ns", &t1_ns.to_string());
            }),
            FeedUp::Events { events } => frame.nested("events", |frame| {
                frame.events(events);
            }),
        }
        frame.end()
    }
}

impl Run {
    /// Reads a saved run; `None` where it is none.
    pub fn from_json(json: Json) -> Option<Run> {
        let mut fields = Fields::of(json)?;
        Some(Run {
            version: fields.count("version")?.try_into().ok()?,
            run: fields.parsed("run")?,
            started_at: fields.text("started_at")?,
            dropped: fields.count("dropped")?,
            events: events(fields.take("events")?)?,
        })
    }

    /// The run as it is saved.
    pub fn to_text(&self) -> String {
        let mut run = Writer::new();
        run.plain("version", &self.version.to_string());
        run.text("run", &self.run.to_string());
        run.text("started_at", &self.started_at);
        run.plain("dropped", &self.dropped.to_string());
        run.events(&self.events);
        run.end()
    }
}

fn events(json: Json) -> Option<Vec<TraceEvent>> {
    match json {
        Json::List(items) => items.into_iter().map(event).collect(),
        _ => None,
    }
}

fn event(json: Json) -> Option<TraceEvent> {
    let mut fields = Fields::of(json)?;
    Some(TraceEvent {
        seq: fields.take("seq").map_or(Some(0), count)?,
        lane: Lane::of_text(&fields.text("lane")?)?,
        kind: Kind::of_name(&fields.text("kind")?),
        at_ns: fields.take("at_ns")?.as_i64()?,
        duration_ns: fields.optional("duration_ns", count)?,
        error_ns: fields.count("error_ns")?,
        truth: Truth::of_name(&fields.text("truth")?)?,
        bytes: fields.optional("bytes", count)?,
        detail: fields
            .take("detail")
            .map_or_else(|| Some(Detail::default()), detail)?,
    })
}

fn detail(json: Json) -> Option<Detail> {
    let mut fields = Fields::of(json)?;
    Some(Detail {
        exchange: fields.optional("exchange", parsed)?,
        client: fields.optional("client", parsed)?,
        connection: fields.optional("connection", count)?,
        summary: fields.optional("summary", text)?,
        status: fields.optional("status", |json| count(json)?.try_into().ok())?,
        why: fields.optional("why", text)?,
        formula: fields.optional("formula", text)?,
        part: fields.optional("part", |json| Part::of_name(json.as_str()?))?,
        offset: fields.optional("offset", count)?,
        head_bytes: fields.optional("head_bytes", count)?,
        data_base64: fields.optional("data_base64", text)?,
        data_left_out: fields.optional("data_left_out", count)?,
        topic: fields.optional("topic", text)?,
        message: fields.optional("message", text)?,
        upload: fields.optional("upload", text)?,
        sha256: fields.optional("sha256", text)?,
        more: fields.0.into_iter().collect(),
    })
}

/// The fields of an object that have not been taken yet.
struct Fields(Vec<(String, Json)>);

impl Fields {
    fn of(json: Json) -> Option<Fields> {
        match json {
            Json::Object(pairs) => Some(Fields(pairs)),
            _ => None,
        }
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        // Of a name given twice the last one counts.
        let place = self.0.iter().rposition(|(other, _)| other == name)?;
        Some(self.0.remove(place).1)
    }

    /// A field that may be missing or null; the outer `None` says that it is there and wrong.
    fn optional<T>(&mut self, name: &str, read: fn(Json) -> Option<T>) -> Option<Option<T>> {
        match self.take(name) {
            None | Some(Json::Null) => Some(None),
            Some(json) => read(json).map(Some),
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        text(self.take(name)?)
    }

    fn count(&mut self, name: &str) -> Option<u64> {
        count(self.take(name)?)
    }

    fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T> {
        parsed(self.take(name)?)
    }
}

fn text(json: Json) -> Option<String> {
    match json {
        Json::Text(text) => Some(text),
        _ => None,
    }
}

fn count(json: Json) -> Option<u64> {
    json.as_u64()
}

fn parsed<T: FromStr>(json: Json) -> Option<T> {
    json.as_str()?.parse().ok()
}

/// An object under way.
struct Writer(String);

impl Writer {
    fn new() -> Writer {
        Writer("{".to_owned())
    }

    fn name(&mut self, name: &str) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    /// A number, or whatever else needs no quotes.
    fn plain(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        crate::json::write_text(value, &mut self.0);
    }

    fn number(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.plain(name, &value.to_string());
        }
    }

    fn words(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn nested(&mut self, name: &str, fill: impl FnOnce(&mut Writer)) {
        self.plain(name, "{");
        fill(self);
        self.0.push('}');
    }

    fn events(&mut self, events: &[TraceEvent]) {
        self.plain("events", "[");
        for (place, event) in events.iter().enumerate() {
            self.0.push_str(if place == 0 { "{" } else { ",{" });
            self.event(event);
            self.0.push('}');
        }
        self.0.push(']');
    }

    fn event(&mut self, event: &TraceEvent) {
        self.number("seq", Some(event.seq));
        self.text("lane", &event.lane.to_string());
        self.text("kind", event.kind.name());
        self.plain("at_ns", &event.at_ns.to_string());
        self.number("duration_ns", event.duration_ns);
        self.number("error_ns", Some(event.error_ns));
        self.text("truth", event.truth.name());
        self.number("bytes", event.bytes);
        self.nested("detail", |object| object.detail(&event.detail));
    }

    fn detail(&mut self, detail: &Detail) {
        let exchange = detail.exchange.map(|id| id.to_string());
        let client = detail.client.map(|id| id.to_string());
        self.words("exchange", exchange.as_deref());
        self.words("client", client.as_deref());
        self.number("connection", detail.connection);
        self.words("summary", detail.summary.as_deref());
        self.number("status", detail.status.map(u64::from));
        self.words("why", detail.why.as_deref());
        self.words("formula", detail.formula.as_deref());
        self.words("part", detail.part.map(Part::name));
        self.number("offset", detail.offset);
        self.number("head_bytes", detail.head_bytes);
        self.words("data_base64", detail.data_base64.as_deref());
        self.number("data_left_out", detail.data_left_out);
        self.words("topic", detail.topic.as_deref());
        self.words("message", detail.message.as_deref());
        self.words("upload", detail.upload.as_deref());
        self.words("sha256", detail.sha256.as_deref());
        for (name, value) in detail.more.iter() {
            // Names that events bring along may need escaping; ours do not.
            if !self.0.ends_with('{') {
                self.0.push(',');
            }
            crate::json::write_text(name, &mut self.0);
            self.0.push(':');
            value.write(&mut self.0);
        }
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;
    use crate::trace::{ClientId, SpanId, TraceId};

    #[test]
    fn every_name_is_the_one_that_serde_writes() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("a name"), kind.name());
            assert_eq!(Kind::of_name(kind.name()), kind);
        }
        for truth in Truth::ALL {
            assert_eq!(serde_json::to_value(truth).expect("a name"), truth.name());
            assert_eq!(Truth::of_name(truth.name()), Some(truth));
        }
        for part in Part::ALL {
            assert_eq!(serde_json::to_value(part).expect("a name"), part.name());
            assert_eq!(Part::of_name(part.name()), Some(part));
        }
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_what_is_wrong_is_refused() {
        let event = |change: &str| {
            let text = format!(
                r#"{{"events":{{"dropped":0,"later":[],"events":[{{"lane":"socket","kind":"read","at_ns":-1,"error_ns":0,"truth":"measured"{change}}}]}}}}"#
            );
            let read = FeedDown::from_text(&text);
            let by_serde = serde_json::from_str::<FeedDown>(&text).ok();
            assert_eq!(read, by_serde, "{text}");
            read
        };
        for fine in [
            "",
            r#","later":{"a":1}"#,
            r#","seq":7,"bytes":null"#,
            r#","detail":{"why":null,"status":404,"later":[1.5,null]}"#,
        ] {
            assert!(event(fine).is_some(), "{fine}");
        }
        for wrong in [
            r#","seq":null"#,
            r#","seq":-1"#,
            r#","bytes":"1""#,
            r#","detail":{"status":65536}"#,
            r#","detail":{"exchange":"0"}"#,
            r#","detail":{"part":"tail"}"#,
            r#","detail":[]"#,
        ] {
            assert!(event(wrong).is_none(), "{wrong}");
        }
        for text in [
            "",
            "{}",
            "[]",
            r#"{"later":{}}"#,
            r#"{"clock":{"t1_ns":0}}"#,
        ] {
            assert_eq!(FeedDown::from_text(text), None, "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Json> {
        prop_oneof![
            any::<i64>().prop_map(Json::from),
            any::<String>().prop_map(Json::from),
            any::<bool>().prop_map(Json::from),
            prop::collection::vec(any::<u64>().prop_map(Json::from), 0..3).prop_map(Json::List),
        ]
    }

    fn any_detail() -> impl Strategy<Value = Detail> {
        let ids = (option::of(1_u64..), option::of(1_u64..));
        let counts = prop::collection::vec(option::of(any::<u64>()), 4);
        let words = prop::collection::vec(option::of(any::<String>()), 8);
        let more = prop::collection::btree_map("more_[a-z\"]{0,3}", any_json(), 0..3);
        let part = option::of(prop::sample::select(Part::ALL.to_vec()));
        (ids, counts, words, option::of(any::<u16>()), part, more).prop_map(
            |((exchange, client), counts, words, status, part, more)| Detail {
                exchange: exchange.and_then(SpanId::new),
                client: client.and_then(ClientId::new),
                connection: counts[0],
                summary: words[0].clone(),
                status,
                why: words[1].clone(),
                formula: words[2].clone(),
                part,
                offset: counts[1],
                head_bytes: counts[2],
                data_base64: words[3].clone(),
                data_left_out: counts[3],
                topic: words[4].clone(),
                message: words[5].clone(),
                upload: words[6].clone(),
                sha256: words[7].clone(),
                more: more.into_iter().collect(),
            },
        )
    }

    fn any_event() -> impl Strategy<Value = TraceEvent> {
        let lane = prop_oneof![Just(Lane::SOCKET), (1_u16..).prop_map(Lane::subscriber)];
        let kind = prop::sample::select(Kind::ALL.to_vec());
        let truth = prop::sample::select(Truth::ALL.to_vec());
        let counts = (
            any::<u64>(),
            option::of(any::<u64>()),
            any::<u64>(),
            option::of(any::<u64>()),
        );
        (lane, kind, any::<i64>(), truth, counts, any_detail()).prop_map(
            |(lane, kind, at_ns, truth, (seq, duration_ns, error_ns, bytes), detail)| TraceEvent {
                seq,
                lane,
                kind,
                at_ns,
                duration_ns,
                error_ns,
                truth,
                bytes,
                detail,
            },
        )
    }

    proptest! {
        #[test]
        fn both_sides_write_and_read_the_same(events in prop::collection::vec(any_event(), 0..4), dropped in any::<u64>()) {
            let up = FeedUp::Events { events: events.clone() };
            prop_assert_eq!(up.to_text(), serde_json::to_string(&up).expect("serializes"));
            let down = FeedDown::Events { events: events.clone(), dropped };
            let text = serde_json::to_string(&down).expect("serializes");
            prop_assert_eq!(FeedDown::from_text(&text), Some(down));
            let run = Run {
                version: 1,
                run: TraceId::new(u128::from(dropped) + 1).expect("not zero"),
                started_at: "2026-11-24T02:00:00.000000Z".to_owned(),
                dropped,
                events,
            };
            let text = run.to_text();
            prop_assert_eq!(&text, &serde_json::to_string(&run).expect("serializes"));
            prop_assert_eq!(Run::from_json(Json::parse(&text).expect("JSON")), Some(run));
        }
    }

    #[test]
    fn the_small_frames_are_the_same_on_both_sides() {
        let run = TraceId::new(7).expect("not zero");
        let opened = Opened {
            run,
            started_at: "2026-11-24T02:00:00.000000Z".to_owned(),
            events_max: 1,
            bytes_max: 2,
            age_s: 3,
        };
        let problem = Problem {
            kind: "/problems/x".to_owned(),
            title: "X".to_owned(),
            status: 400,
            detail: None,
            limit: Some(5),
        };
        for down in [
            FeedDown::Opened(opened),
            FeedDown::Clock {
                t1_ns: -1,
                t2_ns: i64::MAX,
                t3_ns: i64::MIN,
            },
            FeedDown::Evicted {
                why: "old".to_owned(),
            },
            FeedDown::Refused(problem),
        ] {
            let text = serde_json::to_string(&down).expect("serializes");
            assert_eq!(FeedDown::from_text(&text), Some(down));
        }
        for up in [
            FeedUp::Hello {
                client: ClientId::new(9).expect("not zero"),
            },
            FeedUp::Clock { t1_ns: -5 },
        ] {
            assert_eq!(
                up.to_text(),
                serde_json::to_string(&up).expect("serializes")
            );
        }
    }
}
