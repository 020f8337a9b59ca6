//! `kill -9` at random moments: what a player was told it owns is there, once, and nobody is set back further than
//! the save interval.

use tests::crash::{Broken, Crash, Outcome};
use tests::database::Engine;

#[allow(clippy::print_stdout, reason = "the figures are what a reader wants")]
fn run(kills: u32, store: Engine, broken: Option<Broken>) -> Outcome {
    let outcome = Crash { kills, seed: 7, store, broken }.run(&mut |_| ()).unwrap();
    println!("{outcome}");
    outcome
}

/// Nothing was lost or doubled, and enough was tried to say so.
fn assert_clean(outcome: &Outcome) {
    assert!(outcome.violations.is_empty(), "{outcome}");
    let told = outcome.confirmations / u64::from(outcome.kills);
    assert!(told > 50, "the players did too little to judge by: {outcome}");
}

/// In the lulls something was lost, since nothing but its own bound saves progress there; how old it was is judged by each
/// round.
fn assert_lulls(outcome: &Outcome) {
    let lost = outcome.lull_ages.iter().filter(|age| **age > 0).count();
    assert!(lost > 0, "no lull had progress to lose: {outcome}");
}

/// A server that breaks a rule doesn't get through ten kills, and it is this that gives it away.
fn assert_found_out(broken: Broken, by: impl Fn(&Outcome) -> u64) {
    let outcome = run(10, Engine::Sqlite, Some(broken));
    let (name, found) = (broken.name(), &outcome.violations);
    assert!(by(&outcome) > 0, "{name} isn't found out for what it is: {outcome}\n{found:#?}");
}

#[test]
fn fifty_kills_under_load_cost_nothing_that_was_confirmed() {
    let outcome = run(50, Engine::Sqlite, None);
    assert_clean(&outcome);
    assert_lulls(&outcome);
    // One kill in five does.
    assert!(outcome.unheard > 0, "no kill met the time between a commit and its confirmation");
}

#[test]
fn twenty_kills_under_load_on_postgresql_cost_nothing_that_was_confirmed() {
    assert_clean(&run(20, Engine::Postgres, None));
}

#[test]
fn the_build_of_the_broken_servers_with_no_rule_broken_is_clean() {
    assert_clean(&run(4, Engine::Sqlite, Some(Broken::Nothing)));
}

#[test]
fn a_server_that_confirms_before_the_commit_is_found_out() {
    assert_found_out(Broken::ConfirmFirst, |outcome| outcome.lost);
}

#[test]
fn a_server_that_saves_progress_apart_from_value_is_found_out() {
    assert_found_out(Broken::TwoClocks, |outcome| outcome.apart);
}

#[test]
fn a_server_that_applies_again_what_it_retries_is_found_out() {
    assert_found_out(Broken::NoOpId, |outcome| outcome.doubled);
}
