//! Makes sure that this process may open as many connections as it has bots.

use rustix::process::{Resource, getrlimit, setrlimit};

use super::SwarmError;

/// Descriptors besides the bots': standard streams, poll, files, and some room.
const OTHERS: u64 = 64;

/// Raises the soft descriptor limit as far as `bots` need.
pub(super) fn reserve(bots: usize) -> Result<(), SwarmError> {
    let needed = bots as u64 + OTHERS;
    let mut limits = getrlimit(Resource::Nofile);
    // `None` is no limit.
    if limits.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let limit = limits.maximum.unwrap_or(u64::MAX);
    let too_low = SwarmError::Descriptors { bots, needed, limit };
    if limit < needed {
        return Err(too_low);
    }
    limits.current = Some(needed);
    setrlimit(Resource::Nofile, limits).map_err(|_| too_low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_bots_than_the_system_allows_are_refused_with_both_numbers() {
        let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let Ok(bots) = usize::try_from(limit) else {
            return;
        };
        if limit > u64::MAX - OTHERS {
            return;
        }
        let text = reserve(bots).unwrap_err().to_string();
        assert!(text.contains(&limit.to_string()) && text.contains("ulimit"), "{text}");
    }
}
