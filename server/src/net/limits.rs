//! Every bound of the network layer, with its unit and its reason, and whether this machine can keep the promise.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::rate::Rate;

/// What one process grants to all its clients together and to each of them. Checked nowhere else: a bound that isn't
/// here doesn't exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at once. Each takes a descriptor; see [`raise_descriptor_limit`].
    pub max_sessions: usize,
    /// Sessions at once from one address (IPv6: from one /64, which is what one household gets).
    pub sessions_per_address: u32,
    /// Whether loopback addresses are counted too. Off, so that a swarm on the same machine needs no setting.
    pub count_loopback: bool,
    /// Connections that the kernel completes before they are accepted. An overflow stalls clients for a second, so
    /// this covers everybody reconnecting at once; the kernel caps it at `net.core.somaxconn`.
    pub backlog: i32,
    /// Events taken from the kernel, and sessions read, in one pass: the bound on how long a pass takes.
    pub events_per_poll: usize,
    /// Connections accepted in one pass, so that a storm of them doesn't delay those who play.
    pub accepts_per_pass: usize,
    /// Bytes read from one session in one pass: nobody's flood is served before the others had their turn.
    pub read_budget: usize,
    /// Bytes of a packet before login, when its sender is still nobody.
    pub frame_limit_before_login: usize,
    /// Bytes of a packet after login.
    pub frame_limit: usize,
    /// Unsent bytes above which a session counts as slow and gets no motion any more.
    pub soft_output_limit: usize,
    /// Unsent bytes above which a session is ended, of those that its client had a tenth of a second to take: with what it
    /// is told in that time, this is what a client that never reads can cost.
    pub hard_output_limit: usize,
    /// Bytes that the kernel queues for one session (it doubles the number for its own overhead); `None` lets it grow to
    /// megabytes. What lies there can't be thinned any more, so a slow client shows the sooner the smaller it is; 64 KiB
    /// still carry 300 KB/s over a round trip of 200 ms.
    pub send_buffer: Option<usize>,
    /// Time from connect to login, whatever is sent meanwhile; `None` for no such deadline.
    pub login_deadline: Option<Duration>,
    /// Silence after which a client counts as gone; `None` for any.
    pub heartbeat_timeout: Option<Duration>,
    /// Time that a client has to take its last bytes.
    pub goodbye_deadline: Duration,
    /// Packets per second of one session; the burst covers what piles up while a client or the server stalls.
    pub packet_rate: Option<Rate>,
    /// Bytes per second of one session, in any packets.
    pub byte_rate: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sessions: 10_000,
            sessions_per_address: 64,
            count_loopback: false,
            backlog: 4096,
            events_per_poll: 1024,
            accepts_per_pass: 128,
            read_budget: 16 << 10,
            frame_limit_before_login: 4 << 10,
            frame_limit: 4 << 10,
            soft_output_limit: 64 << 10,
            hard_output_limit: 256 << 10,
            send_buffer: Some(64 << 10),
            login_deadline: Some(Duration::from_secs(10)),
            heartbeat_timeout: Some(Duration::from_secs(30)),
            goodbye_deadline: Duration::from_secs(2),
            packet_rate: Some(Rate { per_second: 100, burst: 300 }),
            byte_rate: Some(Rate { per_second: 32 << 10, burst: 96 << 10 }),
        }
    }
}

/// Descriptors that a process needs beside its sessions: database, logs, pollers, admin connections and some air.
pub const OTHER_DESCRIPTORS: u64 = 256;

/// Why this process can't hold as many sessions as it is asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// The hard limit is too low.
    #[error(
        "{max_sessions} sessions need {needed} descriptors and this process may have {hard}: set max_sessions to \
         {possible} or less, or raise the hard limit (ulimit -Hn, LimitNOFILE=)"
    )]
    TooLow {
        /// What was asked for.
        max_sessions: usize,
        /// What that takes.
        needed: u64,
        /// What the system grants.
        hard: u64,
        /// What would fit.
        possible: u64,
    },
    /// The system refused to raise the soft limit.
    #[error("the descriptor limit can't be raised from {soft} to {wanted}: {reason}")]
    Refused {
        /// The limit in force.
        soft: u64,
        /// What was asked for.
        wanted: u64,
        /// The system's answer.
        reason: rustix::io::Errno,
    },
}

/// Raises the soft descriptor limit to the hard one and checks that `max_sessions` fit below it. Call once at start;
/// returns the limit now in force.
///
/// # Errors
/// When the sessions don't fit. Better found out now than at the busiest hour.
pub fn raise_descriptor_limit(max_sessions: usize) -> Result<u64, DescriptorError> {
    let limit = getrlimit(Resource::Nofile);
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let needed = max_sessions as u64 + OTHER_DESCRIPTORS;
    if needed > hard {
        return Err(DescriptorError::TooLow {
            max_sessions,
            needed,
            hard,
            possible: hard.saturating_sub(OTHER_DESCRIPTORS),
        });
    }
    if soft < hard {
        let raised = Rlimit { current: limit.maximum, ..limit };
        setrlimit(Resource::Nofile, raised).map_err(|reason| DescriptorError::Refused {
            soft,
            wanted: hard,
            reason,
        })?;
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_descriptor_limit_is_raised_to_the_hard_one() {
        let hard = raise_descriptor_limit(1).unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), hard);
    }

    #[test]
    fn more_sessions_than_descriptors_are_refused_with_what_would_fit() {
        let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let Ok(too_many) = usize::try_from(hard) else {
            return;
        };
        let error = raise_descriptor_limit(too_many).unwrap_err();
        let expected = format!("set max_sessions to {} or less", hard - OTHER_DESCRIPTORS);
        assert!(error.to_string().contains(&expected), "{error}");
    }
}
