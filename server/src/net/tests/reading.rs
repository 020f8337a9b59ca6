//! "Readable" never means "a whole packet".

use super::*;

with_io_threads![
    what_the_budget_leaves_unread_is_read_without_another_event,
    packets_sent_together_with_the_connect_are_read,
    lengths_that_are_no_varint_or_too_large_end_the_session_with_a_reason,
    packets_before_the_broken_one_count_and_those_after_it_do_not,
    a_login_allows_longer_packets,
    more_packets_or_bytes_than_the_rate_allows_are_flooding,
    what_piled_up_while_the_server_stood_still_is_no_flood
];

fn packets(rig: &Rig) -> Vec<&[u8]> {
    let seen = rig.inbox.packets.iter();
    seen.map(|(_, packet)| packet.as_slice()).collect()
}

#[test]
fn a_packet_that_comes_a_byte_at_a_time_is_one_packet() {
    let mut rig = Rig::new(Limits::default());
    let (mut client, id) = rig.connect();
    let packet = vec![7; 300];
    send_slowly(&mut rig, &mut client, &framed(&packet));
    rig.until(|inbox| !inbox.packets.is_empty());
    assert_eq!(rig.inbox.packets, [(id, packet)]);
    let session = rig.sessions().get(id).unwrap();
    assert_eq!(session.unfinished.capacity(), 0, "idle sessions own nothing");
}

#[test]
fn ten_packets_in_one_write_are_ten_packets_and_one_read() {
    let mut rig = Rig::new(Limits::default());
    let (mut client, _) = rig.connect();
    let sent: Vec<Vec<u8>> = (0..10).map(|number| vec![number; 20]).collect();
    let reads = rig.stats().reads;
    let bytes: Vec<u8> = sent.iter().flat_map(|packet| framed(packet)).collect();
    client.write_all(&bytes).unwrap();
    rig.until(|inbox| inbox.packets.len() == 10);
    assert_eq!(packets(&rig), sent);
    assert_eq!(rig.stats().reads - reads, 1);
}

fn what_the_budget_leaves_unread_is_read_without_another_event(io_threads: u8) {
    let mut rig =
        Rig::on(io_threads, Limits { read_budget: 64, packet_rate: None, ..Limits::default() });
    let (mut client, _) = rig.connect();
    let sent: Vec<Vec<u8>> = (0..200).map(|number| vec![number; 50]).collect();
    let bytes: Vec<u8> = sent.iter().flat_map(|packet| framed(packet)).collect();
    client.write_all(&bytes).unwrap();
    rig.until(|inbox| inbox.packets.len() == 200);
    assert_eq!(packets(&rig), sent);
}

#[test]
fn a_flood_is_served_in_turns_with_the_others() {
    let mut rig = Rig::new(Limits {
        read_budget: 256,
        packet_rate: None,
        byte_rate: None,
        ..Limits::default()
    });
    let (mut loud, loud_id) = rig.connect();
    let (mut quiet, quiet_id) = rig.connect();
    loud.write_all(&framed(&[1; 99]).repeat(500)).unwrap();
    rig.until(|inbox| !inbox.packets.is_empty());
    quiet.write_all(&framed(b"me too")).unwrap();
    rig.until(|inbox| inbox.packets.iter().any(|(id, _)| *id == quiet_id));
    let before = rig.inbox.packets.iter().filter(|(id, _)| *id == loud_id);
    assert!(before.count() < 500, "the quiet one had to wait for the loud one");
}

#[test]
fn a_thousand_ready_sockets_are_all_served_a_hundred_at_a_time() {
    crate::net::raise_descriptor_limit(2000).unwrap();
    let mut rig = Rig::new(Limits { events_per_poll: 100, ..Limits::default() });
    let mut clients: Vec<TcpStream> = (0..1000).map(|_| rig.connect().0).collect();
    for client in &mut clients {
        client.write_all(&framed(b"hello")).unwrap();
    }
    let mut passes = 0;
    while rig.inbox.packets.len() < 1000 {
        let before = rig.inbox.packets.len();
        rig.pass();
        passes += 1;
        assert!(rig.inbox.packets.len() - before <= 100, "a pass is bounded");
        assert!(passes < 100, "somebody starves");
    }
    let mut served: Vec<SessionId> = rig.inbox.packets.iter().map(|(id, _)| *id).collect();
    served.sort_unstable();
    served.dedup();
    assert_eq!(served.len(), 1000);
}

fn packets_sent_together_with_the_connect_are_read(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let mut clients: Vec<TcpStream> = (0..300).map(|_| rig.dial()).collect();
    for client in &mut clients {
        client.write_all(&framed(b"at once")).unwrap();
    }
    rig.until(|inbox| inbox.packets.len() == 300);
}

/// What the client is told when it sends `bytes`.
fn answer_to(io_threads: u8, bytes: &[u8], limits: Limits) -> Goodbye {
    let mut rig = Rig::on(io_threads, limits);
    let (mut client, id) = rig.connect();
    client.write_all(bytes).unwrap();
    let goodbye = read_goodbye(&rig.read_to_end(&mut client));
    rig.until(|inbox| inbox.closed == [(id, told(goodbye.reason()))]);
    assert_eq!(rig.stats().farewells(goodbye.reason()), 1);
    drop(client);
    rig.until_empty();
    goodbye
}

fn lengths_that_are_no_varint_or_too_large_end_the_session_with_a_reason(io_threads: u8) {
    let limit = Limits::default().frame_limit_before_login as u64;
    for length in [limit + 1, 1 << 31, u64::MAX] {
        let mut bytes = Vec::new();
        protocol::put_varint(&mut bytes, length);
        let goodbye = answer_to(io_threads, &bytes, Limits::default());
        assert_eq!(goodbye.reason(), Farewell::FrameTooLong);
    }
    for bytes in [&[0xff; 10][..], &[0xff; 11]] {
        let goodbye = answer_to(io_threads, bytes, Limits::default());
        assert_eq!(goodbye.reason(), Farewell::Malformed);
    }
}

fn packets_before_the_broken_one_count_and_those_after_it_do_not(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (mut client, _) = rig.connect();
    let bytes = [framed(b"good"), vec![0xff; 10], framed(b"late")].concat();
    client.write_all(&bytes).unwrap();
    rig.until(|inbox| !inbox.closed.is_empty());
    assert_eq!(packets(&rig), [b"good"]);
}

fn a_login_allows_longer_packets(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (mut client, id) = rig.connect();
    rig.clients.mark_logged_in(id);
    // As after a login, the client speaks when it has heard that it may.
    rig.clients.send(id, &framed(b"go on"));
    rig.read(&mut client, 6);
    client.write_all(&framed(&[1; 4096])).unwrap();
    rig.until(|inbox| !inbox.packets.is_empty());
    client.write_all(&framed(&[1; 4097])).unwrap();
    rig.until(|inbox| inbox.closed == [(id, told(Farewell::FrameTooLong))]);
}

fn more_packets_or_bytes_than_the_rate_allows_are_flooding(io_threads: u8) {
    let empty_packets = [0; 400];
    let goodbye = answer_to(io_threads, &empty_packets, Limits::default());
    assert_eq!(goodbye.reason(), Farewell::Flooding);
    let few_large_ones = framed(&[1; 1000]).repeat(120);
    let limits = Limits { packet_rate: None, ..Limits::default() };
    assert_eq!(answer_to(io_threads, &few_large_ones, limits).reason(), Farewell::Flooding);
}

fn what_piled_up_while_the_server_stood_still_is_no_flood(io_threads: u8) {
    let rate = |per_second| Some(crate::net::Rate { per_second, burst: 10 });
    let limits = Limits { packet_rate: rate(10), byte_rate: rate(1_010), ..Limits::default() };
    let limits = Limits { read_budget: 4096, ..limits };
    let mut rig = Rig::on(io_threads, limits);
    let (mut client, id) = rig.connect();
    // The burst and ten seconds' worth: in the socket when the server is back.
    *rig.clock.lock().unwrap() += Duration::from_secs(10);
    client.write_all(&framed(&[1; 100]).repeat(100)).unwrap();
    rig.until(|inbox| inbox.packets.len() == 100);
    assert_eq!(rig.inbox.closed, []);
    client.write_all(&framed(&[1; 100]).repeat(20)).unwrap();
    rig.until(|inbox| inbox.closed == [(id, told(Farewell::Flooding))]);
}

#[test]
fn a_reception_that_ends_a_session_gets_no_more_packets_of_it() {
    struct OneIsEnough(Recorder);
    impl Reception for OneIsEnough {
        fn opened(&mut self, id: SessionId, peer: SocketAddr) {
            self.0.opened(id, peer);
        }
        fn packet(&mut self, id: SessionId, packet: &[u8]) -> Result<(), Goodbye> {
            self.0.packet(id, packet)?;
            Err(super::super::goodbye(Farewell::Kicked, "enough"))
        }
        fn recovered(&mut self, id: SessionId) {
            self.0.recovered(id);
        }
        fn closed(&mut self, id: SessionId, reason: CloseReason) {
            self.0.closed(id, reason);
        }
    }
    let mut rig = Rig::new(Limits::default());
    let mut inbox = OneIsEnough(Recorder::default());
    let mut client = rig.dial();
    client.write_all(&framed(b"one").repeat(3)).unwrap();
    while inbox.0.closed.is_empty() {
        rig.clients.wait(None).unwrap();
        rig.clients.receive(Instant::now(), &mut inbox);
        rig.clients.flush();
    }
    assert_eq!(inbox.0.packets.len(), 1);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(read_goodbye(&rest).reason(), Farewell::Kicked);
}
