//! A client that does everything that moves value, one deed after the other, and tells what the server confirmed.

mod away;
mod chest;
mod mail;
mod shop;
mod stacks;
mod trade;

use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::time::Instant;

use client_bot::bot::sight::{Point, Sight};
use protocol::ClientMessage;
use protocol::v1::server_packet::Body;
use protocol::v1::{
    Command, DropItem, Entered, EntityKind, LeaveWorld, PickUp, ServerPacket, ShopOffers,
};
use rand::RngExt as _;
use rand::seq::{IndexedRandom as _, IteratorRandom as _};
use rand_pcg::Pcg32;

pub(super) use trade::trade;

use super::Heard;
use super::deed::Deed;
use super::progress::Diary;
use super::promises::Told;
use crate::client::Client;
use crate::server::PATIENCE;
use crate::walker::letter;
use chest::Chest;

/// Items that a trader makes out of nothing before it deals with what there is.
const STOCK: usize = 6;
/// Items that it carries at most before it gives some away: two thirds of what there is room for.
const FULL: usize = 16;
/// How far a trader reaches, in centimetres; the content's pick_up_cm.
const REACH_CM: f64 = 400.0;
/// What game masters make here: a stack that shops buy, and something that is no stack.
const WARES: [&str; 2] = ["boar_meat", "rusty_sword"];
/// Gold that a game master makes at once, at most.
const MOST_GOLD: u32 = 20;
/// What the server says of a gift that was made.
const GIVEN: &str = " has ";
/// Pieces of the stack that one has at most; the content's `stack`.
const STACK: u32 = 20;

/// A request was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Done,
    Refused,
}

/// A client that trades. What it does returns `None` when the connection is over.
pub(super) struct Trader<'a> {
    number: usize,
    character: u64,
    entity: u64,
    zone: String,
    client: Client,
    sight: Sight,
    chest: Chest,
    /// What the shopkeeper here sells and buys.
    offers: Option<ShopOffers>,
    /// There may be letters.
    letters: bool,
    requests: u32,
    say: &'a Sender<Heard>,
    diary: Diary,
}

/// Names have letters only.
pub(super) fn name(number: usize) -> String {
    format!("Trader{}", letter(number))
}

/// The account of a trader.
pub(super) fn account(number: usize) -> String {
    format!("trader-{number}")
}

impl<'a> Trader<'a> {
    /// Enters the world.
    pub(super) fn enter(server: SocketAddr, number: usize, say: &'a Sender<Heard>) -> Self {
        let (mut client, entered) = Client::enter(server, &account(number), &name(number));
        let seen = std::mem::take(&mut client.seen);
        let mut trader = Self {
            number,
            character: entered.character,
            entity: entered.entity,
            zone: entered.zone.clone(),
            client,
            sight: Sight::new(&entered),
            chest: Chest::default(),
            offers: None,
            letters: true,
            requests: 100,
            say,
            diary: Diary::of(name(number), entered.character),
        };
        for packet in seen {
            trader.take(&packet);
        }
        trader
    }

    /// Is at the market, and knows what is sold there, before it does anything else. It was killed on a journey perhaps,
    /// and who is far from the others can't trade.
    pub(super) fn settle_in(&mut self) -> Option<()> {
        self.go_to_market()?;
        if self.offers.is_some() {
            return Some(());
        }
        if self.within_reach(EntityKind::Npc).is_empty()
            && let Some(keeper) = self.shopkeeper()
        {
            self.go_to(keeper)?;
        }
        self.look_at_offers()
    }

    /// Hears the rest of what it was told, and gives what it was told of its progress.
    pub(super) fn into_diary(mut self) -> Diary {
        while let Ok(packet) = self.client.next() {
            self.take(&packet);
        }
        self.diary
    }

    /// Leaves the world, and waits until all that it owns is durable.
    pub(super) fn leave(&mut self) -> Option<()> {
        self.send(&LeaveWorld {});
        self.wait(|packet| matches!(packet.body, Some(Body::LeftWorld(_))).then_some(()))
    }

    /// One deed of its own and its end.
    pub(super) fn act(&mut self, rng: &mut Pcg32) -> Option<()> {
        let offers = self.offers.is_some();
        let sold = self.something_to_sell(rng);
        match rng.random_range(0..12) {
            0 | 1 if self.chest.len() < FULL => self.pick_up(rng),
            2 if self.chest.len() >= STOCK => self.drop_item(rng),
            3 if self.chest.len() < FULL => self.split(rng),
            4 => self.merge(rng),
            5 | 6 if sold.is_some() => self.sell(sold?),
            7 if offers && self.chest.gold() > 0 && self.chest.len() < FULL => self.buy(rng),
            8 if self.chest.len() >= STOCK => self.send_mail(rng),
            9 if self.letters && self.chest.len() < FULL => self.take_mail(),
            10 if rng.random_bool(0.3) => self.cross(rng),
            _ if self.chest.len() >= FULL => self.drop_item(rng),
            _ => self.give(rng),
        }
    }

    /// One deed that makes gold and nothing else.
    pub(super) fn make_gold(&mut self, rng: &mut Pcg32) -> Option<()> {
        let amount = rng.random_range(1..=MOST_GOLD);
        let line = format!("give {} gold {amount}", name(self.number));
        self.ask(Deed::Give, &Command { line }).map(drop)
    }

    fn give(&mut self, rng: &mut Pcg32) -> Option<()> {
        let command = self.gift(rng);
        self.ask(Deed::Give, &command).map(drop)
    }

    /// What a game master types to have something new.
    fn gift(&self, rng: &mut Pcg32) -> Command {
        let ware = WARES.choose(rng).copied().unwrap_or_default();
        let quantity = if ware == WARES[0] { rng.random_range(1..=STACK) } else { 1 };
        Command { line: format!("give {} {ware} {quantity}", name(self.number)) }
    }

    fn drop_item(&mut self, rng: &mut Pcg32) -> Option<()> {
        let Some(item) = self.chest.any(rng) else {
            return self.give(rng);
        };
        self.ask(Deed::Drop, &DropItem { item }).map(drop)
    }

    fn pick_up(&mut self, rng: &mut Pcg32) -> Option<()> {
        let Some(entity) = self.within_reach(EntityKind::Item).into_iter().choose(rng) else {
            return self.give(rng);
        };
        self.ask(Deed::PickUp, &PickUp { entity }).map(drop)
    }

    /// Entities of a kind that it can reach, by id.
    fn within_reach(&self, kind: EntityKind) -> Vec<u64> {
        let Some(here) = self.place() else {
            return Vec::new();
        };
        let near = self
            .sight
            .entities()
            .filter(|(_, seen)| seen.kind == kind && here.distance(seen.at) < REACH_CM);
        let mut near: Vec<u64> = near.map(|(id, _)| id).collect();
        near.sort_unstable();
        near
    }

    /// Where it stands.
    pub(super) fn place(&self) -> Option<Point> {
        self.sight.own().map(|own| own.at)
    }

    /// One request and its end, which is a change of its inventory.
    fn ask<M: ClientMessage>(&mut self, deed: Deed, message: &M) -> Option<Settled> {
        let request = self.send(message);
        let settled = self.wait(|packet| settlement(packet, request))?;
        self.done(deed, settled);
        Some(settled)
    }

    fn done(&self, deed: Deed, settled: Settled) {
        if settled == Settled::Done {
            self.tell(Told::Done { character: self.character, deed });
        }
    }

    /// Sends a message, and returns the number of its request.
    fn send<M: ClientMessage>(&mut self, message: &M) -> u32 {
        self.requests += 1;
        self.client.send(self.requests, message);
        self.requests
    }

    /// Types a command, and waits for its result.
    pub(super) fn command(&mut self, line: String) -> Option<()> {
        let request = self.send(&Command { line });
        self.wait(|packet| {
            let result = matches!(packet.body, Some(Body::CommandResult(_) | Body::Refused(_)));
            (result && packet.request == request).then_some(())
        })
    }

    /// Reads on until `find` has found.
    ///
    /// # Panics
    /// When it doesn't in time, though the server goes on talking.
    fn wait<T>(&mut self, find: impl Fn(&ServerPacket) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "{} gets no answer", name(self.number));
            let packet = self.client.next().ok()?;
            self.take(&packet);
            if let Some(found) = find(&packet) {
                return Some(found);
            }
        }
    }

    /// Looks at a packet.
    fn take(&mut self, packet: &ServerPacket) {
        self.diary.read(packet);
        match &packet.body {
            Some(Body::View(view)) => self.sight.apply(view, &mut ()),
            Some(Body::Entered(entered)) => self.entered(entered),
            Some(Body::Inventory(inventory)) => {
                let told = self.chest.replace(inventory);
                self.has(told);
            }
            Some(Body::InventoryChanged(change)) => {
                let told = self.chest.change(change);
                self.has(told);
            }
            Some(Body::MailArrived(_)) => self.letters = true,
            Some(Body::MailSent(sent)) => {
                self.tell(Told::Sent { character: self.character, mail: sent.mail });
            }
            _ => {}
        }
    }

    fn entered(&mut self, entered: &Entered) {
        self.sight = Sight::new(entered);
        self.entity = entered.entity;
        self.zone.clone_from(&entered.zone);
        self.offers = None;
    }

    fn has(&self, told: Vec<(u64, u64)>) {
        let character = self.character;
        for (thing, quantity) in told {
            self.tell(Told::Has { character, thing, quantity });
        }
    }

    fn tell(&self, told: Told) {
        // Nobody hears it only when the test has failed already.
        let _ = self.say.send(Heard::Told(told));
    }
}

/// How a packet settles this request, if it does.
fn settlement(packet: &ServerPacket, request: u32) -> Option<Settled> {
    let settled = match &packet.body {
        Some(Body::InventoryChanged(_)) => Settled::Done,
        Some(Body::CommandResult(result)) if result.text.contains(GIVEN) => Settled::Done,
        Some(Body::Refused(_) | Body::CommandResult(_)) => Settled::Refused,
        _ => return None,
    };
    (packet.request == request).then_some(settled)
}
