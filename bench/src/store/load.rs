//! A world with many characters: making it, starting a server on it, loading all of it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use game::record::{Change, Commit, ItemRecord, OpId, Operation, Owner, Work};
use game::{CommitSeq, ItemId};
use server::store::{Answer, Read, Store, Ticket, Write};

use crate::place::{Engine, Place, open, target};
use crate::population::{PER_ACCOUNT, account_name, answers, characters, item_ids, save};

/// Items of each character.
const ITEMS_EACH: u64 = 5;
/// Characters in a commit.
const COMMIT: usize = 1_000;

/// Seconds to open a world with so many characters, until a server on it is ready, and to load each of them.
pub(super) fn start(engine: Engine, characters: usize) -> anyhow::Result<[f64; 3]> {
    let place = Place::new(engine)?;
    populate(&place, characters)?;
    let began = Instant::now();
    let (mut store, _, woken) = open(place.settings()?)?;
    let opened = began.elapsed();
    let began = Instant::now();
    load_all(&mut store, &woken, characters)?;
    let loaded = began.elapsed();
    store.close()?;
    let ready = server_start(&place)?;
    Ok([opened, ready, loaded].map(|time| time.as_secs_f64()))
}

fn populate(place: &Place, count: usize) -> anyhow::Result<()> {
    let (mut store, epoch, woken) = open(place.settings()?)?;
    let all = characters(&mut store, &woken, count)?;
    let first = item_ids(&mut store, &woken, count as u64 * ITEMS_EACH)?;
    let mut ids = first.0..;
    for (index, some) in all.chunks(COMMIT).enumerate() {
        let mut changes = Vec::new();
        for &character in some {
            changes.push(Change::Gold { from: None, to: Some(character), amount: 100 });
            for (slot, id) in (0..).zip(ids.by_ref().take(usize::try_from(ITEMS_EACH)?)) {
                let (id, owner) = (ItemId(id), Owner::Character(character));
                let template = "wolf_pelt".to_owned();
                changes.push(Change::Create(ItemRecord { id, owner, slot, template, quantity: 3 }));
            }
        }
        let seq = CommitSeq(index as u64 + 1);
        let id = OpId { epoch, sequence: seq.0 };
        let work = Work::Done(changes);
        let commit = Commit {
            seq,
            tick: seq.0,
            operations: vec![Operation { id, cause: "loot".to_owned(), actor: some[0], work }],
            characters: some.iter().map(|character| save(*character)).collect(),
            gm_log: Vec::new(),
        };
        store.submit(Write::Commit(Box::new(commit)))?;
        let durable = |answer: &Answer| matches!(answer, Answer::Durable(..));
        answers(&mut store, &woken, 1, durable)?;
    }
    store.close()?;
    Ok(())
}

/// Account by account, as logins do.
fn load_all(store: &mut Store, woken: &Receiver<()>, count: usize) -> anyhow::Result<()> {
    for first in (0..count).step_by(PER_ACCOUNT) {
        let name = account_name(first);
        store.ask(Read::Account { ticket: Ticket(0), name })?;
        let found = answers(store, woken, 1, |answer| matches!(answer, Answer::Account { .. }))?;
        let Some(Answer::Account { account: Some(account), .. }) = found.into_iter().next() else {
            bail!("the account is gone");
        };
        store.ask(Read::Characters { ticket: Ticket(0), account: account.id })?;
        let listed = |answer: &Answer| matches!(answer, Answer::Characters { .. });
        let listed = answers(store, woken, 1, listed)?;
        let Some(Answer::Characters { characters, .. }) = listed.into_iter().next() else {
            bail!("the characters are gone");
        };
        for row in &characters {
            let (ticket, account, character) = (Ticket(0), account.id, row.id);
            store.ask(Read::Character { ticket, account, character })?;
        }
        let loaded = |answer: &Answer| matches!(answer, Answer::Character { .. });
        for answer in answers(store, woken, characters.len(), loaded)? {
            let Answer::Character { character: Some(record), .. } = answer else {
                bail!("a character is gone");
            };
            ensure!(record.items.len() as u64 == ITEMS_EACH, "items are missing: {record:?}");
        }
    }
    Ok(())
}

/// From the start of the server's process to its ready line.
fn server_start(place: &Place) -> anyhow::Result<Duration> {
    let data = tempfile::tempdir_in(target())?;
    let began = Instant::now();
    let mut server = Command::new(target().join("release/realmbeat-server"))
        .arg("--data-dir")
        .arg(data.path())
        .args(["--listen", "127.0.0.1:0"])
        .arg("--set")
        .arg(format!("store.url={}", place.url()))
        .arg("--config")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/server.toml"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("can't start realmbeat-server; `cargo xtask bench` builds it")?;
    let stdout = server.stdout.take().context("the server has no output")?;
    let ready =
        BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line.contains(" ready "));
    let took = began.elapsed();
    server.kill()?;
    server.wait()?;
    ensure!(ready, "the server didn't start");
    Ok(took)
}
