//! What crosses the border between the loop and the I/O threads.

use std::sync::mpsc::{Receiver, Sender, channel};

use game::{Publication, PublicationBuilder};
use protocol::v1::{Announcement, Inventory, Pong};

use super::super::{goodbye, token};
use super::*;

with_io_threads![
    each_session_gets_what_a_tick_says_to_it_without_what_is_held,
    frames_of_all_lengths_come_back_exactly_and_in_order
];

/// Without any limit that large or many frames would break.
fn boundless() -> Limits {
    Limits {
        frame_limit: 100_000,
        frame_limit_before_login: 100_000,
        soft_output_limit: 64 << 20,
        hard_output_limit: 256 << 20,
        login_deadline: None,
        heartbeat_timeout: None,
        packet_rate: None,
        byte_rate: None,
        ..Limits::default()
    }
}

fn pong(nonce: u64) -> Pong {
    Pong { nonce }
}

fn encoded(message: &impl protocol::ServerMessage) -> Vec<u8> {
    let mut frame = Vec::new();
    protocol::encode_server_frame(&mut frame, 0, message);
    frame
}

/// A tick that says to each session its place among them.
fn numbers(sessions: &[SessionId]) -> Publication {
    let mut builder = PublicationBuilder::new();
    for (number, session) in (1..).zip(sessions) {
        builder.frame(*session, 0, &pong(number));
    }
    builder.finish(1)
}

#[test]
fn connections_are_spread_evenly() {
    let mut rig = Rig::on(2, Limits::default());
    let mut clients: Vec<_> = (0..10).map(|_| rig.connect()).collect();
    let on_first = |clients: &[(TcpStream, SessionId)]| {
        clients.iter().filter(|(_, id)| token::io_thread(*id) == 1).count()
    };
    assert_eq!(on_first(&clients), 5);
    clients.retain(|(_, id)| token::io_thread(*id) == 2);
    rig.until_rig(|rig| rig.clients.len() == 5);
    clients.extend((0..3).map(|_| rig.connect()));
    assert_eq!(on_first(&clients), 3, "new ones go where there are fewer");
}

fn each_session_gets_what_a_tick_says_to_it_without_what_is_held(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let mut clients: Vec<_> = (0..9).map(|_| rig.connect()).collect();
    let everybody: Vec<SessionId> = clients.iter().map(|(_, id)| *id).collect();
    let mut builder = PublicationBuilder::new();
    builder.broadcast(&Announcement::default(), everybody.iter().copied());
    builder.broadcast(&Inventory::default(), everybody.iter().copied());
    for (number, session) in (0..).zip(&everybody) {
        builder.frame(*session, 0, &pong(number));
    }
    let mut held = everybody[..4].to_vec();
    held.sort_unstable();
    rig.clients.hand_out(builder.finish(1), held);
    for (number, (client, _)) in (0..).zip(&mut clients) {
        let inventory = if number < 4 { Vec::new() } else { encoded(&Inventory::default()) };
        let expected = [encoded(&Announcement::default()), inventory, encoded(&pong(number))];
        let expected = expected.concat();
        assert_eq!(rig.read(client, expected.len()), expected);
    }
    rig.until_rig(|rig| rig.clients.take_back().is_some());
    assert!(rig.clients.take_back().is_none());
}

/// Speaks and listens at once, so that neither side waits for the other.
fn converse(mut client: TcpStream, said: Vec<u8>) -> std::thread::JoinHandle<Vec<u8>> {
    let mut speaker = client.try_clone().unwrap();
    let mut heard = vec![0; said.len()];
    let speaking = std::thread::spawn(move || speaker.write_all(&said).unwrap());
    std::thread::spawn(move || {
        client.read_exact(&mut heard).unwrap();
        speaking.join().unwrap();
        heard
    })
}

fn frames_of_all_lengths_come_back_exactly_and_in_order(io_threads: u8) {
    let mut rig = Rig::on(io_threads, boundless());
    rig.echoes = true;
    let said = |seed: usize| -> Vec<u8> {
        let lengths = (0..60).map(|step| 1 + (step * step * 28 + seed * 997) % 100_000);
        let lengths = lengths.chain([1, 100_000, 1, 99_999]);
        let frames = lengths.map(|length| framed(&vec![length.to_le_bytes()[0]; length]));
        frames.collect::<Vec<_>>().concat()
    };
    let clients: Vec<_> = (0..4).map(|seed| converse(rig.connect().0, said(seed))).collect();
    rig.until_rig(|_| clients.iter().all(std::thread::JoinHandle::is_finished));
    for (seed, client) in clients.into_iter().enumerate() {
        assert!(client.join().unwrap() == said(seed));
    }
}

#[test]
fn a_loop_that_takes_nothing_stops_the_senders_and_nothing_is_lost() {
    let mut rig = Rig::on(1, boundless());
    let (mut client, id) = rig.connect();
    let frame = |number: u32| framed(&number.to_le_bytes().repeat(10_000));
    let frames = 500;
    let sending = std::thread::spawn(move || {
        (0..frames).for_each(|number| client.write_all(&frame(number)).unwrap());
        client
    });
    let start = Instant::now();
    while !rig.clients.threads.waiting().0 {
        assert!(start.elapsed() < PATIENCE, "the thread never waits for room");
        std::thread::yield_now();
    }
    assert!(!sending.is_finished());
    let (_, bytes) = rig.clients.threads.waiting();
    assert!(bytes <= 3 << 20, "{bytes} bytes of news lie there");
    rig.until(|inbox| inbox.packets.len() == frames as usize);
    for (number, (session, packet)) in (0..).zip(&rig.inbox.packets) {
        assert!(*session == id && framed(packet) == frame(number));
    }
    drop(sending.join().unwrap());
}

/// A triage that stands still at each packet until it is told to go on.
fn standing() -> (impl Triage, Receiver<()>, Sender<()>) {
    let ((stands, hear), (go, wait)) = (channel(), channel());
    let wait = Arc::new(Mutex::new(wait));
    let triage = move |_: &[u8]| {
        stands.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        Ok(Urgency::NextTick)
    };
    (triage, hear, go)
}

#[test]
fn a_third_publication_waits_until_the_first_is_handed_out() {
    let (triage, stands, go) = standing();
    let mut rig = Rig::triaged(1, Framing::Delimited, Limits::default(), &triage);
    let (mut client, id) = rig.connect();
    client.write_all(&framed(b"stand still")).unwrap();
    stands.recv().unwrap();
    assert!(!rig.clients.is_behind());
    rig.clients.hand_out(numbers(&[id]), Vec::new());
    assert!(!rig.clients.is_behind());
    rig.clients.hand_out(numbers(&[id]), Vec::new());
    assert!(rig.clients.is_behind());
    go.send(()).unwrap();
    // Whoever waits is woken.
    while rig.clients.is_behind() {
        rig.clients.wait(None).unwrap();
        rig.clients.receive(Instant::now(), &mut rig.inbox);
    }
    assert_eq!(rig.read(&mut client, 2 * encoded(&pong(1)).len()), encoded(&pong(1)).repeat(2));
}

#[test]
fn a_thread_that_has_not_heard_its_orders_is_not_listened_to_until_it_has() {
    let (triage, stands, go) = standing();
    let mut rig = Rig::triaged(1, Framing::Delimited, boundless(), &triage);
    let (mut client, id) = rig.connect();
    client.write_all(&framed(b"question")).unwrap();
    stands.recv().unwrap();
    let answer = framed(&vec![7; 1 << 20]);
    (0..20).for_each(|_| rig.clients.send(id, &answer));
    rig.clients.flush();
    assert!(rig.clients.threads.look_again().is_some());
    go.send(()).unwrap();
    assert!(rig.read(&mut client, 20 * answer.len()) == answer.repeat(20));
    rig.until(|inbox| inbox.packets == [(id, b"question".to_vec())]);
    assert!(rig.clients.threads.look_again().is_none());
}

#[test]
fn a_loop_without_room_hears_nothing_and_looks_again_until_it_has_some() {
    let mut rig = Rig::on(1, boundless());
    let (mut client, id) = rig.connect();
    rig.inbox.full = true;
    client.write_all(&framed(b"wait")).unwrap();
    rig.until_rig(|rig| rig.clients.threads.waiting().1 > 0);
    rig.settle();
    assert_eq!(rig.inbox.packets, []);
    assert!(
        rig.clients.threads.look_again().is_some(),
        "a thread that has woken the loop doesn't again"
    );
    rig.inbox.full = false;
    rig.until(|inbox| inbox.packets == [(id, b"wait".to_vec())]);
    assert!(rig.clients.threads.look_again().is_none());
}

/// A tick that shows a session a cell.
fn shown(session: SessionId) -> Publication {
    let mut builder = PublicationBuilder::new();
    builder.view(session, b"state", b"motion");
    builder.finish(1)
}

/// A view as it arrives.
fn seen(motion: bool) -> Vec<u8> {
    let (publication, mut frame) = (shown(SessionId(0)), Vec::new());
    publication.put_view(&publication.deliveries[0], motion, &mut frame);
    frame
}

#[test]
fn after_slowness_motion_is_left_out_until_a_publication_that_knows_of_it() {
    let mut rig = Rig::on(1, Limits { soft_output_limit: 64 << 10, ..boundless() });
    let (mut client, id) = rig.connect();
    rig.clients.hand_out(shown(id), Vec::new());
    assert_eq!(rig.read(&mut client, seen(true).len()), seen(true));
    let answer = framed(&vec![7; 20 << 20]);
    rig.clients.send(id, &answer);
    rig.clients.flush();
    rig.until_rig(|rig| rig.stats().slow == 1);
    // All is taken while the loop looks away.
    let mut taken = vec![0; answer.len()];
    let looks_away = std::thread::spawn(move || {
        client.read_exact(&mut taken).unwrap();
        client
    });
    let mut client = looks_away.join().unwrap();
    rig.clients.hand_out(shown(id), Vec::new());
    assert_eq!(rig.read(&mut client, seen(false).len()), seen(false));
    rig.until(|inbox| inbox.recovered == [id]);
    rig.clients.hand_out(shown(id), Vec::new());
    assert_eq!(rig.read(&mut client, seen(true).len()), seen(true));
}

#[test]
fn what_triage_refuses_ends_its_session_before_the_loop_sees_it() {
    let triage = |packet: &[u8]| match packet {
        b"bad" => Err(goodbye(Farewell::Malformed, "no")),
        _ => Ok(Urgency::Now),
    };
    let mut rig = Rig::triaged(2, Framing::Delimited, Limits::default(), &triage);
    let (mut client, id) = rig.connect();
    client.write_all(&[framed(b"good"), framed(b"bad"), framed(b"late")].concat()).unwrap();
    assert_eq!(read_goodbye(&rig.read_to_end(&mut client)).reason(), Farewell::Malformed);
    rig.until(|inbox| inbox.closed == [(id, told(Farewell::Malformed))]);
    assert_eq!(rig.inbox.packets, [(id, b"good".to_vec())]);
}

#[test]
fn a_thread_that_panics_is_reported_and_the_others_go_on() {
    let triage = |packet: &[u8]| {
        assert_ne!(packet, b"bug", "this panic belongs to the test");
        Ok(Urgency::Now)
    };
    let mut rig = Rig::triaged(2, Framing::Delimited, Limits::default(), &triage);
    rig.echoes = true;
    let (mut doomed, id) = rig.connect();
    let (mut other, _) = rig.connect();
    rig.clients.hand_out(numbers(&[id]), Vec::new());
    doomed.write_all(&framed(b"bug")).unwrap();
    let mut failure = None;
    rig.until_rig(|rig| {
        failure = rig.clients.take_failure();
        failure.is_some()
    });
    let (number, why) = failure.unwrap();
    assert_eq!((number, why.to_string().as_str()), (token::io_thread(id), "it panicked"));
    assert_eq!(rig.clients.len(), 1);
    for _ in 0..3 {
        rig.clients.hand_out(numbers(&[id]), Vec::new());
    }
    rig.clients.send(id, b"\0");
    rig.pass();
    assert!(!rig.clients.is_behind(), "a dead thread holds nothing up");
    other.write_all(&framed(b"still here")).unwrap();
    assert_eq!(rig.read(&mut other, 11), framed(b"still here"));
    let (_, newcomer) = rig.connect();
    assert_ne!(token::io_thread(newcomer), number);
    let mut rest = Vec::new();
    doomed.read_to_end(&mut rest).unwrap_or_default();
}

#[test]
fn threads_with_nothing_to_do_do_not_wake_up_once_in_ten_seconds() {
    let mut rig = Rig::on(2, boundless());
    rig.echoes = true;
    let mut clients: Vec<_> = (0..20).map(|_| rig.connect().0).collect();
    for client in &mut clients {
        client.write_all(&framed(b"last words")).unwrap();
        assert_eq!(rig.read(client, 11), framed(b"last words"));
    }
    // Its own last work may have left a pass to be made.
    let (mut before, mut since) = (rig.wakeups(), Instant::now());
    rig.until_rig(|rig| {
        let now = rig.wakeups();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        since.elapsed() >= Duration::from_millis(100)
    });
    // This is what is measured, not a way to wait for something.
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(rig.wakeups(), before);
}
