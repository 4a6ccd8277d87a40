//! A proxy on which things go wrong: between a client and the server, as networks and load balancers are.

use std::sync::{Arc, Mutex};

use reqwest::{Method, header::HeaderMap};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::http_client;

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnTheWay {
    /// 429 with Retry-After; the server never saw the request.
    Limited,
    /// This status; the server never saw the request.
    Instead(u16),
    /// This status, although the server carried the request out.
    After(u16),
    /// The connection ends; the server never saw the request.
    LostBefore,
    /// The connection ends, although the server carried the request out.
    LostAfter,
}

/// The proxy. Each request meets the next fault in turn, unless it is the one before made again.
#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    faults: Vec<OnTheWay>,
    requests: usize,
    /// What went wrong last: its method, address and body.
    failed: Option<(String, Vec<u8>)>,
}

struct Request {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Faulty {
    /// In front of the server at `server`.
    pub(crate) async fn start(server: &str, faults: &[OnTheWay]) -> Faulty {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { faults: faults.to_vec(), requests: 0, failed: None };
        let faulty = Faulty { url, state: Arc::new(Mutex::new(state)) };
        let (proxy, server) = (faulty.clone(), server.to_owned());
        tokio::spawn(async move {
            let http = http_client();
            while let Ok((stream, _)) = listener.accept().await {
                let (proxy, server, http) = (proxy.clone(), server.clone(), http.clone());
                tokio::spawn(async move { proxy.serve(stream, &server, &http).await });
            }
        });
        faulty
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many requests something went wrong with.
    pub(crate) fn went_wrong(&self) -> usize {
        self.state.lock().unwrap().requests
    }

    fn next(&self, request: &Request) -> Option<OnTheWay> {
        let mut state = self.state.lock().unwrap();
        let this = (format!("{} {}", request.method, request.path), request.body.clone());
        if state.failed.as_ref() == Some(&this) || state.faults.is_empty() {
            state.failed = None;
            return None;
        }
        state.failed = Some(this);
        let fault = state.faults[state.requests % state.faults.len()];
        state.requests += 1;
        Some(fault)
    }

    /// One request; then the connection ends.
    async fn serve(&self, mut stream: TcpStream, server: &str, http: &reqwest::Client) {
        let Some(request) = read(&mut stream).await else { return };
        let fault = self.next(&request);
        let answer = match fault {
            Some(OnTheWay::LostBefore) => return,
            Some(OnTheWay::Limited) => "HTTP/1.1 429 Busy\r\nretry-after: 0\r\n\r\n".into(),
            Some(OnTheWay::Instead(status)) => format!("HTTP/1.1 {status} Broken\r\n\r\n").into_bytes(),
            _ => {
                let carried_out = forward(request, server, http).await;
                match fault {
                    Some(OnTheWay::LostAfter) => return,
                    Some(OnTheWay::After(status)) => format!("HTTP/1.1 {status} Broken\r\n\r\n").into_bytes(),
                    _ => carried_out,
                }
            }
        };
        // Whoever went away does not want it.
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }
}

/// The request, read to its end; every client here says how long its body is.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let method = first.next()?.parse().unwrap();
    let path = first.next()?.to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap());
    }
    let length = headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { method, path, headers, body: bytes[head + 4..].to_vec() })
}

/// What the server answers, as bytes. It hears the client's own `Host`, so that its links lead back here.
async fn forward(request: Request, server: &str, http: &reqwest::Client) -> Vec<u8> {
    let Request { method, path, headers, body } = request;
    let sent = http.request(method, format!("{server}{path}")).headers(headers).body(body).send().await;
    let answer = sent.unwrap();
    let mut bytes = format!("HTTP/1.1 {} Told\r\n", answer.status().as_u16()).into_bytes();
    for (name, value) in answer.headers() {
        if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
            bytes.extend_from_slice(format!("{name}: {}\r\n", value.to_str().unwrap()).as_bytes());
        }
    }
    let body = answer.bytes().await.unwrap();
    bytes
        .extend_from_slice(format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}
