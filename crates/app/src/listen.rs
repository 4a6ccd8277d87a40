//! Connections: how many at once and from one address, how long each may take to send a request and to read the answer, and
//! https where a certificate is configured. The requests themselves are the router's business.

mod addresses;
pub(crate) mod patience;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tower::ServiceExt as _;
use usher_domain::Clock as _;

use self::{addresses::Addresses, patience::Patience};
use crate::{config::Config, metrics::Metrics, system::SystemClock, tls::Tls};

/// How many connections are served at once; others wait to be accepted.
pub(crate) const CONNECTIONS: usize = 1000;
/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take to arrive, and a connection may be idle before it.
pub(crate) const HEAD: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes; a larger one is answered with 431.
pub(crate) const HEAD_BYTES: usize = 96 * 1024;
/// The most headers of a request.
pub(crate) const HEADERS: usize = 100;
/// How long requests in hand may take once the server is to stop.
pub(crate) const STOPPING: Duration = Duration::from_secs(7);
/// How long to wait when the machine has no room for another connection.
const BREATH: Duration = Duration::from_millis(100);

/// Where connections come in.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    tls: Option<Tls>,
    addresses: Arc<Addresses>,
}

impl Door {
    /// Takes the configured address and reads the certificate, so that a fault of either is found before anything else is
    /// done. Clients are let in by [`serve`].
    pub(crate) async fn open(config: &Config) -> Result<Door> {
        let tls = config.tls.clone().map(|files| Tls::read(files, SystemClock.now())).transpose()?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("listening at {}; is another Usher running there?", config.listen))?;
        let addresses = Addresses::new(config.connections_per_address, config.trusted_proxies.clone());
        Ok(Door { listener, tls, addresses })
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }
}

/// Serves until `stopped`; then finishes the requests in progress, within [`STOPPING`].
pub(crate) async fn serve(
    door: Door,
    app: Router,
    metrics: Arc<Metrics>,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let Door { listener, tls, addresses } = door;
    if let Some(tls) = &tls {
        tokio::spawn(tls.clone().follow(Arc::clone(&metrics)));
    }
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stopped);
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, peer)| (permit, stream, peer))
        };
        let (permit, stream, peer) = tokio::select! {
            () = &mut stopped => break,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Someone hung up at once, or there are too many open files: neither is a reason to stop serving.
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
        };
        let Some(counted) = addresses.count(peer.ip()) else {
            metrics.connection_refused();
            tracing::debug!(%peer, "a connection was closed: its address has reached its limit");
            continue;
        };
        let (tls, app, watcher) = (tls.clone(), app.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(stream, peer, tls, app, watcher).await;
            drop((permit, counted));
        });
    }
    drop(listener);
    if timeout(STOPPING, graceful.shutdown()).await.is_err() {
        tracing::warn!("aborting requests that did not end within {} s", STOPPING.as_secs());
    }
    Ok(())
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: Option<Tls>, app: Router, watcher: Watcher) {
    // Answers are written whole; waiting to fill packets would only delay them.
    let _ = stream.set_nodelay(true);
    let stream = Patience::new(stream);
    match tls {
        None => exchange(stream, peer, app, watcher).await,
        Some(tls) => match timeout(HANDSHAKE, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => exchange(stream, peer, app, watcher).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        },
    }
}

async fn exchange<S>(stream: S, peer: SocketAddr, app: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let app = app.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
