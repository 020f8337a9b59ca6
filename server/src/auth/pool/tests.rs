//! The pool with real threads: answers come back, lanes don't wait for each other, full queues say so.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::*;
use crate::auth::{Secret, mint_token};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Far beyond what anything here takes: reaching it means that an answer was lost.
const LOST: Duration = Duration::from_secs(60);

struct Fixture {
    pool: AuthPool,
    woken: Receiver<()>,
}

impl Fixture {
    fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            memory_kib: 8,
            passes: 1,
            token_secret: Some(secret(SECRET)),
            ..Settings::default()
        };
        change(&mut settings);
        let (wake, woken) = channel();
        let pool = AuthPool::start(&settings, move || wake.send(()).unwrap_or_default()).unwrap();
        Self { pool, woken }
    }

    fn submit(&self, ticket: u64, task: Task) -> Result<(), Busy> {
        let (address, account) = (IpAddr::from([192, 0, 2, 1]), String::new());
        self.pool.submit(Job { ticket: Ticket(ticket), address, account, task })
    }

    /// The next answer; each one comes with a wake-up.
    fn answer(&self) -> Answer {
        assert_ne!(self.woken.recv_timeout(LOST), Err(RecvTimeoutError::Timeout));
        self.pool.poll().unwrap()
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn token(account: &str) -> Task {
    let token = mint_token(SECRET.as_bytes(), "realmbeat", account, Duration::from_secs(60));
    Task::Token { token: Secret::new(token.unwrap()) }
}

#[test]
fn a_hash_made_by_the_pool_verifies_in_the_pool() {
    let fixture = Fixture::start(|_| {});
    fixture.submit(1, Task::Hash { password: secret("correct horse") }).unwrap();
    let Outcome::Hashed(Some(hash)) = fixture.answer().outcome else { panic!("no hash") };
    for (password, hash, right) in [
        ("correct horse", Some(hash.clone()), true),
        ("wrong horse", Some(hash), false),
        ("correct horse", None, false),
    ] {
        let password = secret(password);
        fixture.submit(2, Task::Verify { password, hash }).unwrap();
        let Answer { ticket, outcome } = fixture.answer();
        assert_eq!(ticket, Ticket(2));
        assert!(matches!(outcome, Outcome::Verified(is) if is == right));
    }
}

#[test]
fn tokens_overtake_a_queue_of_passwords() {
    // Each password takes several milliseconds, so 32 of them are far from done when the token comes.
    let fixture = Fixture::start(|settings| (settings.memory_kib, settings.passes) = (19_456, 2));
    for ticket in 0..32 {
        let password = secret("correct horse");
        fixture.submit(ticket, Task::Hash { password }).unwrap();
    }
    fixture.submit(99, token("anna")).unwrap();
    let order: Vec<u64> = (0..33).map(|_| fixture.answer().ticket.0).collect();
    let place = order.iter().position(|ticket| *ticket == 99).unwrap();
    assert!(place < 32, "the token was answered after every password");
}

#[test]
fn a_full_lane_names_the_job_it_did_not_take_and_all_others_are_answered() {
    let fixture = Fixture::start(|settings| {
        (settings.memory_kib, settings.passes) = (19_456, 2);
        settings.password_queue = 2;
    });
    let refused: Vec<u64> = (0..40)
        .filter_map(|ticket| {
            let password = secret("correct horse");
            fixture.submit(ticket, Task::Hash { password }).err()
        })
        .map(|Busy(ticket)| ticket.0)
        .collect();
    assert!(!refused.is_empty(), "40 passwords fit a queue of 2");
    let mut seen: Vec<u64> = (refused.len()..40).map(|_| fixture.answer().ticket.0).collect();
    seen.extend(refused);
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
}

#[test]
fn without_a_secret_every_token_is_invalid() {
    let fixture = Fixture::start(|settings| settings.token_secret = None);
    fixture.submit(1, token("anna")).unwrap();
    let outcome = fixture.answer().outcome;
    assert!(matches!(outcome, Outcome::Token(Err(TokenError::Invalid(_)))));
}

#[test]
fn dropping_the_pool_ends_workers_that_wait_to_answer() {
    let fixture = Fixture::start(|_| {});
    for ticket in 0..4_000 {
        // Once its queue and the answers are full the pool takes no more; that is what is wanted here.
        fixture.submit(ticket, token("anna")).unwrap_or_default();
    }
    drop(fixture.pool);
}

#[test]
fn a_short_token_secret_stops_the_start() {
    let settings = Settings { token_secret: Some(secret("short")), ..Settings::default() };
    assert!(matches!(AuthPool::start(&settings, || {}), Err(AuthError::ShortSecret(5))));
}

#[test]
fn a_cancelled_password_costs_no_hash() {
    let fixture = Fixture::start(|settings| (settings.memory_kib, settings.passes) = (19_456, 2));
    for ticket in 0..20 {
        fixture.submit(ticket, Task::Hash { password: secret("correct horse") }).unwrap();
    }
    for ticket in 0..19 {
        fixture.pool.cancel(Ticket(ticket));
    }
    // The worker may have been at the first one, or two, already; the nineteenth is the last that comes.
    let mut answers = 0;
    while fixture.answer().ticket != Ticket(19) {
        answers += 1;
    }
    assert!(answers < 19, "all of them were hashed");
}

#[test]
fn no_more_passwords_wait_than_are_hashed_within_half_of_the_login_deadline() {
    let (hash, second) = (Duration::from_millis(25), Duration::from_secs(1));
    assert_eq!(room(hash, 1, 256, 10 * second).unwrap(), 200);
    assert_eq!(room(hash, 4, 256, 10 * second).unwrap(), 256, "as configured");
    assert_eq!(room(hash, 2, 256, second).unwrap(), 40);
    assert_eq!(room(second, 1, 256, second).unwrap(), 1);
    assert_eq!(room(Duration::ZERO, 1, 256, second).unwrap(), 256);
}

#[test]
fn a_deadline_that_is_over_before_the_first_hash_stops_the_start_and_isnt_taken_over_later() {
    let (hash_time, deadline) = (Duration::from_secs(40), Duration::from_secs(10));
    let error = room(hash_time, 64, 256, deadline).unwrap_err().to_string();
    for part in ["40s", "10s", "auth.argon2_memory_kib", "network.login_deadline"] {
        assert!(error.contains(part), "{error}");
    }
    let fixture = Fixture::start(|settings| settings.password_queue = 7);
    assert!(fixture.pool.set_login_deadline(Duration::ZERO).is_err());
    assert_eq!(fixture.pool.room(), 7);
}
