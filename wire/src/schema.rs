//! OpenAPI schemas of the types that write themselves as text; the others derive theirs.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    Faults,
    topics::MessageId,
    trace::{ClientId, Lane, SpanId, TraceId},
};

macro_rules! text_schema {
    ($($name:ty: $pattern:literal, $description:literal, $example:literal;)*) => {$(
        impl ToSchema for $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .description(Some($description))
                    .examples([$example])
                    .into()
            }
        }
    )*};
}

text_schema! {
    TraceId: "^(?!0{32}$)[0-9a-f]{32}$", "A run: the trace id of W3C Trace Context. Never all zero.", "4bf92f3577b34da6a3ce929d0e0e4736";
    SpanId: "^(?!0{16}$)[0-9a-f]{16}$", "An exchange within a run: the parent id of its traceparent. Never all zero.", "00f067aa0ba902b7";
    ClientId: "^(?!0{16}$)[0-9a-f]{16}$", "One browser page. Never all zero.", "53995c3f42cd8ad8";
    MessageId: "^[0-9a-f]{8}-(0|[1-9][0-9]{0,18})$", "A message's id: the topic's epoch and the offset in it.", "0000a1b2-17";
    Faults: "^((latency|jitter|cut_after)=[0-9]+m?s|rate=[0-9]+[kMG]?bit|(buffer|cut)=[0-9]+(([KMG]i)?B)?|slow_read=[0-9]+([KM]i)?B/s|,| )*$",
        "Faults of one exchange, each at most once, separated by commas. `latency` (1ms to 10s) and `jitter` (1ms to 10s, \
         either way) make each piece late, both ways, in order; `rate` (1kbit to 1Gbit a second) lets bytes through \
         slowly, both ways; `buffer` (1B to 64KiB) holds the response's body back until so many bytes have gathered or \
         it is over; `cut` (0 to 1073741824) resets the connection behind so many bytes of the request's or the \
         response's body, as they are framed, whichever comes to it; `cut_after` (1ms to 600s) resets it after this \
         time unless the exchange is over; `slow_read` (1B/s to 128MiB/s) is how fast the server reads the request's \
         body. They act for an hour at most.",
        "latency=200ms,jitter=50ms,rate=56kbit";
    Lane: "^(browser|network|socket|handler|topic|storage|terminal|subscriber)(:[0-9]{1,5})?$",
        "Where an event happened; numbered where there are several.", "subscriber:2";
}
