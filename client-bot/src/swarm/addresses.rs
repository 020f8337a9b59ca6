//! From which local addresses bots connect, so that ports don't run out.

use std::net::{IpAddr, Ipv4Addr};

use crate::settings::Settings;

/// Bots that one address serves: Linux has 28,232 ports for outgoing connections by default, and those of ended
/// connections stay taken for a minute.
pub const BOTS_PER_ADDRESS: usize = 25_000;

/// The local addresses of a swarm: 127.0.0.1, 127.0.0.2 and so on, or whatever the system picks.
#[derive(Debug)]
pub(super) struct Addresses {
    count: u32,
}

impl Addresses {
    /// As the settings say. The system picks if one address is enough or the server isn't on this machine.
    pub(super) fn new(settings: &Settings) -> Self {
        let needed = u32::try_from(settings.bots.div_ceil(BOTS_PER_ADDRESS)).unwrap_or(u32::MAX);
        let wanted =
            if settings.source_addresses == 0 { needed } else { settings.source_addresses };
        let local = matches!(settings.server.ip(), IpAddr::V4(address) if address.is_loopback());
        Self { count: if local { wanted } else { 1 } }
    }

    /// The address of bot `number`; `None` leaves it to the system.
    pub(super) fn of_bot(&self, number: usize) -> Option<Ipv4Addr> {
        if self.count <= 1 {
            return None;
        }
        let step = u32::try_from(number).unwrap_or(0) % self.count;
        Some(Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_bots_come_from_several_loopback_addresses_and_few_from_the_usual_one() {
        let of = |bots, source_addresses, server: &str| {
            let server = server.parse().unwrap();
            let settings = Settings { bots, source_addresses, server, ..Settings::default() };
            Addresses::new(&settings).of_bot(1)
        };
        assert_eq!(of(10_000, 0, "127.0.0.1:1"), None);
        assert_eq!(of(60_000, 0, "127.0.0.1:1"), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(of(10, 4, "127.0.0.1:1"), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(of(60_000, 0, "192.0.2.1:1"), None, "not a loopback server");
    }
}
