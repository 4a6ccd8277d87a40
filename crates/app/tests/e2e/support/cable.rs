//! The cable to a server, which can be pulled: connections end, and there are none until it is plugged in again.

use std::sync::Arc;

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// In front of a server.
#[derive(Clone, Debug)]
pub(crate) struct Cable {
    port: u16,
    connected: Arc<watch::Sender<bool>>,
}

impl Cable {
    /// To this server, plugged in.
    pub(crate) async fn to(server: &str) -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connected, is_connected) = watch::channel(true);
        let server = server.to_owned();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut is_connected) = (server.clone(), is_connected.clone());
                tokio::spawn(async move {
                    if !*is_connected.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = is_connected.wait_for(|is| !is) => {}
                    }
                });
            }
        });
        Cable { port, connected: Arc::new(connected) }
    }

    /// Where it is.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, and takes no other.
    pub(crate) fn pull(&self) {
        self.connected.send_replace(false);
    }

    /// Takes connections again.
    pub(crate) fn plug_in(&self) {
        self.connected.send_replace(true);
    }
}
