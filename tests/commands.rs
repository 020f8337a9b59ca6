//! What the documents tell people to type works, as typed, at the root of the repository.
//!
//! A line `<!-- run -->` directly before a block of commands asks for it; `<!-- run: demo -->` does so for commands
//! that take long as they stand there: `cargo xtask demo` is then shown a small swarm.

use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tests::cargo::as_a_person;
use tests::server::repository;

use crate::tidy::files;

/// How long a command may take. Generous: it may have to build, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);
/// What `<!-- run: demo -->` adds; for the demo later flags win.
const SMALL_DEMO: &str = " --bots 50 --for 5s --ramp 2s";

/// A command of a document.
#[derive(Debug, PartialEq, Eq)]
struct Typed {
    /// Where it stands, from 1.
    line: usize,
    text: String,
}

/// The commands of the marked blocks of a document: a line each, or several that end with a backslash.
fn marked(document: &str) -> Vec<Typed> {
    let mut found: Vec<Typed> = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        let added = match line.trim() {
            "<!-- run -->" => "",
            "<!-- run: demo -->" => SMALL_DEMO,
            _ => continue,
        };
        let (number, fence) = lines.next().expect("a mark stands before a block");
        assert!(
            fence.trim_start().starts_with("```"),
            "line {}: a mark stands directly before a block of commands",
            number + 1
        );
        let mut goes_on = false;
        for (number, line) in
            lines.by_ref().take_while(|(_, line)| !line.trim_start().starts_with("```"))
        {
            let text = line.trim();
            let (text, continued) =
                text.strip_suffix('\\').map_or((text, false), |text| (text, true));
            match found.last_mut().filter(|_| goes_on) {
                Some(last) => last.text += text,
                None if text.is_empty() || text.starts_with('#') => continue,
                None => found.push(Typed { line: number + 1, text: text.to_owned() }),
            }
            goes_on = continued;
            if let Some(last) =
                found.last_mut().filter(|last| !continued && last.text.contains("xtask demo"))
            {
                last.text += added;
            }
        }
    }
    found
}

/// Runs a command with its output in a file, and ends it with all that it started when it takes too long.
fn run(text: &str) -> (Option<ExitStatus>, String) {
    let mut output = tempfile::tempfile().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-ec", text])
        .current_dir(repository())
        .stdin(std::process::Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output.try_clone().unwrap())
        .process_group(0);
    let mut child = as_a_person(&mut command).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            None => {
                let _ = kill_process_group(Pid::from_child(&child), Signal::TERM);
                child.wait().unwrap();
                break None;
            }
        }
    };
    let mut said = Vec::new();
    output.rewind().unwrap();
    output.read_to_end(&mut said).unwrap();
    (status, String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn commands_in_documents_do_what_they_promise() {
    for file in files() {
        if !file.path.ends_with(".md") {
            continue;
        }
        for Typed { line, text } in marked(&file.text) {
            let (status, said) = run(&text);
            assert!(
                status.is_some_and(|status| status.success()),
                "{}:{line}: `{text}` ended with {status:?}:\n{said}",
                file.path
            );
        }
    }
}

#[test]
fn the_commands_of_marked_blocks_alone_are_run() {
    let document = "\
```sh
cargo not-this
```
<!-- run: demo -->
```sh
# a comment

cargo xtask demo
```
text
<!-- run -->
```sh
one \\
    two
three
```
";
    let typed = |line, text: &str| Typed { line, text: text.to_owned() };
    let expected = [
        typed(8, "cargo xtask demo --bots 50 --for 5s --ramp 2s"),
        typed(13, "one two"),
        typed(15, "three"),
    ];
    assert_eq!(marked(document), expected);
}

#[test]
fn a_command_that_fails_is_noticed_with_what_it_said() {
    let (status, said) = run("echo so; exit 3");
    assert_eq!(status.and_then(|status| status.code()), Some(3));
    assert_eq!(said, "so\n");
}
