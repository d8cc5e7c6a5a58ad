//! `ANY /api/echo[/…]`: the request-response lab's endpoint.

use serde::{Deserialize, Serialize};

/// The path of the endpoint; anything may follow after a slash.
pub const ECHO_PATH: &str = "/api/echo";

/// How the server spends `delay_ms`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// It waits, as for a database: no thread is held.
    #[default]
    Wait,
    /// It computes: one thread is held the whole time.
    Cpu,
}

/// How the response's end is told (RFC 9112 §6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// `Content-Length`: the length stands in the head.
    #[default]
    Length,
    /// `Transfer-Encoding: chunked`: each part says its own length.
    Chunked,
    /// The connection closes behind it. Only for HTTP/1.0 requests (send one with the probe): to an HTTP/1.1 request
    /// the server answers in chunks, with `Connection: close`.
    Close,
}

/// What `/api/echo` answers: the request as it was received and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EchoReply {
    /// The request method.
    pub method: String,
    /// The request target as it was sent, path and query.
    pub target: String,
    /// The protocol version, `HTTP/1.1`.
    pub version: String,
    /// Header fields in the order received; names in lower case. Secrets (`Cookie`, `Authorization`) by length only.
    pub headers: Vec<(String, String)>,
    /// The length of the body, in bytes.
    pub body_bytes: u64,
    /// What the body was parsed as, and what came of it.
    pub body: EchoBody,
    /// What the query asked for, after bounds.
    pub asked: EchoAsked,
    /// How long each step took on the server, in microseconds.
    pub took_us: EchoSteps,
    /// Filler that brings the response to `bytes`, when asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filler: String,
}

/// What the server made of the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "parsed_as", rename_all = "snake_case")]
pub enum EchoBody {
    /// There was none.
    Nothing,
    /// `application/json`, read into a value.
    Json {
        /// The value.
        value: serde_json::Value,
    },
    /// `application/x-www-form-urlencoded`, pairs in order.
    Form {
        /// Name and value of each field.
        fields: Vec<(String, String)>,
    },
    /// `multipart/form-data` (RFC 7578), parts in order.
    Multipart {
        /// The parts.
        parts: Vec<EchoPart>,
    },
    /// XML: well-formed, with its elements named in document order.
    Xml {
        /// The root element's name.
        root: String,
        /// How many elements there are.
        elements: u64,
    },
    /// HTML or another text, taken as it is.
    Text {
        /// The text.
        text: String,
    },
    /// Bytes of no format that the server reads.
    Bytes {
        /// The first bytes in hex.
        hex: String,
    },
    /// The `Content-Type` promised a format and the bytes are not in it.
    Broken {
        /// The promised format.
        format: String,
        /// What is wrong and where.
        why: String,
    },
}

/// One part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EchoPart {
    /// The field's name.
    pub name: String,
    /// The file's name, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The part's own `Content-Type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The part's length, in bytes.
    pub bytes: u64,
    /// The part as text, where it is short text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What the query asked `/api/echo` to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EchoAsked {
    /// How long to work before answering, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// How to spend that time.
    #[serde(default)]
    pub work: Work,
    /// The least length of the response body, in bytes; filler makes up what is missing.
    #[serde(default)]
    pub bytes: u64,
    /// How the response's end is told.
    #[serde(default)]
    pub framing: Framing,
    /// The status code to answer with, 200–599.
    #[serde(default = "ok")]
    pub status: u16,
}

const fn ok() -> u16 {
    200
}

/// How long each step took on the server, in microseconds. `0` where the step did not happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EchoSteps {
    /// Finding the end of the head and parsing it.
    pub head: u64,
    /// Receiving the body to its end.
    pub body: u64,
    /// Parsing the body as its `Content-Type` says.
    pub parse: u64,
    /// The work that was asked for.
    pub process: u64,
}
