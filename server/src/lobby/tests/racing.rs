//! However many clients log in to one account at once, one of them plays it.

use std::time::Duration;

use game::SessionId;
use proptest::prelude::*;
use protocol::v1::{EnterWorld, LeaveWorld, Login, Register, Resume, TokenLogin};

use super::rig::*;

/// What happens next; numbers choose among the sessions.
#[derive(Debug, Clone)]
enum Step {
    Token(u64),
    Password(u64),
    Resume(u64),
    Enter(u64),
    Leave(u64),
    Close(u64),
    AnswerWrite,
    AnswerRead,
    AnswerJob,
    ShuffleJobs(usize),
    GameTick,
    Sync,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<u64>().prop_map(Step::Token),
        3 => any::<u64>().prop_map(Step::Password),
        3 => any::<u64>().prop_map(Step::Resume),
        3 => any::<u64>().prop_map(Step::Enter),
        2 => any::<u64>().prop_map(Step::Leave),
        1 => any::<u64>().prop_map(Step::Close),
        4 => Just(Step::AnswerWrite),
        4 => Just(Step::AnswerRead),
        4 => Just(Step::AnswerJob),
        2 => (0_usize..32).prop_map(Step::ShuffleJobs),
        2 => Just(Step::GameTick),
        2 => Just(Step::Sync),
        1 => (0_u64..40).prop_map(Step::Pass),
    ]
}

fn take(rig: &mut Rig, step: Step, sessions: u64, fresh: u64, tokens: &[Vec<u8>]) {
    let open = |rig: &Rig, number: u64| {
        let session = SessionId(number % sessions);
        rig.seen.get(&session).filter(|seen| seen.farewell.is_none()).map(|_| session)
    };
    match step {
        Step::Token(number) => {
            let token = format!("anna:{fresh}");
            if let Some(session) = open(rig, number) {
                rig.send(session, 1, &TokenLogin { token });
            }
        }
        Step::Password(number) => {
            let (account, password) = ("anna".into(), "correct horse".into());
            if let Some(session) = open(rig, number) {
                rig.send(session, 1, &Login { account, password });
            }
        }
        Step::Resume(number) => {
            let token = tokens.get(usize::try_from(number).unwrap() % (tokens.len() + 1));
            if let (Some(session), Some(token)) = (open(rig, number / 7), token.cloned()) {
                rig.send(session, 1, &Resume { token });
            }
        }
        Step::Enter(number) => {
            let of = usize::try_from(number).unwrap() % rig.characters.len();
            let character = rig.characters.keys().nth(of).unwrap().0;
            let live = rig.live().first().copied();
            let session = live.filter(|_| number % 2 == 0).or_else(|| open(rig, number / 7));
            if let Some(session) = session {
                rig.send(session, 1, &EnterWorld { character });
            }
        }
        Step::Leave(number) => {
            // Sessions that are live leave more often than chance would have it.
            let live = rig.live().first().copied();
            let session = live.filter(|_| number % 2 == 0).or_else(|| open(rig, number));
            if let Some(session) = session {
                rig.send(session, 1, &LeaveWorld {});
            }
        }
        Step::Close(number) => {
            let session = SessionId(number % sessions);
            if rig.seen.contains_key(&session) {
                rig.close(session);
            }
            rig.greet(session, HERE);
        }
        Step::AnswerWrite => rig.answer_some(Rig::answer_write),
        Step::AnswerRead => rig.answer_some(Rig::answer_read),
        Step::AnswerJob => rig.answer_some(Rig::answer_job),
        Step::ShuffleJobs(by) => {
            let length = rig.jobs.len();
            rig.jobs.rotate_left(by.checked_rem(length).unwrap_or(0));
        }
        Step::GameTick => rig.game_tick(),
        Step::Sync => rig.sync(),
        Step::Pass(seconds) => rig.pass(Duration::from_secs(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_two_sessions_play_one_account(
        sessions in 2_u64..=32,
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let mut rig = Rig::new();
        rig.greet(SessionId(99), HERE);
        let (account, password) = ("anna".into(), "correct horse".into());
        rig.send(SessionId(99), 1, &Register { account, password });
        rig.settle();
        rig.close(SessionId(99));
        rig.character("anna", "Mira");
        rig.character("anna", "Tobin");
        (0..sessions).for_each(|number| rig.greet(SessionId(number), HERE));
        let (mut fresh, mut tokens) = (0, Vec::<Vec<u8>>::new());
        for step in steps {
            fresh += 1;
            take(&mut rig, step, sessions, fresh, &tokens);
            tokens.extend(rig.live().into_iter().map(|session| rig.token(session)));
            tokens.dedup();
            prop_assert!(rig.live().len() <= 1, "live: {:?}", rig.live());
            // Whoever the game lets play is the one who is live.
            for player in rig.world.values().flatten() {
                prop_assert_eq!(rig.live(), vec![*player]);
            }
        }
        // When all comes to rest, nothing is left over of those who lost.
        rig.settle();
        let stats = rig.lobby.stats();
        prop_assert!(stats.logins <= 1 && stats.characters <= 1);
        (0..sessions).filter(|number| rig.seen.contains_key(&SessionId(*number)))
            .collect::<Vec<_>>().into_iter().for_each(|number| rig.close(SessionId(number)));
        rig.pass(Duration::from_secs(120));
        rig.settle();
        rig.game_tick();
        rig.sync();
        let stats = rig.lobby.stats();
        prop_assert_eq!((stats.sessions, stats.logins, stats.characters, stats.waiting, stats.away), (0, 0, 0, 0, 0));
    }

    #[test]
    fn of_many_logins_at_once_the_last_one_answered_is_live_and_all_others_are_told(
        order in Just((0_u64..32).collect::<Vec<_>>()).prop_shuffle(),
        count in 2_usize..=32,
    ) {
        let mut rig = Rig::new();
        let order: Vec<u64> = order.into_iter().take(count).collect();
        for number in &order {
            rig.greet(SessionId(*number), ELSEWHERE);
            rig.send(SessionId(*number), 1, &TokenLogin { token: format!("anna:{number}") });
        }
        rig.settle();
        prop_assert_eq!(rig.live(), vec![SessionId(*order.last().unwrap())]);
        prop_assert_eq!(rig.lobby.stats().taken_over, count as u64 - 1);
    }
}
