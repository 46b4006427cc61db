//! An address that is ours, but does not listen yet.
//!
//! Addresses are taken before anything that costs time, so that a busy port is known at once, and
//! listen only when there is somebody to answer: a port that accepts says that the gateway serves.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use portico_sandbox::StartError;
use tokio::net::TcpSocket;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Why an address cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorError {
    /// Something else listens there.
    #[error(
        "cannot listen on {address}: another program uses that port; stop it or choose another address with {setting}"
    )]
    Busy {
        /// The address.
        address: SocketAddr,
        /// The flag or setting that names it.
        setting: &'static str,
    },
    /// It is not ours to take.
    #[error("cannot listen on {address}: {source}; choose another address with {setting}")]
    Unusable {
        /// The address.
        address: SocketAddr,
        /// The flag or setting that names it.
        setting: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl DoorError {
    /// What keeps the sandbox from its address; other errors come back.
    pub(crate) fn of_the_sandbox(error: StartError, setting: &'static str) -> Result<Self, StartError> {
        match error {
            StartError::Busy(address) => Ok(Self::Busy { address, setting }),
            StartError::Listen(address, source) => Ok(Self::Unusable { address, setting, source }),
            other => Err(other),
        }
    }
}

/// An address that is taken.
#[derive(Debug)]
pub(crate) struct Door {
    socket: TcpSocket,
    address: SocketAddr,
    setting: &'static str,
}

impl Door {
    /// Takes an address, or any free port of it where the port is 0. `setting` is the flag or setting
    /// that an error names.
    ///
    /// # Errors
    /// See [`DoorError`].
    pub(crate) fn take(asked: SocketAddr, setting: &'static str) -> Result<Self, DoorError> {
        let take = || {
            let socket = if asked.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // A port of an earlier run whose connections linger is free again.
            socket.set_reuseaddr(true)?;
            socket.bind(asked)?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = take().map_err(|source| refused(asked, setting, source))?;
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

    /// Begins to listen.
    ///
    /// # Errors
    /// See [`DoorError`]: another program may have taken the same address without listening yet.
    pub(crate) fn open(self) -> Result<TcpListener, DoorError> {
        let listener = self.socket.listen(BACKLOG).and_then(tokio::net::TcpListener::into_std);
        listener.map_err(|source| refused(self.address, self.setting, source))
    }
}

fn refused(address: SocketAddr, setting: &'static str, source: io::Error) -> DoorError {
    match source.kind() {
        ErrorKind::AddrInUse => DoorError::Busy { address, setting },
        _ => DoorError::Unusable { address, setting, source },
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
        let error = Door::take(address, "--bind").unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--bind"), "{error}");
    }

    #[tokio::test]
    async fn a_door_that_is_not_open_refuses_and_an_open_one_accepts() {
        let door = Door::take(loopback(0), "--bind").unwrap();
        let address = door.address();
        assert_ne!(address.port(), 0);
        assert!(std::net::TcpStream::connect(address).is_err());
        let _listener = door.open().unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
    }

    #[tokio::test]
    async fn of_two_that_take_the_same_address_one_is_told_so() {
        let first = Door::take(loopback(0), "--bind").unwrap();
        let second = Door::take(first.address(), "--metrics-bind");
        let _listener = first.open().unwrap();
        let error = second.and_then(Door::open).unwrap_err();
        assert!(matches!(error, DoorError::Busy { setting: "--metrics-bind", .. }), "{error}");
    }

    #[test]
    fn an_address_that_listens_everywhere_is_reached_at_loopback() {
        assert_eq!(reachable(([0, 0, 0, 0], 80).into()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("192.0.2.1:80".parse().unwrap()).to_string(), "192.0.2.1:80");
    }
}
