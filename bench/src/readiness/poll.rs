//! The list of all sockets goes to the kernel and comes back each time: the cost grows with those who are silent.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::io;

use super::backend::{Readiness, Served};

/// Sockets and their keys, in the order in which they came.
#[derive(Default)]
pub(super) struct Poll {
    sockets: Vec<PollFd<'static>>,
    keys: Vec<u64>,
}

impl Readiness for Poll {
    fn watch(&mut self, socket: BorrowedFd<'static>, key: u64) -> io::Result<()> {
        self.sockets.push(PollFd::from_borrowed_fd(socket, PollFlags::IN));
        self.keys.push(key);
        Ok(())
    }

    fn wait(&mut self, ready: &mut Vec<u64>) -> io::Result<()> {
        let count = rustix::event::poll(&mut self.sockets, None)?;
        let sockets = self.sockets.iter().zip(&self.keys);
        let are_ready = sockets.filter(|(socket, _)| !socket.revents().is_empty());
        ready.extend(are_ready.map(|(_, key)| key).take(count));
        Ok(())
    }

    fn served(&mut self, served: Served) -> io::Result<()> {
        if served.changed {
            let also = if served.blocked { PollFlags::OUT } else { PollFlags::empty() };
            let socket = PollFd::from_borrowed_fd(served.socket, PollFlags::IN | also);
            self.sockets[served.slot] = socket;
        }
        Ok(())
    }
}
