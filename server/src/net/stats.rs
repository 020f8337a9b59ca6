//! What the network layer counts, for operators and tests.

use protocol::v1::Farewell;

use super::farewell::{REASONS, index};

/// Counts since the start; each only grows.
#[derive(Debug, Clone, Default)]
pub struct NetStats {
    /// Times that the poll returned.
    pub wakeups: u64,
    /// Sessions opened.
    pub opened: u64,
    /// Connections that broke by themselves.
    pub lost: u64,
    /// Connections that ended between the kernel's accept and ours, and other passing errors of accept.
    pub accept_errors: u64,
    /// Times that no descriptor was left for a connection.
    pub out_of_descriptors: u64,
    /// System calls that read from sessions.
    pub reads: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Packets received whole.
    pub packets_in: u64,
    /// System calls that wrote to sessions.
    pub writes: u64,
    /// Bytes that the kernel took.
    pub bytes_out: u64,
    /// Writes that the kernel took a part of, or nothing.
    pub partial_writes: u64,
    /// Times that a session became slow.
    pub slow: u64,
    pub(super) farewells: [u64; REASONS],
}

impl NetStats {
    /// Adds the counts of another thread.
    pub(super) fn add(&mut self, other: &Self) {
        self.wakeups += other.wakeups;
        self.opened += other.opened;
        self.lost += other.lost;
        self.accept_errors += other.accept_errors;
        self.out_of_descriptors += other.out_of_descriptors;
        self.reads += other.reads;
        self.bytes_in += other.bytes_in;
        self.packets_in += other.packets_in;
        self.writes += other.writes;
        self.bytes_out += other.bytes_out;
        self.partial_writes += other.partial_writes;
        self.slow += other.slow;
        for (sum, count) in self.farewells.iter_mut().zip(other.farewells) {
            *sum += count;
        }
    }

    /// [`farewells`](Self::farewells) of every reason.
    pub fn all_farewells(&self) -> impl Iterator<Item = (Farewell, u64)> + '_ {
        let reasons = (0..).zip(self.farewells);
        reasons.filter_map(|(number, count)| Some((Farewell::try_from(number).ok()?, count)))
    }

    /// Sessions, and connections that became none, that were ended with `reason`.
    #[must_use]
    pub fn farewells(&self, reason: Farewell) -> u64 {
        self.farewells[index(reason)]
    }
}
