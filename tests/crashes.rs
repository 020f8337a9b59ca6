//! `kill -9` at random moments: what a player was told it owns is there, once, and nobody is set back further than
//! the save interval.

use tests::crash::Crash;

#[test]
fn fifty_kills_under_load_cost_nothing_that_was_confirmed() {
    let outcome = Crash { kills: 50, seed: 7 }.run().unwrap();
    println!("{outcome}");
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
    assert!(outcome.confirmations > 1_000, "the players did too little to judge by: {outcome}");
}
