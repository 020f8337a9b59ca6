//! The chat server: who gets which line, and that it sleeps while nobody speaks.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::example_process::ExampleProcess;

/// Time until a test gives up: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);

const ROOMS: usize = 20;
const MEMBERS: usize = 10;
const LINES: usize = 100;

struct Member {
    stream: TcpStream,
    bytes: Vec<u8>,
    lines: Vec<String>,
}

impl Member {
    /// Returns once the server has confirmed.
    fn join(server: &ExampleProcess, room: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(&framed(room)).unwrap();
        let mut answer = vec![0; framed(room).len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, framed(room));
        stream.set_nonblocking(true).unwrap();
        Self { stream, bytes: Vec::new(), lines: Vec::new() }
    }

    fn say(&mut self, line: &str) {
        self.stream.write_all(&framed(line)).unwrap();
    }

    /// Reads what is there.
    fn listen(&mut self) {
        let mut buffer = [0; 1 << 14];
        match self.stream.read(&mut buffer) {
            Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let mut rest = self.bytes.as_slice();
        while let Some(frame) = protocol::split_frame(rest, 4096).unwrap() {
            self.lines.push(String::from_utf8(frame.packet.to_vec()).unwrap());
            rest = &rest[frame.consumed..];
        }
        self.bytes = rest.to_vec();
    }
}

fn framed(line: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    protocol::put_varint(&mut frame, line.len() as u64);
    frame.extend_from_slice(line.as_bytes());
    frame
}

#[test]
fn every_member_of_a_room_gets_every_line_once_in_its_senders_order_and_nobody_else_does() {
    let server = ExampleProcess::start("chat_server");
    let mut rooms: Vec<Vec<Member>> = (0..ROOMS)
        .map(|room| {
            let member = |_| Member::join(&server, &format!("room {room}"));
            (0..MEMBERS).map(member).collect()
        })
        .collect();
    for line in 0..LINES {
        for (room, members) in rooms.iter_mut().enumerate() {
            for (number, member) in members.iter_mut().enumerate() {
                member.say(&format!("{room} {number} {line}"));
                member.listen();
            }
        }
    }
    let start = Instant::now();
    let expected = (MEMBERS - 1) * LINES;
    for member in rooms.iter_mut().flatten() {
        while member.lines.len() < expected {
            assert!(start.elapsed() < PATIENCE, "lines are missing");
            member.listen();
        }
    }
    for (room, members) in rooms.iter_mut().enumerate() {
        for (number, member) in members.iter_mut().enumerate() {
            member.listen();
            assert_eq!(member.lines.len(), expected, "a line too many");
            for sender in (0..MEMBERS).filter(|sender| *sender != number) {
                let from = format!("{room} {sender} ");
                let heard: Vec<&String> =
                    member.lines.iter().filter(|line| line.starts_with(&from)).collect();
                let said: Vec<String> = (0..LINES).map(|line| format!("{from}{line}")).collect();
                assert_eq!(heard, said.iter().collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_server_with_nothing_to_do_does_not_wake_up_once_in_ten_seconds() {
    let server = ExampleProcess::start("chat_server");
    let mut members: Vec<Member> = (0..20).map(|_| Member::join(&server, "quiet")).collect();
    members[0].say("last words");
    while members[1].lines.is_empty() {
        members[1].listen();
    }
    // This is what is measured, not a way to wait for something: the line above is the last thing that happens.
    let before = settled_sleeps(&server);
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(server.sleeps() - before, 0);
}

/// The count of sleeps once the server has gone to sleep after its last work.
fn settled_sleeps(server: &ExampleProcess) -> u64 {
    let start = Instant::now();
    while !server.is_asleep() {
        assert!(start.elapsed() < PATIENCE, "it never sleeps");
        std::thread::yield_now();
    }
    server.sleeps()
}
