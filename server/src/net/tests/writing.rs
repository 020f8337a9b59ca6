//! One write per session and flush; readers that don't keep up.

use super::super::{Inbox, Network, goodbye};
use super::*;

with_io_threads![
    a_large_answer_reaches_a_slow_reader_whole_and_in_order,
    speaking_to_a_session_that_is_gone_is_no_error,
    a_client_that_takes_nothing_is_found_although_it_pings
];

/// Bytes that a session of a client that reads nothing is sent until the kernel takes no more, then `more` above.
fn clog(rig: &mut Rig, id: SessionId, more: usize) {
    let frame = framed(&[9; 1000]);
    let pending = |rig: &mut Rig| {
        let session = rig.sessions().get(id);
        session.map_or(usize::MAX, |session| session.output.pending())
    };
    while pending(rig) <= more {
        rig.sessions().send(id, &frame);
        rig.sessions().flush_session(id);
    }
}

#[test]
fn all_that_a_pass_sends_to_a_session_goes_out_in_one_write() {
    let mut rig = Rig::new(Limits::default());
    let (mut client, id) = rig.connect();
    let before = rig.stats().writes;
    for number in 0..10 {
        rig.sessions().send(id, &framed(&[number; 30]));
    }
    rig.clients.flush();
    rig.clients.flush();
    assert_eq!(rig.stats().writes - before, 1);
    assert_eq!(rig.read(&mut client, 310).len(), 310);
    let session = rig.sessions().get(id).unwrap();
    assert_eq!(session.output.capacity(), 0, "a flushed session owns nothing");
    assert!(!session.armed, "writable events are asked for only when needed");
}

#[test]
fn a_session_can_be_flushed_by_itself_and_is_not_written_to_again() {
    let mut rig = Rig::new(Limits::default());
    let (mut client, id) = rig.connect();
    rig.sessions().send(id, b"\x01a");
    rig.sessions().flush_session(id);
    rig.clients.flush();
    assert_eq!(rig.stats().writes, 1);
    assert_eq!(rig.read(&mut client, 2), b"\x01a");
}

/// Answers each packet with itself, after each read.
#[derive(Default)]
struct AtOnce {
    packets: usize,
}

impl Inbox for AtOnce {
    fn opened(&mut self, _: &mut Sessions, _: SessionId, _: SocketAddr) {}

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        self.packets += 1;
        sessions.send(id, &framed(packet));
    }

    fn read(&mut self, sessions: &mut Sessions, id: SessionId) {
        sessions.flush_session(id);
    }

    fn closed(&mut self, _: &mut Sessions, _: SessionId, _: CloseReason) {}
}

#[test]
fn who_answers_after_each_read_writes_once_for_all_its_packets_and_before_the_flush() {
    let any = "127.0.0.1:0".parse().unwrap();
    let now = Instant::now();
    let mut network = Network::bind(any, Framing::Delimited, Limits::default(), now).unwrap();
    let mut client = TcpStream::connect(network.local_addr()).unwrap();
    client.write_all(b"\x01a\x01b\x01c").unwrap();
    let mut inbox = AtOnce::default();
    while inbox.packets < 3 {
        network.wait(Some(PATIENCE)).unwrap();
        network.receive(now, &mut inbox);
    }
    assert_eq!(network.stats().writes, 1);
    let mut answers = [0; 6];
    client.read_exact(&mut answers).unwrap();
    assert_eq!(&answers, b"\x01a\x01b\x01c");
    network.flush();
    assert_eq!(network.stats().writes, 1, "nothing is left for the flush");
}

fn a_large_answer_reaches_a_slow_reader_whole_and_in_order(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits { hard_output_limit: 64 << 20, ..Limits::default() });
    let (mut client, id) = rig.connect();
    let answer: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    rig.clients.send(id, &answer);
    rig.until_rig(|rig| rig.stats().partial_writes > 0);
    assert!(rig.read(&mut client, answer.len()) == answer);
    rig.until(|inbox| inbox.recovered == [id]);
}

#[test]
fn a_session_is_slow_above_the_soft_limit_and_recovers_once_when_all_is_taken() {
    let mut rig = Rig::new(Limits::default());
    let soft = Limits::default().soft_output_limit;
    let (mut client, id) = rig.connect();
    assert!(!rig.sessions().outgoing(id).unwrap().is_slow());
    clog(&mut rig, id, soft);
    let out = rig.sessions().outgoing(id).unwrap();
    assert!(out.is_slow());
    let total = usize::try_from(rig.stats().bytes_out).unwrap();
    let pending = rig.sessions().outgoing(id).unwrap().pending();
    rig.read(&mut client, total + pending);
    rig.until(|inbox| !inbox.recovered.is_empty());
    rig.pass();
    assert_eq!(rig.inbox.recovered, [id]);
    assert!(!rig.sessions().outgoing(id).unwrap().is_slow());
    assert_eq!(rig.stats().slow, 1);
}

/// Lets the time pass in which a client could take what it was told, twice: a look now and one afterwards.
fn wait_for_the_client(rig: &mut Rig, id: SessionId) {
    for _ in 0..2 {
        rig.sessions().clock.service += 100_000_000;
        let _ = rig.sessions().outgoing(id);
    }
}

#[test]
fn a_client_that_never_reads_costs_the_hard_limit_at_most_and_is_ended() {
    let mut rig = Rig::new(Limits::default());
    let hard = Limits::default().hard_output_limit;
    let (client, id) = rig.connect();
    clog(&mut rig, id, hard);
    let kept = rig.sessions().get(id).unwrap().output.pending();
    assert!(kept <= hard + 2000, "{kept} bytes");
    wait_for_the_client(&mut rig, id);
    assert!(rig.sessions().outgoing(id).is_none());
    rig.until(|inbox| inbox.closed == [(id, told(Farewell::TooSlow))]);
    rig.advance(Duration::from_secs(4));
    assert!(rig.sessions().is_empty(), "the socket goes at the deadline");
    drop(client);
}

#[test]
fn one_long_answer_ends_nobody_who_takes_it() {
    let mut rig = Rig::new(Limits::default());
    let (mut client, id) = rig.connect();
    let answer = vec![7; 8 * Limits::default().hard_output_limit];
    rig.sessions().send(id, &answer);
    rig.sessions().flush_session(id);
    rig.sessions().send(id, b"\x01a");
    rig.sessions().flush_session(id);
    assert_eq!(rig.read(&mut client, answer.len() + 2).len(), answer.len() + 2);
    wait_for_the_client(&mut rig, id);
    assert!(rig.sessions().outgoing(id).is_some());
}

#[test]
fn the_kernel_hides_a_slow_reader_no_longer_than_its_buffer_allows() {
    let mut rig = Rig::new(Limits { send_buffer: Some(16 << 10), ..Limits::default() });
    let (client, id) = rig.connect();
    clog(&mut rig, id, 0);
    let small = rig.stats().bytes_out;
    let mut rig = Rig::new(Limits { send_buffer: Some(1 << 20), ..Limits::default() });
    let (other, id) = rig.connect();
    clog(&mut rig, id, 0);
    assert!(small < rig.stats().bytes_out, "the setting changes nothing");
    drop((client, other));
}

#[test]
fn the_last_word_to_a_slow_reader_comes_after_all_that_was_queued() {
    let mut rig = Rig::new(Limits::default());
    let (mut client, id) = rig.connect();
    clog(&mut rig, id, Limits::default().hard_output_limit);
    wait_for_the_client(&mut rig, id);
    let bytes = rig.read_to_end(&mut client);
    let start = bytes.len() / 1002 * 1002;
    assert_eq!(read_goodbye(&bytes[start..]).reason(), Farewell::TooSlow);
    assert!(bytes[..start].chunks(1002).all(|frame| frame == framed(&[9; 1000])));
}

#[test]
fn a_raw_client_that_does_not_read_is_not_read_from_and_loses_nothing() {
    let limits = Limits { packet_rate: None, byte_rate: None, ..Limits::default() };
    let most = limits.soft_output_limit + limits.read_budget;
    let mut rig = Rig::with(0, Framing::Raw, limits);
    rig.echoes = true;
    let (mut client, id) = rig.connect();
    let sent: Vec<u8> = (0..30_000_000_u32).map(|n| (n % 253) as u8).collect();
    client.set_nonblocking(true).unwrap();
    let (mut done, mut stuck) = (0, 0);
    while stuck < 100 {
        match client.write(&sent[done..]) {
            Ok(count) => (done, stuck) = (done + count, 0),
            Err(_) => stuck += 1,
        }
        rig.pass();
        let pending = rig.sessions().get(id).unwrap().output.pending();
        assert!(pending <= most, "{pending} bytes");
    }
    assert!(done < sent.len(), "the client was never held back");
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(rig.read_to_end(&mut client) == sent[..done]);
    rig.until_empty();
}

#[test]
fn each_flush_begins_with_another_session() {
    let mut rig = Rig::new(Limits::default());
    let clients: Vec<_> = (0..3).map(|_| rig.connect()).collect();
    let mut first = Vec::new();
    for _ in 0..3 {
        for (_, id) in &clients {
            rig.sessions().send(*id, b"\0");
        }
        let sessions = rig.sessions();
        sessions.rotate_touched();
        first.push(sessions.touched[0]);
        rig.clients.flush();
    }
    first.sort_unstable();
    first.dedup();
    assert!(first.len() > 1, "always the same one is served first");
}

fn speaking_to_a_session_that_is_gone_is_no_error(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (client, id) = rig.connect();
    rig.clients.close(id, &goodbye(Farewell::Kicked, ""));
    drop(client);
    rig.until_empty();
    rig.clients.send(id, b"\0");
    rig.clients.close(id, &goodbye(Farewell::Kicked, ""));
    rig.clients.mark_logged_in(id);
    rig.clients.flush();
    rig.connect();
}

/// The kernel's clock decides here, and no other deadline can: the network's clock stands still.
fn a_client_that_takes_nothing_is_found_although_it_pings(io_threads: u8) {
    let patience = Some(Duration::from_secs(1));
    let limits = Limits { packet_rate: None, byte_rate: None, ..Limits::default() };
    let limits = Limits { heartbeat_timeout: patience, ..limits };
    let mut rig = Rig::on(io_threads, limits);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.connect(&rig.clients.local_addr().into()).unwrap();
    let mut client = TcpStream::from(socket);
    rig.until(|inbox| !inbox.opened.is_empty());
    let id = rig.inbox.opened[0];
    rig.clients.mark_logged_in(id);
    // Less than the kernel queues: nothing of it waits here.
    rig.clients.send(id, &framed(&[9; 1000]).repeat(16));
    let start = Instant::now();
    let mut pings = 0;
    while rig.inbox.closed.is_empty() {
        assert!(start.elapsed() < PATIENCE, "it is never found");
        // As often as a lively client: each segment from it puts the kernel's look at its window off.
        if start.elapsed() > Duration::from_millis(500) * pings {
            pings += 1;
            drop(client.write_all(&framed(b"ping")));
        }
        rig.pass();
    }
    assert_eq!(rig.inbox.closed, [(id, CloseReason::Lost(io::ErrorKind::TimedOut))]);
    assert_eq!(rig.stats().farewells(Farewell::TooSlow), 1);
}
