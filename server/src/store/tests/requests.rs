//! Accounts, token logins, characters and ids: what is refused, and that nothing else suffers from it.

use game::record::{Change, Owner, Pages};
use game::{AccountId, CharacterId, ItemId, Rank};

use super::world::{
    Home, RESERVED, World, create, ground, item, on_every_engine, register, save, write,
};
use crate::auth::Secret;
use crate::store::rules::now_ms;
use crate::store::{
    AccountRow, Answer, CreateRefused, OpenError, OperatorError, Read, Ticket, Write, set_rank,
};

on_every_engine![
    a_world_keeps_its_secret_and_no_other_has_the_same,
    a_taken_name_is_refused_and_the_commits_beside_it_are_durable,
    an_account_is_found_by_its_name_with_its_hash,
    a_token_id_is_admitted_once_also_after_a_restart,
    expired_token_ids_are_forgotten_and_others_kept,
    a_token_whose_id_may_have_been_forgotten_is_not_admitted,
    a_character_name_is_taken_whatever_its_capitals,
    an_account_has_no_more_characters_than_it_may,
    a_character_comes_back_as_it_was_saved_with_all_it_owns,
    an_id_that_no_character_can_have_is_not_found_and_harms_nobody,
    a_deleted_characters_items_leave_the_world_through_the_ledger,
    ids_carry_the_node_and_are_never_given_twice,
    a_rank_is_set_by_hand_only_while_no_server_runs,
];

fn a_world_keeps_its_secret_and_no_other_has_the_same(home: &Home) {
    let secret = |home: &Home| {
        let world = home.open();
        world.store.close().unwrap();
        world.claim.secret
    };
    let own = secret(home);
    assert_eq!(secret(home), own);
    let others = secret(&home.another());
    assert!(own.iter().zip(&others).all(|(own, other)| own != other), "{own:?} {others:?}");
    assert!(own.iter().all(|number| *number < 1 << 48));
}

fn token(id: &str, expires_at: u64) -> Write {
    Write::AdmitToken {
        ticket: Ticket(3),
        token_id: id.to_owned(),
        expires_at,
        account: "robot".to_owned(),
    }
}

fn a_taken_name_is_refused_and_the_commits_beside_it_are_durable(home: &Home) {
    let mut world = home.open();
    let (_, anna) = world.character("anna");
    let first = world.submit(anna, vec![Change::Create(item(1, ground(0)))]);
    world.store.submit(register("anna")).unwrap();
    let second = world.submit(anna, vec![Change::Create(item(2, ground(0)))]);
    assert_eq!(world.answer(), Answer::Durable(first));
    let refused = Answer::Registered { ticket: Ticket(1), account: None };
    assert_eq!(world.answer(), refused);
    assert_eq!(world.answer(), Answer::Durable(second));
    assert_eq!(world.store.durable(), second);
}

fn an_account_is_found_by_its_name_with_its_hash(home: &Home) {
    let mut world = home.open();
    let id = world.account("anna");
    let question = |name: &str| Read::Account { ticket: Ticket(9), name: name.to_owned() };
    let found = Answer::Account {
        ticket: Ticket(9),
        account: Some(AccountRow {
            id,
            name: "anna".to_owned(),
            password_hash: Some(Secret::new("hash".to_owned())),
        }),
    };
    assert_eq!(world.read(question("anna")), found);
    let nobody = Answer::Account { ticket: Ticket(9), account: None };
    assert_eq!(world.read(question("bert")), nobody);
}

fn a_token_id_is_admitted_once_also_after_a_restart(home: &Home) {
    let mut world = home.open();
    let admitted = world.write(token("t1", u64::MAX));
    let Answer::TokenAdmitted { account, .. } = &admitted else {
        panic!("{admitted:?}");
    };
    let account = account.clone().unwrap();
    assert_eq!(account.password_hash, None);
    let refused = Answer::TokenAdmitted { ticket: Ticket(3), account: None };
    assert_eq!(world.write(token("t1", u64::MAX)), refused);
    world.store.close().unwrap();
    let mut world = home.open();
    assert_eq!(world.write(token("t1", u64::MAX)), refused);
    let again = Answer::TokenAdmitted { ticket: Ticket(3), account: Some(account) };
    assert_eq!(world.write(token("t2", u64::MAX)), again);
}

fn expired_token_ids_are_forgotten_and_others_kept(home: &Home) {
    let mut world = home.open();
    let old = now_ms() / 1_000 - 24 * 3_600;
    for id in 0..40 {
        world.write(token(&format!("old {id}"), old));
    }
    world.store.close().unwrap();
    // As if they had been there for long.
    home.run("UPDATE login_tokens SET expires_at = 1000");
    let mut world = home.open();
    for id in 0..40 {
        world.write(token(&format!("new {id}"), u64::MAX));
    }
    world.store.close().unwrap();
    let count = |pattern: &str| home.count("login_tokens", &format!("id LIKE '{pattern}'"));
    assert_eq!(count("new %"), 40);
    assert!(count("old %") <= 1, "{} are left", count("old %"));
}

/// As after a clock that was set forward, while ids were forgotten, and back again.
fn a_token_whose_id_may_have_been_forgotten_is_not_admitted(home: &Home) {
    let mut world = home.open();
    let now = now_ms() / 1_000;
    assert!(admits(&mut world, token("t1", now + 60)));
    let forgotten = token("t2", now - 27 * 3_600);
    assert!(!admits(&mut world, forgotten), "nobody can tell whether it was spent");
    assert!(admits(&mut world, token("t3", now - 3_600)), "its id would still be known");
    world.store.close().unwrap();
    assert_eq!(home.count("login_tokens", "id IN ('t1', 't3')"), 2);
    assert_eq!(home.count("meta", "key = 'tokens_forgotten_s'"), 1);
    let mut world = home.open();
    assert!(!admits(&mut world, token("t2", now - 27 * 3_600)), "after a restart neither");
}

fn admits(world: &mut World, token: Write) -> bool {
    let answer = world.write(token);
    let Answer::TokenAdmitted { account, .. } = answer else { panic!("{answer:?}") };
    account.is_some()
}

fn a_character_name_is_taken_whatever_its_capitals(home: &Home) {
    let mut world = home.open();
    let (account, _) = world.character("Ärwen");
    let refused =
        Answer::CharacterCreated { ticket: Ticket(2), result: Err(CreateRefused::NameTaken) };
    assert_eq!(world.write(create(account, "äRWEN")), refused);
}

fn an_account_has_no_more_characters_than_it_may(home: &Home) {
    let mut world = home.open();
    let (account, _) = world.character("a");
    world.write(create(account, "c"));
    world.write(create(account, "b"));
    let refused =
        Answer::CharacterCreated { ticket: Ticket(2), result: Err(CreateRefused::TooMany) };
    assert_eq!(world.write(create(account, "d")), refused);
    let ticket = Ticket(4);
    let answer = world.read(Read::Characters { ticket, account });
    let Answer::Characters { characters, .. } = answer else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = characters.iter().map(|each| each.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

fn a_character_comes_back_as_it_was_saved_with_all_it_owns(home: &Home) {
    let mut world = home.open();
    let (account, anna) = world.character("Anna");
    let owned = item(7, Owner::Character(anna));
    let operation = world.operation(anna, vec![Change::Create(owned.clone())]);
    let mut commit = world.commit(vec![operation]);
    let saved = save(anna, -250, 9);
    commit.characters.push(saved.clone());
    world.write(write(commit));
    // A save without a module keeps what the module saved before.
    let mut commit = world.commit(Vec::new());
    commit.characters.push(save(anna, 17, 9));
    commit.characters[0].modules = Pages::default();
    world.write(write(commit));
    world.store.close().unwrap();

    let mut world = home.open();
    let ticket = Ticket(5);
    let character = anna;
    let answer = world.read(Read::Character { ticket, account, character });
    let Answer::Character { character: Some(record), .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(record.name, "Anna");
    assert_eq!(record.rank, Rank::Player);
    assert_eq!(record.place.unwrap().x, 17);
    assert_eq!(record.modules, saved.modules.to_map());
    assert_eq!(record.items, [owned]);
    let foreign =
        world.read(Read::Character { ticket, account: AccountId(account.0 + 1), character });
    let nobody = Answer::Character { ticket, character: None };
    assert_eq!(foreign, nobody);
}

fn an_id_that_no_character_can_have_is_not_found_and_harms_nobody(home: &Home) {
    let mut world = home.open();
    let (account, _) = world.character("anna");
    for id in [0, u64::MAX >> 1, 1 << 63, u64::MAX] {
        let answer = world.write(Write::DeleteCharacter {
            ticket: Ticket(6),
            account,
            character: CharacterId(id),
        });
        let found = false;
        let ticket = Ticket(6);
        assert_eq!(answer, Answer::CharacterDeleted { ticket, found }, "{id}");
    }
    world.store.close().unwrap();
}

fn a_deleted_characters_items_leave_the_world_through_the_ledger(home: &Home) {
    let mut world = home.open();
    let (account, anna) = world.character("anna");
    world.settle(
        anna,
        vec![Change::Create(item(1, Owner::Character(anna))), Change::Create(item(2, ground(3)))],
    );
    let delete = |account| Write::DeleteCharacter { ticket: Ticket(6), account, character: anna };
    let answer = |found| Answer::CharacterDeleted { ticket: Ticket(6), found };
    assert_eq!(world.write(delete(AccountId(99))), answer(false));
    assert_eq!(world.write(delete(account)), answer(true));
    assert_eq!(world.write(delete(account)), answer(false));
    let report = home.audit();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.items, report.histories), (1, 2));
    let history = home.history(ItemId(1));
    assert_eq!(history.len(), 2);
    assert_eq!(history[1].cause, "character deleted");
    assert_eq!(history[1].to, None);
    // The name is free again.
    assert!(matches!(
        world.write(create(account, "anna")),
        Answer::CharacterCreated { result: Ok(_), .. }
    ));
}

fn ids_carry_the_node_and_are_never_given_twice(home: &Home) {
    let mut at_five = home.settings();
    at_five.node = 5;
    let mut world = World::open(at_five.clone());
    let reserve = Write::ReserveItemIds { count: 100 };
    let ids = |counter: u64| Answer::ItemIds { first: ItemId((5 << 48) | counter), count: 100 };
    assert_eq!(world.write(reserve.clone()), ids(RESERVED + 1));
    assert_eq!(world.account("anna"), AccountId(5 << 48 | 1));
    world.store.close().unwrap();
    let mut world = World::open(at_five);
    assert_eq!(world.write(reserve), ids(2 * RESERVED + 101));
}

fn a_rank_is_set_by_hand_only_while_no_server_runs(home: &Home) {
    let mut world = home.open();
    let (account, _) = world.character("Anna");
    let set = |name| set_rank(&home.location(), name, Rank::Master);
    assert!(matches!(set("anna"), Err(OperatorError::Open(OpenError::InUse { .. }))));
    world.store.close().unwrap();
    assert!(matches!(set("bert"), Err(OperatorError::NoSuchCharacter(_))));
    set("anna").unwrap();
    let mut world = home.open();
    let ticket = Ticket(7);
    let answer = world.read(Read::Characters { ticket, account });
    let Answer::Characters { characters, .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(characters[0].rank, Rank::Master);
}
