//! How many sessions each address has, so that one household can't take all the places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Sessions by address.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    sessions: HashMap<IpAddr, u32>,
}

impl Addresses {
    pub(super) fn count(&self, address: IpAddr) -> u32 {
        self.sessions.get(&household(address)).map_or(0, |count| *count)
    }

    pub(super) fn add(&mut self, address: IpAddr) {
        *self.sessions.entry(household(address)).or_default() += 1;
    }

    pub(super) fn remove(&mut self, address: IpAddr) {
        let key = household(address);
        if let Some(count) = self.sessions.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.sessions.remove(&key);
            }
        }
    }
}

/// What counts as one address: IPv4 as it is, also inside IPv6, and the /64 of an IPv6 address, since a household
/// has all addresses of one.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_counts_as_one_and_is_forgotten_with_its_last_session() {
        let mut addresses = Addresses::default();
        let [here, there, elsewhere] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"]
            .map(|text| text.parse().unwrap());
        addresses.add(here);
        addresses.add(there);
        assert_eq!(addresses.count(here), 2);
        assert_eq!(addresses.count(elsewhere), 0);
        addresses.remove(here);
        addresses.remove(there);
        assert!(addresses.sessions.is_empty());
    }

    #[test]
    fn ipv4_is_the_same_inside_ipv6() {
        let mut addresses = Addresses::default();
        addresses.add("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(addresses.count("192.0.2.1".parse().unwrap()), 1);
    }
}
