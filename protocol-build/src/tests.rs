//! Features outside, written into a folder for the test, beside Realmbeat's own.

use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, DynamicMessage};
use tempfile::TempDir;

use crate::{ENVELOPE, Error, Features, include_dir};

const OPTIONS: &str = "import \"realmbeat/v1/options.proto\";\n";
const WORLD: &str = "phase: PHASE_WORLD";

/// A folder of `.proto` files, each with its package, and what else is in it.
fn folder(files: &[(&str, &str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, package, rest) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!("syntax = \"proto3\";\npackage {package};\n{OPTIONS}{rest}\n");
        fs::write(path, text).unwrap();
    }
    folder
}

fn client(name: &str, id: u32) -> String {
    format!("message {name} {{ option (realmbeat.v1.client) = {{ id: {id}, {WORLD} }}; }}")
}

fn server(name: &str, id: u32) -> String {
    format!(
        "message {name} {{ option (realmbeat.v1.server) = {{ id: {id}, lane: LANE_VALUE }}; uint32 count = 1; }}"
    )
}

fn refusal(folders: &[&TempDir]) -> Error {
    let folders: Vec<&Path> = folders.iter().map(|folder| folder.path()).collect();
    Features::read(&folders).unwrap_err()
}

/// What is said of one file, in the package `kills`.
fn refusal_of(text: &str) -> String {
    refusal(&[&folder(&[("kills.proto", "kills", text)])]).to_string()
}

#[test]
fn the_envelope_for_features_outside_names_messages_of_both_by_number() {
    let text = client("AskKills", 1001) + &server("Kills", 2000);
    let kills = folder(&[("sub/kills.proto", "kills", &text)]);
    let duel = folder(&[("duel.proto", "duel", &client("AskDuel", 1000))]);
    let envelope = Features::read(&[kills.path(), duel.path()]).unwrap().envelope();
    let own = Features::read(&[]).unwrap().envelope();
    let added: Vec<&str> = envelope.lines().filter(|line| !own.contains(line)).collect();
    let expected = [
        "import \"duel.proto\";",
        "import \"sub/kills.proto\";",
        "    .duel.AskDuel ask_duel = 1000;",
        "    .kills.AskKills ask_kills = 1001;",
        "    .kills.Kills kills = 2000;",
    ];
    assert_eq!(added, expected);
    assert!(own.lines().all(|line| envelope.contains(line)), "nothing of ours is missing");
}

#[test]
fn a_client_made_from_the_envelope_for_a_game_reads_messages_of_ours_and_of_the_game() {
    let kills = folder(&[("kills.proto", "kills", &server("Kills", 1000))]);
    let game = tempfile::tempdir().unwrap();
    let packet = game.path().join(ENVELOPE);
    fs::create_dir_all(packet.parent().unwrap()).unwrap();
    fs::write(&packet, Features::read(&[kills.path()]).unwrap().envelope()).unwrap();

    // The game's folder comes first, so that its envelope is taken instead of ours.
    let includes = [game.path().to_owned(), kills.path().to_owned(), include_dir().to_owned()];
    let set = protox::compile([packet], includes).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(set).unwrap();
    let packet = pool.get_message_by_name("realmbeat.v1.ServerPacket").unwrap();
    let body = |bytes: &[u8], field: &str| {
        let packet = DynamicMessage::decode(packet.clone(), bytes).unwrap();
        packet.get_field_by_name(field).unwrap().to_string()
    };
    // Field 1000, 2 bytes: count is 5.
    assert_eq!(body(&[0xc2, 0x3e, 2, 0x08, 5], "kills"), "{count:5}");
    // Field 2, 2 bytes: nonce is 9.
    assert_eq!(body(&[0x12, 2, 0x08, 9], "pong"), "{nonce:9}");
}

#[test]
fn two_features_with_one_id_are_refused_with_both_named() {
    let kills = folder(&[("kills.proto", "kills", &client("AskKills", 1000))]);
    let duel = folder(&[("duel.proto", "duel", &client("AskDuel", 1000))]);
    assert_eq!(
        refusal(&[&kills, &duel]).to_string(),
        "duel.AskDuel (duel.proto) and kills.AskKills (kills.proto) both have client id 1000: \
         give one of them another id"
    );
    // Each direction has ids of its own.
    let answers = folder(&[("answers.proto", "answers", &server("Answer", 1000))]);
    assert!(Features::read(&[kills.path(), answers.path()]).is_ok());
}

#[test]
fn two_features_with_one_message_name_are_refused_with_both_named() {
    let kills = folder(&[("kills.proto", "kills", &client("Ask", 1000))]);
    let duel = folder(&[("duel.proto", "duel", &client("Ask", 1001))]);
    assert_eq!(
        refusal(&[&kills, &duel]).to_string(),
        "kills.Ask (kills.proto) and duel.Ask (duel.proto) would be one field of the client packet: \
         rename one of them"
    );
    let ours = refusal_of(&client("Say", 1000));
    assert!(ours.starts_with("realmbeat.v1.Say (realmbeat/v1/chat.proto) and kills.Say"), "{ours}");
    let same = folder(&[("more.proto", "kills", &client("Ask", 1001))]);
    let same = refusal(&[&kills, &same]).to_string();
    assert!(same.contains("kills.proto") && same.contains("more.proto"), "{same}");
}

#[test]
fn two_folders_with_a_file_of_one_name_are_refused_with_both_named() {
    let kills = folder(&[("messages.proto", "kills", &client("AskKills", 1000))]);
    let duel = folder(&[("messages.proto", "duel", &client("AskDuel", 1001))]);
    let text = refusal(&[&kills, &duel]).to_string();
    let both = [&kills, &duel].map(|folder| folder.path().display().to_string());
    assert!(both.iter().all(|folder| text.contains(folder)), "{text}");
}

#[test]
fn a_message_that_cannot_be_served_is_refused_with_what_to_do() {
    let option = |option: &str, rest: &str| {
        format!("message AskKills {{ option (realmbeat.v1.{option}; {rest} }}")
    };
    let world = |rest: &str| option("client) = { id: 1000, phase: PHASE_WORLD }", rest);
    let cases = [
        (client("AskKills", 999), "from 1000"),
        (client("AskKills", 0), "can't be a field number"),
        (client("AskKills", 19_500), "can't be a field number"),
        (option("client).id = 1000", ""), "`phase: PHASE_WORLD`"),
        (option("client) = { id: 1000, phase: PHASE_LOBBY }", ""), "`phase: PHASE_WORLD`"),
        (option("server).id = 1000", ""), "`lane: LANE_WORLD`"),
        (format!("message Outer {{ {} }}", client("AskKills", 1000)), "move it out"),
        (client("ASKKills", 1000), "call it AskKills"),
        (world("repeated uint32 list = 1;"), "field list of a client message needs a bound"),
        (world("map<uint32, uint32> map = 1;"), "can't have a map, as field map is"),
        (world("Inner inner = 1; } message Inner { repeated uint32 list = 1;"), "field inner"),
    ];
    for (text, what_to_do) in cases {
        let refusal = refusal_of(&text);
        assert!(refusal.contains("AskKills") || refusal.contains("ASKKills"), "{refusal}");
        assert!(refusal.contains("(kills.proto): "), "{refusal}");
        assert!(refusal.contains(what_to_do), "{text}\n{refusal}");
    }
}

#[test]
fn a_file_outside_has_a_package_of_its_own_and_is_valid() {
    let ours = folder(&[("kills.proto", "realmbeat.v1", &client("AskKills", 1000))]);
    assert!(refusal(&[&ours]).to_string().contains("name one of your own"));
    let broken = refusal_of("message AskKills {\n  nothing;\n}");
    assert!(broken.starts_with("kills.proto:5:"), "{broken}");
    let empty = refusal(&[&tempfile::tempdir().unwrap()]).to_string();
    assert!(empty.contains("there is no .proto file"), "{empty}");
    let missing = Features::read(&[&PathBuf::from("missing")]).unwrap_err().to_string();
    assert!(missing.contains("missing: "), "{missing}");
}
