//! Every bench works: in its quick form it runs, ends, and writes what it found. No figure is judged here.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::server::binary;

/// The reports that lie in a directory.
fn reports(directory: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

#[test]
fn every_bench_runs_in_its_quick_form_and_writes_its_figures() {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Command::new(binary("bench"));
    let ran = bench.args(["all", "--quick", "--report"]).arg(directory.path()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));

    let page = std::fs::read_to_string(directory.path().join("index.md")).unwrap();
    let reports = reports(directory.path());
    assert_eq!(reports.len(), page.lines().filter(|line| line.starts_with("## ")).count());
    assert!(!reports.is_empty(), "there are benches");
    for report in reports {
        let name = report["name"].as_str().unwrap();
        assert_eq!(report["form"], "quick", "{name}");
        let figures = report["figures"].as_array().unwrap();
        assert!(!figures.is_empty(), "{name} has no figures");
        for figure in figures {
            let what = figure["what"].as_str().unwrap();
            // What isn't a number is `null` in JSON.
            assert!(figure["median"].is_number(), "{name}: {what}: {figure}");
            // In its quick form a floor can be too short for the clock that measures it, and nothing is a multiple of 0.
            let has_floor = figure["floor"].as_f64().is_some_and(|floor| floor > 0.0);
            assert_eq!(has_floor, figure["ratio"].is_number(), "{name}: {what}: {figure}");
            assert!(page.contains(what), "{name}: {what} isn't on the page");
        }
    }
}
