//! The anatomy of an HTTP/1.1 message (RFC 9112): where its parts begin and end, byte by byte.
//!
//! The server's tap uses it to know which message a byte belongs to, the page to explain the bytes. It reports what
//! stands there; it does not judge as strictly as a server must.
