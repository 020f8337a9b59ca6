//! What the store manages on this machine. Not a test: run it with `--ignored --nocapture` and read.

use std::ops::Range;
use std::time::{Duration, Instant};

use game::record::{Commit, ItemChange, Owner};
use game::{CharacterId, CommitSeq, ItemId};
use tempfile::TempDir;

use super::world::{World, ground, item, path, save, settings, write};
use crate::store::{Answer, Bounds, StoreSettings, audit};

const CHARACTERS: u32 = 200;

fn world(directory: &TempDir) -> (World, Vec<CharacterId>) {
    let mut settings: StoreSettings = settings(directory);
    settings.bounds = Bounds {
        commits_soft: usize::MAX,
        commits_hard: usize::MAX,
        rows_hard: usize::MAX,
        ..Bounds::default()
    };
    let mut world = World::open(settings);
    let names = (0..CHARACTERS).map(|each| format!("robot {each}"));
    let characters = names.map(|name| world.character(&name).1).collect();
    (world, characters)
}

/// Waits until a commit is durable.
fn finish(world: &mut World, seq: CommitSeq) {
    while world.store.durable() < seq {
        assert!(!matches!(world.answer(), Answer::Broken(_)));
    }
}

fn saves(world: &mut World, characters: &[CharacterId]) -> Commit {
    let mut commit = world.commit(Vec::new());
    let x = i32::try_from(commit.seq.0).unwrap();
    commit.characters = characters.iter().map(|who| save(*who, x, 7)).collect();
    commit
}

fn loot(world: &mut World, ids: Range<u64>, owner: CharacterId) -> Commit {
    let create = |id| ItemChange::Create(item(id, Owner::Character(owner)));
    let operations = ids
        .map(|id| world.operation(owner, vec![create(id)]))
        .collect();
    world.commit(operations)
}

fn drop_all(world: &mut World, ids: Range<u64>, owner: CharacterId) -> Commit {
    let fall = |id| ItemChange::Move {
        item: ItemId(id),
        from: Owner::Character(owner),
        to: ground(0),
        slot: 0,
    };
    let operations = ids
        .map(|id| world.operation(owner, vec![fall(id)]))
        .collect();
    world.commit(operations)
}

/// Each commit waits for the one before, as with a player who does one thing at a time.
fn one_by_one(
    what: &str,
    world: &mut World,
    count: u32,
    mut make: impl FnMut(&mut World) -> Commit,
) {
    let started = Instant::now();
    let mut each: Vec<Duration> = (0..count)
        .map(|_| {
            let commit = make(world);
            let seq = commit.seq;
            let submitted = Instant::now();
            world.store.submit(write(commit)).unwrap();
            finish(world, seq);
            submitted.elapsed()
        })
        .collect();
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    each.sort();
    let at = |percent| each[(each.len() - 1) * percent / 100];
    println!(
        "{what}, one by one: {rate:.0}/s; p50 {:?}, p99 {:?}, longest {:?}",
        at(50),
        at(99),
        at(100)
    );
}

/// All commits at once, as when the store catches up.
fn queued(what: &str, world: &mut World, count: u32, mut make: impl FnMut(&mut World) -> Commit) {
    let before = world.store.stats();
    let started = Instant::now();
    let mut last = CommitSeq(0);
    for _ in 0..count {
        let commit = make(world);
        last = commit.seq;
        world.store.submit(write(commit)).unwrap();
    }
    finish(world, last);
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    let after = world.store.stats();
    println!(
        "{what}, queued: {rate:.0} commits/s, {} operations in {} transactions",
        after.done.operations - before.done.operations,
        after.batches - before.batches
    );
}

#[test]
#[ignore = "a measurement"]
fn figures() {
    let directory = tempfile::tempdir().unwrap();
    let (mut world, characters) = world(&directory);
    let anna = characters[0];
    one_by_one("commit of 200 saves", &mut world, 300, |world| {
        saves(world, &characters)
    });
    queued("commit of 200 saves", &mut world, 300, |world| {
        saves(world, &characters)
    });
    let mut id = 0;
    one_by_one("commit of 1 operation", &mut world, 500, |world| {
        id += 1;
        loot(world, id..id + 1, anna)
    });
    queued("50 new items", &mut world, 1_000, |world| {
        let first = id + 1;
        id += 50;
        loot(world, first..first + 50, anna)
    });
    let mut moved = 1;
    queued("50 moved items", &mut world, 1_000, |world| {
        let first = moved;
        moved += 50;
        drop_all(world, first..moved, anna)
    });
    let path = path(&directory);
    let started = Instant::now();
    let report = audit(&path).unwrap();
    println!("audit in {:?}: {report}", started.elapsed());
    println!("longest batch {:?}", world.store.stats().longest_batch);
    world.store.close().unwrap();
    println!("file: {} bytes", std::fs::metadata(path).unwrap().len());
}
