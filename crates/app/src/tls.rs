//! The certificate that Usher serves https with: read from its files, and read again when they change or on SIGHUP. A new
//! one that cannot be used is told in the log, and the old one stays.

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::config::TlsFiles;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// A certificate in use.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files, and follows them from then on.
    pub(crate) fn start(files: TlsFiles) -> Result<Tls> {
        let current = Arc::new(RwLock::new(Arc::new(read(&files)?)));
        let tls = Tls { files, current };
        tokio::spawn(tls.clone().follow());
        Ok(tls)
    }

    /// Accepts a connection with the certificate of the moment.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn follow(self) {
        use tokio::signal::unix::{SignalKind, signal};
        let mut asked = signal(SignalKind::hangup()).ok();
        let mut seen = self.changed_at();
        loop {
            let signalled = async {
                match &mut asked {
                    Some(asked) => _ = asked.recv().await,
                    None => std::future::pending().await,
                }
            };
            let must = tokio::select! {
                () = signalled => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let now = self.changed_at();
            if !must && now == seen {
                continue;
            }
            seen = now;
            match read(&self.files) {
                Ok(fresh) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                    tracing::info!(certificate = %self.files.certificate.display(), "the certificate was read again");
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(%error, "the certificate cannot be read again; the one in use stays");
                }
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [&self.files.certificate, &self.files.key]
            .map(|file| std::fs::metadata(file).and_then(|of| of.modified()).ok())
    }
}

fn read(files: &TlsFiles) -> Result<ServerConfig> {
    let named = |what: &str, path: &Path| format!("reading the {what} {}", path.display());
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| named("certificate", &files.certificate))?;
    ensure!(
        !certificates.is_empty(),
        "{} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)",
        files.certificate.display()
    );
    let key = PrivateKeyDer::from_pem_file(&files.key).with_context(|| named("private key", &files.key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .with_context(|| {
            format!("{} and {} do not belong together", files.certificate.display(), files.key.display())
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
