//! https with a certificate of our own: served, followed by links, and read again when it changes.

use std::{
    net::TcpListener,
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

/// Writes a certificate for this machine, and gives a client that trusts no other.
fn certify(dir: &Path) -> Client {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
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
    // One that cannot be used changes nothing.
    std::fs::write(home.dir().join("cert.pem"), "no certificate").unwrap();
    Command::new("kill").args(["-HUP", &server.0.id().to_string()]).status().unwrap();
    for _ in 0..5 {
        assert!(ready(&fresh).await);
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let home = Home::sqlite();
    certify(home.dir());
    let mut told = String::new();
    for (certificate, key) in [("missing.pem", "key.pem"), ("key.pem", "key.pem"), ("cert.pem", "cert.pem")] {
        let mut command = home.command(&["serve"]);
        command.env("USHER_LISTEN", "127.0.0.1:0").env("USHER_LOG", "off");
        command.env("USHER_TLS_CERTIFICATE_FILE", certificate).env("USHER_TLS_KEY_FILE", key);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        told.push_str(error.lines().find(|line| line.starts_with("usher:")).unwrap());
        told.push('\n');
    }
    insta::assert_snapshot!(told.trim_end(), @r"
    usher: reading the certificate missing.pem: I/O error: No such file or directory (os error 2)
    usher: key.pem holds no certificate in PEM (-----BEGIN CERTIFICATE-----)
    usher: reading the private key cert.pem: no items found
    ");
}
