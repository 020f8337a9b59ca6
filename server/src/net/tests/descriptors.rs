//! What the system's numbers for sockets have to do with sessions: nothing.

use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _};

use super::super::transport::Transport;
use super::*;

#[test]
fn a_session_has_its_place_whatever_the_number_of_its_descriptor() {
    crate::net::raise_descriptor_limit(2000).unwrap();
    let _others: Vec<File> = (0..1500).map(|_| File::open("/dev/null").unwrap()).collect();
    let mut rig = Rig::new(Limits { max_sessions: 4, ..Limits::default() });
    rig.echoes = true;
    let mut clients: Vec<TcpStream> = (0..4).map(|_| rig.connect().0).collect();
    assert!(clients[0].as_raw_fd() > 1500);
    for client in &mut clients {
        client.write_all(&framed(b"here")).unwrap();
        assert_eq!(rig.read(client, 5), framed(b"here"));
    }
}

#[test]
fn a_copy_of_a_descriptor_that_goes_on_reporting_reaches_nobody() {
    let mut rig = Rig::new(Limits::default());
    let (mut gone, old) = rig.connect();
    let Transport::Tcp(socket) = &rig.sessions().get(old).unwrap().transport;
    // As a child process would have it: the kernel reports the socket until the last copy of it is closed.
    let copy = socket.as_fd().try_clone_to_owned().unwrap();
    rig.sessions().remove(old);
    let (mut next, new) = rig.connect();
    let wakeups = rig.stats().wakeups;
    for _ in 0..100 {
        gone.write_all(&framed(b"is anybody there?")).unwrap();
        rig.pass();
    }
    assert!(rig.inbox.packets.is_empty() && rig.inbox.closed.is_empty());
    assert_eq!(rig.stats().wakeups - wakeups, 100, "it doesn't spin");
    next.write_all(&framed(b"I am")).unwrap();
    rig.until(|inbox| !inbox.packets.is_empty());
    assert_eq!(rig.inbox.packets, [(new, b"I am".to_vec())]);
    drop(copy);
}
