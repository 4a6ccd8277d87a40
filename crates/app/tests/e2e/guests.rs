//! Guests, who have not signed in, cannot use up a server's memory or connections.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::support::{CLIENT, ENVIRONMENT, Home, SECRET, Usher, http_client, until};

/// What the server may have grown by, in KiB, when a guest has done their worst.
const GROWTH: u64 = 48 * 1024;
/// Generously, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

fn address(usher: &Usher) -> String {
    usher.url().replace("http://", "")
}

/// Sends this head, and then a body that goes on and on; answers what the server said before it stopped listening.
async fn pour(address: String, head: String, piece: Vec<u8>, pieces: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..pieces {
        if stream.write_all(&piece).await.is_err() {
            break;
        }
    }
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_guests_who_upload_megabytes_are_refused_and_leave_the_server_small() {
    let usher = Home::sqlite().serve().await;
    let before = usher.resident_kib();
    let uploads = (0..100).map(|number| {
        let (kind, length, piece) = match number % 3 {
            0 => ("multipart/form-data; boundary=x", "content-length: 15728640", vec![b'x'; 64 * 1024]),
            1 => ("application/x-www-form-urlencoded", "content-length: 15728640", vec![b'x'; 64 * 1024]),
            _ => {
                let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 64 * 1024], b"\r\n".to_vec()].concat();
                ("application/x-www-form-urlencoded", "transfer-encoding: chunked", chunk)
            }
        };
        let path = match number % 2 {
            0 => "/console/sign-in".to_owned(),
            _ => format!("/{ENVIRONMENT}/as/token"),
        };
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n{length}\r\n\r\n");
        tokio::spawn(pour(address(&usher), head, piece, 32))
    });
    let mut answered = 0;
    for said in join_all(uploads.collect::<Vec<_>>()).await {
        let said = said.unwrap();
        // A client that goes on sending may see only that the connection was closed.
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
        answered += usize::from(said.starts_with("HTTP/1.1 4"));
    }
    assert!(answered >= 50, "only {answered} of 100 were answered with the reason");
    let after = usher.resident_kib();
    assert!(after < before + GROWTH, "the server grew from {before} to {after} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_refuses_a_stranger_before_it_reads_what_they_send() {
    let usher = Home::sqlite().serve().await;
    let head = format!(
        "POST /v1/environments/{ENVIRONMENT}/imports/users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer nonsense\r\n\
         content-type: text/csv\r\ncontent-length: 15728640\r\n\r\n"
    );
    let said = pour(address(&usher), head, Vec::new(), 0).await;
    assert!(said.starts_with("HTTP/1.1 401 "), "{said}");
}

/// Opens a connection from one of this machine's own addresses, and says half of what it wants.
async fn dawdle(from: [u8; 4], address: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.ok()?;
    Some(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_connections_from_one_address_leave_the_door_open_to_others() {
    let home = Home::with(&[("USHER_TRUSTED_PROXIES", "192.0.2.1"), ("USHER_CONNECTIONS_PER_ADDRESS", "20")]);
    let usher = home.serve().await;
    let address = address(&usher);
    let slow = join_all((0..300).map(|_| dawdle([127, 0, 0, 1], &address))).await;
    let mut closed = 0;
    for stream in slow.into_iter() {
        let Some(mut stream) = stream else {
            closed += 1;
            continue;
        };
        // Those that were let in wait for the rest of the request; the others were closed at once.
        let end = timeout(Duration::from_millis(100), stream.read(&mut [0; 1])).await;
        closed += usize::from(!matches!(end, Err(_) | Ok(Ok(1..))));
        if closed >= 280 {
            break;
        }
    }
    assert!(closed >= 250, "only {closed} of 300 connections from one address were closed");
    let began = Instant::now();
    let mut other = dawdle([127, 0, 0, 2], &address).await.unwrap();
    other.write_all(b" x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut said = String::new();
    timeout(PATIENCE, other.read_to_string(&mut said)).await.unwrap().unwrap();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(began.elapsed() < Duration::from_secs(8), "another address waited {:?}", began.elapsed());
    let mut metrics = dawdle([127, 0, 0, 3], &address).await.unwrap();
    metrics
        .write_all(b" x\r\n\r\nGET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut said = String::new();
    timeout(PATIENCE, metrics.read_to_string(&mut said)).await.unwrap().unwrap();
    let refused = said.lines().find(|line| line.starts_with("usher_http_connections_refused_total "));
    let refused: usize = refused.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(refused >= 250, "{refused} were counted");
    until("the address may come in again", async || {
        http_client().get(format!("{}/healthz", usher.url())).send().await.is_ok()
    })
    .await;
}

/// Sends a request's body a letter a second, for as long as the server listens.
async fn trickle(address: &str, path: &str) -> (Duration, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\n"
    );
    writer.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    let feeding = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, reader.read_to_end(&mut said)).await.unwrap();
    feeding.abort();
    (began.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_sends_a_letter_a_second_is_given_up() {
    let usher = Home::sqlite().serve().await;
    let (address, token) = (address(&usher), format!("/{ENVIRONMENT}/as/token"));
    let (page, token) = tokio::join!(trickle(&address, "/console/sign-in"), trickle(&address, &token));
    for (took, said) in [page, token] {
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        assert!(said.contains("did not arrive within 10 s"), "{said}");
        assert!(took < Duration::from_secs(40), "after {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_wrong_secrets_leaves_the_server_small_and_lets_the_right_one_in() {
    let usher = Home::sqlite().serve().await;
    let http = http_client();
    let url = format!("{}/{ENVIRONMENT}/as/token", usher.url());
    let ask = async |number: u32, secret: &str| {
        let request = http.request(Method::POST, &url).basic_auth(CLIENT, Some(secret));
        // By a proxy on this machine, which is trusted: each from an address of its own.
        let [_, _, high, low] = number.to_be_bytes();
        let request = request.header("x-forwarded-for", format!("198.51.{high}.{low}"));
        request.form(&[("grant_type", "client_credentials")]).send().await.unwrap()
    };
    assert_eq!(ask(60_000, "wrong").await.status(), 401);
    let before = usher.resident_kib();
    let (mut refused, mut busy) = (0, 0);
    for answer in join_all((0..800).map(|number| ask(number, "wrong"))).await {
        match answer.status().as_u16() {
            401 => refused += 1,
            503 => {
                assert_eq!(answer.headers()["retry-after"], "2");
                busy += 1;
            }
            status => panic!("answered {status}"),
        }
    }
    assert!(refused > 0 && refused + busy == 800, "{refused} refused, {busy} asked to wait");
    assert_eq!(ask(60_001, SECRET).await.status(), 200);
    // Connections and their buffers end within seconds of the burst; the hashes' memory must have gone at once.
    until("the server is small again", async || usher.resident_kib() < before + GROWTH).await;
    let after = usher.resident_kib();
    eprintln!(
        "800 wrong secrets: {refused} checked, {busy} asked to wait; {before} KiB before, {after} KiB after"
    );
}
