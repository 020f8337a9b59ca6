//! Clients that take their time.

use super::*;

with_io_threads![
    dribbling_does_not_move_the_login_deadline,
    a_login_in_time_lifts_the_deadline,
    silence_ends_a_session_and_every_byte_breaks_it,
    small_steps_of_time_find_a_deadline_within_one_round,
    time_in_which_the_server_stood_still_is_no_silence_and_no_late_login,
    with_many_sessions_each_socket_is_read_before_its_client_is_judged,
    deadlines_go_on_after_the_server_stood_still
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

fn time_in_which_the_server_stood_still_is_no_silence_and_no_late_login(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (_silent, silent_id) = rig.connect();
    rig.clients.mark_logged_in(silent_id);
    let _new = rig.connect();
    for _ in 0..3 {
        rig.stand_still(Duration::from_secs(3_600));
    }
    assert_eq!(rig.inbox.closed, []);
}

fn with_many_sessions_each_socket_is_read_before_its_client_is_judged(io_threads: u8) {
    let limits = Limits { events_per_poll: 16, login_deadline: None, ..Limits::default() };
    let mut rig = Rig::on(io_threads, limits);
    let mut clients: Vec<_> = (0..100).map(|_| rig.connect()).collect();
    rig.advance(Duration::from_secs(29));
    for (client, _) in &mut clients {
        client.write_all(&framed(b"ping")).unwrap();
    }
    // Due now, and a pass has no turn but for a few of them.
    rig.stand_still(Duration::from_millis(1_100));
    assert_eq!(rig.inbox.closed, []);
    rig.until(|inbox| inbox.packets.len() == 100);
}

fn deadlines_go_on_after_the_server_stood_still(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (_client, id) = rig.connect();
    rig.advance(Duration::from_secs(5));
    rig.stand_still(Duration::from_secs(60));
    rig.advance(Duration::from_secs(3));
    assert_eq!(rig.inbox.closed, [], "nine and a quarter of ten seconds");
    rig.advance(Duration::from_secs(2));
    assert_eq!(rig.inbox.closed, [(id, told(Farewell::LoginTimeout))]);
}

#[test]
fn deadlines_on_an_io_thread_stand_still_while_the_loop_is_away() {
    let mut rig = Rig::on(1, Limits::default());
    let (_client, id) = rig.connect();
    for _ in 0..60 {
        rig.settle_threads();
        *rig.clock.lock().unwrap() += Duration::from_secs(1);
        rig.settle_threads();
    }
    rig.pass();
    rig.settle();
    rig.pass();
    assert_eq!(rig.inbox.closed, [], "the loop may have a login that it hasn't looked at");
    rig.advance(Duration::from_secs(10));
    assert_eq!(rig.inbox.closed, [(id, told(Farewell::LoginTimeout))]);
}
