//! A client that a test drives by hand: blocking, one packet at a time, with every answer looked at.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use client_bot::bot::sight::Sight;
use prost::Message as _;
use protocol::v1::server_packet::Body;
use protocol::v1::{
    CharacterCreated, CharacterList, Command, CommandResult, CreateCharacter, EnterWorld, Entered,
    Goodbye, Hello, LeaveWorld, LeftWorld, ListCharacters, LoggedIn, Ping, Pong, Refusal, Refused,
    ServerPacket, SessionToken, TokenLogin, View, Welcome,
};
use protocol::{
    ClientMessage, Envelope, PROTOCOL_VERSION, ServerMessage, encode_client_frame, split_frame,
};
use socket2::{Domain, SockRef, Socket, Type};

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
        Self::over(TcpStream::connect(address).expect("the server accepts"))
    }

    /// Connects from this address of the machine.
    ///
    /// # Panics
    /// When nobody listens, or the address isn't the machine's.
    #[must_use]
    pub fn connect_from(source: impl Into<IpAddr>, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("the system has sockets");
        let source = SocketAddr::new(source.into(), 0);
        socket.bind(&source.into()).expect("an address of ours");
        socket.connect(&address.into()).expect("the server accepts");
        Self::over(socket.into())
    }

    /// Connects, and lets the system hold back little of what the server sends: who doesn't read is soon found out.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn connect_with_small_window(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("the system has sockets");
        // The least that Linux grants.
        socket.set_recv_buffer_size(2304).expect("a socket takes options");
        socket.connect(&address.into()).expect("the server accepts");
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket takes options");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes options");
        Self { stream, buffer: Vec::new(), token: Vec::new(), seen: Vec::new() }
    }

    /// Connects and greets.
    #[must_use]
    pub fn greet(address: SocketAddr) -> Self {
        Self::connect(address).greeted()
    }

    /// Connects, greets and logs in with a fresh login token for `account`.
    #[must_use]
    pub fn log_in(address: SocketAddr, account: &str) -> Self {
        Self::greet(address).logged_in(account)
    }

    /// Logs in and enters the world with the account's character, which is made if there is none. Returns the client
    /// and where it is.
    #[must_use]
    pub fn enter(address: SocketAddr, account: &str, name: &str) -> (Self, Entered) {
        let mut client = Self::log_in(address, account);
        let entered = client.enter_world(name);
        (client, entered)
    }

    /// Greets on a connection that is there.
    #[must_use]
    pub fn greeted(mut self) -> Self {
        let client = "test".to_owned();
        let protocol_version = PROTOCOL_VERSION;
        self.send(0, &Hello { protocol_version, client });
        self.expect::<Welcome>();
        self
    }

    /// Logs in on a connection that has greeted.
    #[must_use]
    pub fn logged_in(mut self, account: &str) -> Self {
        let token = mint(account);
        self.send(1, &TokenLogin { token });
        self.expect::<LoggedIn>();
        self.token = self.expect::<SessionToken>().token;
        self
    }

    /// Enters the world with the character of this name, which is made if there is none.
    ///
    /// # Panics
    /// When the server doesn't let it in.
    pub fn enter_world(&mut self, name: &str) -> Entered {
        self.send(2, &ListCharacters {});
        let list = self.expect::<CharacterList>();
        let existing = list.characters.iter().find(|character| character.name == name);
        let character = match existing {
            Some(character) => character.id,
            None => {
                let name = name.to_owned();
                self.send(3, &CreateCharacter { name });
                let created = self.expect::<CharacterCreated>();
                created.character.map(|character| character.id).unwrap_or_default()
            }
        };
        self.send(4, &EnterWorld { character });
        self.expect::<Entered>()
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
            if let Some(packet) = self.buffered() {
                return Ok(packet);
            }
            match self.read() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    panic!("nothing came; before that {:?}", self.seen)
                }
                Ok(0) | Err(_) => return Err(Ended),
                Ok(_) => {}
            }
        }
    }

    /// All packets that have come by now. What the server wrote before something that another client has read is among
    /// them, if the same thread of the server writes to both: bytes on the loopback are there when the writer goes on.
    ///
    /// # Panics
    /// When the connection is over.
    pub fn arrived(&mut self) -> Vec<ServerPacket> {
        self.stream.set_nonblocking(true).expect("a socket can be told not to wait");
        loop {
            match self.read() {
                Ok(0) => panic!("the connection is over"),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.stream.set_nonblocking(false).expect("a socket can be told to wait");
        std::iter::from_fn(|| self.buffered()).collect()
    }

    /// The next packet of what was read, if all of it is there.
    fn buffered(&mut self) -> Option<ServerPacket> {
        let frame = split_frame(&self.buffer, MAX_FRAME).expect("the server frames well")?;
        let packet = ServerPacket::decode(frame.packet).expect("the server sends packets");
        let consumed = frame.consumed;
        self.buffer.drain(..consumed);
        Some(packet)
    }

    /// Reads what is there, and gives how many bytes that was; 0 at the end of the connection.
    fn read(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 65_536];
        loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    self.buffer.extend_from_slice(&chunk[..*read.as_ref().unwrap_or(&0)]);
                    return read;
                }
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
                panic!("the connection ended before {}; before that {:?}", M::INFO.name, self.seen)
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

    /// Asks, and waits for the answer, which must carry the request back.
    ///
    /// # Panics
    /// When the answer is to another request, or doesn't come.
    pub fn ask<Q: ClientMessage, A: ServerMessage + Default>(
        &mut self,
        request: u32,
        question: &Q,
    ) -> A {
        self.send(request, question);
        let (answered, answer) = self.expect_answer::<A>();
        assert_eq!(answered, request, "{}", A::INFO.name);
        answer
    }

    /// Asks for what must be refused, and returns why. The refusal must carry the request back.
    ///
    /// # Panics
    /// When another request is refused, or none.
    pub fn refusal<Q: ClientMessage>(&mut self, request: u32, question: &Q) -> Refusal {
        self.ask::<Q, Refused>(request, question).reason()
    }

    /// Sees that the session goes on: a ping is answered.
    ///
    /// # Panics
    /// When it isn't.
    pub fn ping(&mut self) {
        self.send(9_000, &Ping { nonce: 77 });
        while self.expect_answer::<Pong>() != (9_000, Pong { nonce: 77 }) {}
    }

    /// The character of this name, which must be there.
    ///
    /// # Panics
    /// When the account has no such character.
    pub fn character(&mut self, name: &str) -> u64 {
        let list: CharacterList = self.ask(2, &ListCharacters {});
        let found = list.characters.iter().find(|entry| entry.name == name);
        found.expect("the account has the character").id
    }

    /// Says that nothing more will come, and goes on listening.
    pub fn half_close(&self) {
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Breaks the connection off without a word: the server gets a reset.
    pub fn reset(self) {
        drop(SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)));
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
