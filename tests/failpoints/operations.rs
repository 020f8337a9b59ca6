//! Every operation that changes what somebody owns, each with the steps on its way.

use protocol::v1::server_packet::Body;
use protocol::v1::{Attack, DeleteCharacter, DropItem, EntityKind, PickUp};

use super::player::Player;
use super::stage::Stage;

/// What an operation concerns: entities, items or a character, as it needs them.
pub(crate) type Target = [u64; 2];

/// An operation of value, or a look at it.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The steps on its way; all others it doesn't pass.
    pub(crate) path: &'static [&'static [&'static str]],
    /// The last step before its answer is written to a socket.
    pub(crate) answered: &'static str,
    /// Lets the clients make everything ready.
    pub(crate) prepare: fn(&mut Stage) -> Target,
    /// The request itself.
    pub(crate) act: fn(&mut Stage, Target),
    /// Who is told that it has happened, and by what.
    pub(crate) told: &'static [(&'static str, fn(&Body) -> bool)],
    /// What it makes of the world.
    pub(crate) effect: &'static [&'static str],
    /// What else must be on, or nothing.
    pub(crate) besides: &'static str,
}

/// Through the loop: asked for in a tick, and told by the value lane.
const TICK: &[&str] = &["loop.ticked"];
const WRITER: &[&str] = &["store.submit", "writer.taken", "writer.durable", "loop.answered"];
const LANE: &[&str] = &["lane.held", "lane.release", "lane.buffered", "session.written"];
const DOOR: &[&str] = &["session.written"];
const READER: &[&str] = &["reader.asked", "reader.found"];

/// The way of what is decided in memory and told to those whose it is.
const OWNED: &[&[&str]] = &[TICK, WRITER, LANE];

const fn owned(
    name: &'static str,
    prepare: fn(&mut Stage) -> Target,
    act: fn(&mut Stage, Target),
    effect: &'static [&'static str],
) -> Operation {
    Operation {
        name,
        path: OWNED,
        answered: "lane.buffered",
        prepare,
        act,
        told: &[("Ada", changed)],
        effect,
        besides: "",
    }
}

/// All of them.
pub(crate) const ALL: &[Operation] = &[
    owned(
        "loot",
        |stage| {
            let target = kill(stage);
            // Progress is saved with the value of the same character: the blow's is out of the way.
            stage.give("Ada", 1);
            [target, 0]
        },
        |stage, [entity, _]| stage.ada.send(&PickUp { entity }),
        &["nothing -> 1 whisker of Ada"],
    ),
    owned(
        "drop",
        |stage| [stage.give("Ada", 2), 0],
        |stage, [item, _]| stage.ada.send(&DropItem { item }),
        &["2 whisker of Ada -> 2 whisker of the ground"],
    ),
    owned(
        "pick up",
        |stage| [drop_some(stage), 0],
        |stage, [entity, _]| stage.ada.send(&PickUp { entity }),
        &["3 whisker of the ground -> 3 whisker of Ada"],
    ),
    owned(
        "gm give",
        |_| [0, 0],
        |stage, _| stage.ada.command("give Ada whisker 4"),
        &["nothing -> 4 whisker of Ada"],
    ),
    Operation {
        path: &[TICK, WRITER],
        told: &[],
        // Nobody is told; the test sees it pass the loop.
        besides: "clock.hurry = on\nloop.answered = delay(0)",
        ..owned(
            "decay",
            |stage| {
                pick_all_up(stage);
                [drop_some(stage), 0]
            },
            |_, _| {},
            &["3 whisker of the ground -> nothing"],
        )
    },
    Operation {
        path: &[WRITER, DOOR],
        answered: "loop.answered",
        told: &[("Dee", |body| matches!(body, Body::CharacterDeleted(_)))],
        ..owned(
            "character delete",
            |stage| [stage.new_dee(), 0],
            |stage, [id, _]| stage.door().send(6, &DeleteCharacter { id }),
            &["1 whisker of Dee -> nothing", "Dee -> nothing"],
        )
    },
    Operation {
        path: &[READER, DOOR],
        answered: "reader.found",
        told: &[("Dee", |body| matches!(body, Body::Inventory(_)))],
        ..owned(
            "enter the world",
            |stage| [stage.new_dee(), 0],
            |stage, [character, _]| stage.let_in(character),
            &[],
        )
    },
];

fn changed(body: &Body) -> bool {
    matches!(body, Body::InventoryChanged(_))
}

/// A mouse dies; gives the loot. What lay there before isn't it.
fn kill(stage: &mut Stage) -> u64 {
    let ada = &mut stage.ada;
    let before = lying(ada);
    let target = ada.look(EntityKind::Monster, |_, seen| seen.hp > 0);
    ada.send(&Attack { target });
    ada.look(EntityKind::Item, |id, _| !before.contains(&id))
}

/// Something of Ada's lies on the ground, durably; gives its entity.
fn drop_some(stage: &mut Stage) -> u64 {
    let item = stage.give("Ada", 3);
    let ada = &mut stage.ada;
    let before = lying(ada);
    ada.send(&DropItem { item });
    ada.expect(|_, body| changed(body).then_some(()));
    ada.look(EntityKind::Item, |id, _| !before.contains(&id))
}

/// Nothing lies on the ground any more that an operation before this one left there.
fn pick_all_up(stage: &mut Stage) {
    let ada = &mut stage.ada;
    for entity in lying(ada) {
        ada.send(&PickUp { entity });
        ada.expect(|_, body| changed(body).then_some(()));
    }
}

fn lying(player: &Player) -> Vec<u64> {
    let items = player.sight.entities().filter(|(_, seen)| seen.kind == EntityKind::Item);
    items.map(|(id, _)| id).collect()
}
