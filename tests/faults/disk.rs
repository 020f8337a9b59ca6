//! A disk that is full. Value is refused before anything changes, the world goes on, and room is all that it takes.

use protocol::v1::InventoryChanged;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tests::server::{ServerProcess, ServerSetup};
use tests::small_disk::SmallDisk;

use super::player::Player;
use super::world::{audit, end, make_masters, wait_for_stall};

/// Enough for a world and what is asked of it before the disk is filled.
const DISK_BYTES: usize = 16 << 20;
/// What Ada has to drop: as many commits as close value operations.
const SWORDS: usize = 20;

/// Ada drops what she has while the disk takes nothing, from `fill` to `make_room`.
fn play_through(
    setup: &ServerSetup,
    fill: impl FnOnce(&ServerProcess),
    make_room: impl FnOnce(&ServerProcess),
) {
    make_masters(setup, &["Ada"]);
    let mut server = setup.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    for _ in 0..SWORDS {
        ada.sword();
    }

    fill(&server);
    // She walks meanwhile, and sees it.
    let asked = ada.drop_until_refused();
    wait_for_stall(&server);
    ada.see_a_tick();
    assert!(ada.items.is_superset(&asked), "what isn't on disk isn't confirmed");
    make_room(&server);

    while !ada.items.is_disjoint(&asked) {
        ada.hear(|_: InventoryChanged| Some(()));
    }
    assert_eq!(ada.items.len() + asked.len(), SWORDS, "what was refused is still hers");
    ada.sword();
    server.kill();
    audit(setup);
    let mut server = setup.start();
    let again = Player::enter(server.address, "ada", "Ada");
    assert_eq!(again.holds(), ada.holds());
    end(&mut server);
    audit(setup);
}

#[test]
fn while_the_disk_is_full_the_world_goes_on_and_room_on_it_is_enough_to_recover() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else {
        println!("no disk can be mounted by this user, so this isn't tested here");
        return;
    };
    let setup = ServerSetup::new().data_at(disk.path()).through(disk.entrance());
    play_through(&setup, |_| disk.fill(), |_| disk.make_room());
}

/// How large its files may become from now on, in bytes.
fn limit_files(server: &ServerProcess, bytes: Option<u64>) {
    let pid = Pid::from_raw(server.pid().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// What it does by itself is SIGXFSZ, which ends a process without a word.
#[test]
fn a_file_that_may_not_grow_is_a_full_disk_and_lifting_the_limit_is_enough_to_recover() {
    let forbid = |server: &ServerProcess| limit_files(server, Some(4096));
    play_through(&ServerSetup::new(), forbid, |server| limit_files(server, None));
}
