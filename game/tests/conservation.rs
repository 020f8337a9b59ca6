//! Nothing is lost or doubled, whatever players do in whatever order. The long form is the example `conservation`.

use game::testing::Conservation;

/// Sequences that every test run plays.
const SEQUENCES: u64 = 10_000;

#[test]
fn memory_model_and_clients_agree_after_random_sequences_of_operations() {
    let mut conservation = Conservation::new(1);
    (0..SEQUENCES).for_each(|number| conservation.play(number));
    let missing = conservation.missing();
    assert!(missing.is_empty(), "never happened: {missing:?} in {:#?}", conservation.tally());
}
