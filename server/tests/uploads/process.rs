//! The program itself as a process of its own, and plain HTTP/1.1 with it.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads it to its end, which is that of the connection.
    pub(crate) fn read(mut socket: TcpStream) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes)?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)? + 4;
        let body = bytes.split_off(end);
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Answer {
            status: status.expect("a status"),
            head,
            body,
        })
    }

    /// A field, which has to be there.
    pub(crate) fn field(&self, name: &str) -> String {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        line.unwrap_or_else(|| panic!("{name} in {}", self.head))
            .to_owned()
    }

    /// The body as text.
    pub(crate) fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The program, listening on a port of the system's choice. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
}

impl Program {
    /// Starts it by this command, which has its arguments.
    pub(crate) fn start(command: &mut Command) -> Program {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("readable");
        let address = line.trim().rsplit("http://").next().expect("an address");
        Program {
            child,
            address: address.trim_end_matches('/').to_owned(),
        }
    }

    /// Starts it with this data folder.
    pub(crate) fn start_in(data: &Path) -> Program {
        let mut command = Command::new(Program::path());
        command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data);
        Program::start(&mut command)
    }

    /// The program's path.
    pub(crate) fn path() -> std::ffi::OsString {
        env::var_os("ROUNDTRIP_BIN").unwrap_or(env!("CARGO_BIN_EXE_roundtrip").into())
    }

    /// Its process.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
    }

    /// SIGKILL, and waits until it is over.
    pub(crate) fn end(&mut self) {
        self.kill();
        self.child.wait().expect("it ends");
    }

    /// Sends a request; the body follows by the socket that is given back.
    pub(crate) fn begin(&self, line: &str, fields: &str, bytes: u64) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(&self.address)?;
        write!(
            socket,
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTus-Resumable: 1.0.0\r\n{fields}Content-Length: {bytes}\r\n\r\n",
            self.address,
        )?;
        Ok(socket)
    }

    /// A request with all of its body, and its answer.
    pub(crate) fn ask(&self, line: &str, fields: &str, body: &[u8]) -> Answer {
        let mut socket = self
            .begin(line, fields, body.len() as u64)
            .expect("connects");
        socket.write_all(body).expect("sends");
        Answer::read(socket).expect("an answer")
    }

    /// A resource that is there.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let answer = self.ask(&format!("GET {path}"), "", b"");
        assert_eq!(answer.status, 200, "{path}");
        answer
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
