//! The brain against a peer that follows a script: bytes in, bytes out, time passed in.

use super::*;
use crate::bot::credentials::Credentials;
use crate::bot::world::{Asked, Pending};
use protocol::v1::client_packet::Body;
use protocol::v1::{
    Character, CharacterCreated, CharacterList, Died, Farewell, Goodbye, Inventory,
    InventoryChanged, LeftWorld, LoggedIn, Pong, Queued, Redirect, Refusal, Refused, View, Welcome,
};
use talk::{Talk, at, item};

mod crowd;
mod fight;
mod mail;
mod shop;
mod talk;

#[test]
fn a_new_player_logs_in_with_a_token_creates_a_character_and_enters() {
    let mut talk = Talk::with_token(Scenario::Wander);
    assert!(matches!(talk.log_in(false), Body::TokenLogin(_)));
    assert!(matches!(talk.says_one().1, Body::ListCharacters(_)));
    talk.hear(CharacterList::default());
    let Body::CreateCharacter(first) = talk.says_one().1 else { panic!("creates a character") };
    talk.hear(Refused { reason: Refusal::NameTaken.into(), ..Refused::default() });
    let Body::CreateCharacter(second) = talk.says_one().1 else { panic!("tries another name") };
    assert_ne!(first.name, second.name);
    talk.hear(CharacterCreated { character: Some(Character { id: 5, ..Character::default() }) });
    assert!(matches!(talk.says_one().1, Body::EnterWorld(enter) if enter.character == 5));
    talk.entered();
    assert!(talk.has(|event| matches!(event, Event::Online)));
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_password_registers_first_and_logs_in_where_the_account_exists() {
    let mut talk =
        Talk::new(Scenario::Wander, Watch::Count, Credentials::Password("hush hush".into()));
    talk.connect();
    talk.said();
    talk.hear(Welcome::default());
    assert!(matches!(talk.says_one().1, Body::Register(_)));
    talk.hear(Refused { reason: Refusal::AccountExists.into(), ..Refused::default() });
    assert!(matches!(talk.says_one().1, Body::Login(login) if login.account == "bot-test-3"));
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_busy_server_is_asked_again_and_the_latency_counts_from_the_first_time() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.connect();
    talk.said();
    talk.hear(Welcome::default());
    assert!(matches!(talk.says_one().1, Body::TokenLogin(_)));
    let busy = Refused { reason: Refusal::Busy.into(), retry_after_ms: 700, ..Refused::default() };
    talk.hear(busy);
    talk.wait(1_100);
    let again = talk.said();
    assert!(again.iter().any(|(_, body)| matches!(body, Body::TokenLogin(_))), "{again:?}");
    talk.hear(LoggedIn::default());
    assert_eq!(talk.samples(Metric::Login), [at(1_100)]);
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_busy_lobby_is_asked_again_and_the_latency_counts_from_the_first_time() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.log_in(false);
    let characters = vec![Character { id: 5, ..Character::default() }];
    let list = CharacterList { characters };
    talk.hear(list.clone());
    let busy = Refused { reason: Refusal::Busy.into(), retry_after_ms: 700, ..Refused::default() };
    talk.hear(busy);
    talk.wait(1_100);
    talk.hear(list);
    talk.entered();
    assert_eq!(talk.samples(Metric::Enter), [at(1_100)]);
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_drop_that_may_have_been_done_stays_open_until_an_inventory_comes() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.bot.world.as_mut().unwrap().pending =
        Some(Pending { request: 1, due: Duration::ZERO, asked: Asked::Loss { item: 70 } });
    for _ in 0..2 {
        talk.bot.disconnected(talk.now, LinkEnd::Closed);
        talk.collect();
        talk.log_in(true);
        talk.entered();
        talk.said();
    }
    talk.hear(Inventory { items: vec![], slots: 8, gold: 0 });
    assert!(!talk.has(|event| matches!(event, Event::Finding(_))));
}

#[test]
fn moves_keep_their_pace_and_their_latency_counts_from_when_they_were_due() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.wait(1000);
    talk.said();
    let due = talk.bot.next_timeout().unwrap();
    // The bot is woken 300 ms late: two moves, both late, and no drift afterwards.
    talk.now = due + at(300);
    talk.bot.handle_timeout(talk.now);
    talk.collect();
    let late = talk.moves();
    assert_eq!(late.len(), 2);
    talk.events.clear();
    talk.now = due + at(350);
    talk.hear(View { ack: late[1], ..View::default() });
    let mut waited = talk.samples(Metric::Move);
    waited.sort_unstable();
    assert_eq!(waited[..2], [at(150), at(350)]);
}

#[test]
fn a_bot_that_was_kept_from_its_turns_doesnt_flood_the_server_with_them() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.now += at(30_000);
    talk.bot.handle_timeout(talk.now);
    talk.collect();
    assert!(talk.moves().len() <= 11, "two seconds of moves at most");
    assert!(talk.has(|event| matches!(event, Event::TurnsSkipped(turns) if *turns > 100)));
}

#[test]
fn pings_are_answered_with_their_latency() {
    let mut talk = Talk::with_token(Scenario::Chat);
    talk.play();
    let nonce = (0..20).find_map(|_| {
        talk.wait(1000);
        talk.said()
            .into_iter()
            .find_map(|(_, body)| if let Body::Ping(ping) = body { Some(ping.nonce) } else { None })
    });
    talk.now = Duration::from_nanos(nonce.unwrap()) + at(7);
    talk.hear(Pong { nonce: nonce.unwrap() });
    assert_eq!(talk.samples(Metric::Ping), [at(7)]);
    talk.hear(Pong { nonce: 1 });
    assert_eq!(talk.errors().len(), 1, "nobody asked for a second pong");
}

#[test]
fn a_lost_connection_is_an_error_and_is_resumed_with_the_session_token() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
    assert_eq!(talk.errors(), ["the connection was lost while playing: Closed"]);
    assert!(talk.has(|event| matches!(event, Event::Offline)));
    assert!(matches!(talk.log_in(true), Body::Resume(resume) if resume.token == [1, 2, 3]));
    talk.entered();
    assert_eq!(talk.events.iter().filter(|event| matches!(event, Event::Online)).count(), 2);
}

#[test]
fn a_session_token_that_is_refused_leads_to_a_fresh_login() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
    talk.connect();
    talk.said();
    talk.hear(Welcome::default());
    assert!(matches!(talk.says_one().1, Body::Resume(_)));
    talk.hear(Refused { reason: Refusal::TokenExpired.into(), ..Refused::default() });
    assert!(matches!(talk.says_one().1, Body::TokenLogin(_)));
}

#[test]
fn a_redirect_is_followed_to_its_address_with_its_token() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.hear(Redirect { address: "127.0.0.9:4444".into(), token: vec![9] });
    assert!(talk.has(|event| matches!(event, Event::Close { how: Close::Politely })));
    talk.hear(Goodbye { reason: Farewell::Redirected.into(), ..Goodbye::default() });
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
    assert_eq!(talk.connect(), "127.0.0.9:4444".parse().unwrap());
    talk.said();
    talk.hear(Welcome::default());
    assert!(matches!(talk.says_one().1, Body::Resume(resume) if resume.token == [9]));
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_redirect_to_a_name_is_looked_up_before_it_is_followed() {
    for found in [Some("127.0.0.9:4444"), None] {
        let mut talk = Talk::with_token(Scenario::Wander);
        talk.play();
        talk.hear(Redirect { address: "Play.example.org:4444".into(), token: vec![9] });
        let address = talk.events.iter().find_map(|event| match event {
            Event::LookUp { address } => Some(address.clone()),
            _ => None,
        });
        let address = address.unwrap();
        assert_eq!(address.to_string(), "play.example.org:4444");
        talk.bot.looked_up(&address, found.map(|found| found.parse().unwrap()));
        talk.bot.disconnected(talk.now, LinkEnd::Closed);
        let goes_to = talk.connect().to_string();
        assert_eq!(goes_to == "127.0.0.9:4444", found.is_some(), "{goes_to}");
    }
}

#[test]
fn an_unexpected_goodbye_is_counted_by_reason_and_is_an_error() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    let reason = Farewell::TooSlow.into();
    talk.hear(Goodbye { reason, message: "too slow".into(), ..Goodbye::default() });
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
    assert!(talk.has(|event| matches!(event, Event::Goodbye(Farewell::TooSlow))));
    assert_eq!(talk.errors(), ["the server said goodbye: FAREWELL_TOO_SLOW (too slow)"]);
    talk.connect();
}

#[test]
fn a_bot_waits_in_the_queue_for_as_long_as_it_is_told_that_it_moves() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.log_in(false);
    let characters = vec![Character { id: 5, ..Character::default() }];
    talk.hear(CharacterList { characters });
    talk.said();
    for place in [2, 1] {
        talk.hear(Queued { place });
        // Three times as long as any other step may take, on a server that answers pings.
        for _ in 0..18 {
            talk.wait(5_000);
            for (_, body) in talk.said() {
                let Body::Ping(ping) = body else { panic!("{body:?}") };
                talk.hear(Pong { nonce: ping.nonce });
            }
        }
    }
    talk.entered();
    assert!(talk.has(|event| matches!(event, Event::Online)));
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn leaving_is_polite_and_no_error() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.bot.leave(talk.now);
    assert!(matches!(talk.says_one().1, Body::LeaveWorld(_)));
    talk.hear(LeftWorld {});
    assert!(talk.has(|event| matches!(event, Event::Close { how: Close::Politely })));
    talk.hear(Goodbye { reason: Farewell::ClientLeft.into(), ..Goodbye::default() });
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
    assert!(talk.has(|event| matches!(event, Event::Finished)));
    assert_eq!(talk.errors(), [""; 0]);
    assert_eq!(talk.bot.next_timeout(), None);
}

/// Tells a bot in the world that the server shuts down and when to come back, with a request of it on the way.
fn shut_down(talk: &mut Talk, retry_after_ms: u32) {
    talk.hear(LeftWorld {});
    talk.hear(Refused { reason: Refusal::WrongPhase.into(), ..Refused::default() });
    let reason = Farewell::Shutdown.into();
    talk.hear(Goodbye { reason, retry_after_ms, ..Goodbye::default() });
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
}

#[test]
fn a_server_that_restarts_after_saying_so_is_no_error() {
    for stopping in [false, true] {
        let mut talk = Talk::with_token(Scenario::Wander);
        talk.play();
        if stopping {
            talk.bot.leave(talk.now);
        }
        shut_down(&mut talk, 1000);
        assert_eq!(talk.errors(), [""; 0]);
        assert!(talk.has(|event| matches!(event, Event::Goodbye(Farewell::Shutdown))));
    }
}

#[test]
fn a_server_that_stays_away_longer_than_a_restart_takes_is_an_error() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    shut_down(&mut talk, 1000);
    let refused = LinkEnd::Failed(std::io::ErrorKind::ConnectionRefused);
    while talk.errors().is_empty() {
        talk.wait(100);
        if talk.has(|event| matches!(event, Event::Connect { .. })) {
            talk.events.clear();
            talk.bot.disconnected(talk.now, refused);
            talk.collect();
        }
    }
    assert!(talk.now >= RESTART_PATIENCE, "{:?}", talk.now);
}

#[test]
fn a_server_that_shut_down_and_isnt_back_at_the_end_of_the_run_is_an_error() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    shut_down(&mut talk, 1000);
    talk.wait(500);
    talk.bot.leave(talk.now);
    talk.collect();
    assert_eq!(talk.errors(), ["the server has shut down and isn't back"]);
}

#[test]
fn bots_that_are_told_the_same_time_to_come_back_are_spread_beyond_it() {
    let returns: Vec<Duration> = (0..20)
        .map(|number| {
            let mut talk = Talk::numbered(number, Scenario::Wander);
            talk.play();
            let end = talk.now;
            shut_down(&mut talk, 10_000);
            talk.bot.next_timeout().unwrap() - end
        })
        .collect();
    assert!(returns.iter().all(|wait| (at(10_000)..at(15_000)).contains(wait)), "{returns:?}");
    let distinct: std::collections::BTreeSet<_> = returns.iter().collect();
    assert!(distinct.len() > 15, "{returns:?}");
}

#[test]
fn every_address_of_the_server_is_tried_before_it_is_an_error() {
    let (first, second) = ("[::1]:7777".parse().unwrap(), "127.0.0.1:7777".parse().unwrap());
    let mut talk = Talk::with_servers(vec![first, second]);
    let refused = LinkEnd::Failed(std::io::ErrorKind::ConnectionRefused);
    assert_eq!(talk.asks_to_connect(), first);
    talk.bot.disconnected(talk.now, refused);
    assert_eq!(talk.asks_to_connect(), second);
    assert_eq!(talk.errors(), [""; 0]);
    talk.bot.disconnected(talk.now, refused);
    assert_eq!(talk.asks_to_connect(), first);
    assert_eq!(talk.errors().len(), 1);
}

#[test]
fn what_was_never_answered_is_in_the_latency_when_the_run_ends() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.bot.world.as_mut().unwrap().pending =
        Some(Pending { request: 1, due: talk.now, asked: Asked::Gain });
    talk.wait(20_000);
    talk.events.clear();
    talk.bot.leave(talk.now);
    talk.collect();
    assert_eq!(talk.samples(Metric::Confirm), [at(20_000)]);
    assert_eq!(talk.samples(Metric::Ping).len(), 2, "one in ten seconds");
    assert!(talk.samples(Metric::Move).iter().any(|waited| *waited > at(10_000)));
    talk.events.clear();
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
    assert!(!talk.has(|event| matches!(event, Event::Sample { .. })), "each is counted once");
}

#[test]
fn what_was_never_answered_is_in_the_latency_when_the_connection_ends() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.wait(11_000);
    talk.events.clear();
    talk.bot.disconnected(talk.now, LinkEnd::Closed);
    talk.collect();
    assert_eq!(talk.samples(Metric::Ping).len(), 1);
    assert!(talk.samples(Metric::Move).iter().any(|waited| *waited > at(9_000)));
}

#[test]
fn a_way_into_the_world_that_never_came_to_its_end_is_in_the_latency() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.connect();
    talk.wait(5_000);
    talk.bot.leave(talk.now);
    talk.collect();
    assert_eq!(talk.samples(Metric::Connect), [talk.now]);
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.connect();
    talk.said();
    talk.hear(Welcome::default());
    talk.wait(5_000);
    talk.bot.leave(talk.now);
    talk.collect();
    assert_eq!(talk.samples(Metric::Login), [at(5_000)]);
}

#[test]
fn a_server_that_doesnt_answer_a_login_times_out_and_is_tried_again() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.connect();
    talk.wait(31_000);
    assert_eq!(talk.errors(), ["no answer within 30 s while greeting"]);
    talk.connect();
}

#[test]
fn the_connect_scenario_closes_after_the_greeting_and_comes_again() {
    let mut talk = Talk::with_token(Scenario::Connect);
    for _ in 0..2 {
        talk.connect();
        talk.said();
        talk.hear(Welcome::default());
        assert_eq!(talk.said(), [], "no login");
        talk.bot.disconnected(talk.now, LinkEnd::Closed);
        talk.collect();
    }
    assert_eq!(talk.samples(Metric::Connect).len(), 2);
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn the_reconnect_scenario_cuts_its_connection_and_resumes() {
    let mut talk = Talk::with_token(Scenario::Reconnect);
    talk.play();
    let is_cut = |event: &Event| matches!(event, Event::Close { how } if *how != Close::Politely);
    while !talk.has(is_cut) {
        talk.wait(100);
        for (_, body) in talk.said() {
            if let Body::Ping(ping) = body {
                talk.hear(Pong { nonce: ping.nonce });
            }
        }
    }
    assert!(matches!(talk.log_in(true), Body::Resume(_)));
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_dead_walker_stands_still_until_it_has_asked_to_live_again() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    talk.wait(1000);
    talk.said();
    talk.hear(Died::default());
    talk.wait(1500);
    let still = talk.said();
    assert!(!still.iter().any(|(_, body)| matches!(body, Body::Move(_))), "{still:?}");
    talk.wait(2000);
    let said = talk.said();
    assert!(said.iter().any(|(_, body)| matches!(body, Body::Respawn(_))));
    assert!(said.iter().any(|(_, body)| matches!(body, Body::Move(_))), "and walks again");
}

#[test]
fn confirmations_are_told_with_their_latency_and_impossible_ones_are_findings() {
    let mut talk = Talk::with_token(Scenario::Wander);
    talk.play();
    assert!(talk.has(|event| matches!(event, Event::Confirmed(told) if told.item == 70)));
    talk.hear(InventoryChanged { changed: vec![item(71, 0)], ..Default::default() });
    assert!(talk.has(|event| matches!(event, Event::Finding(text) if text.contains("slot 0"))));
}

#[test]
fn the_same_seed_says_the_same() {
    let script = || {
        let mut talk = Talk::with_token(Scenario::Mixed);
        talk.play();
        talk.wait(20_000);
        talk.said()
    };
    assert_eq!(script(), script());
}
