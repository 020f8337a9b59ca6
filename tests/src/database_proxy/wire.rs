//! As much of PostgreSQL's protocol as it takes to see a COMMIT and its answer: messages are a letter, a length that
//! counts itself, and a body; the first of a client has no letter.

use std::io::{self, BufReader, ErrorKind, Read};

/// Longest message. A batch of a server is some megabytes; more is not this protocol.
const MAX_MESSAGE: usize = 1 << 28;
/// Bytes of a length.
const LENGTH: usize = 4;

/// One direction of a connection, message by message.
pub(super) struct Wire<R> {
    source: BufReader<R>,
    /// Whether the next message begins with a letter.
    lettered: bool,
    message: Message,
}

/// One message, as it came.
#[derive(Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
    /// Letter and length before the body.
    head: usize,
}

impl<R: Read> Wire<R> {
    /// What a client sends: its first message has no letter.
    pub(super) fn of_client(source: BufReader<R>) -> Self {
        Self { source, lettered: false, message: Message::default() }
    }

    /// What PostgreSQL sends to a client that doesn't ask for TLS.
    pub(super) fn of_server(source: BufReader<R>) -> Self {
        Self { source, lettered: true, message: Message::default() }
    }

    /// The next message; `None` when the connection ends between two.
    pub(super) fn next(&mut self) -> io::Result<Option<&Message>> {
        let head = usize::from(std::mem::replace(&mut self.lettered, true)) + LENGTH;
        let bytes = &mut self.message.bytes;
        bytes.resize(head, 0);
        match self.source.read_exact(bytes) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let length =
            bytes[head - LENGTH..].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        if !(LENGTH..=MAX_MESSAGE).contains(&length) {
            return Err(io::Error::new(ErrorKind::InvalidData, "no message of PostgreSQL's"));
        }
        bytes.resize(head - LENGTH + length, 0);
        self.source.read_exact(&mut bytes[head..])?;
        self.message.head = head;
        Ok(Some(&self.message))
    }

    /// True if nothing more has come yet.
    pub(super) fn is_drained(&self) -> bool {
        self.source.buffer().is_empty()
    }
}

impl Message {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text of a simple query, without the zero at its end.
    pub(super) fn statement(&self) -> Option<&[u8]> {
        let lettered = self.head > LENGTH;
        (lettered && self.bytes[0] == b'Q').then(|| self.text())
    }

    /// True for the message that says what became of a statement.
    pub(super) fn ends_statement(&self) -> bool {
        matches!(self.bytes[0], b'C' | b'E')
    }

    /// True if that is a commit, rather than an error or a rollback.
    pub(super) fn says_committed(&self) -> bool {
        self.bytes[0] == b'C' && self.text() == b"COMMIT"
    }

    fn text(&self) -> &[u8] {
        let body = &self.bytes[self.head..];
        body.strip_suffix(b"\0").unwrap_or(body)
    }
}
