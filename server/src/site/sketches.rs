//! The ladders of the first page.

use wire::{Lab, trace::LaneKind};

use super::sketch::{
    Mark,
    Mark::{Arrow, Bar, Cut, Error, Fold},
    Sketch,
};

/// The picture beside the first words: what a ladder is.
pub(super) const FIRST: Sketch = Sketch {
    says: "A ladder: the browser’s request slants down to the server’s socket, the handler parses and works, the response slants back. Soft bands at the browser’s end show how far its clock may be off.",
    lanes: &[
        (LaneKind::Browser, "Browser"),
        (LaneKind::Socket, "Server’s socket"),
        (LaneKind::Handler, "Handler"),
    ],
    step: 168,
    height: 268,
    marks: &[
        Error { lane: 0, at: 16 },
        Arrow {
            from: 0,
            to: 1,
            at: 16,
            takes: 32,
            words: "GET /api/echo",
        },
        Bar {
            lane: 1,
            at: 46,
            until: 54,
            words: "",
        },
        Bar {
            lane: 2,
            at: 58,
            until: 72,
            words: "parse",
        },
        Bar {
            lane: 2,
            at: 76,
            until: 184,
            words: "work",
        },
        Bar {
            lane: 1,
            at: 190,
            until: 198,
            words: "",
        },
        Arrow {
            from: 1,
            to: 0,
            at: 198,
            takes: 32,
            words: "200 OK",
        },
        Error { lane: 0, at: 230 },
        Bar {
            lane: 0,
            at: 236,
            until: 252,
            words: "use",
        },
    ],
};

/// The picture of a lab.
pub(super) const fn of(lab: Lab) -> &'static Sketch {
    match lab {
        Lab::RequestResponse => &REQUEST_RESPONSE,
        Lab::Limits => &LIMITS,
        Lab::ShortPolling => &SHORT_POLLING,
        Lab::LongPolling => &LONG_POLLING,
        Lab::ServerSentEvents => &SERVER_SENT_EVENTS,
        Lab::Websocket => &WEBSOCKET,
        Lab::PublishSubscribe => &PUBLISH_SUBSCRIBE,
        Lab::Race => &RACE,
        Lab::ImageUpload => &IMAGE_UPLOAD,
        Lab::Chunks => &CHUNKS,
    }
}

const REQUEST_RESPONSE: Sketch = Sketch {
    says: "One request to the server’s socket, a stretch of work in the handler, one response back.",
    lanes: &[
        (LaneKind::Browser, "Browser"),
        (LaneKind::Socket, "Socket"),
        (LaneKind::Handler, "Handler"),
    ],
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 12,
            takes: 22,
            words: "request",
        },
        Bar {
            lane: 2,
            at: 36,
            until: 46,
            words: "parse",
        },
        Bar {
            lane: 2,
            at: 50,
            until: 96,
            words: "work",
        },
        Arrow {
            from: 1,
            to: 0,
            at: 98,
            takes: 22,
            words: "response",
        },
        Bar {
            lane: 0,
            at: 124,
            until: 138,
            words: "use",
        },
    ],
};

const LIMITS: Sketch = Sketch {
    says: "A request is answered at once with 202 while the handler goes on working; the browser looks again later and has the result.",
    lanes: &[
        (LaneKind::Browser, "Browser"),
        (LaneKind::Socket, "Socket"),
        (LaneKind::Handler, "Handler"),
    ],
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 12,
            takes: 14,
            words: "job",
        },
        Bar {
            lane: 2,
            at: 28,
            until: 108,
            words: "work",
        },
        Arrow {
            from: 1,
            to: 0,
            at: 34,
            takes: 14,
            words: "202",
        },
        goes(0, 1, 72),
        goes(1, 0, 82),
        goes(0, 1, 112),
        Arrow {
            from: 1,
            to: 0,
            at: 124,
            takes: 14,
            words: "done",
        },
    ],
};

/// The same three of all ways to hear of a topic.
const HEARING: &[(LaneKind, &str)] = &[
    (LaneKind::Subscriber, "Page"),
    (LaneKind::Socket, "Server"),
    (LaneKind::Topic, "Topic"),
];

/// A short arrow without words.
const fn goes(from: usize, to: usize, at: u16) -> Mark {
    Arrow {
        from,
        to,
        at,
        takes: 8,
        words: "",
    }
}

/// The topic has news.
const fn news(at: u16) -> Mark {
    Bar {
        lane: 2,
        at,
        until: at + 10,
        words: "news",
    }
}

const SHORT_POLLING: Sketch = Sketch {
    says: "The page asks four times at intervals; three answers are empty; the message that the topic has had for a while comes with the fourth.",
    lanes: HEARING,
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 14,
            takes: 8,
            words: "new?",
        },
        goes(1, 0, 24),
        goes(0, 1, 48),
        goes(1, 0, 58),
        goes(0, 1, 82),
        goes(1, 0, 92),
        news(92),
        goes(0, 1, 110),
        Arrow {
            from: 1,
            to: 0,
            at: 130,
            takes: 12,
            words: "news",
        },
    ],
};

const LONG_POLLING: Sketch = Sketch {
    says: "The page asks once; the server holds the request until the topic has a message, which is the answer; the page asks again at once.",
    lanes: HEARING,
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 14,
            takes: 10,
            words: "new?",
        },
        Bar {
            lane: 1,
            at: 24,
            until: 96,
            words: "held",
        },
        news(88),
        Arrow {
            from: 1,
            to: 0,
            at: 98,
            takes: 12,
            words: "news",
        },
        goes(0, 1, 116),
        Bar {
            lane: 1,
            at: 124,
            until: 146,
            words: "held",
        },
    ],
};

const SERVER_SENT_EVENTS: Sketch = Sketch {
    says: "The page opens one stream; each of three messages comes down it as soon as the topic has it.",
    lanes: HEARING,
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 14,
            takes: 10,
            words: "open",
        },
        Bar {
            lane: 1,
            at: 26,
            until: 146,
            words: "",
        },
        news(40),
        goes(1, 0, 46),
        news(82),
        goes(1, 0, 88),
        news(124),
        goes(1, 0, 130),
    ],
};

const WEBSOCKET: Sketch = Sketch {
    says: "One handshake; then the page sends messages up the same connection, and the topic's messages come down it, at any time.",
    lanes: HEARING,
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 14,
            takes: 8,
            words: "upgrade",
        },
        Bar {
            lane: 1,
            at: 24,
            until: 146,
            words: "",
        },
        goes(1, 0, 26),
        Arrow {
            from: 0,
            to: 1,
            at: 60,
            takes: 8,
            words: "publish",
        },
        news(68),
        goes(1, 0, 74),
        goes(0, 1, 106),
        news(112),
        goes(1, 0, 114),
        goes(1, 0, 130),
    ],
};

const PUBLISH_SUBSCRIBE: Sketch = Sketch {
    says: "A publisher sends one message to a topic; the topic sends a copy to each of three subscribers, where it arrives at different times.",
    lanes: &[
        (LaneKind::Browser, "Sender"),
        (LaneKind::Topic, "Topic"),
        (LaneKind::Subscriber, "Sub 1"),
        (LaneKind::Subscriber, "Sub 2"),
        (LaneKind::Subscriber, "Sub 3"),
    ],
    step: 67,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 16,
            takes: 16,
            words: "POST",
        },
        Bar {
            lane: 1,
            at: 32,
            until: 48,
            words: "",
        },
        Arrow {
            from: 1,
            to: 2,
            at: 40,
            takes: 18,
            words: "",
        },
        Arrow {
            from: 1,
            to: 3,
            at: 44,
            takes: 46,
            words: "",
        },
        Arrow {
            from: 1,
            to: 4,
            at: 48,
            takes: 82,
            words: "",
        },
        Bar {
            lane: 2,
            at: 58,
            until: 66,
            words: "",
        },
        Bar {
            lane: 3,
            at: 90,
            until: 98,
            words: "",
        },
        Bar {
            lane: 4,
            at: 130,
            until: 138,
            words: "",
        },
    ],
};

const RACE: Sketch = Sketch {
    says: "A topic has one message; two subscribers that are connected have it at once; a third, which asks at intervals, gets it with its next question.",
    lanes: &[
        (LaneKind::Topic, "Topic"),
        (LaneKind::Subscriber, "Socket"),
        (LaneKind::Subscriber, "Stream"),
        (LaneKind::Subscriber, "Polls"),
    ],
    step: 84,
    height: 150,
    marks: &[
        goes(3, 0, 14),
        Bar {
            lane: 0,
            at: 36,
            until: 46,
            words: "",
        },
        goes(0, 1, 42),
        Bar {
            lane: 1,
            at: 52,
            until: 60,
            words: "first",
        },
        goes(0, 2, 46),
        Bar {
            lane: 2,
            at: 60,
            until: 68,
            words: "",
        },
        Arrow {
            from: 3,
            to: 0,
            at: 96,
            takes: 8,
            words: "",
        },
        goes(0, 3, 110),
        Bar {
            lane: 3,
            at: 122,
            until: 130,
            words: "last",
        },
    ],
};

const IMAGE_UPLOAD: Sketch = Sketch {
    says: "Chunks go to the server and are stored; one is cut by a pause; after idle time the browser asks how far it got and sends the rest.",
    lanes: &[
        (LaneKind::Browser, "Browser"),
        (LaneKind::Socket, "Socket"),
        (LaneKind::Storage, "Storage"),
    ],
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 10,
            takes: 16,
            words: "part 1",
        },
        Bar {
            lane: 2,
            at: 22,
            until: 38,
            words: "stored",
        },
        Cut {
            from: 0,
            at: 42,
            words: "pause",
        },
        Fold {
            at: 66,
            words: "idle",
        },
        Arrow {
            from: 0,
            to: 1,
            at: 98,
            takes: 16,
            words: "part 2",
        },
        Bar {
            lane: 2,
            at: 112,
            until: 128,
            words: "stored",
        },
    ],
};

const CHUNKS: Sketch = Sketch {
    says: "The first parts of a file are stored; the line drops within one; the browser asks how far it got and sends what is missing, and no more.",
    lanes: &[
        (LaneKind::Browser, "Browser"),
        (LaneKind::Socket, "Socket"),
        (LaneKind::Storage, "Storage"),
    ],
    step: 112,
    height: 150,
    marks: &[
        Arrow {
            from: 0,
            to: 1,
            at: 10,
            takes: 14,
            words: "part 1",
        },
        Bar {
            lane: 2,
            at: 22,
            until: 34,
            words: "stored",
        },
        Cut {
            from: 0,
            at: 44,
            words: "it drops",
        },
        Arrow {
            from: 0,
            to: 1,
            at: 74,
            takes: 10,
            words: "how far?",
        },
        Arrow {
            from: 0,
            to: 1,
            at: 106,
            takes: 14,
            words: "the rest",
        },
        Bar {
            lane: 2,
            at: 118,
            until: 134,
            words: "stored",
        },
    ],
};
