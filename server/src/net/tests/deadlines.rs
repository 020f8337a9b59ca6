//! Clients that take their time.

use super::*;

with_io_threads![
    dribbling_does_not_move_the_login_deadline,
    a_login_in_time_lifts_the_deadline,
    silence_ends_a_session_and_every_byte_breaks_it,
    small_steps_of_time_find_a_deadline_within_one_round
];

fn dribbling_does_not_move_the_login_deadline(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (mut client, id) = rig.connect();
    let frame = framed(&[7; 100]);
    for byte in &frame[..9] {
        let before = rig.stats().bytes_in;
        client.write_all(&[*byte]).unwrap();
        while rig.stats().bytes_in == before {
            rig.pass();
        }
        rig.advance(Duration::from_secs(1));
    }
    assert!(rig.inbox.closed.is_empty());
    rig.advance(Duration::from_secs(1));
    assert_eq!(rig.inbox.closed, [(id, told(Farewell::LoginTimeout))]);
}

fn a_login_in_time_lifts_the_deadline(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (_client, id) = rig.connect();
    rig.clients.mark_logged_in(id);
    rig.advance(Duration::from_secs(29));
    assert!(rig.inbox.closed.is_empty());
}

fn silence_ends_a_session_and_every_byte_breaks_it(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (mut talker, talker_id) = rig.connect();
    let (_silent, silent_id) = rig.connect();
    for id in [talker_id, silent_id] {
        rig.clients.mark_logged_in(id);
    }
    for round in 1..=29 {
        talker.write_all(&framed(b"ping")).unwrap();
        rig.until(|inbox| inbox.packets.len() == round);
        rig.advance(Duration::from_secs(1));
    }
    assert!(rig.inbox.closed.is_empty());
    rig.advance(Duration::from_secs(2));
    assert_eq!(rig.inbox.closed, [(silent_id, told(Farewell::Silent))]);
}

fn small_steps_of_time_find_a_deadline_within_one_round(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let clients: Vec<_> = (0..7).map(|_| rig.connect()).collect();
    let step = Duration::from_millis(100);
    for _ in 0..99 {
        rig.advance(step);
    }
    assert!(rig.inbox.closed.is_empty());
    for _ in 0..12 {
        rig.advance(step);
    }
    assert_eq!(rig.inbox.closed.len(), clients.len());
    assert_eq!(rig.stats().farewells(Farewell::LoginTimeout), 7);
}
