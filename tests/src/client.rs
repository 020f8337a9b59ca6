//! A client that a test drives by hand: blocking, one packet at a time, with every answer looked at.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use client_bot::bot::sight::Sight;
use prost::Message as _;
use protocol::v1::server_packet::Body;
use protocol::v1::{
    CharacterCreated, Command, CommandResult, CreateCharacter, EnterWorld, Entered, Goodbye, Hello,
    LeaveWorld, LeftWorld, ListCharacters, LoggedIn, Refused, ServerPacket, SessionToken,
    TokenLogin, View, Welcome,
};
use protocol::{
    ClientMessage, Envelope, PROTOCOL_VERSION, ServerMessage, encode_client_frame, split_frame,
};

use crate::server::{PATIENCE, TOKEN_SECRET};

/// Larger than any frame of a server.
const MAX_FRAME: usize = 1 << 24;

/// A connection to a server.
pub struct Client {
    /// The socket, for tests that misuse it.
    pub stream: TcpStream,
    buffer: Vec<u8>,
    /// The token to resume this login with, as it came last.
    pub token: Vec<u8>,
    /// Packets that came while another kind was waited for, oldest first.
    pub seen: Vec<ServerPacket>,
}

/// The connection is over.
#[derive(Debug)]
pub struct Ended;

impl Client {
    /// Connects, and says nothing yet.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket takes options");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket takes options");
        Self {
            stream,
            buffer: Vec::new(),
            token: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Connects and greets.
    #[must_use]
    pub fn greet(address: SocketAddr) -> Self {
        let mut client = Self::connect(address);
        client.send(
            0,
            &Hello {
                protocol_version: PROTOCOL_VERSION,
                client: "test".into(),
            },
        );
        client.expect::<Welcome>();
        client
    }

    /// Connects, greets and logs in with a fresh login token for `account`.
    #[must_use]
    pub fn log_in(address: SocketAddr, account: &str) -> Self {
        let mut client = Self::greet(address);
        client.send(
            1,
            &TokenLogin {
                token: mint(account),
            },
        );
        client.expect::<LoggedIn>();
        client.token = client.expect::<SessionToken>().token;
        client
    }

    /// Logs in and enters the world with the account's character, which is made if there is none. Returns the client
    /// and where it is.
    #[must_use]
    pub fn enter(address: SocketAddr, account: &str, name: &str) -> (Self, Entered) {
        let mut client = Self::log_in(address, account);
        client.send(2, &ListCharacters {});
        let list = client.expect::<protocol::v1::CharacterList>();
        let existing = list
            .characters
            .iter()
            .find(|character| character.name == name);
        let character = match existing {
            Some(character) => character.id,
            None => {
                client.send(
                    3,
                    &CreateCharacter {
                        name: name.to_owned(),
                    },
                );
                let created = client.expect::<CharacterCreated>();
                created
                    .character
                    .map(|character| character.id)
                    .unwrap_or_default()
            }
        };
        client.send(4, &EnterWorld { character });
        let entered = client.expect::<Entered>();
        (client, entered)
    }

    /// Sends a message. A connection that is over is noticed by the next read.
    pub fn send<M: ClientMessage>(&mut self, request: u32, message: &M) {
        let mut frame = Vec::new();
        encode_client_frame(&mut frame, request, message);
        self.send_bytes(&frame);
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes));
    }

    /// The next packet.
    ///
    /// # Errors
    /// When the connection is over.
    ///
    /// # Panics
    /// When nothing comes in time, or what comes is no packet.
    #[expect(
        clippy::should_implement_trait,
        reason = "a connection that ends is an error here, not the end of a list"
    )]
    pub fn next(&mut self) -> Result<ServerPacket, Ended> {
        loop {
            if let Some(frame) =
                split_frame(&self.buffer, MAX_FRAME).expect("the server frames well")
            {
                let packet = ServerPacket::decode(frame.packet).expect("the server sends packets");
                let consumed = frame.consumed;
                self.buffer.drain(..consumed);
                return Ok(packet);
            }
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Ended),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    panic!("nothing came; before that {:?}", self.seen)
                }
                Err(_) => return Err(Ended),
            }
        }
    }

    /// Reads on until a message of kind `M` comes. Others are kept in `seen`.
    ///
    /// # Panics
    /// When the connection ends first, or nothing comes in time.
    pub fn expect<M: ServerMessage + Default>(&mut self) -> M {
        self.expect_answer::<M>().1
    }

    /// As [`Self::expect`], with the number of the request that it answers.
    ///
    /// # Panics
    /// When the connection ends first, or nothing comes in time.
    pub fn expect_answer<M: ServerMessage + Default>(&mut self) -> (u32, M) {
        loop {
            let packet = self.next();
            let Ok(packet) = packet else {
                panic!(
                    "the connection ended before {}; before that {:?}",
                    M::INFO.name,
                    self.seen
                )
            };
            if let Some(Body::SessionToken(token)) = &packet.body {
                self.token.clone_from(&token.token);
            }
            let bytes = packet.encode_to_vec();
            let envelope = Envelope::parse(&bytes).expect("a packet has an envelope");
            if envelope.id == M::INFO.id {
                let message = M::decode(envelope.payload).expect("a body is what its id says");
                return (packet.request, message);
            }
            self.seen.push(packet);
        }
    }

    /// Types a command, and returns its result.
    pub fn command(&mut self, line: impl Into<String>) -> String {
        self.send(90, &Command { line: line.into() });
        self.expect::<CommandResult>().text
    }

    /// Sees what its character sees from here on, in views that come from now on: applies them until `found` finds.
    pub fn look<T>(&mut self, sight: &mut Sight, mut found: impl FnMut(&Sight) -> Option<T>) -> T {
        loop {
            if let Some(it) = found(sight) {
                return it;
            }
            sight.apply(&self.expect::<View>(), &mut ());
        }
    }

    /// Leaves the world, and waits until all that the character owns is durable.
    pub fn leave(&mut self) {
        self.send(91, &LeaveWorld {});
        self.expect::<LeftWorld>();
    }

    /// Reads on until a refusal comes, and returns its request number and itself.
    pub fn expect_refusal(&mut self) -> (u32, Refused) {
        self.expect_answer()
    }

    /// Reads on until the connection ends, and returns the farewell, if there was one.
    pub fn read_to_end(&mut self) -> Option<Goodbye> {
        let mut farewell = None;
        while let Ok(packet) = self.next() {
            if let Some(Body::Goodbye(goodbye)) = &packet.body {
                farewell = Some(goodbye.clone());
            }
            self.seen.push(packet);
        }
        farewell
    }
}

/// A login token for `account`, good for ten minutes.
///
/// # Panics
/// Never with the tests' secret.
#[must_use]
pub fn mint(account: &str) -> String {
    let lifetime = Duration::from_secs(600);
    server::auth::mint_token(TOKEN_SECRET.as_bytes(), "realmbeat", account, lifetime)
        .expect("the tests' secret is long enough")
}
