//! Every bench in turn, and one page with all their tables.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::report::Report;

/// Runs each of `names` and writes what it found, then the page. One that fails doesn't keep the others from running.
///
/// # Errors
/// At the end, when one has failed; at once, when nothing can be written.
pub(crate) fn run(
    names: &[String],
    directory: Option<&Path>,
    bench: impl Fn(&str) -> anyhow::Result<Report>,
) -> anyhow::Result<()> {
    let (mut page, mut failed) = (String::from("# What Realmbeat costs\n"), Vec::new());
    for name in names {
        println!("\n== {name}");
        match bench(name) {
            Ok(report) => {
                let table = report.to_markdown();
                println!("\n{table}");
                if let Some(directory) = directory {
                    report.write(directory)?;
                }
                page += &format!("\n## {}\n\n{table}", report.name());
            }
            Err(error) => {
                println!("{name} failed: {error:#}");
                page += &format!("\n## {name}\n\nfailed: {error:#}\n");
                failed.push(name.as_str());
            }
        }
    }
    if let Some(directory) = directory {
        let file = directory.join("index.md");
        std::fs::create_dir_all(directory)?;
        std::fs::write(&file, page).with_context(|| format!("can't write {}", file.display()))?;
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}
