//! The kernel keeps the list of sockets: the cost grows with those who talk.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io;

use super::backend::{Readiness, Served};

/// Events taken at once, as many as our servers take.
const EVENTS: usize = 1_024;

/// When it tells of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// As long as it is ready.
    Level,
    /// When it becomes ready.
    Edge,
    /// Once after it was asked.
    Oneshot,
}

/// An epoll with one kind of trigger for all its sockets.
pub(super) struct Epoll {
    epoll: OwnedFd,
    trigger: Trigger,
    events: Vec<Event>,
}

impl Epoll {
    pub(super) fn new(trigger: Trigger) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, trigger, events: Vec::with_capacity(EVENTS) })
    }

    fn flags(&self, blocked: bool) -> EventFlags {
        let write = if blocked { EventFlags::OUT } else { EventFlags::empty() };
        match self.trigger {
            Trigger::Level => EventFlags::IN | write,
            // Both from the start: it tells of changes alone, so nothing is to be switched off.
            Trigger::Edge => EventFlags::IN | EventFlags::OUT | EventFlags::ET,
            Trigger::Oneshot => EventFlags::IN | write | EventFlags::ONESHOT,
        }
    }
}

impl Readiness for Epoll {
    fn watch(&mut self, socket: BorrowedFd<'static>, key: u64) -> io::Result<()> {
        epoll::add(&self.epoll, socket, EventData::new_u64(key), self.flags(false))
    }

    fn wait(&mut self, ready: &mut Vec<u64>) -> io::Result<()> {
        self.events.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), None)?;
        ready.extend(self.events.iter().map(|event| event.data.u64()));
        Ok(())
    }

    fn served(&mut self, served: Served) -> io::Result<()> {
        let is_due = match self.trigger {
            Trigger::Level => served.changed,
            Trigger::Edge => false,
            Trigger::Oneshot => true,
        };
        if !is_due {
            return Ok(());
        }
        let flags = self.flags(served.blocked);
        epoll::modify(&self.epoll, served.socket, EventData::new_u64(served.key), flags)
    }
}
