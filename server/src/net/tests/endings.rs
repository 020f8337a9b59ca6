//! Every way in which a connection ends, and that it harms nobody else.

use std::net::Shutdown;

use super::super::{goodbye, token};
use super::*;

with_io_threads![
    a_client_that_closes_its_half_gets_its_answers_and_then_the_end,
    a_reset_ends_one_session_and_no_other,
    a_storm_of_resets_leaves_nothing_behind,
    a_client_that_does_not_hang_up_is_hung_up_on_at_the_goodbye_deadline,
    everybody_can_be_told_goodbye_until_nobody_is_left
];

fn a_client_that_closes_its_half_gets_its_answers_and_then_the_end(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    rig.echoes = true;
    let (mut client, id) = rig.connect();
    client.write_all(&framed(b"question").repeat(5)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let bytes = rig.read_to_end(&mut client);
    let (answers, rest) = bytes.split_at(framed(b"question").len() * 5);
    assert_eq!(answers, framed(b"question").repeat(5));
    assert_eq!(read_goodbye(rest).reason(), Farewell::ClientLeft);
    rig.until_empty();
    rig.until(|inbox| inbox.closed == [(id, told(Farewell::ClientLeft))]);
}

fn a_reset_ends_one_session_and_no_other(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    rig.echoes = true;
    let (doomed, doomed_id) = rig.connect();
    let (mut other, _) = rig.connect();
    reset(doomed);
    rig.until(|inbox| !inbox.closed.is_empty());
    let lost = CloseReason::Lost(io::ErrorKind::ConnectionReset);
    assert_eq!(rig.inbox.closed, [(doomed_id, lost)]);
    other.write_all(&framed(b"still here")).unwrap();
    assert_eq!(rig.read(&mut other, 11), framed(b"still here"));
}

#[test]
fn writing_to_a_client_that_is_gone_ends_its_session() {
    let mut rig = Rig::new(Limits::default());
    let (client, id) = rig.connect();
    reset(client);
    while rig.sessions().get(id).is_some() {
        rig.sessions().send(id, &[0; 100]);
        rig.clients.flush();
    }
    rig.until(|inbox| matches!(inbox.closed[..], [(ended, CloseReason::Lost(_))] if ended == id));
    assert_eq!(rig.stats().lost, 1);
}

fn a_storm_of_resets_leaves_nothing_behind(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    rig.echoes = true;
    let (mut witness, _) = rig.connect();
    for _ in 0..20 {
        let storm: Vec<TcpStream> = (0..50).map(|_| rig.dial()).collect();
        for (number, mut stream) in storm.into_iter().enumerate() {
            if number % 2 == 0 {
                stream.write_all(&framed(b"bye")[..number % 5]).unwrap();
            }
            if number % 3 == 0 {
                rig.pass();
            }
            reset(stream);
        }
    }
    rig.until_rig(|rig| rig.clients.len() == 1);
    witness.write_all(&framed(b"calm")).unwrap();
    assert_eq!(rig.read(&mut witness, 5), framed(b"calm"));
    rig.until(|inbox| inbox.opened.len() == inbox.closed.len() + 1);
}

#[test]
fn an_old_id_finds_nothing_in_a_reused_slot() {
    let mut rig = Rig::new(Limits::default());
    let (first, old) = rig.connect();
    rig.sessions().mark_logged_in(old);
    reset(first);
    rig.until_empty();
    let (mut second, new) = rig.connect();
    assert_eq!(token::slot(old), token::slot(new));
    assert_ne!(old, new);
    let sessions = rig.sessions();
    sessions.send(old, &framed(b"for the one before"));
    sessions.close(old, &goodbye(Farewell::Kicked, ""));
    sessions.queue(old);
    sessions.touch(old);
    sessions.send(new, &framed(b"for you"));
    assert_eq!(rig.read(&mut second, 8), framed(b"for you"));
    assert!(!rig.sessions().get(new).unwrap().logged_in);
    assert_eq!(rig.sessions().len(), 1);
}

#[test]
fn a_goodbye_arrives_although_the_client_has_sent_what_nobody_reads() {
    let mut rig = Rig::new(Limits::default());
    let (mut client, id) = rig.connect();
    client.write_all(&framed(&[1; 900]).repeat(60)).unwrap();
    let last = Goodbye { retry_after_ms: 7, ..goodbye(Farewell::Shutdown, "restart") };
    rig.sessions().close(id, &last);
    rig.clients.flush();
    assert_eq!(read_goodbye(&rig.read_to_end(&mut client)), last);
    assert!(rig.inbox.packets.is_empty());
    drop(client);
    rig.until_empty();
}

fn a_client_that_does_not_hang_up_is_hung_up_on_at_the_goodbye_deadline(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (_client, id) = rig.connect();
    rig.clients.close(id, &goodbye(Farewell::Kicked, ""));
    rig.pass();
    assert_eq!(rig.clients.len(), 1);
    rig.advance(Duration::from_secs(1));
    assert_eq!(rig.clients.len(), 1);
    rig.advance(Duration::from_secs(2));
    assert!(rig.clients.is_empty());
    assert_eq!(rig.inbox.closed.len(), 1, "told once");
}

fn everybody_can_be_told_goodbye_until_nobody_is_left(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let mut clients: Vec<TcpStream> = (0..20).map(|_| rig.connect().0).collect();
    rig.clients.stop_accepting();
    let last = goodbye(Farewell::Shutdown, "until later");
    rig.clients.close_all(&last);
    rig.clients.flush();
    for client in &mut clients {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        assert_eq!(read_goodbye(&bytes), last);
    }
    drop(clients);
    rig.until_empty();
    assert_eq!(rig.inbox.closed.len(), 20);
    assert!(TcpStream::connect(rig.clients.local_addr()).is_err());
}

#[test]
fn a_waker_ends_the_sleep() {
    let mut rig = Rig::new(Limits::default());
    let waker = rig.clients.waker();
    std::thread::scope(|scope| {
        scope.spawn(|| waker.wake().unwrap());
        rig.clients.wait(None).unwrap();
    });
    assert_eq!(rig.stats().wakeups, 1);
}
