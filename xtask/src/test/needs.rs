//! What the tests need beside Rust, installed when it isn't there: a NATS server, PostgreSQL, Google's protobuf
//! for Python, strace and valgrind.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// Something that tests start, and the Debian package that has it.
struct Need {
    package: &'static str,
    /// What is run to see whether it is there.
    look: &'static [&'static str],
    why: &'static str,
}

/// All of it. The Python of the system is meant, which the package of the library belongs to.
const NEEDS: [Need; 7] = [
    Need {
        package: "nats-server",
        look: &["nats-server", "--version"],
        why: "messages between servers",
    },
    // The tests start servers of their own, out of the folder that Debian has for each version: the one that the
    // package sets up for the system isn't used, and needn't run.
    Need {
        package: "postgresql",
        look: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/postgres || command -v initdb"],
        why: "the world in PostgreSQL",
    },
    Need {
        package: "protobuf-compiler",
        look: &["protoc", "--version"],
        why: "a client in Python",
    },
    Need {
        package: "libprotobuf-dev",
        // The options of a message are described in a file that the compiler's own package doesn't have.
        look: &["test", "-e", "/usr/include/google/protobuf/descriptor.proto"],
        why: "a client in Python",
    },
    Need {
        package: "python3-protobuf",
        look: &["/usr/bin/python3", "-c", "import google.protobuf"],
        why: "a client in Python",
    },
    Need { package: "strace", look: &["strace", "--version"], why: "disks that fail" },
    Need { package: "valgrind", look: &["valgrind", "--version"], why: "the hot paths" },
];

impl Need {
    fn is_there(&self) -> bool {
        let [program, arguments @ ..] = self.look else {
            return true;
        };
        Command::new(program)
            .args(arguments)
            .env("PATH", path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Where the tests find programs. Debian puts servers into a folder that isn't on the path of everybody.
pub(crate) fn path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin");
    path
}

/// Installs what is missing.
///
/// # Errors
/// When the system's packages can't be installed; the message says what to do by hand.
pub(crate) fn install() -> anyhow::Result<()> {
    let missing = || NEEDS.iter().filter(|need| !need.is_there());
    let packages: Vec<&str> = missing().map(|need| need.package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    for need in missing() {
        println!("-- installing {} for the tests of {}", need.package, need.why);
    }
    let by_hand = format!(
        "the tests need what the Debian packages {} have; install them and try again",
        packages.join(", ")
    );
    apt_get(&["update", "--quiet"]).with_context(|| by_hand.clone())?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt_get(&[&install[..], &packages].concat()).with_context(|| by_hand.clone())?;
    ensure!(missing().next().is_none(), by_hand);
    Ok(())
}

fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if root { "apt-get" } else { "sudo" });
    if !root {
        // Without a password or not at all: nobody may be there to type one.
        command.args(["--non-interactive", "apt-get"]);
    }
    let status = command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("can't run apt-get")?;
    ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
    Ok(())
}
