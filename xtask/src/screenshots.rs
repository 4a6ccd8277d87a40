//! `cargo xtask screenshots`: the pictures of the operator's guide. The walk itself is among the console's tests, which
//! have a browser; here is only where the pictures go.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{
    browser::{DRIVER, find_or_install_driver},
    cargo::{cargo, root, target_directory},
    system,
};

const IMAGES: &str = "docs/guide/images";

/// The test that takes the pictures, and where it looks for the directory to put them into.
const WALK: &str = "pictures::the_guide_has_its_pictures";
const TO: &str = "USHER_TEST_PICTURES";

/// What all pictures may weigh together, in bytes.
const MOST: u64 = 3_000_000;

/// Takes every picture anew.
///
/// # Errors
/// When there is no browser, the walk through the console fails, or the pictures are too heavy.
pub(crate) fn run() -> Result<()> {
    let driver = find_or_install_driver()?;
    let taken = target_directory()?.join("pictures");
    if taken.exists() {
        fs::remove_dir_all(&taken).with_context(|| format!("cannot empty {}", taken.display()))?;
    }
    fs::create_dir_all(&taken).with_context(|| format!("cannot make {}", taken.display()))?;
    let mut walk = cargo(["test", "--package", "usher", "--test", "console", WALK, "--"]);
    walk.args(["--exact", "--ignored"]).env(DRIVER, driver).env(TO, &taken);
    system::run(&mut walk)?;
    let (mut count, mut size) = (0, 0);
    for entry in fs::read_dir(&taken)? {
        count += 1;
        size += entry?.metadata()?.len();
    }
    ensure!(count > 0, "the walk took no picture: is there still a test {WALK}?");
    ensure!(size <= MOST, "{IMAGES} weighs {size} bytes; at most {MOST} are allowed");
    // Only a walk that came to its end replaces the pictures there are.
    let images = root().join(IMAGES);
    if images.exists() {
        fs::remove_dir_all(&images).with_context(|| format!("cannot empty {IMAGES}"))?;
    }
    fs::create_dir_all(&images).with_context(|| format!("cannot make {IMAGES}"))?;
    for entry in fs::read_dir(&taken)? {
        let entry = entry?;
        fs::copy(entry.path(), images.join(entry.file_name()))?;
    }
    println!("{count} pictures in {IMAGES}, {size} bytes");
    Ok(())
}
