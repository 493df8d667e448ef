//! Ports of a sandbox that are reached from this machine: listeners of the outside, whose connections are handed on to the
//! sandbox's own loopback interface. A socket belongs to the network that it was made in, whoever holds it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::limits::MOST_CONNECTIONS;

/// Hands on what comes to the listeners, each to the port that belongs to it, as long as this process is there.
pub(super) fn hand_on(listeners: Vec<OwnedFd>, ports: &[u16]) -> io::Result<()> {
    let connections = Arc::new(AtomicUsize::new(0));
    for (listener, port) in listeners.into_iter().zip(ports.iter().copied()) {
        let (listener, connections) = (TcpListener::from(listener), Arc::clone(&connections));
        std::thread::Builder::new().spawn(move || serve(&listener, port, &connections))?;
    }
    Ok(())
}

fn serve(listener: &TcpListener, port: u16, connections: &Arc<AtomicUsize>) {
    loop {
        let Ok((outside, _)) = listener.accept() else {
            // Too many open files, or a client that is gone: the next one may have more luck.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        if connections.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
            connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let connections = Arc::clone(connections);
        let served = move || {
            // Who finds nobody there sees the connection end, as behind any port that is published.
            if let Ok(inside) = connect(port) {
                exchange(&outside, &inside);
            }
            connections.fetch_sub(1, Ordering::Relaxed);
        };
        // Where no thread can be made the connection ends.
        let _ = std::thread::Builder::new().spawn(served);
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let addresses =
        [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    TcpStream::connect(&addresses[..])
}

/// Copies in both directions until both have ended.
fn exchange(outside: &TcpStream, inside: &TcpStream) {
    let copy = |mut from: &TcpStream, mut to: &TcpStream| {
        // An error ends the direction as its end does.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| copy(outside, inside));
        copy(inside, outside);
    });
}
