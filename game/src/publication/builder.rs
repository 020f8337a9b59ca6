//! Writes a [`Publication`] during a tick: modules add frames, each zone adds what its players see, and at the end
//! everything lies grouped by session.

use std::ops::Range;

use protocol::{Lane, ServerMessage, encode_server_frame};

use super::{CellRange, Delivery, FrameRange, Publication, View};
use crate::ids::SessionId;

/// A publication in the making.
#[derive(Debug, Default)]
pub struct PublicationBuilder {
    /// Its frames lie in the order in which they were added.
    publication: Publication,
    views: Vec<(SessionId, View)>,
}

impl PublicationBuilder {
    /// Nothing said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says something to one session. `request` is that of the packet it answers, 0 for none.
    pub fn frame<M: ServerMessage>(&mut self, session: SessionId, request: u32, message: &M) {
        let bytes = self.encode(request, message);
        self.address(session, M::INFO.lane, bytes);
    }

    /// Says the same to many sessions, encoded once.
    pub fn broadcast<M: ServerMessage>(
        &mut self,
        message: &M,
        sessions: impl IntoIterator<Item = SessionId>,
    ) {
        let mut encoded = None;
        for session in sessions {
            let bytes = encoded.get_or_insert_with(|| self.encode(0, message));
            let bytes = bytes.clone();
            self.address(session, M::INFO.lane, bytes);
        }
    }

    /// Shows a session one cell, of which `state` and `motion` are encoded already: for those who try out how publications
    /// are handed out.
    pub fn view(&mut self, session: SessionId, state: &[u8], motion: &[u8]) {
        let (start, first, run) = (self.position(), self.next_cell(), self.next_run());
        self.publication.bytes.extend_from_slice(state);
        let state_end = self.position();
        self.publication.bytes.extend_from_slice(motion);
        self.end_cell(start, state_end);
        self.add_run(first..self.next_cell());
        self.end_view(session, self.position(), [0..0, run..self.next_run()]);
    }

    fn encode<M: ServerMessage>(&mut self, request: u32, message: &M) -> Range<u32> {
        let start = self.position();
        encode_server_frame(&mut self.publication.bytes, request, message);
        start..self.position()
    }

    fn address(&mut self, session: SessionId, lane: Lane, bytes: Range<u32>) {
        self.publication.frames.push(FrameRange { session, lane, bytes });
    }

    /// The bytes so far, to append to. What is appended must be claimed by a cell or a view.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.publication.bytes
    }

    /// How many bytes there are, as the ranges count them.
    pub(crate) fn position(&self) -> u32 {
        offset(self.publication.bytes.len())
    }

    /// Index of the next cell.
    pub(crate) fn next_cell(&self) -> u32 {
        offset(self.publication.cells.len())
    }

    /// Claims the bytes from `start` to the end for a cell: its state up to `state_end`, then its motion. Cells with
    /// adjacent indices must have adjacent bytes.
    pub(crate) fn end_cell(&mut self, start: u32, state_end: u32) {
        let end = self.position();
        self.publication.cells.push(CellRange { start, state_end, end });
    }

    /// How many bytes the adjacent cells of a run have.
    pub(crate) fn size_of(&self, cells: Range<u32>) -> u32 {
        let said = &self.publication.cells[cells.start as usize..cells.end as usize];
        said.first().zip(said.last()).map_or(0, |(first, last)| last.end - first.start)
    }

    /// Index of the next run.
    pub(crate) fn next_run(&self) -> u32 {
        offset(self.publication.runs.len())
    }

    /// Adds a run of cells, unless they have nothing to say.
    pub(crate) fn add_run(&mut self, cells: Range<u32>) {
        let said = &self.publication.cells[cells.start as usize..cells.end as usize];
        if let (Some(first), Some(last)) = (said.first(), said.last())
            && first.start < last.end
        {
            self.publication.runs.push(cells);
        }
    }

    /// Ends a view: its header is the bytes from `header` to the end. Its `runs` are those that it shares with other views,
    /// and its own.
    pub(crate) fn end_view(&mut self, session: SessionId, header: u32, runs: [Range<u32>; 2]) {
        let view = View { header: header..self.position(), runs };
        self.views.push((session, view));
    }

    /// The publication of `tick`, grouped by session: each one's frames in the order in which they were added, then
    /// its view. What isn't a delivery is the caller's to fill in. The builder is empty afterwards.
    ///
    /// A session looks into one zone, so it has one view.
    pub fn finish(&mut self, tick: u64) -> Publication {
        let mut publication = std::mem::take(&mut self.publication);
        publication.tick = tick;
        // What was said to a session later was encoded later, so the bytes tell the order; a stable sort would need memory.
        publication.frames.sort_unstable_by_key(|frame| (frame.session, frame.bytes.start));
        self.views.sort_unstable_by_key(|(session, _)| *session);
        let mut views = self.views.drain(..).peekable();
        let (frames, deliveries) = (&publication.frames, &mut publication.deliveries);
        let mut next = 0;
        loop {
            let session = match (frames.get(next), views.peek()) {
                (Some(frame), Some((viewer, _))) => frame.session.min(*viewer),
                (Some(frame), None) => frame.session,
                (None, Some((viewer, _))) => *viewer,
                (None, None) => break,
            };
            let start = next;
            next += frames[start..].iter().take_while(|frame| frame.session == session).count();
            let mut view = None;
            while let Some((_, seen)) = views.next_if(|(viewer, _)| *viewer == session) {
                debug_assert!(view.is_none(), "session {session} looks into two zones");
                view = Some(seen);
            }
            deliveries.push(Delivery { session, frames: offset(start)..offset(next), view });
        }
        drop(views);
        publication
    }

    /// Takes the buffers of a publication that has been handed out, to write the next one without allocating.
    pub fn recycle(&mut self, mut handed_out: Publication) {
        if !self.publication.bytes.is_empty() || !self.publication.frames.is_empty() {
            return;
        }
        handed_out.bytes.clear();
        handed_out.frames.clear();
        handed_out.cells.clear();
        handed_out.runs.clear();
        handed_out.deliveries.clear();
        self.publication = Publication {
            bytes: handed_out.bytes,
            frames: handed_out.frames,
            cells: handed_out.cells,
            runs: handed_out.runs,
            deliveries: handed_out.deliveries,
            ..Publication::default()
        };
    }
}

/// Ranges count with 32 bits: a tick that says 4 GiB would be hundreds of kilobytes for each of 10,000 clients.
fn offset(length: usize) -> u32 {
    u32::try_from(length).expect("a tick says less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::v1::{Announcement, Inventory, Pong};
    use protocol::{Envelope, split_frame};

    fn pong(nonce: u64) -> Pong {
        Pong { nonce }
    }

    /// `(message id, request)` of each frame that a session gets.
    fn frames_of(publication: &Publication, session: u64) -> Vec<(u32, u32)> {
        let mut deliveries = publication.deliveries.iter();
        let Some(delivery) = deliveries.find(|delivery| delivery.session.0 == session) else {
            return Vec::new();
        };
        publication
            .frames(delivery)
            .map(|frame| {
                let packet = split_frame(frame.bytes, 4096).unwrap().unwrap().packet;
                let envelope = Envelope::parse(packet).unwrap();
                (envelope.id, envelope.request)
            })
            .collect()
    }

    #[test]
    fn each_session_gets_its_frames_in_the_order_in_which_they_were_said() {
        let mut builder = PublicationBuilder::new();
        builder.frame(SessionId(9), 1, &pong(1));
        builder.frame(SessionId(2), 2, &pong(2));
        builder.broadcast(&Announcement::default(), [9, 2, 5].map(SessionId));
        builder.frame(SessionId(9), 3, &pong(3));
        let publication = builder.finish(4);
        let sessions: Vec<_> = publication.deliveries.iter().map(|to| to.session.0).collect();
        let (pong, announcement) = (Pong::INFO.id, Announcement::INFO.id);
        assert_eq!((publication.tick, sessions), (4, vec![2, 5, 9]));
        assert_eq!(frames_of(&publication, 2), [(pong, 2), (announcement, 0)]);
        assert_eq!(frames_of(&publication, 5), [(announcement, 0)]);
        assert_eq!(frames_of(&publication, 9), [(pong, 1), (announcement, 0), (pong, 3)]);
    }

    #[test]
    fn what_many_hear_is_encoded_once() {
        let text = "x".repeat(100);
        let mut builder = PublicationBuilder::new();
        let announcement = Announcement { text };
        builder.broadcast(&announcement, (0..50).map(SessionId));
        assert!(builder.finish(1).bytes.len() < 200);
    }

    #[test]
    fn a_broadcast_to_nobody_says_nothing() {
        let mut builder = PublicationBuilder::new();
        builder.broadcast(&Announcement::default(), []);
        let publication = builder.finish(1);
        assert!(publication.bytes.is_empty() && publication.deliveries.is_empty());
    }

    #[test]
    fn frames_carry_the_lane_of_their_message() {
        let mut builder = PublicationBuilder::new();
        builder.frame(SessionId(1), 0, &pong(1));
        builder.frame(SessionId(1), 0, &Inventory::default());
        let publication = builder.finish(1);
        let frames = publication.frames(&publication.deliveries[0]);
        let lanes: Vec<_> = frames.map(|frame| frame.lane).collect();
        assert_eq!(lanes, [Lane::World, Lane::Value]);
    }

    #[test]
    fn a_recycled_publication_leaves_nothing_behind() {
        let mut builder = PublicationBuilder::new();
        builder.frame(SessionId(1), 7, &pong(1));
        let handed_out = builder.finish(1);
        builder.recycle(handed_out);
        builder.frame(SessionId(2), 8, &pong(2));
        let publication = builder.finish(2);
        assert_eq!(publication.deliveries.len(), 1);
        assert_eq!(frames_of(&publication, 2), [(Pong::INFO.id, 8)]);
    }
}
