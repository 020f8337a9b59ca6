//! The log's own thread: lines wait in a bounded queue, so that a log that nobody reads stops nothing but itself.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// Bytes of lines that wait: some 5,000 lines, more than a collector's restart takes at the server's usual pace. Lines
/// that don't fit are counted and dropped.
const QUEUE_BYTES: usize = 1 << 20;
/// Between two attempts at an output that another program has made non-blocking and that is full.
const RETRY: Duration = Duration::from_millis(20);

/// Where the lines of the log are put. Clones share one queue.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// All of it is written.
    drained: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole lines, one after the other.
    waiting: Vec<u8>,
    /// Lines that found no room since the last ones were taken.
    dropped: u64,
    /// The thread is at lines that it has taken.
    writing: bool,
}

impl LogQueue {
    /// Starts the thread that writes to `output`. Whenever lines are written after others were lost, it calls `tell`
    /// with their number.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let shared =
            Shared { state: Mutex::default(), filled: Condvar::new(), drained: Condvar::new() };
        let queue = Self(Arc::new(shared));
        let thread = queue.clone();
        Builder::new().name("log".to_owned()).spawn(move || thread.write_out(output, &tell))?;
        Ok(queue)
    }

    /// Puts a line at the end of the queue, or drops it. Waits for nothing.
    pub(super) fn put(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > QUEUE_BYTES {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        self.0.filled.notify_one();
    }

    /// Waits until all lines are written, but not longer than `patience`.
    pub(super) fn drain(&self, patience: Duration) {
        let is_busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        drop(self.0.drained.wait_timeout_while(self.lock(), patience, is_busy));
    }

    fn write_out(&self, mut output: impl Write, tell: &impl Fn(u64)) {
        let mut lost = 0;
        loop {
            let (lines, dropped) = self.take();
            lost += dropped;
            match write_all(&mut output, &lines) {
                // Only now: a word about it would be lost as well.
                Ok(()) if lost > 0 => tell(std::mem::take(&mut lost)),
                Ok(()) => {}
                Err(left) => lost += left,
            }
        }
    }

    /// Sleeps until there are lines; gives them, and how many were dropped behind them.
    fn take(&self) -> (Vec<u8>, u64) {
        let mut state = self.lock();
        state.writing = false;
        if state.waiting.is_empty() {
            self.0.drained.notify_all();
        }
        let is_idle = |state: &mut State| state.waiting.is_empty();
        let filled = self.0.filled.wait_while(state, is_idle);
        let mut state = filled.unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        (std::mem::take(&mut state.waiting), std::mem::take(&mut state.dropped))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A writer of the log gives each line in one piece.
impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all of `bytes`.
///
/// # Errors
/// The number of lines that are lost, when the output takes no more: it is closed, or a file on a full disk.
fn write_all(output: &mut impl Write, mut bytes: &[u8]) -> Result<(), u64> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(lines(bytes)),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY),
            Err(_) => return Err(lines(bytes)),
        }
    }
    Ok(())
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// How long a test waits for what must happen; it decides only how long a failure takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// An output of which a test decides when a write returns, and how.
    struct Gate {
        told: Sender<Vec<u8>>,
        open: Receiver<io::Result<()>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.told.send(bytes.to_vec()).unwrap();
            self.open.recv().unwrap().map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Rig {
        queue: LogQueue,
        written: Receiver<Vec<u8>>,
        open: Sender<io::Result<()>>,
        lost: Receiver<u64>,
    }

    fn rig() -> Rig {
        let (told, written) = channel();
        let (open, gate) = channel();
        let (tell, lost) = channel();
        let gate = Gate { told, open: gate };
        let queue = LogQueue::start(gate, move |count| tell.send(count).unwrap()).unwrap();
        Rig { queue, written, open, lost }
    }

    #[test]
    fn lines_that_an_output_that_takes_nothing_leaves_no_room_for_are_dropped_and_counted() {
        let Rig { queue, written, open, lost } = rig();
        queue.put(b"first\n");
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), b"first\n");
        // The thread stands in its write now; this one doesn't.
        let line = [b'.'; 1024];
        for _ in 0..QUEUE_BYTES / line.len() + 3 {
            queue.put(&line);
        }
        assert_eq!(lost.try_recv().ok(), None);
        open.send(Ok(())).unwrap();
        assert_eq!(written.recv_timeout(PATIENCE).unwrap().len(), QUEUE_BYTES);
        open.send(Ok(())).unwrap();
        assert_eq!(lost.recv_timeout(PATIENCE), Ok(3));
        queue.drain(PATIENCE);
        assert!(!queue.lock().writing);
    }

    #[test]
    fn lines_that_an_output_refuses_are_counted_and_told_with_the_next_that_it_takes() {
        let Rig { queue, written, open, lost } = rig();
        queue.put(b"one\ntwo\n");
        written.recv_timeout(PATIENCE).unwrap();
        open.send(Err(io::Error::from(ErrorKind::StorageFull))).unwrap();
        queue.drain(PATIENCE);
        assert_eq!(lost.try_recv().ok(), None, "who would read it?");
        queue.put(b"three\n");
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), b"three\n");
        open.send(Ok(())).unwrap();
        assert_eq!(lost.recv_timeout(PATIENCE), Ok(2));
    }

    #[test]
    fn a_full_output_that_doesnt_block_is_tried_again() {
        let Rig { queue, written, open, lost } = rig();
        queue.put(b"patience\n");
        for answer in [Err(io::Error::from(ErrorKind::WouldBlock)), Ok(())] {
            assert_eq!(written.recv_timeout(PATIENCE).unwrap(), b"patience\n");
            open.send(answer).unwrap();
        }
        queue.drain(PATIENCE);
        assert_eq!(lost.try_recv().ok(), None);
    }

    #[test]
    fn an_end_doesnt_wait_for_an_output_that_takes_nothing() {
        let Rig { queue, written, .. } = rig();
        queue.put(b"never read\n");
        written.recv_timeout(PATIENCE).unwrap();
        queue.drain(Duration::from_millis(1));
        assert!(queue.lock().writing);
    }
}
