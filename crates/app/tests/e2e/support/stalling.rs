//! A way to a database that can stand still: connections stay open, and nothing comes through.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Debug)]
pub(crate) struct Stalling {
    pub(crate) port: u16,
    still: Arc<AtomicBool>,
}

impl Stalling {
    /// In front of the server at this host and port.
    pub(crate) async fn start(server: String) -> Stalling {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stalling = Stalling { port: listener.local_addr().unwrap().port(), still: Arc::default() };
        let still = Arc::clone(&stalling.still);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let (client, server) = (client.into_split(), server.into_split());
                tokio::spawn(pass(client.0, server.1, Arc::clone(&still)));
                tokio::spawn(pass(server.0, client.1, Arc::clone(&still)));
            }
        });
        stalling
    }

    pub(crate) fn stand_still(&self, still: bool) {
        self.still.store(still, Ordering::SeqCst);
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, still: Arc<AtomicBool>) {
    let mut bytes = vec![0; 1 << 14];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        while still.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
