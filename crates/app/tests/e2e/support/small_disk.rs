//! A disk that can be filled: a file system in memory, of a size.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// Leaves out the tests that need one.
const SKIP: &str = "USHER_TEST_SKIP_TMPFS";

#[derive(Debug)]
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts one; `None` when such tests are left out on purpose, a panic with what to do when it cannot be mounted.
    pub(crate) fn mount(mebibytes: u32) -> Option<SmallDisk> {
        if std::env::var_os(SKIP).is_some() {
            eprintln!("left out, as {SKIP} asks: this test fills a tmpfs");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={mebibytes}m,mode=700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "this test mounts a tmpfs, which takes root and mount(8). Run it as root in a container that may mount, or set \
             {SKIP}=1 (cargo xtask test --no-tmpfs) to leave it out."
        );
        Some(SmallDisk(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Uses up all the room there is.
    pub(crate) fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write(&vec![0; size]).is_ok_and(|written| written > 0) {}
        }
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server may still have files open.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
