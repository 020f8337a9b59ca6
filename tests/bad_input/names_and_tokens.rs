//! Names that break the rules, passwords that are wrong, tokens that are no good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::v1::{
    CreateCharacter, Farewell, LoggedIn, Login, Refusal, Register, Resume, TokenLogin,
};
use server::auth::mint_token;
use tests::client::{Client, mint};
use tests::server::TOKEN_SECRET;

use super::Scene;

fn register(account: &str, password: &str) -> Register {
    Register { account: account.into(), password: password.into() }
}

fn login(account: &str, password: &str) -> Login {
    Login { account: account.into(), password: password.into() }
}

fn token(secret: &str, audience: &str, lifetime: Duration) -> TokenLogin {
    let token = mint_token(secret.as_bytes(), audience, "ada", lifetime).unwrap();
    TokenLogin { token }
}

#[test]
fn names_and_passwords_that_break_the_rules_are_refused_and_may_be_tried_again() {
    let mut scene = Scene::new();
    let mut client = Client::greet(scene.server.address);
    for (request, name) in (1..).zip(["", "ab", "with space", "ünïcode", &"x".repeat(25)]) {
        let refusal = client.refusal(request, &register(name, "long enough"));
        assert_eq!(refusal, Refusal::BadName, "{name:?}");
    }
    let too_long = "x".repeat(129);
    for (request, password) in (10..).zip(["", "7 bytes", too_long.as_str()]) {
        let refusal = client.refusal(request, &register("zoe", password));
        assert_eq!(refusal, Refusal::BadPassword, "{password:?}");
    }
    let _: LoggedIn = client.ask(20, &register("zoe", "long enough"));
    for (request, name) in (21..).zip(["", "Al", "Zoë", "Zo e", "Z0e", &"X".repeat(17)]) {
        let name = name.to_owned();
        let refusal = client.refusal(request, &CreateCharacter { name: name.clone() });
        assert_eq!(refusal, Refusal::BadName, "{name:?}");
    }
    scene.neighbour.plays();
}

#[test]
fn a_wrong_password_is_refused_like_an_unknown_account_and_five_of_them_are_enough() {
    let mut scene = Scene::new();
    let address = scene.server.address;
    let _: LoggedIn = Client::greet(address).ask(1, &register("zoe", "long enough"));

    let mut client = Client::greet(address);
    for (request, account) in (1..=5).zip(["zoe", "nobody", "zoe", "ab", "zoe"]) {
        let refusal = client.refusal(request, &login(account, "not this one"));
        assert_eq!(refusal, Refusal::BadCredentials, "{account}");
    }
    scene.ends(&mut client, Farewell::TooManyErrors);
    let _: LoggedIn = Client::greet(address).ask(1, &login("zoe", "long enough"));
}

#[test]
fn a_login_token_is_good_once_in_its_time_for_this_world_and_by_the_right_hand() {
    let mut scene = Scene::new();
    let address = scene.server.address;
    let refusal = |message: &TokenLogin| Client::greet(address).refusal(6, message);
    let hour = Duration::from_secs(3600);

    let good = TokenLogin { token: mint("ada") };
    let _: LoggedIn = Client::greet(address).ask(5, &good);
    assert_eq!(refusal(&good), Refusal::TokenUsed, "a second time");

    let expired = token(TOKEN_SECRET, "realmbeat", Duration::ZERO);
    let minted = unix_seconds();
    while unix_seconds() <= minted {
        scene.neighbour.plays();
    }
    assert_eq!(refusal(&expired), Refusal::TokenExpired);

    let elsewhere = token(TOKEN_SECRET, "another world", hour);
    assert_eq!(refusal(&elsewhere), Refusal::TokenInvalid);
    let forger = token(&TOKEN_SECRET.replace("tests", "thief"), "realmbeat", hour);
    assert_eq!(refusal(&forger), Refusal::TokenInvalid);
    let for_ever = token(TOKEN_SECRET, "realmbeat", Duration::from_secs(1 << 40));
    assert_eq!(refusal(&for_ever), Refusal::TokenInvalid);

    let TokenLogin { token: genuine } = token(TOKEN_SECRET, "realmbeat", hour);
    let (head, _) = genuine.rsplit_once('.').unwrap();
    let (_, claims) = head.split_once('.').unwrap();
    // {"typ":"JWT","alg":"none"}
    let unsigned = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{claims}.");
    for token in [String::new(), "x.y.z".into(), head.into(), format!("{head}."), unsigned] {
        let refusal = refusal(&TokenLogin { token });
        assert_eq!(refusal, Refusal::TokenInvalid);
    }
    let _: LoggedIn = Client::greet(address).ask(7, &TokenLogin { token: genuine });
}

#[test]
fn session_tokens_that_are_guessed_admit_nobody() {
    let mut scene = Scene::new();
    let mut client = Client::greet(scene.server.address);
    for (request, token) in
        (1..=5).zip([vec![], vec![0; 15], vec![0; 16], vec![7; 16], vec![0; 200]])
    {
        let refusal = client.refusal(request, &Resume { token });
        assert_eq!(refusal, Refusal::TokenInvalid);
    }
    scene.ends(&mut client, Farewell::TooManyErrors);
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
