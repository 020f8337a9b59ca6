//! The one way out of the game: what a tick tells sessions, store, bus and operator. Immutable once made; sessions
//! copy from its buffer and never borrow from the game.

mod builder;

pub use builder::PublicationBuilder;

use std::ops::Range;

use bytes::BufMut;
use protocol::v1::Farewell;
use protocol::{Lane, put_view_prefix};

use crate::ids::{CharacterId, CommitSeq, SessionId};
use crate::post::Envelope;
use crate::record::Commit;

/// Everything that one tick says.
#[derive(Debug, Default)]
pub struct Publication {
    /// The tick that says it.
    pub tick: u64,
    /// Who gets what, each session at most once, ordered by session.
    pub deliveries: Vec<Delivery>,
    /// To be made durable, if anything is.
    pub commit: Option<Commit>,
    /// Frames of the value lane in this publication wait until this commit is durable.
    pub value_after: CommitSeq,
    /// For the bus.
    pub letters: Vec<Envelope>,
    /// What the server is asked to do, in order, after the deliveries.
    pub orders: Vec<Order>,

    /// Every encoded byte of this tick, each once.
    pub(crate) bytes: Vec<u8>,
    /// Whole frames, grouped by session.
    pub(crate) frames: Vec<FrameRange>,
    /// Entries of cells in `bytes`: first what changed in row order, then snapshots.
    pub(crate) cells: Vec<CellRange>,
    /// Runs of adjacent `cells`, those of a view together.
    pub(crate) runs: Vec<Range<u32>>,
}

/// What one session gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who.
    pub session: SessionId,
    /// Into `frames`. They come before the view.
    pub(crate) frames: Range<u32>,
    /// What it sees, if anything changed.
    pub(crate) view: Option<View>,
}

/// A frame that goes to a session as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Whether it waits for [`Publication::value_after`].
    pub lane: Lane,
    /// The frame with its length.
    pub bytes: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameRange {
    pub(crate) session: SessionId,
    pub(crate) lane: Lane,
    pub(crate) bytes: Range<u32>,
}

/// A client's view: header fields of its own and runs of cells that it shares with its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// Into `bytes`.
    pub(crate) header: Range<u32>,
    /// Into `runs`: those that it shares with its neighbours, and its own.
    pub(crate) runs: [Range<u32>; 2],
}

/// What one cell says in this tick: `start..state_end` is its state, `state_end..end` its motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellRange {
    pub(crate) start: u32,
    pub(crate) state_end: u32,
    pub(crate) end: u32,
}

/// Something the game asks the server to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// End a session with a reason.
    Kick {
        /// Whose.
        session: SessionId,
        /// Why.
        reason: Farewell,
        /// For the person.
        message: String,
    },
    /// A character is no longer in the world. Its last save is in this publication's commit or an earlier one.
    Left {
        /// Who.
        character: CharacterId,
        /// Who played it, if anybody was there.
        session: Option<SessionId>,
    },
    /// A character couldn't enter: its zone isn't here, or is full.
    EnterFailed {
        /// Who.
        character: CharacterId,
        /// Who asked.
        session: SessionId,
        /// In words.
        message: String,
    },
    /// Send a session to another address with a token to resume there.
    Redirect {
        /// Whose.
        session: SessionId,
        /// "host:port"; `None` for this server's own.
        address: Option<String>,
    },
    /// Few item ids are left; reserve more.
    NeedItemIds,
    /// Look into a character's mailbox and say what is there with [`Input::Mailbox`](crate::Input::Mailbox).
    ReadMailbox {
        /// Whose.
        character: CharacterId,
        /// Comes back.
        request: u32,
    },
    /// An operator asked for an orderly shutdown.
    Shutdown,
}

impl Publication {
    /// The whole frames of `delivery`, in order.
    pub fn frames(&self, delivery: &Delivery) -> impl Iterator<Item = Frame<'_>> {
        let range = delivery.frames.start as usize..delivery.frames.end as usize;
        self.frames[range]
            .iter()
            .map(|frame| Frame { lane: frame.lane, bytes: self.slice(&frame.bytes) })
    }

    /// The frames of the value lane, in the order of their sessions.
    pub fn value_frames(&self) -> impl Iterator<Item = (SessionId, &[u8])> {
        let frames = self.frames.iter().filter(|frame| frame.lane == Lane::Value);
        frames.map(|frame| (frame.session, self.slice(&frame.bytes)))
    }

    /// True if `delivery` has a view for [`Publication::put_view`].
    #[must_use]
    pub fn has_view(&self, delivery: &Delivery) -> bool {
        delivery.view.is_some()
    }

    /// Appends the view frame of `delivery`, if it has one, to `out`. Without `motion` the state column alone goes
    /// out, for a session that reads too slowly.
    pub fn put_view(&self, delivery: &Delivery, motion: bool, out: &mut impl BufMut) {
        let Some(view) = &delivery.view else { return };
        let header = self.slice(&view.header);
        let length: usize = self.pieces(view, motion).map(<[u8]>::len).sum();
        put_view_prefix(out, header.len() + length);
        out.put_slice(header);
        for piece in self.pieces(view, motion) {
            out.put_slice(piece);
        }
    }

    /// The shared bytes of a view. With motion a run is one contiguous piece, which is what makes a view three copies.
    fn pieces<'a>(&'a self, view: &'a View, motion: bool) -> impl Iterator<Item = &'a [u8]> {
        let runs = view.runs.iter();
        let runs = runs.flat_map(|runs| &self.runs[runs.start as usize..runs.end as usize]);
        runs.flat_map(move |run| {
            let cells = &self.cells[run.start as usize..run.end as usize];
            let whole = match (motion, cells.first(), cells.last()) {
                (true, Some(first), Some(last)) => {
                    Some(&self.bytes[first.start as usize..last.end as usize])
                }
                _ => None,
            };
            let states = if motion { &[] } else { cells };
            let states =
                states.iter().map(|cell| &self.bytes[cell.start as usize..cell.state_end as usize]);
            whole.into_iter().chain(states)
        })
    }

    fn slice(&self, range: &Range<u32>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }
}
