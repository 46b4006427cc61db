//! A socket that is bound to its address, but does not listen yet.
//!
//! Addresses are bound before anything is served, so that a busy port is known at once, and
//! listen only when there is somebody to answer: a port that accepts says that the gateway serves.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use portico_sandbox::StartError;
use tokio::net::TcpSocket;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Why an address cannot be bound, or cannot listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenerError {
    /// Another program uses that port.
    #[error(
        "cannot listen on {address}: another program uses that port; stop it or choose another address with {setting}"
    )]
    Busy { address: SocketAddr, setting: &'static str },
    /// Not an address of this machine, a port without permission, and the like.
    #[error("cannot listen on {address}: {source}; choose another address with {setting}")]
    Unusable { address: SocketAddr, setting: &'static str, source: io::Error },
}

impl ListenerError {
    /// The same error for the sandbox's address, which it binds itself; its other errors come back as they are.
    pub(crate) fn from_sandbox(error: StartError, setting: &'static str) -> Result<Self, StartError> {
        match error {
            StartError::Busy(address) => Ok(Self::Busy { address, setting }),
            StartError::Listen(address, source) => Ok(Self::Unusable { address, setting, source }),
            other => Err(other),
        }
    }
}

/// A bound socket. Until [`BoundListener::listen`] it refuses connections.
#[derive(Debug)]
pub(crate) struct BoundListener {
    socket: TcpSocket,
    address: SocketAddr,
    setting: &'static str,
}

impl BoundListener {
    /// Binds an address, or any free port of it where the port is 0. `setting` is the flag or setting
    /// that an error names.
    ///
    /// # Errors
    /// See [`ListenerError`].
    pub(crate) fn bind(asked: SocketAddr, setting: &'static str) -> Result<Self, ListenerError> {
        let bind = || {
            let socket = if asked.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // A port of an earlier run whose connections linger is free again.
            socket.set_reuseaddr(true)?;
            socket.bind(asked)?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = bind().map_err(|source| refused(asked, setting, source))?;
        Ok(Self { socket, address, setting })
    }

    /// The address, with the port that was chosen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL under which this machine reaches it, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", reachable(self.address))
    }

    /// Begins to listen, with room for [`BACKLOG`] waiting connections.
    ///
    /// # Errors
    /// See [`ListenerError`]: another program may have bound the same address without listening yet.
    pub(crate) fn listen(self) -> Result<TcpListener, ListenerError> {
        let listener = self.socket.listen(BACKLOG).and_then(tokio::net::TcpListener::into_std);
        listener.map_err(|source| refused(self.address, self.setting, source))
    }
}

fn refused(address: SocketAddr, setting: &'static str, source: io::Error) -> ListenerError {
    match source.kind() {
        ErrorKind::AddrInUse => ListenerError::Busy { address, setting },
        _ => ListenerError::Unusable { address, setting, source },
    }
}

/// An address that listens everywhere is reached at loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    #[tokio::test]
    async fn a_busy_port_names_the_address_and_the_setting() {
        let busy = TcpListener::bind(loopback(0)).unwrap().local_addr().map(|address| address.port());
        let taken = TcpListener::bind(loopback(busy.unwrap())).unwrap();
        let address = taken.local_addr().unwrap();
        let error = BoundListener::bind(address, "--bind").unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--bind"), "{error}");
    }

    #[tokio::test]
    async fn a_bound_address_refuses_connections_until_it_listens() {
        let bound = BoundListener::bind(loopback(0), "--bind").unwrap();
        let address = bound.address();
        assert_ne!(address.port(), 0);
        assert!(std::net::TcpStream::connect(address).is_err());
        let _listener = bound.listen().unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
    }

    #[tokio::test]
    async fn of_two_that_bind_the_same_address_the_second_to_listen_is_refused() {
        let first = BoundListener::bind(loopback(0), "--bind").unwrap();
        let second = BoundListener::bind(first.address(), "--metrics-bind");
        let _listener = first.listen().unwrap();
        let error = second.and_then(BoundListener::listen).unwrap_err();
        assert!(matches!(error, ListenerError::Busy { setting: "--metrics-bind", .. }), "{error}");
    }

    #[test]
    fn an_address_that_listens_everywhere_is_reached_at_loopback() {
        assert_eq!(reachable(([0, 0, 0, 0], 80).into()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("192.0.2.1:80".parse().unwrap()).to_string(), "192.0.2.1:80");
    }
}
