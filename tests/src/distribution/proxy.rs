//! A proxy that leads every host to one server: so a registry of the tests is asked by the name of another.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A proxy, until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// One that leads to a server of this machine, whatever it is asked for by `CONNECT`.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stop) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let (noted, stopped, server) = (Arc::clone(&asked), Arc::clone(&stop), server.to_owned());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (noted, server) = (Arc::clone(&noted), server.clone());
                // Either side may go whenever it wants.
                std::thread::spawn(move || stream.and_then(|stream| lead(stream, &server, &noted)));
            }
        });
        Self { address, asked, stop, thread: Some(thread) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The hosts and ports that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees that it should stop.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn lead(client: TcpStream, server: &str, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(client.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    asked.lock().unwrap().push(head.split(' ').nth(1).unwrap_or_default().to_owned());
    let server = TcpStream::connect(server)?;
    (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut to, mut from) = (server.try_clone()?, server);
    let back = client.try_clone()?;
    std::thread::spawn(move || {
        let copied = std::io::copy(&mut from, &mut &back);
        back.shutdown(std::net::Shutdown::Write).and(copied)
    });
    std::io::copy(&mut reader, &mut to)?;
    to.shutdown(std::net::Shutdown::Write)
}
