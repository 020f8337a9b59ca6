//! What is secret is shown nowhere.

use super::*;
use crate::config::{keys, reference};

const SECRET: &str = "a-secret-of-more-than-32-bytes-is-long";

#[test]
fn the_token_secret_is_readable_and_masked_wherever_it_might_be_shown() {
    let sources =
        Sources::default().environment(variables(&[("REALMBEAT__AUTH__TOKEN_SECRET", SECRET)]));
    let loaded = Loaded::load(&sources).unwrap();
    assert_eq!(loaded.config.auth.token_secret.as_ref().unwrap().expose(), SECRET);

    let changes = loaded.config.changes(&load("").unwrap().config);
    assert_eq!((changes[0].from.as_str(), changes[0].to.as_str()), ("\"********\"", "\"\""));
    for shown in [
        loaded.to_string(),
        format!("{loaded:?}"),
        format!("{loaded:#?}"),
        format!("{sources:?}"),
        format!("{changes:?} {}", changes[0]),
    ] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    assert!(
        loaded
            .to_string()
            .contains("token_secret = \"********\" # environment REALMBEAT__AUTH__TOKEN_SECRET")
    );
}

#[test]
fn a_wrong_secret_is_not_repeated() {
    let short = "short-but-secret";
    for error in [
        load(&format!("auth.token_secret = '{short}'")),
        load(&format!("auth.token_secret = ['{short}']")),
        load(&format!("auth.token_secrets = '{short}'")),
        load(&format!("auth.token_secret = '{short}")),
        Loaded::load(&Sources::default().flag("--set", "auth.token_secret", short)),
    ] {
        let error = error.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(short), "{error}");
    }
}

#[cfg(feature = "nats")]
#[test]
fn the_password_of_a_nats_server_is_masked_wherever_it_might_be_shown() {
    const PASSWORD: &str = "hunter2";
    let loaded = load(&format!("bus.url = 'nats://ann:{PASSWORD}@127.0.0.1:4222'")).unwrap();
    let wrong = load(&format!("bus.url = 'natss://ann:{PASSWORD}@127.0.0.1:4222'")).unwrap_err();
    for shown in
        [loaded.to_string(), format!("{loaded:?}"), wrong.to_string(), format!("{wrong:?}")]
    {
        assert!(!shown.contains(PASSWORD), "{shown}");
        assert!(shown.contains("********@127.0.0.1:4222"), "{shown}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn the_password_of_a_database_is_masked_wherever_it_might_be_shown() {
    const PASSWORD: &str = "hunter2";
    for (address, shows) in [
        (format!("ann:{PASSWORD}@db.example.org/world"), "********@db.example.org/world"),
        (format!("db/world?password={PASSWORD}&port=6543"), "db/world?password=********&port=6543"),
    ] {
        let loaded = load(&format!("store.url = 'postgres://{address}'")).unwrap();
        let wrong = load(&format!("store.url = 'postgress://{address}'")).unwrap_err();
        let place = crate::server::database(&loaded.config);
        for shown in [
            loaded.to_string(),
            format!("{loaded:?}"),
            wrong.to_string(),
            format!("{wrong:?}"),
            format!("{place} {place:?}"),
        ] {
            assert!(!shown.contains(PASSWORD), "{shown}");
            assert!(shown.contains(shows), "{shown}");
        }
    }
}

#[test]
fn only_the_token_secret_is_a_secret_key() {
    let secret: Vec<&str> = keys().filter(|key| key.secret).map(|key| key.path).collect();
    assert_eq!(secret, ["auth.token_secret"]);
    assert!(reference().contains("\ntoken_secret = \"\"\n"));
}
