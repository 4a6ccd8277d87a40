//! Where log lines go: to standard error, by a thread of its own, so that nothing waits for a target that is slow, full or
//! gone. What it does not take is dropped and counted.

use std::{
    io::{self, Write},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How many bytes of log lines may wait to be written. A line beyond it is dropped.
pub(crate) const WAITING_BYTES: usize = 1024 * 1024;
/// How long the process's last lines may take to be written when it ends.
pub(crate) const LAST_LINES: Duration = Duration::from_secs(2);

static TARGET: Target = Target {
    state: Mutex::new(State { waiting: Vec::new(), writing: false, started: false }),
    changed: Condvar::new(),
    dropped: AtomicU64::new(0),
};

/// How many lines were dropped since the process began.
pub(crate) fn dropped() -> u64 {
    TARGET.dropped.load(Ordering::Relaxed)
}

/// Returns when every line so far was written or dropped, or [`LAST_LINES`] are over.
pub(crate) fn flush() {
    let state = TARGET.lock();
    if state.started {
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        drop(TARGET.changed.wait_timeout_while(state, LAST_LINES, busy));
    }
}

struct Target {
    state: Mutex<State>,
    changed: Condvar,
    dropped: AtomicU64,
}

struct State {
    waiting: Vec<u8>,
    /// Whether the thread writes what it took.
    writing: bool,
    started: bool,
}

impl Target {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > WAITING_BYTES {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        self.changed.notify_all();
    }

    /// Writes what waits, for as long as the process lives.
    fn write_all(&self, mut to: impl Write) {
        let mut state = self.lock();
        loop {
            state.writing = false;
            self.changed.notify_all();
            while state.waiting.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let lines = std::mem::take(&mut state.waiting);
            state.writing = true;
            drop(state);
            self.dropped.fetch_add(write_lines(&mut to, &lines), Ordering::Relaxed);
            state = self.lock();
        }
    }
}

/// Writes lines; how many of them were not written whole.
fn write_lines(to: &mut impl Write, lines: &[u8]) -> u64 {
    let mut rest = lines;
    while !rest.is_empty() {
        match to.write(rest) {
            Ok(0) => break,
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    rest.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Makes the writers of [`tracing_subscriber`]; they never fail and never wait.
pub(super) struct ToTarget;

impl ToTarget {
    /// Starts the thread that writes.
    pub(super) fn start() -> io::Result<Self> {
        let mut state = TARGET.lock();
        if !state.started {
            let writes = || TARGET.write_all(io::stderr());
            std::thread::Builder::new().name("log".into()).spawn(writes)?;
            state.started = true;
        }
        Ok(ToTarget)
    }
}

impl<'a> MakeWriter<'a> for ToTarget {
    type Writer = ToTarget;

    fn make_writer(&'a self) -> ToTarget {
        ToTarget
    }
}

impl Write for ToTarget {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        TARGET.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes that many bytes, then is full.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_full_disk_does_not_take_are_counted() {
        for (room, lost) in [(100, 0), (8, 1), (5, 2), (4, 2), (3, 3), (0, 3)] {
            assert_eq!(write_lines(&mut Disk(room), b"one\ntwo\nsix\n"), lost, "{room}");
        }
    }
}
