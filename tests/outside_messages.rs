//! A crate outside has messages of its own, from a .proto file of its own.

use game::testing::GameTest;
use game::{Content, Ctx, Module, PlayerId, Refuse, Routes, ZoneName};
use protocol::v1::Item;
use protocol::{ClientMessage as _, DecodeError, Lane, Phase, ServerMessage as _, decode_client};
use serde::{Deserialize, Serialize};

use bell::{BellRang, RingBell};

#[allow(clippy::use_self, unreachable_pub, reason = "generated code")]
mod bell {
    include!(concat!(env!("OUT_DIR"), "/bell.rs"));
}

/// Answers each ring with its strokes.
#[derive(Serialize, Deserialize)]
struct Belfry;

impl Module for Belfry {
    const NAME: &'static str = "belfry";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on(Self::ring);
    }
}

impl Belfry {
    fn ring(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, ring: RingBell) -> Result<(), Refuse> {
        let strokes = u32::try_from(ring.notes.len()).unwrap();
        let bell = Some(Item { template: "bell".into(), quantity: 1, ..Item::default() });
        ctx.reply(player, &BellRang { strokes, bell });
        Ok(())
    }
}

#[test]
fn a_module_outside_is_asked_and_answers_with_messages_of_its_own_proto_file() {
    let mut test = GameTest::with_modules(game::modules::all().zone::<Belfry>());
    test.player("Ada").request(7, RingBell { notes: vec![60, 64, 67] }).tick(1);
    test.expect(|rang: &BellRang| {
        rang.strokes == 3 && rang.bell.as_ref().is_some_and(|bell| bell.template == "bell")
    });
}

#[test]
fn the_options_of_a_message_outside_are_its_id_phase_lane_and_bounds() {
    let (ring, rang) = (RingBell::INFO, BellRang::INFO);
    assert_eq!((ring.id, ring.name, ring.phase), (1000, "RingBell", Phase::World));
    assert_eq!((rang.id, rang.name, rang.lane), (1000, "BellRang", Lane::World));
    // Field 1, a varint, nine times: unpacked, so that each counts.
    let payload = [0x08, 60].repeat(9);
    let too_many = DecodeError::TooManyItems { message: "RingBell", field: 1, limit: 8 };
    assert_eq!(decode_client::<RingBell>(&payload), Err(too_many));
    assert_eq!(decode_client::<RingBell>(&payload[2..]).unwrap().notes, [60; 8]);
}
