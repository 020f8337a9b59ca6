//! A module's instance in a zone, behind one object type: the module, its handlers and its stream of random numbers.

use std::any::Any;
use std::sync::Arc;

use protocol::DecodeError;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use super::routes::{Caller, CommandError, Rate, Routes};
use super::{Module, Refuse};
use crate::content::Content;
use crate::ctx::{Ctx, Scene};
use crate::ids::{PlayerId, ZoneName};
use crate::record::{BlankPage, Saved};

/// Why a packet had no effect.
#[derive(Debug)]
pub(crate) enum PacketFault {
    /// The sender doesn't speak the protocol: its session ends.
    Undecodable(DecodeError),
    /// The handler says no: the sender is told.
    Refused(Refuse),
}

/// A module in a zone. Everything that a zone does with its modules, whatever their type.
pub(crate) trait Instance: Send {
    /// Of the module.
    fn name(&self) -> &'static str;
    fn on_start(&mut self, scene: &mut Scene<'_>);
    fn on_enter(&mut self, scene: &mut Scene<'_>, player: PlayerId, saved: Option<&Saved>);
    fn on_tick(&mut self, scene: &mut Scene<'_>);
    fn on_leave(&mut self, scene: &mut Scene<'_>, player: PlayerId);
    fn save(&mut self, scene: &mut Scene<'_>, player: PlayerId, page: BlankPage<'_>);
    /// The rate of the packet handler at `route`.
    fn rate(&self, route: usize) -> Rate;
    fn packet(
        &mut self,
        scene: &mut Scene<'_>,
        route: usize,
        player: PlayerId,
        payload: &[u8],
    ) -> Result<(), PacketFault>;
    /// False if the body isn't what its kind says.
    fn letter(
        &mut self,
        scene: &mut Scene<'_>,
        kind: &str,
        player: Option<PlayerId>,
        body: &[u8],
    ) -> bool;
    fn event(&mut self, scene: &mut Scene<'_>, event: &dyn Any);
    fn command(
        &mut self,
        scene: &mut Scene<'_>,
        route: usize,
        caller: Caller,
        arguments: &[&str],
    ) -> Result<String, CommandError>;
    fn snapshot(&self) -> SlotSnapshot;
}

/// All that an instance remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotSnapshot {
    pub(crate) name: String,
    pub(crate) state: Vec<u8>,
    pub(crate) rng: Pcg64Mcg,
}

pub(crate) struct Slot<M> {
    module: M,
    routes: Arc<Routes<M>>,
    rng: Pcg64Mcg,
}

impl<M: Module> Slot<M> {
    pub(crate) fn new(
        routes: Arc<Routes<M>>,
        zone: &ZoneName,
        content: &Content,
        rng: Pcg64Mcg,
    ) -> Self {
        Self { module: M::new(zone, content), routes, rng }
    }

    pub(crate) fn restore(
        routes: Arc<Routes<M>>,
        snapshot: SlotSnapshot,
    ) -> Result<Self, postcard::Error> {
        let module = postcard::from_bytes(&snapshot.state)?;
        Ok(Self { module, routes, rng: snapshot.rng })
    }
}

impl<M: Module> Instance for Slot<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn on_start(&mut self, scene: &mut Scene<'_>) {
        self.module.on_start(&mut scene.ctx(&mut self.rng));
    }

    fn on_enter(&mut self, scene: &mut Scene<'_>, player: PlayerId, saved: Option<&Saved>) {
        self.module.on_enter(&mut scene.ctx(&mut self.rng), player, saved);
    }

    fn on_tick(&mut self, scene: &mut Scene<'_>) {
        self.module.on_tick(&mut scene.ctx(&mut self.rng));
    }

    fn on_leave(&mut self, scene: &mut Scene<'_>, player: PlayerId) {
        self.module.on_leave(&mut scene.ctx(&mut self.rng), player);
    }

    fn save(&mut self, scene: &mut Scene<'_>, player: PlayerId, page: BlankPage<'_>) {
        self.module.save(&scene.ctx(&mut self.rng), player, page);
    }

    fn rate(&self, route: usize) -> Rate {
        self.routes.packets[route].rate
    }

    fn packet(
        &mut self,
        scene: &mut Scene<'_>,
        route: usize,
        player: PlayerId,
        payload: &[u8],
    ) -> Result<(), PacketFault> {
        let ctx: &mut Ctx<'_> = &mut scene.ctx(&mut self.rng);
        (self.routes.packets[route].handle)(&mut self.module, ctx, player, payload)
            .map_err(PacketFault::Undecodable)?
            .map_err(PacketFault::Refused)
    }

    fn letter(
        &mut self,
        scene: &mut Scene<'_>,
        kind: &str,
        player: Option<PlayerId>,
        body: &[u8],
    ) -> bool {
        let Some(route) = self.routes.letters.iter().find(|route| route.kind == kind) else {
            return true;
        };
        (route.handle)(&mut self.module, &mut scene.ctx(&mut self.rng), player, body).is_ok()
    }

    fn event(&mut self, scene: &mut Scene<'_>, event: &dyn Any) {
        for (kind, handle) in &self.routes.events {
            if *kind == event.type_id() {
                handle(&mut self.module, &mut scene.ctx(&mut self.rng), event);
            }
        }
    }

    fn command(
        &mut self,
        scene: &mut Scene<'_>,
        route: usize,
        caller: Caller,
        arguments: &[&str],
    ) -> Result<String, CommandError> {
        let (_, handle) = &self.routes.commands[route];
        handle(&mut self.module, &mut scene.ctx(&mut self.rng), caller, arguments)
    }

    fn snapshot(&self) -> SlotSnapshot {
        #[expect(clippy::expect_used, reason = "plain data of ours always serialises")]
        let state = postcard::to_stdvec(&self.module).expect("a module's state is plain data");
        SlotSnapshot { name: M::NAME.to_owned(), state, rng: self.rng.clone() }
    }
}
