//! https with a certificate of our own: served, followed by links, and read again when it changes.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Certificate, Client};
use serde_json::Value;

use crate::support::{CLIENT, ENVIRONMENT, Home, SECRET, until};

/// Killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes a file that only we may read.
fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// Writes a certificate for this machine that is valid from the one year until the other, with its key.
fn certify_for(dir: &Path, name: &str, from: i32, until: i32) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    write(dir, &format!("{name}.pem"), &params.self_signed(&key).unwrap().pem());
    write(dir, &format!("{name}-key.pem"), &key.serialize_pem());
}

/// Writes a certificate for this machine, and gives a client that trusts no other.
fn certify(dir: &Path) -> Client {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(dir, "key.pem", &made.signing_key.serialize_pem());
    write(dir, "cert.pem", &made.cert.pem());
    let certificate = Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([certificate]).pool_max_idle_per_host(0);
    client.timeout(Duration::from_secs(20)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_served_and_a_new_certificate_is_taken_up() {
    let home = Home::sqlite();
    let http = certify(home.dir());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = home.command(&["serve"]);
    command.env("USHER_LISTEN", format!("127.0.0.1:{port}"));
    command.env("USHER_TLS_CERTIFICATE_FILE", "cert.pem").env("USHER_TLS_KEY_FILE", "key.pem");
    let server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let root = format!("https://localhost:{port}");
    let ready = async |http: &Client| {
        http.get(format!("{root}/readyz")).send().await.is_ok_and(|it| it.status() == 200)
    };
    until("it is ready", async || ready(&http).await).await;

    let token = http.post(format!("{root}/{ENVIRONMENT}/as/token")).basic_auth(CLIENT, Some(SECRET));
    let token: Value =
        token.form(&[("grant_type", "client_credentials")]).send().await.unwrap().json().await.unwrap();
    let users = http.get(format!("{root}/v1/environments/{ENVIRONMENT}/users"));
    let answer = users.bearer_auth(token["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    let body: Value = answer.json().await.unwrap();
    let link = body["_links"]["self"]["href"].as_str().unwrap();
    assert!(link.starts_with(&root), "{link}");

    let fresh = certify(home.dir());
    assert!(!ready(&fresh).await, "a certificate that was not read yet was served");
    let asked = Command::new("kill").args(["-HUP", &server.0.id().to_string()]).status().unwrap();
    assert!(asked.success());
    until("the new certificate is served", async || ready(&fresh).await).await;
    assert!(!ready(&http).await, "the old certificate is still served");
    // One that cannot be used, or is no longer valid, changes nothing, and that is reported.
    let refused = async || {
        let metrics = fresh.get(format!("{root}/metrics")).send().await.unwrap().text().await.unwrap();
        let line =
            metrics.lines().find_map(|line| line.strip_prefix("usher_tls_certificates_refused_total "));
        line.unwrap().parse::<u32>().unwrap()
    };
    for (times, expired) in [(1, false), (2, true)] {
        match expired {
            false => write(home.dir(), "cert.pem", "no certificate"),
            true => {
                certify_for(home.dir(), "expired", 2020, 2021);
                std::fs::rename(home.dir().join("expired-key.pem"), home.dir().join("key.pem")).unwrap();
                std::fs::rename(home.dir().join("expired.pem"), home.dir().join("cert.pem")).unwrap();
            }
        }
        Command::new("kill").args(["-HUP", &server.0.id().to_string()]).status().unwrap();
        until("the refusal is counted", async || refused().await >= times).await;
        assert!(ready(&fresh).await, "the certificate in use was replaced");
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_by_check_and_at_the_start_in_the_same_words() {
    let home = Home::sqlite();
    certify(home.dir());
    certify_for(home.dir(), "expired", 2020, 2021);
    certify_for(home.dir(), "early", 2120, 2121);
    write(home.dir(), "shared.pem", "");
    std::fs::set_permissions(home.dir().join("shared.pem"), Permissions::from_mode(0o644)).unwrap();
    let mut told = String::new();
    for (certificate, key) in [
        ("missing.pem", "key.pem"),
        ("key.pem", "key.pem"),
        ("cert.pem", "cert.pem"),
        ("missing.pem", "missing-key.pem"),
        ("cert.pem", "expired-key.pem"),
        ("expired.pem", "expired-key.pem"),
        ("early.pem", "early-key.pem"),
        ("cert.pem", "shared.pem"),
    ] {
        let run = |verb: &str| {
            let mut command = home.command(&[verb]);
            command.env("USHER_LISTEN", "127.0.0.1:0").env("USHER_LOG", "off");
            command.env("USHER_TLS_CERTIFICATE_FILE", certificate).env("USHER_TLS_KEY_FILE", key);
            let output = command.output().unwrap();
            assert!(!output.status.success(), "{verb} with {certificate} and {key}");
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
        };
        let (checked, served) = (run("check"), run("serve"));
        let fault =
            |said: &str, word: &str| said.lines().find_map(|line| line.strip_prefix(word).map(str::to_owned));
        let fault_of = (fault(&checked, "certificate: "), fault(&served, "usher: "));
        assert_eq!(fault_of.0, fault_of.1, "{checked}\n{served}");
        told.push_str(&fault_of.0.unwrap());
        told.push('\n');
    }
    insta::assert_snapshot!(told.trim_end(), @r"
    reading the certificate missing.pem: I/O error: No such file or directory (os error 2)
    key.pem holds no certificate in PEM (-----BEGIN CERTIFICATE-----)
    reading the private key cert.pem: no items found
    reading the certificate missing.pem: I/O error: No such file or directory (os error 2); reading the private key missing-key.pem: No such file or directory (os error 2)
    cert.pem and expired-key.pem do not belong together: keys may not be consistent: KeyMismatch
    the certificate expired.pem expired at 2021-01-01 00:00 UTC; put a new one in its place
    the certificate early.pem is not valid before 2120-01-01 00:00 UTC; check the clock, or put a valid one in its place
    the private key shared.pem may be read by others (mode 0644). Run `chmod 600 shared.pem`; if others could have read it, get a new certificate with a new key
    ");
    let mut good = home.command(&["check"]);
    good.env("USHER_TLS_CERTIFICATE_FILE", "cert.pem").env("USHER_TLS_KEY_FILE", "key.pem");
    let good = good.output().unwrap();
    assert!(good.status.success() && String::from_utf8_lossy(&good.stdout).contains("certificate: ok"));
}
