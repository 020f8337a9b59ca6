//! Characters are listed, made and deleted; they enter the world, leave it, and enter again once they are saved.

use game::{CharacterId, Input, Order, SessionId};
use protocol::v1::{
    CreateCharacter, DeleteCharacter, EnterWorld, Farewell, LeaveWorld, ListCharacters, Move,
    Refusal, Register, server_packet::Body,
};

use super::rig::*;
use crate::lobby::Settings;
use crate::store::Answer;

fn create(name: &str) -> CreateCharacter {
    CreateCharacter { name: name.into() }
}

#[test]
fn characters_are_made_listed_and_deleted() {
    let mut rig = Rig::with(Settings { characters_per_account: 2, ..settings() });
    rig.log_in(ONE, "anna");
    rig.send(ONE, 1, &create("mira"));
    rig.settle();
    let Some(Body::CharacterCreated(created)) = &rig.last(ONE).body else {
        panic!("{:?}", rig.last(ONE))
    };
    let mira = created.character.clone().unwrap();
    assert_eq!(mira.name, "Mira");
    rig.send(ONE, 2, &create("MIRA"));
    rig.settle();
    rig.assert_refused(ONE, 2, Refusal::NameTaken);
    rig.send(ONE, 3, &create("M1ra"));
    rig.assert_refused(ONE, 3, Refusal::BadName);
    rig.send(ONE, 4, &create("Tobin"));
    rig.settle();
    rig.send(ONE, 5, &create("Third"));
    rig.settle();
    rig.assert_refused(ONE, 5, Refusal::TooManyCharacters);
    rig.send(ONE, 6, &DeleteCharacter { id: mira.id });
    rig.settle();
    assert!(matches!(&rig.last(ONE).body, Some(Body::CharacterDeleted(d)) if d.id == mira.id));
    rig.send(ONE, 7, &DeleteCharacter { id: mira.id });
    rig.settle();
    rig.assert_refused(ONE, 7, Refusal::NoSuchCharacter);
    rig.send(ONE, 8, &ListCharacters {});
    rig.settle();
    let Some(Body::CharacterList(list)) = &rig.last(ONE).body else {
        panic!("{:?}", rig.last(ONE))
    };
    assert_eq!(list.characters.len(), 1);
}

#[test]
fn while_the_store_takes_nothing_no_character_is_made_or_deleted_and_later_both_are() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.lobby.store_answer(Answer::ValueOpen(false), rig.now);
    rig.send(ONE, 3, &create("Tobin"));
    rig.assert_refused(ONE, 3, Refusal::StoreBehind);
    rig.send(ONE, 4, &DeleteCharacter { id: mira.0 });
    rig.assert_refused(ONE, 4, Refusal::StoreBehind);
    assert_eq!(rig.questions(), 0);
    rig.lobby.store_answer(Answer::ValueOpen(true), rig.now);
    rig.send(ONE, 5, &create("Tobin"));
    rig.settle();
    assert!(matches!(&rig.last(ONE).body, Some(Body::CharacterCreated(_))));
    rig.send(ONE, 6, &DeleteCharacter { id: mira.0 });
    rig.settle();
    assert!(matches!(&rig.last(ONE).body, Some(Body::CharacterDeleted(_))));
}

#[test]
fn another_account_s_character_can_neither_enter_nor_be_deleted() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.log_in(TWO, "bert");
    rig.enter(TWO, mira);
    rig.assert_refused(TWO, 3, Refusal::NoSuchCharacter);
    rig.send(TWO, 4, &DeleteCharacter { id: mira.0 });
    rig.settle();
    rig.assert_refused(TWO, 4, Refusal::NoSuchCharacter);
    assert_eq!(rig.world[&mira], Some(ONE));
}

#[test]
fn packets_of_the_world_reach_the_game_after_the_character() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    let step = Move { heading: 1, walking: true, sequence: 2 };
    rig.send(ONE, 5, &step);
    rig.send_raw(ONE, MODULE_MESSAGE, b"whatever");
    let [Input::Enter { character, .. }, Input::Packet { request, id, .. }, module] =
        &rig.inputs[..]
    else {
        panic!("{:?}", rig.inputs)
    };
    assert_eq!((character.id, *request, *id), (mira, 5, 1));
    assert!(
        matches!(module, Input::Packet { id: MODULE_MESSAGE, payload, .. } if payload == "whatever")
    );
}

#[test]
fn left_world_waits_for_the_save_and_then_the_session_is_in_the_lobby() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.send(ONE, 8, &LeaveWorld {});
    rig.game_tick();
    // A step that was on its way is refused and not held against the client.
    rig.send(ONE, 9, &Move::default());
    rig.assert_refused(ONE, 9, Refusal::WrongPhase);
    rig.send(ONE, 10, &ListCharacters {});
    rig.assert_refused(ONE, 10, Refusal::WrongPhase);
    rig.sync();
    assert_eq!(rig.last(ONE).request, 8);
    assert!(matches!(rig.last(ONE).body, Some(Body::LeftWorld(_))));
    rig.enter(ONE, mira);
    assert_eq!(rig.world[&mira], Some(ONE));
}

#[test]
fn a_character_is_read_again_only_when_its_last_save_is_durable() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.send(ONE, 8, &LeaveWorld {});
    // Another session comes while the character is on its way out.
    assert!(!rig.log_in(TWO, "anna").in_world);
    rig.enter(TWO, mira);
    rig.send(TWO, 9, &ListCharacters {});
    rig.assert_refused(TWO, 9, Refusal::Busy);
    rig.game_tick();
    assert!(rig.reads.is_empty(), "left, but not saved");
    rig.sync();
    assert_eq!(rig.reads.len(), 1, "saved, so it is read");
    rig.settle();
    assert_eq!(rig.world[&mira], Some(TWO));
}

#[test]
fn a_character_on_its_way_out_cannot_be_deleted() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.send(ONE, 8, &LeaveWorld {});
    rig.log_in(TWO, "anna");
    rig.send(TWO, 9, &DeleteCharacter { id: mira.0 });
    rig.assert_refused(TWO, 9, Refusal::Busy);
    rig.game_tick();
    rig.sync();
    rig.send(TWO, 10, &DeleteCharacter { id: mira.0 });
    rig.settle();
    assert!(rig.characters.is_empty());
}

#[test]
fn a_session_that_takes_over_waits_for_the_deletion_that_its_predecessor_asked_for() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.send(ONE, 8, &DeleteCharacter { id: mira.0 });
    let deletion = rig.writes.pop_front().unwrap();
    rig.log_in(TWO, "anna");
    rig.send(TWO, 9, &EnterWorld { character: mira.0 });
    rig.assert_refused(TWO, 9, Refusal::Busy);
    rig.writes.push_back(deletion);
    rig.settle();
    rig.enter(TWO, mira);
    rig.assert_refused(TWO, 3, Refusal::NoSuchCharacter);
}

#[test]
fn a_zone_that_is_not_here_leaves_the_session_in_the_lobby() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.zone_gone = true;
    rig.enter(ONE, mira);
    rig.game_tick();
    rig.assert_refused(ONE, 3, Refusal::ZoneUnavailable);
    // Leaving before the game could say so must not wait for ever.
    rig.send(ONE, 4, &EnterWorld { character: mira.0 });
    rig.settle();
    rig.send(ONE, 5, &LeaveWorld {});
    rig.game_tick();
    rig.sync();
    assert!(matches!(rig.last(ONE).body, Some(Body::LeftWorld(_))));
    rig.zone_gone = false;
    rig.enter(ONE, mira);
    assert_eq!(rig.world[&mira], Some(ONE));
}

#[test]
fn a_character_that_the_game_lets_go_brings_its_session_to_the_lobby() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.expel(mira);
    rig.game_tick();
    rig.sync();
    assert!(matches!(rig.last(ONE).body, Some(Body::LeftWorld(_))));
    rig.enter(ONE, mira);
    assert_eq!(rig.world[&mira], Some(ONE));
}

#[test]
fn who_is_kicked_is_told_why_leaves_at_once_and_cannot_resume() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    let token = rig.token(ONE);
    rig.order(&Order::Kick {
        session: ONE,
        reason: Farewell::Kicked,
        message: "mind your words".into(),
    });
    rig.assert_farewell(ONE, Farewell::Kicked);
    assert!(rig.world.is_empty());
    rig.game_tick();
    rig.sync();
    rig.greet(TWO, HERE);
    rig.send(TWO, 1, &protocol::v1::Resume { token });
    rig.assert_refused(TWO, 1, Refusal::TokenExpired);
    assert_eq!(rig.lobby.stats().logins, 0);
}

/// What the game orders when the database refuses a character's save: away with who plays it, and it leaves unsaved.
fn could_not_be_saved(rig: &mut Rig, character: CharacterId, player: Option<SessionId>) {
    rig.expel(character);
    if let Some(session) = player {
        let message = "your character could not be saved".into();
        rig.order(&Order::Kick { session, reason: Farewell::Kicked, message });
    }
    rig.game_tick();
}

#[test]
fn who_could_not_be_saved_is_told_and_comes_back_with_what_the_database_has() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    could_not_be_saved(&mut rig, mira, Some(ONE));
    rig.assert_farewell(ONE, Farewell::Kicked);
    // Commits before it may still be on their way, and with them what it had earned.
    assert!(!rig.log_in(TWO, "anna").in_world);
    rig.enter(TWO, mira);
    assert!(rig.reads.is_empty(), "it isn't read yet");
    rig.characters.remove(&mira);
    rig.sync();
    rig.settle();
    rig.assert_refused(TWO, 3, Refusal::NoSuchCharacter);
    assert!(rig.world.is_empty());
}

#[test]
fn who_could_not_be_saved_is_forgotten_when_nobody_comes_back() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    could_not_be_saved(&mut rig, mira, Some(ONE));
    rig.close(ONE);
    rig.sync();
    let stats = rig.lobby.stats();
    assert_eq!((stats.logins, stats.characters, stats.waiting, stats.away), (0, 0, 0, 0));
}

#[test]
fn who_takes_over_a_character_that_could_not_be_saved_is_in_the_lobby() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    // The game doesn't know of the second session yet, and sends the first one away.
    assert!(rig.log_in(TWO, "anna").in_world);
    could_not_be_saved(&mut rig, mira, Some(ONE));
    rig.assert_farewell(ONE, Farewell::TakenOver);
    assert!(!matches!(rig.last(TWO).body, Some(Body::LeftWorld(_))), "not durable yet");
    rig.sync();
    assert!(matches!(rig.last(TWO).body, Some(Body::LeftWorld(_))));
    rig.enter(TWO, mira);
    assert_eq!(rig.world[&mira], Some(TWO), "as the database has it");
}

#[test]
fn who_resumes_after_its_character_could_not_be_saved_is_in_the_lobby() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    let token = rig.token(ONE);
    rig.close(ONE);
    could_not_be_saved(&mut rig, mira, None);
    rig.greet(TWO, HERE);
    rig.send(TWO, 1, &protocol::v1::Resume { token });
    rig.send(TWO, 3, &EnterWorld { character: mira.0 });
    assert!(rig.reads.is_empty(), "what it earned before may still be on its way");
    rig.sync();
    rig.settle();
    assert_eq!(rig.world[&mira], Some(TWO));
}

#[test]
fn who_was_kicked_enters_again_only_when_its_last_save_is_durable() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    let message = "mind your words".into();
    rig.order(&Order::Kick { session: ONE, reason: Farewell::Kicked, message });
    rig.log_in(TWO, "anna");
    rig.enter(TWO, mira);
    assert!(rig.reads.is_empty(), "still in the world");
    rig.game_tick();
    assert!(rig.reads.is_empty(), "out of it, but not saved");
    rig.sync();
    rig.settle();
    assert_eq!(rig.world[&mira], Some(TWO));
}

#[test]
fn a_shutdown_says_goodbye_after_everybody_was_told_that_all_is_saved() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.lobby.close_doors(std::time::Duration::from_secs(10));
    rig.lobby.empty_world();
    rig.pump();
    rig.game_tick();
    assert!(!matches!(rig.last(ONE).body, Some(Body::LeftWorld(_))), "not durable yet");
    rig.sync();
    assert!(matches!(rig.last(ONE).body, Some(Body::LeftWorld(_))));
    rig.lobby.say_goodbye(rig.now);
    rig.pump();
    rig.assert_farewell(ONE, Farewell::Shutdown);
}

#[test]
fn emptying_the_world_brings_everybody_to_the_lobby() {
    let mut rig = Rig::new();
    let characters = ["Mira", "Tobin"].map(|name| rig.character(name, name));
    for (session, account, id) in [(ONE, "Mira", characters[0]), (TWO, "Tobin", characters[1])] {
        let account = account.to_lowercase();
        rig.characters.remove(&id);
        let id = rig.character(&account, &account);
        rig.log_in(session, &account);
        rig.enter(session, id);
    }
    rig.close(TWO);
    assert_eq!(rig.lobby.stats().characters, 2);
    rig.lobby.empty_world();
    rig.pump();
    rig.game_tick();
    rig.sync();
    assert_eq!(rig.lobby.stats().characters, 0);
    assert!(matches!(rig.last(ONE).body, Some(Body::LeftWorld(_))));
}

#[test]
fn an_id_that_no_character_has_is_refused() {
    let mut rig = Rig::new();
    rig.log_in(ONE, "anna");
    rig.enter(ONE, CharacterId(u64::MAX));
    rig.assert_refused(ONE, 3, Refusal::NoSuchCharacter);
}

#[test]
fn names_that_players_take_for_the_staff_are_reserved_for_characters_and_registration() {
    let reserved_names = vec!["admin".to_owned()];
    let mut rig = Rig::with(Settings { reserved_names, ..settings() });
    rig.log_in(ONE, "admin");
    for name in ["Admin", "aDMIN", "Adrnin"] {
        rig.send(ONE, 1, &create(name));
        rig.assert_refused(ONE, 1, Refusal::BadName);
    }
    assert_eq!(rig.questions(), 0);
    rig.send(ONE, 2, &create("Adam"));
    rig.settle();
    assert!(matches!(rig.last(ONE).body, Some(Body::CharacterCreated(_))));
    rig.greet(TWO, HERE);
    let (account, password) = ("adm1n_".to_owned(), "correct horse".to_owned());
    rig.send(TWO, 3, &Register { account, password });
    rig.assert_refused(TWO, 3, Refusal::BadName);
}
