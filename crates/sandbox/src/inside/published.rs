//! Ports of a sandbox that are reached from this machine: listeners of the outside, whose connections are handed on to the
//! sandbox's own loopback interface. A socket belongs to the network that it was made in, whoever holds it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::network;
use crate::limits::{MOST_CONNECTIONS, MOST_PUBLISHED};

/// Hands on what comes to the listeners, each to the port that belongs to it, as long as this process is there: at the
/// address of [`network::SERVED`], or at the loopback addresses.
pub(super) fn hand_on(listeners: Vec<OwnedFd>, ports: &[u16], served: bool) -> io::Result<()> {
    let connections = Arc::new(());
    for (listener, port) in listeners.into_iter().zip(ports.iter().copied()) {
        let (listener, connections) = (TcpListener::from(listener), Arc::clone(&connections));
        let addresses = addresses(port, served);
        std::thread::Builder::new().spawn(move || serve(&listener, &addresses, &connections))?;
    }
    Ok(())
}

/// `connections` is held once for each connection, and once for each listener and whoever made them.
fn serve(listener: &TcpListener, addresses: &[SocketAddr], connections: &Arc<()>) {
    loop {
        let Ok((outside, _)) = listener.accept() else {
            // Too many open files, or a client that is gone: the next one may have more luck.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        if Arc::strong_count(connections) > MOST_CONNECTIONS + MOST_PUBLISHED {
            refuse(&outside);
            continue;
        }
        let connection = Arc::clone(connections);
        let addresses = addresses.to_vec();
        let served = move || {
            // Who finds nobody there is told so, as behind any port that is published.
            match TcpStream::connect(&addresses[..]) {
                Ok(inside) => exchange(&outside, &inside),
                Err(_) => refuse(&outside),
            }
            drop(connection);
        };
        if std::thread::Builder::new().spawn(served).is_err() {
            // What it was to serve went with it: the connection has ended, and counts no more.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn addresses(port: u16, served: bool) -> Vec<SocketAddr> {
    if served {
        return vec![SocketAddr::from((network::SERVED, port))];
    }
    vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))]
}

/// Lets a connection end as one that broke, and not as one whose data are whole.
fn refuse(stream: &TcpStream) {
    // Where even that cannot be set the connection ends all the same.
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}

/// Copies in both directions until both have ended.
fn exchange(outside: &TcpStream, inside: &TcpStream) {
    let (asked, answered) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let ask = || copy(outside, inside, &asked, &answered);
        if std::thread::Builder::new().spawn_scoped(scope, ask).is_ok() {
            copy(inside, outside, &answered, &asked);
        } else {
            refuse(outside);
        }
    });
}

/// Copies until one end has nothing more, which the other is told; where one breaks, the other breaks as well. Each direction says when
/// it has ended `whole`.
fn copy(mut from: &TcpStream, mut to: &TcpStream, whole: &AtomicBool, other: &AtomicBool) {
    let copied = io::copy(&mut from, &mut to);
    // That a connection broke is told once, maybe to the other direction, which wrote to it; read, it then looks as if it had ended.
    // It has no other end any more, which one that ended has until both directions have.
    let is_whole = copied.is_ok() && (other.load(Ordering::SeqCst) || from.peer_addr().is_ok());
    // Either may be gone already, and then there is nobody to tell.
    let _ = if is_whole {
        whole.store(true, Ordering::SeqCst);
        to.shutdown(Shutdown::Write)
    } else {
        refuse(from);
        refuse(to);
        // The other direction reads from there, and would wait.
        to.shutdown(Shutdown::Read)
    };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{ErrorKind, Read, Write};

    use super::*;

    /// A published port, in front of one that a test listens on.
    fn published() -> (TcpListener, SocketAddr) {
        let inside = TcpListener::bind("127.0.0.1:0").unwrap();
        let outside = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = outside.local_addr().unwrap();
        hand_on(vec![outside.into()], &[inside.local_addr().unwrap().port()], false).unwrap();
        (inside, address)
    }

    #[test]
    fn what_is_sent_arrives_whole_in_both_directions() {
        let (inside, address) = published();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = inside.accept().unwrap();
            let mut asked = Vec::new();
            stream.read_to_end(&mut asked).unwrap();
            stream.write_all(&asked).unwrap();
        });
        let mut client = TcpStream::connect(address).unwrap();
        let asked = vec![7; 1 << 20];
        client.write_all(&asked).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer == asked, "{} of {} bytes", answer.len(), asked.len());
        server.join().unwrap();
    }

    #[test]
    fn what_breaks_does_not_look_whole() {
        // Which of the two directions hears of it is chance.
        (0..50).for_each(|_| one_that_breaks());
    }

    fn one_that_breaks() {
        let (inside, address) = published();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"ask").unwrap();
        let (mut stream, _) = inside.accept().unwrap();
        stream.write_all(b"half").unwrap();
        let mut half = [0; 4];
        client.read_exact(&mut half).unwrap();
        refuse(&stream);
        drop(stream);
        let error = client.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn nobody_behind_a_port_is_told_as_such() {
        let (inside, address) = published();
        drop(inside);
        let mut client = TcpStream::connect(address).unwrap();
        let error = client.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}
