//! The certificate that Usher serves https with: read from its files, and read again when they change or on SIGHUP. A new
//! one that cannot be used never replaces the one in use; the log and a metric say so.

use std::{
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        CertificateError, Error, RootCertStore, ServerConfig,
        client::verify_server_cert_signed_by_trust_anchor,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
        server::ParsedCertificate,
    },
};
use usher_domain::{Clock as _, Timestamp};

use crate::{config::TlsFiles, metrics::Metrics, system::SystemClock};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// A certificate in use.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<RwLock<Served>>,
}

/// What is served until other files are read.
#[derive(Clone)]
struct Served {
    config: Arc<ServerConfig>,
    expires: Timestamp,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read, others may read the key, the two do not belong together, or the certificate is not valid now.
    pub(crate) fn read(files: TlsFiles, now: Timestamp) -> Result<Tls> {
        let current = Arc::new(RwLock::new(read(&files, now)?));
        Ok(Tls { files, current })
    }

    /// When the certificate expires.
    pub(crate) fn expires(&self) -> Timestamp {
        self.current().expires
    }

    /// Accepts a connection with the certificate of the moment.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current().config)
    }

    fn current(&self) -> Served {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again whenever they change, and on SIGHUP.
    pub(crate) async fn follow(self, metrics: Arc<Metrics>) {
        use tokio::signal::unix::{SignalKind, signal};
        let mut asked = signal(SignalKind::hangup()).ok();
        let mut seen = self.changed_at();
        metrics.certificate_served(self.expires());
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
            match read(&self.files, SystemClock.now()) {
                Ok(fresh) => {
                    metrics.certificate_served(fresh.expires);
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                    tracing::info!(certificate = %self.files.certificate.display(), "the certificate was read again");
                }
                Err(error) => {
                    metrics.certificate_refused();
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

/// Reads both files, so that the faults of both are reported at once.
fn read(files: &TlsFiles, now: Timestamp) -> Result<Served> {
    let (chain, key) = match (certificates(&files.certificate, now), private_key(&files.key)) {
        (Ok(chain), Ok(key)) => (chain, key),
        (Err(one), Err(other)) => bail!("{one:#}; {other:#}"),
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let expires = chain.first().map_or(Ok(now), expiry)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| {
            format!("{} and {} do not belong together", files.certificate.display(), files.key.display())
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Served { config: Arc::new(config), expires })
}

/// The certificate, which is valid now, and those that vouch for it. Whether these are good is for clients to judge: many
/// chains carry an old one that nobody needs.
fn certificates(file: &Path, now: Timestamp) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("reading the certificate {}", file.display()))?;
    let Some(own) = certificates.first() else {
        bail!("{} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", file.display());
    };
    let at = UnixTime::since_unix_epoch(Duration::from_millis(now.as_millis().unsigned_abs()));
    match fault(own, at) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => {
            bail!(
                "the certificate {} expired at {}; put a new one in its place",
                file.display(),
                when(not_after)
            )
        }
        Some(CertificateError::NotValidYetContext { not_before, .. }) => bail!(
            "the certificate {} is not valid before {}; check the clock, or put a valid one in its place",
            file.display(),
            when(not_before)
        ),
        Some(error @ (CertificateError::BadEncoding | CertificateError::Expired)) => {
            bail!("the certificate {} cannot be used: {error}", file.display())
        }
        _ => {}
    }
    Ok(certificates)
}

/// When the certificate expires.
fn expiry(certificate: &CertificateDer<'_>) -> Result<Timestamp> {
    match fault(certificate, UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX))) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => Ok(timestamp(not_after)),
        other => Err(anyhow!("the certificate does not say when it expires ({other:?})")),
    }
}

/// What is wrong with a certificate at this time. No issuer is trusted here, so there is always an error; validity times
/// are checked first.
fn fault(certificate: &CertificateDer<'_>, at: UnixTime) -> Option<CertificateError> {
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
    let judged = ParsedCertificate::try_from(certificate).and_then(|parsed| {
        verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], at, algorithms)
    });
    match judged {
        Err(Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    }
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_millis(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 1000).saturating_mul(1000))
}

fn when(time: UnixTime) -> String {
    timestamp(time).to_datetime().format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The private key, which only we may read.
fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    let reading = || format!("reading the private key {}", file.display());
    let mode = std::fs::metadata(file).with_context(reading)?.permissions().mode() & 0o777;
    ensure!(
        mode & 0o077 == 0,
        "the private key {file} may be read by others (mode {mode:04o}). Run `chmod 600 {file}`; if others could have \
         read it, get a new certificate with a new key",
        file = file.display()
    );
    PrivateKeyDer::from_pem_file(file).with_context(reading)
}
