//! Every operation that changes what somebody owns, each with the steps on its way.

use client_bot::bot::sight::Seen;
use protocol::v1::server_packet::Body;
use protocol::v1::{
    AcceptTrade, AnswerTrade, AskTrade, Attack, Buy, DeleteCharacter, DeleteMail, DropItem,
    EntityKind, ListMail, MergeStacks, OfferTrade, PickUp, Sell, SendMail, SplitStack, TakeMail,
    TradeState,
};

use super::player::Player;
use super::stage::Stage;

/// What an operation concerns: entities, items or a character, as it needs them.
pub(crate) type Target = [u64; 2];

/// What is looked for among what a client is sent.
pub(crate) type Such = fn(&Body) -> bool;

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
    pub(crate) told: &'static [(&'static str, Such)],
    /// What it makes of the world.
    pub(crate) effect: &'static [&'static str],
    /// What else must be on, or nothing.
    pub(crate) besides: &'static str,
}

/// Asked for in a tick.
const TICK: &[&str] = &["loop.ticked"];
/// Through the writer's thread and back.
const WRITER: &[&str] = &["store.submit", "writer.taken", "writer.durable", "loop.answered"];
/// A transaction, and what is written in it about items and gold.
const TRANSACTION: &[&str] = &["store.begun", "store.marked", "store.committed"];
const VALUE: &[&str] = &["store.owned", "store.recorded"];
/// Progress is saved with the value of the same character.
const PROGRESS: &[&str] = &["store.saved"];
/// Told by the value lane, which has held it.
const LANE: &[&str] = &["lane.held", "lane.release", "lane.buffered", "session.written"];
/// Told when the answer is there.
const ANSWER: &[&str] = &["session.written"];
/// Through the reader's thread and back.
const READER: &[&str] = &["reader.asked", "reader.found", "loop.answered"];
/// The database decides.
const SHARED: &[&str] = &["store.decided"];

/// The way of what is decided in memory and told to those whose it is.
const OWNED: &[&[&str]] = &[TICK, WRITER, TRANSACTION, VALUE, PROGRESS, LANE];
/// The way of what the database decides: memory follows its answer, so nothing waits in the value lane.
const ASKED: &[&[&str]] = &[TICK, WRITER, TRANSACTION, VALUE, PROGRESS, SHARED, ANSWER];
/// The same, where neither items nor gold are concerned.
const ASKED_FOR_LITTLE: &[&[&str]] = &[TICK, WRITER, TRANSACTION, PROGRESS, SHARED, ANSWER];

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
            let target = kill(stage, "Whisker");
            // Progress is saved with the value of the same character: the blow's is out of the way.
            stage.give("Ada", 1);
            [target, 0]
        },
        |stage, [entity, _]| stage.ada.send(&PickUp { entity }),
        &["nothing -> 1 whisker of Ada"],
    ),
    owned(
        "gold",
        |stage| {
            let target = kill(stage, "Gold");
            stage.give("Ada", 1);
            [target, 0]
        },
        |stage, [entity, _]| stage.ada.send(&PickUp { entity }),
        &["Ada: +7 gold"],
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
    owned(
        "split",
        |stage| [stage.give("Ada", 5), 0],
        |stage, [item, _]| stage.ada.send(&SplitStack { item, quantity: 2 }),
        &["5 whisker of Ada -> 3 whisker of Ada", "nothing -> 2 whisker of Ada"],
    ),
    owned(
        "merge",
        |stage| [stage.give("Ada", 6), stage.give("Ada", 2)],
        |stage, [item, into]| stage.ada.send(&MergeStacks { item, into }),
        &["2 whisker of Ada -> 8 whisker of Ada", "6 whisker of Ada -> nothing"],
    ),
    owned(
        "buy",
        |stage| {
            stage.pay("Ada", 20);
            [keeper(stage), 0]
        },
        |stage, [entity, _]| {
            let template = "whisker".to_owned();
            stage.ada.send(&Buy { entity, template, quantity: 4 });
        },
        &["Ada: -12 gold", "nothing -> 4 whisker of Ada"],
    ),
    owned(
        "sell",
        |stage| [keeper(stage), stage.give("Ada", 3)],
        |stage, [entity, item]| stage.ada.send(&Sell { entity, item }),
        &["3 whisker of Ada -> nothing", "Ada: +6 gold", "Ada: +6 earned"],
    ),
    Operation {
        told: &[("Ada", ended), ("Ben", ended)],
        ..owned(
            "trade",
            |stage| [agree(stage), 0],
            |stage, [revision, _]| accept(&mut stage.ben, revision),
            &["2 whisker of Ada -> 2 whisker of Ben", "Ada: +5 gold", "Ben: -5 gold"],
        )
    },
    Operation {
        path: ASKED,
        answered: "loop.answered",
        told: &[("Ada", |body| matches!(body, Body::MailSent(_)))],
        ..owned(
            "send mail",
            |stage| {
                empty_mailbox(stage);
                stage.pay("Ada", 4);
                [stage.give("Ada", 3), 0]
            },
            |stage, [item, _]| stage.ada.send(&letter(&[item], 4)),
            &[
                "3 whisker of Ada -> 3 whisker of a letter to Ben",
                "Ada: -4 gold",
                "a letter to Ben: +4 gold",
                "nothing -> a letter to Ben",
            ],
        )
    },
    Operation {
        path: ASKED,
        answered: "loop.answered",
        told: &[("Ben", changed)],
        ..owned(
            "take mail",
            |stage| {
                empty_mailbox(stage);
                stage.pay("Ada", 4);
                let item = stage.give("Ada", 3);
                [post(stage, &letter(&[item], 4)), 0]
            },
            |stage, [mail, _]| stage.ben.send(&TakeMail { mail }),
            &[
                "3 whisker of a letter to Ben -> 3 whisker of Ben",
                "Ben: +4 gold",
                "a letter to Ben: -4 gold",
            ],
        )
    },
    Operation {
        path: ASKED_FOR_LITTLE,
        answered: "loop.answered",
        told: &[("Ben", |body| matches!(body, Body::MailDeleted(_)))],
        ..owned(
            "delete mail",
            |stage| {
                empty_mailbox(stage);
                [post(stage, &letter(&[], 0)), 0]
            },
            |stage, [mail, _]| stage.ben.send(&DeleteMail { mail }),
            &["a letter to Ben -> nothing"],
        )
    },
    Operation {
        path: &[TICK, WRITER, TRANSACTION, VALUE],
        told: &[],
        // Nobody is told; the test sees it pass the loop.
        besides: "clock.hurry = once\nloop.answered = delay(0)",
        ..owned(
            "decay",
            |stage| {
                pick_all_up(stage);
                // In two minutes somebody's save may be due. Both are saved with their value now, and nothing of them
                // changes until then.
                stage.give("Ben", 1);
                [drop_some(stage), 0]
            },
            |_, _| {},
            &["3 whisker of the ground -> nothing"],
        )
    },
    Operation {
        path: &[WRITER, TRANSACTION, VALUE, ANSWER],
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
        path: &[READER, ANSWER],
        answered: "loop.answered",
        told: &[("Dee", |body| matches!(body, Body::Inventory(_)))],
        ..owned(
            "enter the world",
            |stage| [stage.new_dee(), 0],
            |stage, [character, _]| stage.let_in(character),
            &[],
        )
    },
];

fn ended(body: &Body) -> bool {
    matches!(body, Body::TradeEnded(_))
}

fn changed(body: &Body) -> bool {
    matches!(body, Body::InventoryChanged(_))
}

/// A mouse dies; gives what it leaves. What lay there before isn't it.
fn kill(stage: &mut Stage, what: &str) -> u64 {
    let ada = &mut stage.ada;
    let before = lying(ada);
    loop {
        let left = |entity: &u64| !before.contains(entity) && ada.name_of(*entity) == what;
        if let Some(loot) = lying(ada).into_iter().find(left) {
            return loot;
        }
        let alive = |seen: &Seen| seen.kind == EntityKind::Monster && seen.hp > 0;
        let target = ada.sight.entities().find(|(_, seen)| alive(seen)).map(|(id, _)| id);
        // Once in each view: a blow too early is refused.
        if let Some(target) = target {
            ada.send(&Attack { target });
        }
        ada.expect(|_, body| matches!(body, Body::View(_)).then_some(()));
    }
}

/// Something of Ada's lies on the ground, durably; gives its entity.
fn drop_some(stage: &mut Stage) -> u64 {
    let item = stage.give("Ada", 3);
    let ada = &mut stage.ada;
    let before = lying(ada);
    ada.send(&DropItem { item });
    ada.expect(|_, body| changed(body).then_some(()));
    ada.look(EntityKind::Item, |_, id, _| !before.contains(&id))
}

/// Nothing lies on the ground any more that an operation before this one left there.
fn pick_all_up(stage: &mut Stage) {
    let ada = &mut stage.ada;
    // Who has just come sees the ground with the first view.
    ada.expect(|_, body| matches!(body, Body::View(_)).then_some(()));
    for entity in lying(ada) {
        ada.send(&PickUp { entity });
        ada.expect(|_, body| changed(body).then_some(()));
    }
}

fn lying(player: &Player) -> Vec<u64> {
    let items = player.sight.entities().filter(|(_, seen)| seen.kind == EntityKind::Item);
    items.map(|(id, _)| id).collect()
}

fn keeper(stage: &mut Stage) -> u64 {
    stage.ada.look(EntityKind::Npc, |_, _, _| true)
}

/// Ada offers an item and Ben gold, and Ada has accepted. Gives what Ben would accept.
fn agree(stage: &mut Stage) -> u64 {
    stage.pay("Ben", 5);
    let item = stage.give("Ada", 2);
    let (asker, asked) = stage.traders();
    let entity = asked.entity;
    asker.send(&AskTrade { entity });
    asked.expect(|_, body| matches!(body, Body::TradeAsked(_)).then_some(()));
    let entity = asker.entity;
    asked.send(&AnswerTrade { entity, accept: true });
    let (ada, ben) = (&mut stage.ada, &mut stage.ben);
    state(ada, |_| true);
    ada.send(&OfferTrade { items: vec![item], gold: 0 });
    state(ben, |state| state.theirs.as_ref().is_some_and(|side| !side.items.is_empty()));
    ben.send(&OfferTrade { items: Vec::new(), gold: 5 });
    let revision = state(ada, |state| state.theirs.as_ref().is_some_and(|side| side.gold == 5));
    accept(ada, revision);
    state(ben, |state| state.theirs.as_ref().is_some_and(|side| side.accepted))
}

/// The revision of a trade in which something holds.
fn state(player: &mut Player, such: impl Fn(&TradeState) -> bool) -> u64 {
    player.expect(|_, body| match body {
        Body::TradeState(state) if such(state) => Some(u64::from(state.revision)),
        _ => None,
    })
}

fn accept(player: &mut Player, revision: u64) {
    player.send(&AcceptTrade { revision: u32::try_from(revision).unwrap() });
}

fn letter(items: &[u64], gold: u64) -> SendMail {
    let (subject, body) = ("whiskers".to_owned(), "as promised".to_owned());
    SendMail { to: "Ben".to_owned(), subject, body, items: items.to_vec(), gold }
}

/// Ada sends it, and it is in Ben's mailbox.
fn post(stage: &mut Stage, letter: &SendMail) -> u64 {
    stage.ada.send(letter);
    stage.ada.expect(|_, body| match body {
        Body::MailSent(sent) => Some(sent.mail),
        _ => None,
    })
}

/// Ben takes and throws away what an operation before this one left in the mailbox.
fn empty_mailbox(stage: &mut Stage) {
    let ben = &mut stage.ben;
    ben.send(&ListMail {});
    let mails = ben.expect(|_, body| match body {
        Body::MailList(list) => Some(list.mails.clone()),
        _ => None,
    });
    for mail in mails {
        if mail.gold > 0 || !mail.items.is_empty() {
            ben.send(&TakeMail { mail: mail.id });
            ben.expect(|_, body| changed(body).then_some(()));
        }
        ben.send(&DeleteMail { mail: mail.id });
        ben.expect(|_, body| matches!(body, Body::MailDeleted(_)).then_some(()));
    }
}
