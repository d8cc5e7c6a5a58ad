//! Streams, as the server framed them.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A response that is read chunk by chunk, as the server framed it.
pub(crate) struct RawStream {
    reader: BufReader<TcpStream>,
}

impl RawStream {
    /// Sends a GET.
    pub(crate) async fn get(
        server: SocketAddr,
        target: &str,
        headers: &[(&str, &str)],
    ) -> RawStream {
        let mut stream = TcpStream::connect(server).await.expect("connects");
        let mut request = format!("GET {target} HTTP/1.1\r\nHost: {server}\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.expect("sends");
        RawStream {
            reader: BufReader::new(stream),
        }
    }

    /// The head, in lower case.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.reader.read_line(&mut head).await.expect("a line");
            assert_ne!(read, 0, "the head broke off: {head}");
        }
        head.to_ascii_lowercase()
    }

    /// The next chunk (RFC 9112 §7.1); empty for the last.
    pub(crate) async fn chunk(&mut self) -> String {
        let mut size = String::new();
        self.reader.read_line(&mut size).await.expect("a line");
        let size = usize::from_str_radix(size.trim_end(), 16).expect("a chunk's size in hex");
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).await.expect("a chunk");
        assert_eq!(&chunk[size..], b"\r\n");
        chunk.truncate(size);
        String::from_utf8(chunk).expect("UTF-8")
    }
}
