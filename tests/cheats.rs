//! What a client that lies gets out of it: nothing.

use std::collections::BTreeSet;

use protocol::v1::{
    Attack, Command, CommandResult, DropItem, Entered, EntityKind, Inventory, Move, PickUp,
    Refusal, Respawn, View, WatchDigest,
};
use tests::client::Client;
use tests::neighbour::Neighbour;
use tests::server::{ServerProcess, ServerSetup};

/// A server with an admin who has been made one by its operator.
fn with_admin(setup: &ServerSetup) -> (ServerProcess, Client, Entered) {
    let mut server = setup.start();
    drop(Client::enter(server.address, "root", "Root"));
    assert!(server.stop().success());
    let output = setup.run(&["rank", "Root", "admin"]);
    assert!(output.status.success(), "{output:?}");
    let server = setup.start();
    let (root, entered) = Client::enter(server.address, "root", "Root");
    (server, root, entered)
}

fn command(client: &mut Client, line: &str) -> String {
    let line = line.to_owned();
    client.ask::<_, CommandResult>(33, &Command { line }).text
}

/// Where the own entity stood at the end of a tick, in centimetres of the map.
#[derive(Debug, Clone, Copy)]
struct Step {
    tick: u64,
    x: i64,
    y: i64,
}

/// What a view says about where `entity` stands; `None` when it says nothing.
fn place(view: &View, entity: u64, cell_size: u32) -> Option<Step> {
    let step = |column: u32, row: u32, x: u32, y: u32| Step {
        tick: view.tick,
        x: i64::from(column * cell_size + x),
        y: i64::from(row * cell_size + y),
    };
    let entered = view.states.iter().find_map(|cell| {
        let own = cell.enters.iter().find(|entry| entry.id == entity)?;
        Some(step(cell.column, cell.row, own.x, own.y))
    });
    let moved = view.motions.iter().find_map(|cell| {
        let own = cell.motions.iter().find(|entry| entry.entity == entity)?;
        Some(step(cell.column, cell.row, own.x, own.y))
    });
    moved.or(entered)
}

/// Walks in each of these headings for so many moves, each sent again and again as by a client that hopes to be walked
/// for each. Returns every place that it was shown on the way.
fn march(client: &mut Client, entered: &Entered, legs: &[(u32, usize)]) -> Vec<Step> {
    let mut steps = Vec::new();
    let headings = legs.iter().flat_map(|(heading, moves)| std::iter::repeat_n(*heading, *moves));
    for (sequence, heading) in (1..).zip(headings) {
        let walk = Move { heading, walking: true, sequence };
        client.send(0, &walk);
        client.send(0, &walk);
        loop {
            let view = client.expect::<View>();
            steps.extend(place(&view, entered.entity, entered.cell_size));
            if view.ack >= sequence {
                break;
            }
        }
    }
    steps
}

#[test]
fn nobody_walks_through_a_wall_off_the_map_or_faster_than_the_content_says() {
    // So fast that a step is half as long as the hut.
    let speed = ("speed_cm_s = 600", "speed_cm_s = 3000");
    let setup = ServerSetup::new().arena_with("player.toml", speed.0, speed.1);
    let server = setup.start();
    let (mut client, entered) = Client::enter(server.address, "mole", "Mole");
    assert_eq!(entered.max_speed, 3000);
    // North and west into the corner, south-east into the hut, along its walls and into it again, off the map in the
    // south-east.
    let legs = [
        (49_152, 12),
        (32_768, 12),
        (8_192, 18),
        (0, 5),
        (16_384, 5),
        (24_576, 5),
        (57_344, 5),
        (8_192, 12),
    ];
    let steps = march(&mut client, &entered, &legs);
    assert!(steps.len() > 40, "{steps:?}");
    let (width, height) = (i64::from(entered.width), i64::from(entered.height));
    for step in &steps {
        let on_map = (0..width).contains(&step.x) && (0..height).contains(&step.y);
        let in_hut = (3600..4200).contains(&step.x) && (3600..4200).contains(&step.y);
        assert!(on_map && !in_hut, "{step:?}");
    }
    for pair in steps.windows(2) {
        let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
        let ticks = i64::try_from(pair[1].tick - pair[0].tick).unwrap();
        // A centimetre for rounding in each direction.
        let most = 300 * ticks + 2;
        assert!(dx * dx + dy * dy <= most * most, "{pair:?}");
    }
    let corner = steps.iter().any(|step| step.x < 300 && step.y < 300);
    let hut =
        steps.iter().any(|step| (3300..3600).contains(&step.x) && (3300..3600).contains(&step.y));
    assert!(corner && hut, "it met no wall: {steps:?}");
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let server = ServerSetup::new().arena().start();
    let (mut client, entered) = Client::enter(server.address, "odd", "Odd");
    let step = |heading| Move { heading, walking: true, sequence: u32::MAX };
    assert_eq!(client.refusal(1, &step(65_536)), Refusal::BadRequest);
    assert_eq!(client.refusal(2, &step(u32::MAX)), Refusal::BadRequest);
    for (request, target) in (3..).zip([0, 1, u64::MAX, entered.entity + (1 << 32)]) {
        assert_eq!(client.refusal(request, &Attack { target }), Refusal::NoSuchTarget);
    }
    let target = entered.entity;
    assert_eq!(client.refusal(8, &Attack { target }), Refusal::NotAllowed);
    for (request, id) in (9..).zip([0, 1, u64::MAX, entered.entity]) {
        assert_eq!(client.refusal(request, &PickUp { entity: id }), Refusal::NoSuchItem);
        assert_eq!(client.refusal(request, &DropItem { item: id }), Refusal::NoSuchItem);
    }
    assert_eq!(client.refusal(20, &Respawn {}), Refusal::BadRequest);
    client.ping();
}

/// The first entity of this kind that the client is shown.
fn find(client: &mut Client, kind: EntityKind) -> u64 {
    loop {
        let view = client.expect::<View>();
        let mut entities = view.states.iter().flat_map(|cell| &cell.enters);
        if let Some(found) = entities.find(|entity| entity.kind() == kind) {
            return found.id;
        }
    }
}

#[test]
fn attacks_from_afar_and_before_the_cooldown_are_refused() {
    let setup = ServerSetup::new().arena();
    let (_server, mut root, _) = with_admin(&setup);
    let target = find(&mut root, EntityKind::Monster);
    assert_eq!(command(&mut root, "teleport 4500 300"), "at 4500 300");
    assert_eq!(root.refusal(2, &Attack { target }), Refusal::OutOfRange);
    assert_eq!(command(&mut root, "teleport 2800 1600"), "at 2800 1600");
    // Twice in one write, and so in one tick: the second comes before the cooldown is over.
    let mut both = Vec::new();
    protocol::encode_client_frame(&mut both, 3, &Attack { target });
    protocol::encode_client_frame(&mut both, 4, &Attack { target });
    root.send_bytes(&both);
    let (request, refused) = root.expect_refusal();
    assert_eq!((request, refused.reason()), (4, Refusal::Cooldown));
    assert!((1..=400).contains(&refused.retry_after_ms), "{refused:?}");
}

#[test]
fn what_others_own_is_out_of_reach_and_quantities_stay_in_their_bounds() {
    let setup = ServerSetup::new().arena();
    let (server, mut root, _) = with_admin(&setup);
    let mut thief = Neighbour::enter(server.address, "Thief");
    for (line, answer) in [
        ("give Root whisker 0", "1 to 20"),
        ("give Root whisker -1", "quantity"),
        ("give Root whisker 21", "1 to 20"),
        ("give Root whisker 4294967295", "1 to 20"),
        ("give Root whisker 4294967296", "more than a stack"),
        ("give Root gold 0", "1 to"),
        ("give Root gold -1", "quantity"),
        ("give Root gold 1000000000000001", "gold"),
        ("give Root gold 18446744073709551615", "gold"),
        ("give Root gold 18446744073709551616", "quantity"),
        ("give Root excalibur", "excalibur"),
        ("give Nobody whisker", "no Nobody"),
    ] {
        let text = command(&mut root, line);
        assert!(!text.contains("has"), "{line}: {text}");
        assert!(text.contains(answer), "{line}: {text}");
    }
    let given = command(&mut root, "give Root whisker 20");
    let item: u64 = given.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(thief.client.refusal(5, &DropItem { item }), Refusal::NoSuchItem);
    thief.plays();
    // It is still where it was.
    drop(root);
    let mut root = Client::log_in(server.address, "root");
    let inventory = root.expect::<Inventory>();
    assert_eq!(inventory.items.len(), 1);
    assert_eq!((inventory.items[0].id, inventory.items[0].quantity), (item, 20));
}

#[test]
fn a_player_who_types_what_game_masters_type_is_refused_and_does_nothing() {
    let server = ServerSetup::new().arena().start();
    let mut witness = Neighbour::enter(server.address, "Witness");
    let (mut player, _) = Client::enter(server.address, "wanna", "Wannabe");
    for line in [
        "teleport 100 100",
        "give Wannabe whisker 5",
        "spawn mouse 5",
        "announce I am the law",
        "kick Witness",
        "redirect Witness 127.0.0.1:1",
        "shutdown",
    ] {
        let text = command(&mut player, line);
        assert!(text.ends_with("is not for you"), "{line}: {text}");
        witness.plays();
    }
    let help = command(&mut player, "help");
    assert_eq!(help.trim(), "help", "what it may do");
    player.ping();
}

#[test]
fn commands_typed_faster_than_a_hand_can_are_refused() {
    let server = ServerSetup::new().arena().start();
    let (mut player, _) = Client::enter(server.address, "macro", "Macro");
    let mut lines = Vec::new();
    let help = Command { line: "help".into() };
    for request in 1..=50 {
        protocol::encode_client_frame(&mut lines, request, &help);
    }
    player.send_bytes(&lines);
    let (_, refused) = player.expect_refusal();
    assert_eq!(refused.reason(), Refusal::TooFast);
    assert!(refused.retry_after_ms > 0);
    player.ping();
}

#[test]
fn nobody_is_sent_anything_outside_its_nine_cells() {
    let server = ServerSetup::new().start();
    // A crowd all over the meadow, and one who walks through it.
    let crowd: Vec<Neighbour> = ["Ann", "Bea", "Cleo", "Dot", "Eve", "Fay", "Gwen", "Hope"]
        .map(|name| Neighbour::enter(server.address, name))
        .into();
    let (mut spy, _) = Client::enter(server.address, "spy", "Spy");
    spy.send(0, &WatchDigest { on: true });
    let step = Move { heading: 5_000, walking: true, sequence: 1 };
    spy.send(0, &step);
    let (mut anchor, mut anchors, mut cells) = ((0, 0), BTreeSet::new(), 0);
    while anchors.len() < 2 || cells < 200 {
        let view = spy.expect::<View>();
        spy.seen.clear();
        if let Some(cell) = view.anchor {
            anchor = (cell.column, cell.row);
            anchors.insert(anchor);
        }
        let states = view.states.iter().map(|cell| (cell.column, cell.row));
        let motions = view.motions.iter().map(|cell| (cell.column, cell.row));
        let digests = view.digests.iter().map(|cell| (cell.column, cell.row));
        for (column, row) in states.chain(motions).chain(digests) {
            let near = column.abs_diff(anchor.0) <= 1 && row.abs_diff(anchor.1) <= 1;
            assert!(near, "{column} {row} around {anchor:?}");
            cells += 1;
        }
        let places = view.states.iter().flat_map(|cell| &cell.enters);
        assert!(places.into_iter().all(|entity| entity.x < 3200 && entity.y < 3200));
    }
    drop(crowd);
}
