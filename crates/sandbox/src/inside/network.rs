//! The loopback interface of a network namespace.

use std::net::Ipv4Addr;

use rustix::io::{Errno, Result};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const AF_INET: u8 = 2;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// The address is alone in its network.
const PREFIX: u8 = 32;
const NLMSG_ERROR: u16 = 2;
const REQUEST_WITH_ACK: u16 = 1 | 4;
const IFF_UP: u32 = 1;
/// In every network namespace, the first interface is the loopback.
const LOOPBACK: i32 = 1;

/// An address of a network that nobody is in: what listens on all addresses answers there, and what listens on the loopback ones does
/// not.
pub(super) const SERVED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Switches it on. rtnetlink(7): a header of 16 bytes, then `struct ifinfomsg`.
pub(super) fn loopback_up() -> Result<()> {
    let mut body = Vec::with_capacity(16);
    body.extend([0; 4]);
    body.extend(LOOPBACK.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    request(RTM_NEWLINK, &body)
}

/// Gives it the further address: `struct ifaddrmsg`, and the address as an attribute.
pub(super) fn add_served_address() -> Result<()> {
    let mut body = vec![AF_INET, PREFIX, 0, 0];
    body.extend(LOOPBACK.to_ne_bytes());
    for kind in [IFA_ADDRESS, IFA_LOCAL] {
        body.extend(8_u16.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(SERVED.octets());
    }
    request(RTM_NEWADDR, &body)
}

/// Lets every user listen below 1024, as docker does in a container's own network.
pub(super) fn free_low_ports() -> std::io::Result<()> {
    std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0\n")
}

/// Asks the kernel, and waits for its answer.
fn request(kind: u16, body: &[u8]) -> Result<()> {
    let length = u32::try_from(16 + body.len()).map_err(|_| Errno::OVERFLOW)?;
    let mut message = Vec::with_capacity(16 + body.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(REQUEST_WITH_ACK.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    // The protocol of number 0 is rtnetlink.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut reply = [0; 256];
    let (length, _) = recv(&socket, &mut reply, RecvFlags::empty())?;
    let field =
        |at: usize| reply.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (reply.get(4..6), field(16)) {
        (Some(kind), Some(error)) if length >= 20 && kind == NLMSG_ERROR.to_ne_bytes() => match error {
            0 => Ok(()),
            error => Err(Errno::from_raw_os_error(-error)),
        },
        _ => Err(Errno::PROTO),
    }
}
