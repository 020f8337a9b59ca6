//! A disk that is really full and a database that is really locked: value closes, nothing is lost, and both pass
//! without anybody's help.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use game::CharacterId;
use game::record::{Change, Owner, Page, Pages};
use rusqlite::Connection;

use super::world::{World, ground, item, path, save, settings, write};
use crate::store::{Answer, StoreSettings, audit};

/// A small file system of its own, gone at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where one can't be mounted, which takes root.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "none"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Takes all space that is left.
fn fill(ballast: &Path) {
    let mut size = 4 << 20;
    let mut file = fs::File::create(ballast).unwrap();
    while size > 0 {
        if std::io::Write::write_all(&mut file, &vec![1; size]).is_err() {
            size /= 2;
        }
    }
}

#[test]
fn a_full_disk_closes_value_and_space_opens_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("disk");
    let Some(_disk) = SmallDisk::mount(&root) else {
        println!("not root: no small disk can be mounted, so this isn't tested here");
        return;
    };
    let (database, ballast) = (root.join("world.db"), root.join("ballast"));
    let mut world = World::open(StoreSettings::new(database.as_path(), 1));
    let (_, anna) = world.character("anna");
    fill(&ballast);

    let mut submitted = 0;
    let mut closed = false;
    while !closed {
        submitted += 1;
        let owned = item(submitted, Owner::Character(anna));
        let operation = world.operation(anna, vec![Change::Create(owned)]);
        let mut commit = world.commit(vec![operation]);
        let mut save = save(anna, 0, 1);
        let page = Page { module: "combat", version: 1, bytes: &[2; 50_000] };
        save.modules = Pages::from_iter([page]);
        commit.characters.push(save);
        let seq = commit.seq;
        world.store.submit(write(commit)).unwrap();
        let answer = world.answer();
        closed = answer == Answer::ValueOpen(false);
        assert!(closed || answer == Answer::Durable(seq), "{answer:?}");
        assert!(submitted < 1_000, "the disk never got full");
    }
    let before = world.store.durable();
    let late = world.submit(anna, vec![Change::Create(item(5_000, ground(0)))]);
    fs::remove_file(&ballast).unwrap();
    assert_eq!(world.answer(), Answer::ValueOpen(true));
    while world.store.durable() < late {
        world.answer();
    }
    assert!(before < late);
    world.store.close().unwrap();
    let report = audit(&database.into()).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.items, submitted + 1);
}

#[test]
fn value_closes_before_the_disk_is_full_and_what_was_taken_is_still_written() {
    const RESERVE: u64 = 1 << 20;
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("disk");
    let Some(_disk) = SmallDisk::mount(&root) else {
        println!("not root: no small disk can be mounted, so this isn't tested here");
        return;
    };
    let (database, ballast) = (root.join("world.db"), root.join("ballast"));
    let settings =
        StoreSettings { disk_reserve: RESERVE, ..StoreSettings::new(database.as_path(), 1) };
    let mut world = World::open(settings);
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
    let room = rustix::fs::statvfs(&root).unwrap();
    let size = room.f_bavail * room.f_frsize - RESERVE / 2;
    fs::write(&ballast, vec![1; usize::try_from(size).unwrap()]).unwrap();

    for id in [2, 3] {
        let seq = world.submit(CharacterId(0), vec![Change::Create(item(id, ground(0)))]);
        assert_eq!(world.answer(), Answer::Durable(seq));
        if id == 2 {
            assert_eq!(world.answer(), Answer::ValueOpen(false));
        }
    }
    fs::remove_file(&ballast).unwrap();
    assert_eq!(world.answer(), Answer::ValueOpen(true), "though nobody writes");
    world.store.close().unwrap();
}

#[test]
fn somebody_elses_lock_closes_value_until_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let tool = Connection::open(path(&directory)).unwrap();
    tool.execute_batch("BEGIN IMMEDIATE").unwrap();
    let seq = world.submit(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
    assert_eq!(world.answer(), Answer::ValueOpen(false));
    tool.execute_batch("ROLLBACK").unwrap();
    assert_eq!(world.answer(), Answer::ValueOpen(true));
    assert_eq!(world.answer(), Answer::Durable(seq));
}
