//! An example of the server package, running as a process of its own until it is dropped.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use tests::cargo::as_a_person;

/// A running example that has said that it is ready.
pub(crate) struct ExampleProcess {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl ExampleProcess {
    /// Builds the example, starts it on a free port and waits for its ready line.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same with arguments.
    pub(crate) fn start_with(name: &str, arguments: &[&str]) -> Self {
        Self::start_on(name, ([127, 0, 0, 1], 0).into(), arguments)
    }

    /// The same on a port that is known.
    pub(crate) fn start_on(name: &str, address: SocketAddr, arguments: &[&str]) -> Self {
        let mut child = Command::new(build(name))
            .args(["--listen", &address.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// For signals.
    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Descriptors that it has open.
    pub(crate) fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).unwrap().count()
    }

    /// How often it went to sleep by itself so far, which is how often it was awake.
    pub(crate) fn sleeps(&self) -> u64 {
        self.status("voluntary_ctxt_switches:").parse().unwrap()
    }

    /// Whether it waits for something right now.
    pub(crate) fn is_asleep(&self) -> bool {
        self.status("State:").starts_with('S')
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let resident = self.status("VmRSS:");
        resident.trim_end_matches(" kB").parse().unwrap()
    }

    fn status(&self, field: &str) -> String {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.unwrap().trim().to_owned()
    }
}

impl Drop for ExampleProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Builds the example in the profile of this test and returns its path. A test of the whole workspace has built it
/// already, with the same features, and then this is a quick look.
pub(crate) fn build(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock();
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--workspace", "--examples"]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let built = as_a_person(&mut build).current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(built.success(), "{name} doesn't build");
    profile.join("examples").join(name)
}
