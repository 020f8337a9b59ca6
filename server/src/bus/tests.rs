//! Which settings open a bus. What it then does is tested on both implementations from outside.

use game::ZoneName;

use super::{OpenError, QueueBounds, Settings, open};

fn settings(url: &str) -> Settings {
    Settings {
        url: url.to_owned(),
        world: "w".to_owned(),
        node: "1".to_owned(),
        zones: vec![ZoneName::new("meadow"), ZoneName::realm()],
        outgoing: QueueBounds::default(),
        incoming: QueueBounds::default(),
    }
}

fn refusal(settings: Settings) -> String {
    let error = open(settings, || ()).err().expect("refused");
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn a_bad_url_is_refused_in_one_line_without_its_password() {
    for url in ["", "locale", "http://a:80", "ws://a:80"] {
        assert!(refusal(settings(url)).contains(&format!("bus.url `{url}`")));
    }
    let line = refusal(settings("redis://ann:secret@a"));
    assert!(line.contains("***@a") && !line.contains("secret"), "{line}");
}

#[cfg(feature = "nats")]
#[test]
fn a_nats_url_that_can_never_work_is_refused() {
    for url in ["nats://", "nats://a:port", "nats://a:1,http://b:2", "nats://a,"] {
        let error = open(settings(url), || ()).err();
        assert!(matches!(error, Some(OpenError::Url { .. })), "{url}: {error:?}");
    }
}

#[cfg(not(feature = "nats"))]
#[test]
fn nats_without_the_feature_is_refused_with_its_name() {
    assert!(matches!(open(settings("nats://a"), || ()).err(), Some(OpenError::NotBuilt)));
    assert!(refusal(settings("nats://a")).contains("cargo feature `nats`"));
}

#[test]
fn names_that_do_not_fit_a_subject_stop_the_start() {
    let good = settings("local");
    let world = Settings { world: "my world".to_owned(), ..good.clone() };
    assert!(refusal(world).contains("world name `my world`"));
    let node = Settings { node: "a.b".to_owned(), ..good.clone() };
    assert!(refusal(node).contains("node name `a.b`"));
    let zones = Settings { zones: vec![ZoneName::new("*")], ..good.clone() };
    assert!(refusal(zones).contains("zone name `*`"));
    assert!(open(good, || ()).is_ok());
}
