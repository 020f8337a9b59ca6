//! Rust code of messages for a build script: the structs, and what the server asks of their kinds.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use heck::ToUpperCamelCase as _;
use prost_build::Module;

use crate::features::{Body, Bound, Features};
use crate::sources::{Sources, at};
use crate::{Error, PACKAGE, include_dir};

/// Compiles all `.proto` files below `folder`, from the build script of a crate outside this repository: for each
/// package `<package>.rs` in `OUT_DIR`, with the messages and their `protocol::ClientMessage` or
/// `protocol::ServerMessage`. They may import Realmbeat's own files, whose messages are those of `protocol::v1`.
///
/// The crate depends on `prost` and `protocol`. Ids are 1000 and up, in a package of the crate's own.
///
/// # Errors
/// When a file can't be read or isn't valid protobuf, or a message can't be served; the error says what to do.
pub fn compile(folder: impl AsRef<Path>) -> Result<(), Error> {
    let folder = folder.as_ref();
    // It may import Realmbeat's own messages.
    [folder, include_dir()].into_iter().for_each(println_rerun);
    let sources = Sources::open(&[folder])?;
    let features = Features::of(&sources)?;
    for (package, mut code) in generate(&sources, sources.outside_packages())? {
        let of_package = |body: &&Body| body.package == package;
        write_impls(
            &mut code,
            features.client.iter().filter(of_package),
            features.server.iter().filter(of_package),
        );
        write_module(&package, &code)?;
    }
    Ok(())
}

/// Compiles Realmbeat's own messages, from the build script of the crate `protocol`: as [`compile`] does, with ids below
/// 1000, the packets, and the tables `CLIENT_MESSAGES` and `SERVER_MESSAGES`.
///
/// # Errors
/// As [`compile`].
pub fn compile_own() -> Result<(), Error> {
    println_rerun(include_dir());
    let mut sources = Sources::open(&[])?;
    let features = Features::of(&sources)?;
    sources.add_envelope()?;
    for (package, mut code) in generate(&sources, [PACKAGE.to_owned()])? {
        write_impls(&mut code, features.client.iter(), features.server.iter());
        write_table(&mut code, "client", "Client", &features.client);
        write_table(&mut code, "server", "Server", &features.server);
        write_module(&package, &code)?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "cargo listens to the output of a build script")]
fn println_rerun(folder: &Path) {
    println!("cargo:rerun-if-changed={}", folder.display());
}

/// The structs and enums of `packages`, each with its package.
fn generate(
    sources: &Sources,
    packages: impl IntoIterator<Item = String>,
) -> Result<Vec<(String, String)>, Error> {
    let module = |package: &str| Module::from_protobuf_package_name(package);
    let packages: Vec<String> = packages.into_iter().collect();
    let mut config = prost_build::Config::new();
    if !packages.iter().any(|package| package == PACKAGE) {
        config.extern_path(format!(".{PACKAGE}"), "::protocol::v1");
    }
    let files = sources.compiler().file_descriptor_set().file;
    let requests = files.into_iter().map(|file| (module(file.package()), file)).collect();
    let mut modules =
        config.generate(requests).map_err(|error| Error::Generator(error.to_string()))?;
    let code = packages.into_iter().filter_map(|package| {
        let code = modules.remove(&module(&package))?;
        Some((package, code))
    });
    Ok(code.collect())
}

/// Writes `<package>.rs` into `OUT_DIR`.
fn write_module(package: &str, code: &str) -> Result<(), Error> {
    let folder = env::var_os("OUT_DIR").ok_or_else(|| {
        Error::Generator("OUT_DIR isn't set: call this from a build script".into())
    })?;
    let name = Module::from_protobuf_package_name(package).to_file_name_or("_");
    let path = PathBuf::from(folder).join(name);
    fs::write(&path, code).map_err(at(&path))
}

fn write_impls<'a>(
    code: &mut String,
    client: impl Iterator<Item = &'a Body>,
    server: impl Iterator<Item = &'a Body>,
) {
    // Writing to a string doesn't fail.
    client.for_each(|body| _ = write_client(code, body));
    server.for_each(|body| _ = write_server(code, body));
}

fn write_client(code: &mut String, body: &Body) -> fmt::Result {
    let (name, id, phase) = (&body.name, body.id, body.choice.to_upper_camel_case());
    let bounds: String = body.bounds.iter().map(write_bound).collect();
    writeln!(
        code,
        "impl ::protocol::ClientMessage for {name} {{ const INFO: ::protocol::ClientInfo = \
         ::protocol::ClientInfo {{ id: {id}, name: \"{name}\", phase: ::protocol::Phase::{phase}, \
         bounds: &[{bounds}] }}; }}"
    )
}

fn write_bound(bound: &Bound) -> String {
    let Bound { number, most, packing, .. } = bound;
    format!(
        "::protocol::Bound {{ field: {number}, limit: {most}, packing: ::protocol::Packing::{packing} }}, "
    )
}

fn write_server(code: &mut String, body: &Body) -> fmt::Result {
    let (name, id, lane) = (&body.name, body.id, body.choice.to_upper_camel_case());
    writeln!(
        code,
        "impl ::protocol::ServerMessage for {name} {{ const INFO: ::protocol::ServerInfo = \
         ::protocol::ServerInfo {{ id: {id}, name: \"{name}\", lane: ::protocol::Lane::{lane} }}; }}"
    )
}

fn write_table(code: &mut String, direction: &str, trait_prefix: &str, bodies: &[Body]) {
    let infos: String = bodies
        .iter()
        .map(|body| format!("<{} as ::protocol::{trait_prefix}Message>::INFO, ", body.name))
        .collect();
    let name = direction.to_uppercase();
    // Writing to a string doesn't fail.
    let _ = writeln!(
        code,
        "/// Every {direction} message of this package, by id.\n\
         pub static {name}_MESSAGES: &[::protocol::{trait_prefix}Info] = &[{infos}];"
    );
}
