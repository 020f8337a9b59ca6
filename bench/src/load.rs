//! What gives a measured server its work: connections that ask and wait for the answer. They block, because a load that
//! does as little as possible leaves its core to spare, and the server is then never the one who waits.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use server::net::raise_descriptor_limit;
use socket2::{Domain, Protocol, Socket, Type};

use crate::process::Child;

/// Every measured server writes it as soon as it has accepted a connection.
pub(crate) const WELCOME: u8 = b'!';

/// Connections that a server hasn't accepted yet, at most: its backlog never overflows.
const UNACCEPTED: usize = 256;
/// Connections from one source address: far fewer than it has free ports (28,000).
const PER_SOURCE: usize = 8_192;
/// Bytes under way to a server and back, at most: far below what makes the system throttle its sockets.
const UNDER_WAY: usize = 64 << 20;
/// How long a server may be silent: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connections to one server. They end with a reset, so that their ports are free at once.
#[derive(Debug)]
pub(crate) struct Connections {
    server: SocketAddr,
    streams: Vec<TcpStream>,
    received: Vec<u8>,
}

impl Connections {
    /// None yet.
    ///
    /// # Errors
    /// When this process may not have so many descriptors as `at_most` connections need.
    pub(crate) fn to(server: SocketAddr, at_most: usize) -> anyhow::Result<Self> {
        raise_descriptor_limit(at_most)?;
        Ok(Self { server, streams: Vec::with_capacity(at_most), received: Vec::new() })
    }

    /// So many more, all of them accepted.
    ///
    /// # Errors
    /// When the server isn't there or doesn't accept.
    pub(crate) fn dial(&mut self, count: usize) -> anyhow::Result<()> {
        let first = self.streams.len();
        for index in first..first + count + UNACCEPTED {
            if index < first + count {
                let stream = connect(self.server, index)?;
                self.streams.push(stream);
            }
            if let Some(waiting) = index.checked_sub(UNACCEPTED).filter(|index| *index >= first) {
                welcome(&mut self.streams[waiting])?;
            }
        }
        Ok(())
    }

    /// So many more, each of them connected when the one before it has been accepted.
    ///
    /// # Errors
    /// When the server isn't there or doesn't accept.
    pub(crate) fn dial_one_by_one(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            let mut stream = connect(self.server, self.streams.len())?;
            welcome(&mut stream)?;
            self.streams.push(stream);
        }
        Ok(())
    }

    /// So many more, whether they are accepted or not.
    ///
    /// # Errors
    /// When the server isn't there.
    pub(crate) fn dial_unaccepted(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            self.streams.push(connect(self.server, self.streams.len())?);
        }
        Ok(())
    }

    /// Sends `message` on `active` of the connections and waits until it is back on each of them, so many times.
    ///
    /// # Errors
    /// When it doesn't come back as it was.
    pub(crate) fn echo(
        &mut self,
        rounds: usize,
        message: &[u8],
        active: usize,
    ) -> anyhow::Result<()> {
        // Spread over all of them, as those who happen to be active are.
        let step = self.streams.len() / active;
        let ahead = (UNDER_WAY / message.len()).clamp(1, active);
        self.received.resize(message.len(), 0);
        for _ in 0..rounds {
            for turn in 0..active + ahead {
                if turn < active {
                    self.streams[turn * step].write_all(message).context("the server is gone")?;
                }
                if let Some(waiting) = turn.checked_sub(ahead) {
                    receive(&mut self.streams[waiting * step], &mut self.received, message)?;
                }
            }
        }
        Ok(())
    }

    /// The same on all connections, while `server` is held until everybody has sent: it finds all of them ready at once,
    /// as a busy server does, and never waits for us. A server that is as fast as its load would fall asleep after each
    /// message, and its figure would be that of waking up.
    ///
    /// # Errors
    /// When a message doesn't come back as it was.
    pub(crate) fn echo_at_once(
        &mut self,
        server: &Child,
        rounds: usize,
        message: &[u8],
    ) -> anyhow::Result<()> {
        self.received.resize(message.len(), 0);
        for _ in 0..rounds {
            server.hold()?;
            for stream in &mut self.streams {
                stream.write_all(message).context("the server is gone")?;
            }
            server.release()?;
            // The last one is answered last, so we sleep until all the answers are there.
            for stream in self.streams.iter_mut().rev() {
                receive(stream, &mut self.received, message)?;
            }
        }
        Ok(())
    }

    /// Sends `message` on one of the connections and waits until it is back.
    ///
    /// # Errors
    /// When it doesn't come back as it was.
    pub(crate) fn echo_on(&mut self, index: usize, message: &[u8]) -> anyhow::Result<()> {
        self.received.resize(message.len(), 0);
        let stream = &mut self.streams[index];
        stream.write_all(message).context("the server is gone")?;
        receive(stream, &mut self.received, message)
    }

    /// The connections themselves, which don't block any more.
    ///
    /// # Errors
    /// When the system doesn't want that.
    pub(crate) fn into_non_blocking(self) -> anyhow::Result<Vec<TcpStream>> {
        for stream in &self.streams {
            stream.set_nonblocking(true)?;
        }
        Ok(self.streams)
    }
}

/// Connects from one of several loopback addresses, so that ports don't run out.
fn connect(server: SocketAddr, index: usize) -> anyhow::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    let source =
        Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + u32::try_from(index / PER_SOURCE)?);
    socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into())?;
    socket.connect(&server.into()).context("can't connect")?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

fn receive(stream: &mut TcpStream, answer: &mut [u8], expected: &[u8]) -> anyhow::Result<()> {
    stream.read_exact(answer).context("the server doesn't answer")?;
    ensure!(answer == expected, "the answer isn't what was sent");
    Ok(())
}

fn welcome(stream: &mut TcpStream) -> anyhow::Result<()> {
    let mut byte = [0];
    stream.read_exact(&mut byte).context("the server doesn't accept")?;
    ensure!(byte == [WELCOME], "the server says something else than its welcome");
    Ok(())
}
