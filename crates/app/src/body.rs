//! Bodies of requests: how many bytes are read, and for how long they are waited for. Every body that Usher reads is read
//! through here.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::timeout;

/// The largest body of a guest: someone who is not signed in.
pub(crate) const GUEST_BYTES: usize = 64 * 1024;
/// How long a guest's body may take to arrive.
pub(crate) const GUEST_TIME: Duration = Duration::from_secs(10);
/// How long any other body may take to arrive.
pub(crate) const TIME: Duration = Duration::from_secs(100);
/// How long a body may pause.
pub(crate) const PAUSE: Duration = Duration::from_secs(10);
/// How much is handed on at a time by [`pieces`].
const PIECE: usize = 8 * 1024;

/// How much of a body is read, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// The most bytes.
    pub(crate) bytes: usize,
    /// How long all of it may take to arrive.
    pub(crate) time: Duration,
}

impl Allowed {
    /// What a guest may send.
    pub(crate) const GUEST: Allowed = Allowed { bytes: GUEST_BYTES, time: GUEST_TIME };

    /// This many bytes from someone who has shown who they are.
    pub(crate) const fn known(bytes: usize) -> Allowed {
        Allowed { bytes, time: TIME }
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It is larger than this many bytes.
    TooLarge(usize),
    /// It paused for this long.
    Paused(Duration),
    /// It did not arrive within this time.
    TooSlow(Duration),
    /// The connection broke, or the body is not well-formed.
    Broken,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyFault::TooLarge(bytes) => {
                write!(f, "The request body is larger than {bytes} bytes. Send less at a time.")
            }
            BodyFault::Paused(time) => write!(
                f,
                "The request body paused for more than {} s. Nothing was changed; send the request again.",
                time.as_secs()
            ),
            BodyFault::TooSlow(time) => write!(
                f,
                "The request body did not arrive within {} s. Nothing was changed; send the request again.",
                time.as_secs()
            ),
            BodyFault::Broken => f.write_str("The request body could not be read to its end."),
        }
    }
}

impl Error for BodyFault {}

impl BodyFault {
    /// The fault that is behind another error.
    pub(crate) fn behind(error: &(dyn Error + 'static)) -> Option<BodyFault> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(fault) = error.downcast_ref::<BodyFault>() {
                return Some(*fault);
            }
            cause = error.source();
        }
        None
    }
}

/// Reads the whole body. One that says at once that it is too large is not read at all.
pub(crate) async fn read(headers: &HeaderMap, body: Body, allowed: Allowed) -> Result<Vec<u8>, BodyFault> {
    announced(headers, allowed.bytes)?;
    let all = async {
        let mut stream = body.into_data_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = timeout(PAUSE, stream.next()).await.map_err(|_| BodyFault::Paused(PAUSE))? {
            let chunk = chunk.map_err(|_| BodyFault::Broken)?;
            if chunk.len() > allowed.bytes - bytes.len() {
                return Err(BodyFault::TooLarge(allowed.bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    timeout(allowed.time, all).await.unwrap_or(Err(BodyFault::TooSlow(allowed.time)))
}

/// Refuses a body whose `Content-Length` is larger than this.
pub(crate) fn announced(headers: &HeaderMap, most: usize) -> Result<(), BodyFault> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > most as u64 => Err(BodyFault::TooLarge(most)),
        _ => Ok(()),
    }
}

/// The body piece by piece, as long as it is no larger than `most`, which may be raised meanwhile. A reader that takes
/// what it can get is given one piece at a time, so that it can raise `most` before it meets it.
pub(crate) fn pieces(
    body: Body,
    most: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send + 'static {
    let start = (body.into_data_stream(), Bytes::new(), 0);
    stream::try_unfold(start, move |(mut stream, mut left, mut given)| {
        let most = Arc::clone(&most);
        async move {
            tokio::task::yield_now().await;
            if left.is_empty() {
                let next = timeout(PAUSE, stream.next()).await.map_err(|_| BodyFault::Paused(PAUSE))?;
                let Some(chunk) = next else { return Ok(None) };
                left = chunk.map_err(|_| BodyFault::Broken)?;
            }
            let piece = left.split_to(left.len().min(PIECE));
            given += piece.len();
            let most = most.load(Ordering::Relaxed);
            if given > most {
                return Err(BodyFault::TooLarge(most));
            }
            Ok(Some((piece, (stream, left, given))))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(chunks.iter().map(|chunk| Ok::<_, std::io::Error>(*chunk))))
    }

    async fn read_up_to(bytes: usize, body: Body) -> Result<Vec<u8>, BodyFault> {
        read(&HeaderMap::new(), body, Allowed::known(bytes)).await
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_not_beyond() {
        assert_eq!(read_up_to(6, body(&["abc", "def"])).await.unwrap(), b"abcdef");
        assert_eq!(read_up_to(5, body(&["abc", "def"])).await, Err(BodyFault::TooLarge(5)));
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_not_read() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, "6".parse().unwrap())]);
        assert_eq!(read(&headers, never, Allowed::known(5)).await, Err(BodyFault::TooLarge(5)));
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_in_time_is_given_up() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let allowed = Allowed { bytes: 5, time: Duration::from_millis(10) };
        let fault = read(&HeaderMap::new(), never, allowed).await.unwrap_err();
        assert_eq!(fault, BodyFault::TooSlow(Duration::from_millis(10)));
    }

    #[tokio::test]
    async fn the_limit_of_pieces_can_be_raised_before_they_meet_it() {
        let most = Arc::new(AtomicUsize::new(PIECE));
        let long = || Body::from(vec![0; 3 * PIECE]);
        let mut all = Box::pin(pieces(long(), Arc::clone(&most)));
        assert_eq!(all.next().await.unwrap().unwrap().len(), PIECE);
        most.store(3 * PIECE, Ordering::Relaxed);
        assert_eq!(all.next().await.unwrap().unwrap().len(), PIECE);
        assert_eq!(all.next().await.unwrap().unwrap().len(), PIECE);
        assert!(all.next().await.is_none());
        most.store(PIECE, Ordering::Relaxed);
        let mut all = Box::pin(pieces(long(), most));
        assert!(all.next().await.unwrap().is_ok());
        assert_eq!(all.next().await.unwrap(), Err(BodyFault::TooLarge(PIECE)));
    }
}
