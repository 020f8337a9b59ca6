//! The configuration as a file: the reference with every default and its meaning, and what is in force with the origin
//! of each value. Both are TOML that the server reads.

use std::fmt::{self, Write as _};

use super::{Applies, Loaded, SECTIONS};

const HEAD: &str = "\
# Realmbeat's configuration: every key with its default. Each may be left out.
#
# A value may be overridden by the same key in a later --config file, by an environment variable
# (REALMBEAT__NETWORK__LISTEN=0.0.0.0:7777), or by a flag (--set network.listen=0.0.0.0:7777); the later wins.
# `realmbeat-server --print-config` shows what is in force and where each value comes from. \"Live\" values change
# on SIGHUP, the others with the next start. Relative paths start where the server was started.
# This text is what `realmbeat-server --print-default-config` prints; a test holds them equal.
";

/// The text of `config/server.toml`: every key with what it means, what it may be, and its default.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        text.push('\n');
        comment(&mut text, section.doc);
        let _ = writeln!(text, "[{}]", section.name);
        for key in section.keys {
            text.push('\n');
            comment(&mut text, key.doc);
            let live = if key.applies == Applies::Live { "Live; " } else { "" };
            let _ = writeln!(text, "# ({live}{})", (key.expected)());
            let _ = writeln!(text, "{} = {}", key.name(), (key.default)());
        }
    }
    text
}

fn comment(text: &mut String, doc: &[&str]) {
    for line in doc {
        let _ = writeln!(text, "#{line}");
    }
}

/// What is in force, with the origin of each value as a comment. Secrets are masked.
impl fmt::Display for Loaded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.config.shown().into_iter();
        for (i, section) in SECTIONS.iter().enumerate() {
            let gap = if i > 0 { "\n" } else { "" };
            writeln!(out, "{gap}[{}]", section.name)?;
            for (key, value) in section.keys.iter().zip(&mut values) {
                writeln!(out, "{} = {value} # {}", key.name(), self.origin(key.path))?;
            }
        }
        Ok(())
    }
}
