//! Messages out of place: refused, counted, never carried out.

use std::time::Duration;

use game::{Order, SessionId};
use proptest::prelude::*;
use prost::Message as _;
use protocol::v1::{
    CLIENT_MESSAGES, CreateCharacter, DeleteCharacter, EnterWorld, Farewell, Hello, Login, Ping,
    Refusal, Register, Resume, ServerPacket, TokenLogin, server_packet::Body,
};
use protocol::{ClientInfo, PROTOCOL_VERSION, Phase};

use super::rig::*;

#[test]
fn nothing_but_hello_is_accepted_first_and_hello_never_again() {
    let mut rig = Rig::new();
    rig.open(ONE, HERE);
    rig.send(ONE, 1, &Ping { nonce: 1 });
    rig.assert_refused(ONE, 1, Refusal::WrongPhase);
    rig.greet(TWO, HERE);
    let hello = Hello { protocol_version: PROTOCOL_VERSION, client: "again".into() };
    rig.send(TWO, 2, &hello);
    rig.assert_refused(TWO, 2, Refusal::WrongPhase);
}

#[test]
fn unknown_messages_are_refused_with_their_request_and_too_many_end_the_session() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    for number in 0..16 {
        assert_eq!(rig.seen[&ONE].farewell, None, "after {number}");
        if number > 0 {
            rig.assert_refused(ONE, 7, Refusal::UnknownMessage);
        }
        rig.send_raw(ONE, 500 + number, b"");
    }
    rig.assert_farewell(ONE, Farewell::TooManyErrors);
    let stats = rig.lobby.stats();
    assert_eq!(stats.refused[&Refusal::UnknownMessage], 16);
    assert_eq!(stats.farewells[&Farewell::TooManyErrors], 1);
    // What it had sent before it could read the goodbye is ignored.
    rig.send(ONE, 1, &Ping { nonce: 1 });
    rig.close(ONE);
}

#[test]
fn an_undecodable_payload_ends_the_session_with_that_reason() {
    for id in CLIENT_MESSAGES.iter().filter(|info| info.phase == Phase::Login) {
        let mut rig = Rig::new();
        rig.greet(ONE, HERE);
        rig.send_raw(ONE, id.id, &[0x0a, 0x05, 0x01]);
        rig.assert_farewell(ONE, Farewell::Undecodable);
    }
}

#[test]
fn a_goodbye_for_errors_in_the_world_leaves_the_character_its_grace_time() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    for _ in 0..16 {
        rig.send_raw(ONE, 999, b"");
    }
    rig.assert_farewell(ONE, Farewell::TooManyErrors);
    assert_eq!(rig.world[&mira], None);
    assert!(rig.log_in(TWO, "anna").in_world);
}

/// A payload that decodes as the message of this id, and where it can, one that makes sense.
fn payload(id: u32, number: u64, rig: &Rig, tokens: &[Vec<u8>]) -> Vec<u8> {
    let account = ["anna", "bert"][usize::try_from(number % 2).unwrap()].to_owned();
    let password = "correct horse".to_owned();
    let character = rig.characters.keys().nth(usize::try_from(number % 3).unwrap());
    let character = character.map_or(number, |id| id.0);
    let name = |info: &&ClientInfo| info.id == id;
    match CLIENT_MESSAGES.iter().find(name).map_or("", |info| info.name) {
        "Hello" => {
            Hello { protocol_version: PROTOCOL_VERSION, client: "any".into() }.encode_to_vec()
        }
        "Register" => Register { account, password }.encode_to_vec(),
        "Login" => Login { account, password }.encode_to_vec(),
        "TokenLogin" => TokenLogin { token: format!("{account}:{number}") }.encode_to_vec(),
        "Resume" => Resume { token: tokens.last().cloned().unwrap_or_default() }.encode_to_vec(),
        "CreateCharacter" => CreateCharacter {
            name: ["Mira", "Tobin", "Liese"][usize::try_from(number % 3).unwrap()].into(),
        }
        .encode_to_vec(),
        "DeleteCharacter" => DeleteCharacter { id: character }.encode_to_vec(),
        "EnterWorld" => EnterWorld { character }.encode_to_vec(),
        _ => Vec::new(),
    }
}

/// Where a client is, as it can tell from what it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Greeting,
    Login,
    Lobby,
    World,
}

impl At {
    fn phase(self) -> Phase {
        match self {
            Self::Greeting => Phase::Greeting,
            Self::Login => Phase::Login,
            Self::Lobby => Phase::Lobby,
            Self::World => Phase::World,
        }
    }
}

/// Goes where the events lead, and checks that each can come where the client is.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other messages move no client")]
fn follow(at: At, event: &Event) -> At {
    let body = match event {
        Event::Enters => {
            assert_eq!(at, At::Lobby, "entered out of place");
            return At::World;
        }
        Event::Plays => {
            assert_eq!(at, At::World, "played out of place");
            return at;
        }
        Event::Frame(packet) => packet.body.as_ref().unwrap(),
    };
    match body {
        Body::Welcome(_) => {
            assert_eq!(at, At::Greeting, "welcomed twice");
            At::Login
        }
        Body::LoggedIn(logged_in) => {
            assert_eq!(at, At::Login, "logged in out of place");
            [At::Lobby, At::World][usize::from(logged_in.in_world)]
        }
        Body::CharacterList(_) | Body::CharacterCreated(_) | Body::CharacterDeleted(_) => {
            assert_eq!(at, At::Lobby, "{body:?} out of place");
            at
        }
        Body::LeftWorld(_) => {
            assert_eq!(at, At::World, "left without having been there");
            At::Lobby
        }
        Body::Pong(_) => {
            assert_ne!(at, At::Greeting, "pong before hello");
            at
        }
        // The one who asked to enter is in the lobby again; one who took over is told with LeftWorld.
        Body::Refused(refused) if refused.reason() == Refusal::ZoneUnavailable => {
            assert_eq!(at, At::World);
            let asked = matches!(event, Event::Frame(packet) if packet.request != 0);
            [At::World, At::Lobby][usize::from(asked)]
        }
        _ => at,
    }
}

/// One message, and whether anything came of it that may not come where the client is.
fn send_checked(rig: &mut Rig, session: SessionId, kind: ClientInfo, payload: &[u8], at: At) {
    let (inputs, questions) = (rig.inputs.len(), rig.questions());
    rig.send_raw(session, kind.id, payload);
    if rig.questions() > questions {
        let place = [(At::Login, Phase::Login), (At::Lobby, Phase::Lobby)];
        assert!(place.contains(&(at, kind.phase)), "{kind:?} asked for something {at:?}");
    }
    if rig.inputs.len() > inputs {
        let resumed = (at, kind.name) == (At::Login, "Resume");
        let played = (at, kind.phase) == (At::World, Phase::World);
        assert!(resumed || played, "{kind:?} reached the game {at:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn valid_messages_in_any_order_are_never_carried_out_in_a_wrong_state(
        steps in proptest::collection::vec((any::<u16>(), any::<u64>()), 1..300),
    ) {
        let mut rig = Rig::with(crate::lobby::Settings { errors_max: 1_000, failed_logins_max: 1_000, ..settings() });
        let sessions = [ONE, TWO, THREE];
        sessions.into_iter().for_each(|session| rig.open(session, HERE));
        let mut at = std::collections::BTreeMap::from(sessions.map(|session| (session, (At::Greeting, 0))));
        let mut tokens: Vec<Vec<u8>> = Vec::new();
        let module = ClientInfo { id: MODULE_MESSAGE, name: "", phase: Phase::World, bounds: &[] };
        let kinds: Vec<_> = CLIENT_MESSAGES.iter().copied().chain([module]).collect();
        for (choice, number) in steps {
            let session = sessions[usize::from(choice) % 3];
            match choice / 3 % 40 {
                0 => { rig.close(session); rig.open(session, HERE); at.insert(session, (At::Greeting, 0)); }
                1..4 => { rig.game_tick(); }
                4..7 => rig.sync(),
                7 => rig.pass(Duration::from_secs(number % 61)),
                8..13 => rig.answer_some(Rig::answer_read),
                13..18 => rig.answer_some(Rig::answer_write),
                18..23 => rig.answer_some(Rig::answer_job),
                23 => rig.zone_gone = number % 2 == 0 && rig.world.is_empty(),
                24 if rig.world.values().any(|player| *player == Some(session)) => {
                    rig.order(&Order::Redirect { session, address: None });
                }
                25 => rig.order(&Order::Kick { session: SessionId(number % 5), reason: Farewell::Kicked, message: "out".into() }),
                _ => {
                    // Every other message is one that fits, so that clients get as far as the world.
                    let here = at[&session].0;
                    let fits = |kind: &&ClientInfo| number % 2 == 0 || kind.phase == here.phase();
                    let fitting: Vec<_> = kinds.iter().filter(fits).collect();
                    let number = number / 2;
                    let kind = *fitting[usize::try_from(number % fitting.len() as u64).unwrap()];
                    let payload = payload(kind.id, number / 64, &rig, &tokens);
                    if rig.seen[&session].farewell.is_none() {
                        send_checked(&mut rig, session, kind, &payload, here);
                    }
                }
            }
            for (session, (place, read)) in &mut at {
                for event in &rig.seen[session].events[*read..] {
                    *place = follow(*place, event);
                    if let Event::Frame(ServerPacket { body: Some(Body::SessionToken(token)), .. }) = event {
                        tokens.push(token.token.clone());
                    }
                }
                *read = rig.seen[session].events.len();
            }
        }
    }
}
