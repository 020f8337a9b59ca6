//! What a bot wants to send: frames one after another, and the number of each request.

use protocol::{ClientMessage, encode_client_frame};

/// Frames that wait to be written, and the last request number.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    request: u32,
}

impl Outbox {
    /// Appends `message` as a request of its own and returns the request's number, which answers and refusals
    /// carry back. Numbers grow from 1 over the bot's whole life.
    pub fn request<M: ClientMessage>(&mut self, message: &M) -> u32 {
        let request = self.next_request();
        encode_client_frame(&mut self.bytes, request, message);
        self.request = request;
        request
    }

    /// The number that the next request will have.
    #[must_use]
    pub fn next_request(&self) -> u32 {
        self.request.checked_add(1).unwrap_or(1)
    }

    /// Whether anything waits to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Moves what waits to the end of `out`.
    pub fn drain_into(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.bytes);
    }

    /// Forgets what waits: its connection is gone.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}
