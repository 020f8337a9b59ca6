//! What the network counts is what its clients counted.

use super::*;

#[test]
fn the_statistics_agree_with_what_the_clients_have_counted() {
    let mut rig = Rig::new(Limits { packet_rate: None, byte_rate: None, ..Limits::default() });
    rig.echoes = true;
    let (mut packets, mut sent, mut received) = (0, 0, 0);
    for number in 0..50_u8 {
        let (mut client, _) = rig.connect();
        let bytes = framed(&vec![number; usize::from(number) * 20]).repeat(usize::from(number));
        client.write_all(&bytes).unwrap();
        assert!(rig.read(&mut client, bytes.len()) == bytes);
        packets += u64::from(number);
        sent += bytes.len() as u64;
        received += bytes.len() as u64;
        match number % 3 {
            0 => reset(client),
            1 => drop(client),
            _ => {
                client.write_all(&[0xff; 10]).unwrap();
                let goodbye = rig.read_to_end(&mut client);
                assert_eq!(read_goodbye(&goodbye).reason(), Farewell::Malformed);
                sent += 10;
                received += goodbye.len() as u64;
            }
        }
    }
    rig.until_empty();
    let stats = rig.stats();
    assert_eq!((stats.opened, stats.packets_in, stats.bytes_in), (50, packets, sent));
    assert_eq!((stats.lost, stats.farewells(Farewell::Malformed)), (17, 16));
    assert_eq!(stats.farewells(Farewell::ClientLeft), 17);
    // Who closed was told goodbye and didn't read it.
    let unread = stats.bytes_out - received;
    assert!(unread > 0 && unread.is_multiple_of(17), "{unread} bytes");
    rig.until(|inbox| inbox.closed.len() == 50);
}
