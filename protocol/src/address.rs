//! Where clients reach a server: the one form in which configuration, operators, redirects and clients write it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Bytes of a host name at most (RFC 1035, section 2.3.4, without the final dot).
const NAME_MAX: usize = 253;
/// Bytes between two dots of a host name at most.
const LABEL_MAX: usize = 63;

/// An address that a client can connect to: an IP address or a host name, and a port. Written as `host:port`, with
/// brackets around an IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicAddress {
    host: Host,
    port: u16,
}

/// First part of an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// Of one machine: neither unspecified nor a group.
    Ip(IpAddr),
    /// For the client to look up, in lower case.
    Name(String),
}

/// Why a text isn't an address that a client can connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no port, or none that can be connected to.
    #[error("an address ends with a port from 1 to 65535, such as play.example.org:7777")]
    Port,
    /// `0.0.0.0`, `[::]`, or an address of many.
    #[error("clients can't connect to this IP address; name one of this machine, or a host name")]
    Unreachable,
    /// What stands before the port is neither an IP address nor a name.
    #[error("the host is neither an IP address (IPv6 in brackets) nor a host name")]
    Host,
}

impl PublicAddress {
    /// What stands before the port.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// 1 to 65,535.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl TryFrom<SocketAddr> for PublicAddress {
    type Error = AddressError;

    fn try_from(address: SocketAddr) -> Result<Self, AddressError> {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        if port == 0 {
            return Err(AddressError::Port);
        }
        let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        if ip.is_unspecified() || ip.is_multicast() || is_broadcast {
            return Err(AddressError::Unreachable);
        }
        Ok(Self { host: Host::Ip(ip), port })
    }
}

impl FromStr for PublicAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Self::try_from(address);
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Port)?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port > 0);
        let port = port.ok_or(AddressError::Port)?;
        if !is_host_name(host) {
            return Err(AddressError::Host);
        }
        Ok(Self { host: Host::Name(host.to_ascii_lowercase()), port })
    }
}

/// Letters, digits and hyphens between dots (RFC 1123, section 2.1). The last part isn't a number, which would be a
/// mistyped IP address.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= NAME_MAX
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for PublicAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(out),
            Host::Name(name) => write!(out, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, AddressError> {
        text.parse::<PublicAddress>().map(|address| address.to_string())
    }

    #[test]
    fn what_clients_can_connect_to_is_written_as_it_was_read() {
        for text in
            ["127.0.0.1:7777", "192.0.2.1:1", "[2001:db8::1]:7777", "play.example.org:65535", "a:1"]
        {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        assert_eq!(parse("Play.Example.ORG:7777").as_deref(), Ok("play.example.org:7777"));
        assert_eq!(parse("[::ffff:192.0.2.1]:7777").as_deref(), Ok("192.0.2.1:7777"));
    }

    #[test]
    fn what_no_client_can_connect_to_is_refused_with_its_reason() {
        for (text, reason) in [
            ("0.0.0.0:7777", AddressError::Unreachable),
            ("[::]:7777", AddressError::Unreachable),
            ("224.0.0.1:7777", AddressError::Unreachable),
            ("255.255.255.255:7777", AddressError::Unreachable),
            ("127.0.0.1:0", AddressError::Port),
            ("play.example.org", AddressError::Port),
            ("play.example.org:0", AddressError::Port),
            ("play.example.org:+1", AddressError::Port),
            ("play.example.org:65536", AddressError::Port),
            ("", AddressError::Port),
            (",,,", AddressError::Port),
            (",,,:1", AddressError::Host),
            (":7777", AddressError::Host),
            ("::1:7777", AddressError::Host),
            ("[nonsense]:1", AddressError::Host),
            ("1.2.3:7777", AddressError::Host),
            ("256.1.1.1:7777", AddressError::Host),
            ("a..b:1", AddressError::Host),
            ("-a.b:1", AddressError::Host),
            ("a b:1", AddressError::Host),
            ("p\u{202e}lay:1", AddressError::Host),
        ] {
            assert_eq!(parse(text), Err(reason), "{text:?}");
        }
        let long = format!("{}:1", vec!["a".repeat(63); 4].join("."));
        assert_eq!(parse(&long), Err(AddressError::Host));
    }
}
