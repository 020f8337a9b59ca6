//! Compiles `proto/` and derives from the descriptors what the rest of the server asks of a message kind: its id,
//! lane, phase and bounds. The `.proto` files are the one source; what they must not contain stops the build.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

const PACKAGE: &str = "realmbeat.v1";
const ENTRY: &str = "proto/realmbeat/v1/packet.proto";
/// Field numbers of the envelope itself; no body may take one.
const ENVELOPE_FIELDS: std::ops::RangeInclusive<u32> = 16..=31;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_file(ENTRY)?;
    prost_build::Config::new().compile_fds(compiler.file_descriptor_set())?;
    // The pool is decoded from bytes, because the descriptor types of prost drop custom options.
    let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice())?;

    let mut out = String::new();
    emit_client_messages(&mut out, &bodies(&pool, "ClientPacket")?)?;
    emit_server_messages(&mut out, &bodies(&pool, "ServerPacket")?)?;
    let path = PathBuf::from(env::var("OUT_DIR")?).join("message_ids.rs");
    fs::write(path, out)?;
    Ok(())
}

fn bodies(pool: &DescriptorPool, packet: &str) -> Result<Vec<FieldDescriptor>> {
    let packet = pool
        .get_message_by_name(&format!("{PACKAGE}.{packet}"))
        .with_context(|| format!("{packet} is missing"))?;
    let oneof = packet.oneofs().next().context("a packet has one oneof: body")?;
    let mut fields: Vec<_> = oneof.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    for field in &fields {
        let (name, id) = (field.name(), field.number());
        ensure!(!ENVELOPE_FIELDS.contains(&id), "{name} = {id}: 16 to 31 belong to the envelope");
        ensure!(id < 1000, "{name} = {id}: 1000 and up belong to modules outside this repository");
        ensure!(matches!(field.kind(), Kind::Message(_)), "{name} = {id}: a body is a message");
    }
    Ok(fields)
}

fn emit_client_messages(out: &mut String, fields: &[FieldDescriptor]) -> Result<()> {
    let mut table = String::new();
    for field in fields {
        let message = message_of(field)?;
        let phase = match option(field, "phase")? {
            1 => "Greeting",
            2 => "Login",
            3 => "Lobby",
            4 => "World",
            5 => "Any",
            other => bail!("{}: phase {other} is unknown or missing", field.full_name()),
        };
        let bounds = bounds(&message)?;
        let (name, id) = (message.name(), field.number());
        writeln!(
            out,
            "impl crate::message::ClientMessage for {name} {{ const INFO: crate::message::ClientInfo = \
             crate::message::ClientInfo {{ id: {id}, name: \"{name}\", phase: crate::message::Phase::{phase}, \
             bounds: &[{bounds}] }}; }}"
        )?;
        write!(table, "<{name} as crate::message::ClientMessage>::INFO, ")?;
    }
    writeln!(
        out,
        "/// Every client message of this package, by id.\n\
         pub static CLIENT_MESSAGES: &[crate::message::ClientInfo] = &[{table}];"
    )?;
    Ok(())
}

fn emit_server_messages(out: &mut String, fields: &[FieldDescriptor]) -> Result<()> {
    let mut table = String::new();
    for field in fields {
        let message = message_of(field)?;
        let lane = match option(field, "lane")? {
            1 => "World",
            2 => "Value",
            other => bail!("{}: lane {other} is unknown or missing", field.full_name()),
        };
        let (name, id) = (message.name(), field.number());
        writeln!(
            out,
            "impl crate::message::ServerMessage for {name} {{ const INFO: crate::message::ServerInfo = \
             crate::message::ServerInfo {{ id: {id}, name: \"{name}\", lane: crate::message::Lane::{lane} }}; }}"
        )?;
        write!(table, "<{name} as crate::message::ServerMessage>::INFO, ")?;
    }
    writeln!(
        out,
        "/// Every server message of this package, by id.\n\
         pub static SERVER_MESSAGES: &[crate::message::ServerInfo] = &[{table}];"
    )?;
    Ok(())
}

fn message_of(field: &FieldDescriptor) -> Result<MessageDescriptor> {
    let kind = field.kind();
    kind.as_message()
        .cloned()
        .with_context(|| format!("{}: a body is a message", field.full_name()))
}

/// The number of an enum or integer option of ours on `field`, 0 when it isn't there.
fn option(field: &FieldDescriptor, name: &str) -> Result<u32> {
    let extension = field
        .parent_pool()
        .get_extension_by_name(&format!("{PACKAGE}.{name}"))
        .with_context(|| format!("option {name} is not declared"))?;
    let options = field.options();
    let value = options.get_extension(&extension);
    let number = value.as_enum_number().map(u32::try_from).transpose()?;
    number.or_else(|| value.as_u32()).with_context(|| format!("option {name} is no number"))
}

/// `(field, max)` of each repeated field. A client could otherwise make the decoder allocate eighty times what it
/// sent, so a client message has no map, no unbounded repetition, and no repetition further inside.
fn bounds(message: &MessageDescriptor) -> Result<String> {
    let mut out = String::new();
    for field in message.fields() {
        ensure!(!field.is_map(), "{}: no map in a client message", field.full_name());
        if field.is_list() {
            let max = option(&field, "max_items")?;
            ensure!(max > 0, "{}: a repeated client field needs (max_items)", field.full_name());
            write!(out, "({}, {max}), ", field.number())?;
        }
        if let Kind::Message(inner) = field.kind() {
            ensure!(bounds(&inner)?.is_empty(), "{}: repetition inside", field.full_name());
        }
    }
    Ok(out)
}
