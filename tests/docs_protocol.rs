//! docs/protocol.md says what the protocol is: every code is in it, and its bytes are the real ones.

use prost::Message as _;
use protocol::PROTOCOL_VERSION;
use protocol::v1::{ClientPacket, Farewell, Hello, Refusal, client_packet::Body};
use tests::server::repository;

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/protocol.md")).unwrap()
}

/// The row of a table that begins with `code` and `name`.
fn has_row(page: &str, code: i32, name: &str) -> bool {
    let row = format!("| {code} | `{name}` | ");
    page.lines().any(|line| line.starts_with(&row) && line.len() > row.len() + 2)
}

#[test]
fn every_refusal_and_farewell_is_explained() {
    let page = page();
    let refusals =
        (0..).map_while(|code| Some((code, Refusal::try_from(code).ok()?.as_str_name())));
    let farewells =
        (0..).map_while(|code| Some((code, Farewell::try_from(code).ok()?.as_str_name())));
    let codes: Vec<_> = refusals.chain(farewells).collect();
    assert!(codes.len() > 40, "codes have no gaps");
    for (code, name) in codes {
        assert!(has_row(&page, code, name), "docs/protocol.md lacks the row of {code}, {name}");
    }
}

#[test]
fn the_bytes_of_its_hello_are_those_of_a_hello() {
    let packet = ClientPacket {
        request: 7,
        body: Some(Body::Hello(Hello {
            protocol_version: PROTOCOL_VERSION,
            client: "demo".into(),
        })),
    };
    let page = page();
    let section = page.split("### A Hello, byte by byte").nth(1).unwrap();
    let block = section.split("```").nth(1).unwrap();
    let bytes: Vec<u8> = block
        .lines()
        .skip(1)
        .flat_map(|line| line.split("   ").next().unwrap_or_default().split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let read = ClientPacket::decode_length_delimited(bytes.as_slice()).unwrap();
    assert_eq!(read, packet);
    let mut ours = Vec::new();
    protocol::encode_client_frame(
        &mut ours,
        7,
        &Hello { protocol_version: 1, client: "demo".into() },
    );
    assert_eq!(bytes, ours);
}
