//! `cargo xtask gates`: counts the processor's instructions of the hot paths and holds them against the counts in the
//! repository. Instructions rather than times: a count is nearly the same on a busy machine as on a quiet one.

mod counts;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, ensure};

use crate::cargo::{cargo, target_directory};
use crate::test::needs;
use counts::{Counts, Verdict};

/// Where the counts are kept.
const COUNTS: &str = "gates/counts.txt";
/// The counts are those of this processor family; elsewhere there is nothing to compare with.
const ARCHITECTURE: &str = "x86_64";
/// The function whose instructions are counted, in whatever way the compiler spells its name.
const COUNTED: &str = "--toggle-collect=*realmbeat_counted*";
/// The C library picks its copying loops by processor. These are off, so that it picks the same ones anywhere.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512VL,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM";
/// How the crates of the hot paths are compiled for counting: in one piece, so that a change of one function doesn't
/// move the borders along which all others are optimised.
const IN_ONE_PIECE: [&str; 3] = [
    "profile.release.package.protocol.codegen-units=1",
    "profile.release.package.game.codegen-units=1",
    "profile.release.package.gates.codegen-units=1",
];

/// Count the processor's instructions of the hot paths, and compare with the counts in the repository.
///
/// Exit code 0: no path costs more than before; 1: one does.
#[derive(Debug, clap::Args)]
pub(crate) struct Gates {
    /// Write the counts into the repository instead
    #[arg(long)]
    accept: bool,
}

impl Gates {
    /// Counts all gates and compares, or accepts.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        needs::install()?;
        if self.accept {
            let counts = count_all()?;
            counts.write(Path::new(COUNTS))?;
            print!("{counts}");
            return Ok(ExitCode::SUCCESS);
        }
        Ok(ExitCode::from(u8::from(!is_green()?)))
    }
}

/// Counts all gates, and says what became of them. False if one costs more than its count in the repository.
///
/// # Errors
/// When something can't be built, run or read.
pub(crate) fn is_green() -> anyhow::Result<bool> {
    if std::env::consts::ARCH != ARCHITECTURE {
        println!("-- skipped: the counts in {COUNTS} are those of {ARCHITECTURE}");
        return Ok(true);
    }
    let verdict = Verdict::of(&Counts::read(Path::new(COUNTS))?, &count_all()?);
    print!("{verdict}");
    Ok(verdict.is_green())
}

fn count_all() -> anyhow::Result<Counts> {
    let mut build = cargo(&["build", "--release", "-p", "gates"]);
    build.env("CARGO_INCREMENTAL", "0");
    IN_ONE_PIECE.iter().for_each(|setting| _ = build.args(["--config", setting]));
    ensure!(build.status().context("can't run cargo")?.success(), "the build failed, see above");
    let target = target_directory()?;
    let program = target.join("release/gates");
    let names = Command::new(&program).output().context("can't run the gates")?;
    ensure!(names.status.success(), "the gates don't tell their names");
    let profiles = target.join("gates");
    std::fs::create_dir_all(&profiles)?;
    let mut counts = Counts::default();
    for name in String::from_utf8(names.stdout)?.lines() {
        let profile = profiles.join(format!("{name}.out"));
        counts.set(name, count(&program, name, &profile)?);
    }
    Ok(counts)
}

/// Runs one gate on callgrind's simulated processor. Its profile stays, for whoever wants to see where the
/// instructions are.
fn count(program: &Path, name: &str, profile: &Path) -> anyhow::Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no", COUNTED])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .arg(name)
        .env("GLIBC_TUNABLES", TUNABLES)
        .stdin(Stdio::null());
    let status = valgrind.status().context("can't run valgrind")?;
    ensure!(status.success(), "the gate {name} didn't run to its end");
    let told = std::fs::read_to_string(profile)?;
    let total = told.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.context("callgrind tells no total")?.trim().parse()?;
    ensure!(total > 0, "nothing of the gate {name} was counted");
    Ok(total)
}
