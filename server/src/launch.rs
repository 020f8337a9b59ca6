//! What the server's program does with its command line: runs a world, or looks after one that isn't running. A
//! program with modules of its own does the same with them.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::config::{Config, EX_CONFIG, Loaded, Sources, reference};
use crate::lobby::account_name;
use crate::server::{ServerBuilder, StartError, check_content, check_database};
use crate::suspects::Suspects;
use crate::{auth, failpoints, operator, telemetry};

/// Where the bots look for the secret of login tokens.
const BOTS_SECRET_VARIABLE: &str = "REALMBEAT_TOKEN_SECRET";

/// Exit code when somebody has to look at the database before another start, as `sysexits.h` has it.
pub(crate) const EX_DATAERR: u8 = 65;

/// Does what the command line says; without a command it runs the server that `builder` describes. The whole `main` of
/// a server program: its exit code, help and messages are those of `realmbeat-server --help`.
pub fn launch(builder: ServerBuilder) -> ExitCode {
    let cli = Cli::parse();
    // A file that would become too large is an error then, as on a full disk, and not the end of the process.
    if let Err(error) = signal_hook::flag::register(libc::SIGXFSZ, Arc::default()) {
        return fail(format_args!("signals can't be watched: {error}"), 1);
    }
    if cli.settings.print_default_config {
        return say(reference());
    }
    let command = cli.command();
    let only_looks = cli.settings.print_config || cli.settings.check_config;
    // First of all for a server: a SIGHUP would end it else.
    let builder = match command == Command::Run && !only_looks {
        true => builder.watch_signals(),
        false => Ok(builder),
    };
    let builder = match builder {
        Ok(builder) => builder,
        Err(error) => return fail(error, 1),
    };
    let sources = cli.sources(std::env::vars_os());
    let loaded = match Loaded::load(&sources) {
        Ok(loaded) => loaded,
        Err(error) => return fail(error, EX_CONFIG),
    };
    if cli.settings.print_config {
        return say(loaded);
    }
    if cli.settings.check_config {
        return match check_content(&loaded) {
            Ok(zones) => say(format!("{zones}the configuration and the content are valid\n")),
            Err(error) => fail(error, EX_CONFIG),
        };
    }
    match command == Command::Run {
        true => run(builder, loaded, sources),
        false => look_after(&command, &loaded),
    }
}

/// Every command but running the server.
fn look_after(command: &Command, loaded: &Loaded) -> ExitCode {
    let config = &loaded.config;
    // What looks after a database says as early as a start does what is wrong with its address.
    if !matches!(command, Command::Lift { .. } | Command::Token { .. })
        && let Err(error) = check_database(loaded)
    {
        return fail(error, EX_CONFIG);
    }
    let _ = telemetry::start(&config.log);
    match command {
        Command::Run => ExitCode::SUCCESS,
        Command::Audit { subject } => operator::audit(config, subject.clone()),
        Command::Migrate => operator::migrate(config),
        Command::ForgetLog => operator::forget_log(config),
        Command::Backup { file, no_verify } => operator::backup(config, file, !no_verify),
        Command::Export { file } => operator::export(config, file),
        Command::Import { file } => operator::import(config, file),
        Command::Rank { name, rank } => operator::rank(config, name, *rank),
        Command::Lift { id } => lift(config, *id),
        Command::Token { account, lifetime } => token(config, account, *lifetime),
    }
}

fn run(builder: ServerBuilder, loaded: Loaded, sources: Sources) -> ExitCode {
    let levels = match telemetry::start_queued(&loaded.config.log) {
        Ok(levels) => levels,
        Err(error) => return fail(format_args!("no thread for the log: {error}"), 1),
    };
    failpoints::announce();
    tracing::info!(files = %loaded.files(), "configuration");
    let no_secret = loaded.config.auth.token_secret.is_none();
    if no_secret && std::env::var_os(BOTS_SECRET_VARIABLE).is_some() {
        tracing::warn!(
            "{BOTS_SECRET_VARIABLE} is set, which is the bots' variable; the server reads its secret from \
             REALMBEAT__AUTH__TOKEN_SECRET, and without one nobody logs in with tokens"
        );
    }
    let server = match builder.log_levels(levels).start(loaded, sources) {
        Ok(server) => server,
        Err(error) => {
            let is_damage = matches!(&error, StartError::Store(problem) if problem.is_damage());
            let code = match error.is_configuration() {
                true => EX_CONFIG,
                false if is_damage => EX_DATAERR,
                false => 1,
            };
            return fail(error, code);
        }
    };
    // Whoever started this process waits for this line.
    let _ = say(format!("realmbeat-server ready on {}\n", server.address()));
    match server.run() {
        Ok(()) => {
            telemetry::drain();
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error, if error.needs_a_look() { EX_DATAERR } else { 1 }),
    }
}

fn lift(config: &Config, id: Option<u32>) -> ExitCode {
    let data_dir = &config.server.data_dir;
    if let Err(error) = data_dir.read_dir() {
        let data_dir = data_dir.display();
        return fail(format_args!("{data_dir}: {error}; check --data-dir"), 1);
    }
    let suspects = Suspects::of(data_dir);
    let said = match id {
        None => suspects.text().map(|list| match list.is_empty() {
            true => format!("no message is refused by a server of {}\n", data_dir.display()),
            false => list,
        }),
        Some(id) => suspects.lift(id).map(|lifted| match lifted {
            true => format!("message {id} is accepted from the next start on\n"),
            false => format!("message {id} was not refused\n"),
        }),
    };
    match said {
        Ok(text) => say(text),
        Err(error) => fail(error, 1),
    }
}

fn token(config: &Config, account: &str, lifetime: std::time::Duration) -> ExitCode {
    let Some(secret) = &config.auth.token_secret else {
        return fail("auth.token_secret is not set: nobody logs in with tokens", EX_CONFIG);
    };
    let account = match account_name(account) {
        Ok(account) => account,
        Err(rule) => return fail(format_args!("{account:?} can't be an account: {rule}"), 1),
    };
    let secret = secret.expose().as_bytes();
    match auth::mint_token(secret, &config.auth.token_audience, &account, lifetime) {
        Ok(token) => say(format!("{token}\n")),
        Err(error) => fail(error, 1),
    }
}

/// To standard output. Who reads it no longer is nobody's mistake.
pub(crate) fn say(text: impl Display) -> ExitCode {
    let _ = write!(std::io::stdout(), "{text}");
    let _ = std::io::stdout().flush();
    ExitCode::SUCCESS
}

pub(crate) fn fail(error: impl Display, code: u8) -> ExitCode {
    telemetry::print_error(error);
    ExitCode::from(code)
}
