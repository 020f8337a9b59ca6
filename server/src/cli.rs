//! The command line: flags that override the configuration, and the few things to do other than to run the server.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use game::Rank;

use crate::config::{Sources, parse_duration};

/// The Realmbeat game server: it runs a world, or looks after one that isn't running.
#[derive(Debug, Parser)]
#[command(
    name = "realmbeat-server",
    version,
    max_term_width = 100,
    after_help = "\
A value comes from its default, a TOML file, an environment variable or a flag; the later of these wins.
The variable of a key such as network.listen is REALMBEAT__NETWORK__LISTEN. Flags stand before the command.

Exit codes: 0 an orderly end, 1 an error, 2 a wrong command line, 65 a database that somebody has to
look at first, 78 a wrong configuration."
)]
pub struct Cli {
    /// Where the configuration comes from, and what to do with it.
    #[command(flatten)]
    pub settings: Settings,

    /// What to do; without it, [`Command::Run`].
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags about the configuration. They stand before the command: as global flags, clap would let those after it
/// silently replace those before it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub struct Settings {
    /// Read this TOML file; several may be given, later ones win [default: config/server.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,

    /// Let clients connect here (network.listen)
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,

    /// Keep everything that the server writes in this directory (server.data_dir)
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,

    /// Set any key, such as --set world.tick_rate=20; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Assignment>,

    /// Check the configuration and stop; exit code 78 if something is wrong
    #[arg(long, conflicts_with_all = ["print_config", "print_default_config"])]
    pub check_config: bool,

    /// Print what is in force and where each value comes from, and stop
    #[arg(long, conflicts_with = "print_default_config")]
    pub print_config: bool,

    /// Print a configuration file with every key, its meaning and its default, and stop
    #[arg(long)]
    pub print_default_config: bool,
}

/// Something to do with a world's database, or the server itself.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (also what happens without a command)
    Run,

    /// Prove that no item was lost or duplicated; may run beside the server and sees one moment
    Audit {
        /// Tell a history instead
        #[command(subcommand)]
        subject: Option<AuditSubject>,
    },

    /// Bring the database to this server's version without starting it; a start does the same
    Migrate,

    /// Take a SQLite file as it is although the -wal that it needs is lost: what was confirmed last is lost with it
    ForgetLog,

    /// Copy the database to a new file while the server runs or not, and audit the copy. With PostgreSQL it is an
    /// export: the file that import reads
    Backup {
        /// The copy; there must be no such file
        file: PathBuf,
        /// Don't look whether the copy is in order
        #[arg(long)]
        no_verify: bool,
    },

    /// Write the world to a new file that import reads into either kind of database, while the server runs or not
    Export {
        /// There must be no such file
        file: PathBuf,
    },

    /// Read an exported world into a new database, all of it or nothing, and audit it; exit code 1 if the audit has
    /// findings, which keeps nothing from being taken
    Import {
        /// What export wrote
        file: PathBuf,
    },

    /// Give a character a rank
    Rank {
        /// The character
        name: String,
        /// What the character may do beyond playing: player, guide, master or admin
        #[arg(value_parser = rank)]
        rank: Rank,
    },

    /// List the packet kinds that are refused because one of them brought the server down, or lift one
    Lift {
        /// The message id; without it, the list is printed
        id: Option<u32>,
    },

    /// Print a login token for an account, signed with auth.token_secret; it admits once
    Token {
        /// The account; it is made at the first login
        account: String,
        /// How long it may be used, such as 10m or 1h
        #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = duration)]
        lifetime: Duration,
    },
}

impl Cli {
    /// What to do.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or(Command::Run)
    }

    /// Where to read the configuration from: the flags that were given, over the variables of `environment`.
    #[must_use]
    pub fn sources(&self, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Sources {
        let settings = &self.settings;
        let mut sources = Sources::default().environment(environment);
        for file in &settings.config {
            sources = sources.file(file);
        }
        for Assignment { key, value } in &settings.set {
            sources = sources.flag(format!("--set {key}"), key, value);
        }
        if let Some(listen) = settings.listen {
            sources = sources.flag("--listen", "network.listen", listen.to_string());
        }
        if let Some(data_dir) = &settings.data_dir {
            sources = sources.flag("--data-dir", "server.data_dir", data_dir);
        }
        sources
    }
}

/// What an audit may look at other than everything.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum AuditSubject {
    /// Everything that ever happened to one item
    Item {
        /// The item's id; 0 is all gold
        id: u64,
    },
    /// What a character owns, and its items and gold through time
    Character {
        /// The character
        name: String,
    },
}

/// `KEY=VALUE`. The value may be a secret, so its `Debug` shows the key alone.
#[derive(Clone, PartialEq, Eq)]
struct Assignment {
    key: String,
    value: String,
}

impl fmt::Debug for Assignment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}=...", self.key)
    }
}

/// There is no `=` between a key and a value.
#[derive(Debug, thiserror::Error)]
#[error("expected KEY=VALUE, such as network.listen=127.0.0.1:7777")]
struct NoAssignment;

impl FromStr for Assignment {
    type Err = NoAssignment;

    fn from_str(text: &str) -> Result<Self, NoAssignment> {
        let (key, value) = text.split_once('=').ok_or(NoAssignment)?;
        Ok(Self { key: key.trim().to_owned(), value: value.to_owned() })
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let lifetime = parse_duration(text).filter(|lifetime| !lifetime.is_zero());
    lifetime.ok_or("expected a duration such as 30s, 10m or 1h")
}

fn rank(text: &str) -> Result<Rank, &'static str> {
    match text {
        "player" => Ok(Rank::Player),
        "guide" => Ok(Rank::Guide),
        "master" => Ok(Rank::Master),
        "admin" => Ok(Rank::Admin),
        _ => Err("expected player, guide, master or admin"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::{Loaded, Origin};

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(line.split_whitespace()).unwrap()
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_server_runs() {
        assert_eq!(parse("realmbeat-server").command(), Command::Run);
        assert_eq!(parse("realmbeat-server run").command(), Command::Run);
    }

    #[test]
    fn commands_carry_what_they_are_about() {
        let command = |line| parse(line).command();
        assert_eq!(command("s audit"), Command::Audit { subject: None });
        let item = Some(AuditSubject::Item { id: 77 });
        assert_eq!(command("s audit item 77"), Command::Audit { subject: item });
        let ann = Some(AuditSubject::Character { name: "Ann".to_owned() });
        assert_eq!(command("s audit character Ann"), Command::Audit { subject: ann });
        assert_eq!(command("s migrate"), Command::Migrate);
        assert_eq!(command("s forget-log"), Command::ForgetLog);
        let file = PathBuf::from("f");
        let backup = |no_verify| Command::Backup { file: file.clone(), no_verify };
        assert_eq!(command("s backup f"), backup(false));
        assert_eq!(command("s backup f --no-verify"), backup(true));
        assert_eq!(command("s export f"), Command::Export { file: file.clone() });
        assert_eq!(command("s import f"), Command::Import { file: file.clone() });
        let rank = Command::Rank { name: "Ann".to_owned(), rank: Rank::Guide };
        assert_eq!(command("s rank Ann guide"), rank);
        let token = |secs| Command::Token {
            account: "ann".to_owned(),
            lifetime: Duration::from_secs(secs),
        };
        assert_eq!(command("s lift 7"), Command::Lift { id: Some(7) });
        assert_eq!(command("s token ann"), token(3600));
        assert_eq!(command("s token ann --for 10m"), token(600));
    }

    #[test]
    fn a_wrong_command_line_is_refused() {
        for line in [
            "s rank Ann king",
            "s token ann --for ever",
            "s token ann --for 0s",
            "s --set network.listen",
            "s --listen localhost",
            "s --check-config --print-config",
            "s audit item seven",
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }

    #[test]
    fn a_later_set_wins_and_a_named_flag_wins_over_set() {
        let cli = parse(
            "s --listen 127.0.0.1:1 --data-dir /tmp/d --set network.listen=127.0.0.1:2 \
             --set world.tick_rate=5 --set world.tick_rate=20",
        );
        let loaded = Loaded::load(&cli.sources([])).unwrap();
        assert_eq!(loaded.config.network.listen.port(), 1);
        assert_eq!(loaded.config.world.tick_rate, 20);
        assert_eq!(*loaded.origin("network.listen"), Origin::Flag("--listen".to_owned()));
        assert_eq!(*loaded.origin("server.data_dir"), Origin::Flag("--data-dir".to_owned()));
        assert_eq!(
            *loaded.origin("world.tick_rate"),
            Origin::Flag("--set world.tick_rate".to_owned())
        );
    }

    #[test]
    fn a_secret_in_a_flag_is_not_in_the_debug_output() {
        let secret = "0123456789abcdef0123456789abcdef";
        let cli = parse(&format!("s --set auth.token_secret={secret}"));
        assert!(!format!("{cli:?}").contains(secret));
        assert!(!format!("{:?}", cli.sources([])).contains(secret));
    }
}
