//! A connection that does not wait forever: a client that does not read its answer is given up, and one that is still
//! sending when its answer is ready gets a moment to read it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a client may take to read an answer, from the first time that we have to wait for it.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// How long to keep reading, after the answer, from a client that is still sending. Closing at once would reset the
/// connection, and the client would not see why it was refused.
const LINGER: Duration = Duration::from_secs(5);

/// A stream with limits on how long its client may keep us waiting.
pub(super) struct Patience<S> {
    stream: S,
    /// How long an answer may stay unread.
    answer: Duration,
    /// How long to keep reading from a client that is still sending.
    linger: Duration,
    /// Runs while an answer waits for the client to read.
    unread: Option<Pin<Box<Sleep>>>,
    /// Runs from when we have said everything.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    pub(super) fn new(stream: S) -> Self {
        Patience { stream, answer: ANSWER, linger: LINGER, unread: None, lingering: None }
    }

    /// Waits for the client to read, but not forever.
    fn wait_for_reader(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let answer = self.answer;
        let overdue = self.unread.get_or_insert_with(|| Box::pin(sleep(answer)));
        ready!(overdue.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, buf) {
            Poll::Pending => self.wait_for_reader(cx),
            done => done,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, bufs) {
            Poll::Pending => self.wait_for_reader(cx),
            done => done,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Flushed is what was written whole: the next answer has the whole time again.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unread = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let linger = this.linger;
        let enough = this.lingering.get_or_insert_with(|| Box::pin(sleep(linger)));
        let mut thrown_away = [0; 4096];
        while enough.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut thrown_away);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_client_that_never_reads_its_answer_is_given_up() {
        let (ours, mut theirs) = duplex(10);
        let mut ours = Patience { answer: Duration::from_millis(20), ..Patience::new(ours) };
        ours.write_all(b"short").await.unwrap();
        ours.flush().await.unwrap();
        let error = ours.write_all(b"longer than the client's buffer").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(theirs.read(&mut [0; 10]).await.unwrap(), 10);
    }

    #[tokio::test]
    async fn every_answer_has_the_whole_time_again() {
        let (ours, mut theirs) = duplex(10);
        let mut ours = Patience::new(ours);
        for _ in 0..3 {
            let (written, read) =
                tokio::join!(ours.write_all(&[1; 20]), async { theirs.read_exact(&mut [0; 20]).await });
            written.unwrap();
            read.unwrap();
            assert!(ours.unread.is_some(), "the client did not keep us waiting");
            ours.flush().await.unwrap();
            assert!(ours.unread.is_none());
        }
    }

    #[tokio::test]
    async fn a_client_that_goes_on_sending_after_its_answer_is_listened_to_for_a_moment_only() {
        let (ours, mut theirs) = duplex(10);
        let mut ours = Patience { linger: Duration::from_millis(20), ..Patience::new(ours) };
        let endless = tokio::spawn(async move { while theirs.write_all(b"more").await.is_ok() {} });
        ours.shutdown().await.unwrap();
        drop(ours);
        endless.await.unwrap();
    }
}
