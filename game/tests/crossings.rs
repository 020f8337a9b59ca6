//! Ten thousand crossings from zone to zone: everybody is in one place, and every letter that was written to somebody on
//! the way arrives once.

use game::testing::GameTest;
use protocol::v1::{ChatLine, ChatScope, Whisper};

const TRAVELERS: usize = 25;
/// Each traveler crosses as often; with [`TRAVELERS`]: 10,000 crossings.
const CROSSINGS: usize = 400;
/// From one crossing to the next: all have arrived, and may whisper again.
const TICKS: u64 = 10;

fn name(traveler: usize) -> String {
    format!("Traveler{traveler}")
}

fn neighbour(traveler: usize) -> usize {
    (traveler + 1) % TRAVELERS
}

fn entities(test: &GameTest) -> usize {
    test.game().entities_by_zone().map(|(_, entities)| entities).sum()
}

#[test]
fn in_ten_thousand_crossings_no_traveler_and_no_letter_is_lost_or_doubled() {
    let mut test = GameTest::new();
    let empty = entities(&test);
    for traveler in 0..TRAVELERS {
        test.player(&name(traveler)).give("sword", 1);
    }
    for crossing in 0..CROSSINGS {
        let zone = if crossing % 2 == 0 { "cellar" } else { "field" };
        for traveler in 0..TRAVELERS {
            let (to, text) = (name(neighbour(traveler)), crossing.to_string());
            test.act_as(&name(traveler)).send(Whisper { to, text });
        }
        for traveler in 0..TRAVELERS {
            test.operator(&format!("teleport {} {zone}", name(traveler)));
        }
        // Everybody is on the way, and so is what they were written.
        test.tick(1);
        assert!((0..TRAVELERS).all(|traveler| test.zone_of(&name(traveler)).is_none()));
        test.tick(TICKS - 1);
        for traveler in 0..TRAVELERS {
            assert_eq!(test.zone_of(&name(traveler)).as_deref(), Some(zone));
        }
        assert_eq!(test.population(), TRAVELERS);
        assert_eq!(entities(&test), empty + TRAVELERS, "crossing {crossing}");
    }
    let expected: Vec<String> = (0..CROSSINGS).map(|crossing| crossing.to_string()).collect();
    for traveler in 0..TRAVELERS {
        let lines = test.received_by::<ChatLine>(&name(neighbour(traveler)));
        let whispers = lines.into_iter().filter(|line| line.scope() == ChatScope::Whisper);
        let whispers: Vec<ChatLine> = whispers.collect();
        assert!(whispers.iter().all(|line| line.from == name(traveler)));
        let texts: Vec<String> = whispers.into_iter().map(|line| line.text).collect();
        assert_eq!(texts, expected);
        assert_eq!(test.inventory(&name(traveler)), [("sword".to_owned(), 1)]);
    }
}
