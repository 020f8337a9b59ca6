//! The characters of an account: made, listed, deleted, and whose name they may not have.

use protocol::v1::{
    CharacterCreated, CharacterDeleted, CharacterList, CreateCharacter, DeleteCharacter,
    EnterWorld, ListCharacters, Refusal,
};
use tests::client::Client;
use tests::server::ServerSetup;

fn create(name: &str) -> CreateCharacter {
    CreateCharacter { name: name.into() }
}

fn names(client: &mut Client) -> Vec<String> {
    let list: CharacterList = client.ask(50, &ListCharacters {});
    list.characters.into_iter().map(|entry| entry.name).collect()
}

#[test]
fn an_account_makes_lists_and_deletes_its_characters_up_to_the_limit() {
    let setup = ServerSetup::new().set("auth.characters_per_account", 3);
    let mut server = setup.start();
    let mut ada = Client::log_in(server.address, "ada");
    assert_eq!(names(&mut ada), [""; 0]);
    for (request, name) in (1..).zip(["anna", "BEA", "Cleo"]) {
        let created: CharacterCreated = ada.ask(request, &create(name));
        let character = created.character.unwrap();
        assert_eq!(character.zone, "", "it was nowhere yet");
        assert!(character.name.starts_with(char::is_uppercase));
    }
    assert_eq!(names(&mut ada), ["Anna", "Bea", "Cleo"]);
    assert_eq!(ada.refusal(4, &create("Dora")), Refusal::TooManyCharacters);

    let id = ada.character("Bea");
    let _: CharacterDeleted = ada.ask(5, &DeleteCharacter { id });
    assert_eq!(ada.refusal(6, &DeleteCharacter { id }), Refusal::NoSuchCharacter);
    let character = id;
    assert_eq!(ada.refusal(7, &EnterWorld { character }), Refusal::NoSuchCharacter);
    let _: CharacterCreated = ada.ask(8, &create("Dora"));

    assert!(server.stop().success());
    let again = setup.start();
    let mut ada = Client::log_in(again.address, "ada");
    assert_eq!(names(&mut ada), ["Anna", "Cleo", "Dora"]);
}

#[test]
fn a_name_is_taken_in_any_spelling_and_others_characters_are_out_of_reach() {
    let server = ServerSetup::new().start();
    let mut ada = Client::log_in(server.address, "ada");
    let mut bob = Client::log_in(server.address, "bob");
    let _: CharacterCreated = ada.ask(1, &create("Anna"));
    for (request, name) in (1..).zip(["Anna", "anna", "ANNA"]) {
        assert_eq!(bob.refusal(request, &create(name)), Refusal::NameTaken);
    }
    let id = ada.character("Anna");
    assert_eq!(bob.refusal(5, &DeleteCharacter { id }), Refusal::NoSuchCharacter);
    let character = id;
    assert_eq!(bob.refusal(6, &EnterWorld { character }), Refusal::NoSuchCharacter);

    // In the world it is even less to be had.
    ada.enter_world("Anna");
    assert_eq!(bob.refusal(7, &DeleteCharacter { id }), Refusal::NoSuchCharacter);
    assert_eq!(bob.refusal(8, &EnterWorld { character }), Refusal::NoSuchCharacter);
    for id in [0, u64::MAX, 1 << 63] {
        assert_eq!(bob.refusal(9, &DeleteCharacter { id }), Refusal::NoSuchCharacter);
        let character = id;
        assert_eq!(bob.refusal(10, &EnterWorld { character }), Refusal::NoSuchCharacter);
    }
    bob.ping();
}
