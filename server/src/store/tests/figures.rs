//! What the store manages on this machine. Not a test: run it with `--ignored --nocapture` and read.

use std::time::{Duration, Instant};

use game::record::{ItemChange, Operation, Owner};
use game::{CharacterId, CommitSeq};
use tempfile::TempDir;

use super::world::{World, ground, item, save, settings, write};
use crate::store::{Answer, Bounds, StoreSettings};

const CHARACTERS: u32 = 200;

fn world(directory: &TempDir) -> (World, Vec<CharacterId>) {
    let mut settings: StoreSettings = settings(directory);
    settings.bounds = Bounds {
        commits_soft: usize::MAX,
        rows_hard: usize::MAX,
        ..Bounds::default()
    };
    let mut world = World::open(settings);
    let names = (0..CHARACTERS).map(|each| format!("robot {each}"));
    let characters = names.map(|name| world.character(&name).1).collect();
    (world, characters)
}

fn finish(world: &mut World, seq: CommitSeq) -> Duration {
    let started = Instant::now();
    while world.store.durable() < seq {
        world.answer();
    }
    started.elapsed()
}

fn loot(world: &mut World, id: u64, owner: CharacterId) -> Operation {
    let item = item(id, Owner::Character(owner));
    world.operation(owner, vec![ItemChange::Create(item)])
}

#[test]
#[ignore = "a measurement"]
fn figures() {
    let directory = tempfile::tempdir().unwrap();
    let (mut world, characters) = world(&directory);

    // A tick of a busy world: 200 saves.
    const TICKS: i32 = 300;
    let started = Instant::now();
    let mut one = Vec::new();
    for tick in 0..TICKS {
        let mut commit = world.commit(Vec::new());
        commit.characters = characters.iter().map(|who| save(*who, tick, 7)).collect();
        let seq = commit.seq;
        let submitted = Instant::now();
        world.store.submit(write(commit)).unwrap();
        finish(&mut world, seq);
        one.push(submitted.elapsed());
    }
    report(
        "commit of 200 saves, one at a time",
        TICKS,
        started,
        &mut one,
    );

    // As many as it takes.
    let started = Instant::now();
    let mut last = CommitSeq(0);
    for tick in 0..TICKS {
        let mut commit = world.commit(Vec::new());
        commit.characters = characters.iter().map(|who| save(*who, tick, 8)).collect();
        last = commit.seq;
        world.store.submit(write(commit)).unwrap();
    }
    finish(&mut world, last);
    report(
        "commit of 200 saves, queued",
        TICKS,
        started,
        &mut Vec::new(),
    );

    let mut id = 0;
    let mut one = Vec::new();
    let started = Instant::now();
    for _ in 0..500 {
        id += 1;
        let operation = loot(&mut world, id, characters[0]);
        let commit = world.commit(vec![operation]);
        let seq = commit.seq;
        let submitted = Instant::now();
        world.store.submit(write(commit)).unwrap();
        finish(&mut world, seq);
        one.push(submitted.elapsed());
    }
    report(
        "commit of 1 operation, one at a time",
        500,
        started,
        &mut one,
    );

    let before = world.store.stats();
    let started = Instant::now();
    let mut last = CommitSeq(0);
    for _ in 0..1_000 {
        let operations = (0..50)
            .map(|each| loot(&mut world, id + each, characters[0]))
            .collect();
        id += 50;
        let commit = world.commit(operations);
        last = commit.seq;
        world.store.submit(write(commit)).unwrap();
    }
    finish(&mut world, last);
    report(
        "operation, 50 to a commit, queued",
        50_000,
        started,
        &mut Vec::new(),
    );
    let after = world.store.stats();
    println!(
        "    {} operations in {} transactions",
        after.done.operations - before.done.operations,
        after.batches - before.batches
    );

    // A raid drops all it has: moves, the larger entries.
    let mut moves = Vec::new();
    for each in 1..=id {
        moves.push(ItemChange::Move {
            item: game::ItemId(each),
            from: Owner::Character(characters[0]),
            to: ground(0),
            slot: 0,
        });
    }
    let started = Instant::now();
    let mut last = CommitSeq(0);
    for chunk in moves.chunks(50) {
        let operation = world.operation(characters[0], chunk.to_vec());
        let commit = world.commit(vec![operation]);
        last = commit.seq;
        world.store.submit(write(commit)).unwrap();
    }
    finish(&mut world, last);
    report(
        "move of an item, 50 to a commit, queued",
        50_500,
        started,
        &mut Vec::new(),
    );
    assert!(!matches!(world.store.poll(), Some(Answer::Broken(_))));

    let path = super::world::path(&directory);
    let started = Instant::now();
    let audit = crate::store::audit(&path).unwrap();
    println!("audit in {:?}: {audit}", started.elapsed());
    println!("{:?}", world.store.stats());
    world.store.close().unwrap();
    println!("file: {} bytes", std::fs::metadata(path).unwrap().len());
}

fn report(what: &str, count: i32, started: Instant, each: &mut [Duration]) {
    let took = started.elapsed();
    println!("{what}: {:.0}/s", f64::from(count) / took.as_secs_f64());
    each.sort();
    if let [.., longest] = each {
        let longest = *longest;
        println!(
            "    p50 {:?}, p99 {:?}, longest {longest:?}",
            each[each.len() / 2],
            each[each.len() * 99 / 100]
        );
    }
}
