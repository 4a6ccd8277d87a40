//! `cargo xtask screenshots`: the pictures of the operator's guide. The walk itself is among the console's tests, which
//! have a browser; here is only where the pictures go.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{
    browser::{DRIVER, find_or_install_driver},
    cargo::{cargo, root, target_directory},
    system,
};

const IMAGES: &str = "docs/guide/images";

/// The test that takes the pictures, and where it looks for the directory to put them into.
const WALK: &str = "pictures::the_guide_has_its_pictures";
const TO: &str = "USHER_TEST_PICTURES";

/// Turns a picture into one of 256 colours, a third as heavy.
const PALETTE: &str = "pngquant";

/// What all pictures may weigh together, in bytes.
const MOST: u64 = 6_000_000;

/// Takes every picture anew.
///
/// # Errors
/// When there is no browser, the walk through the console fails, or the pictures are too heavy.
pub(crate) fn run() -> Result<()> {
    let driver = find_or_install_driver()?;
    install_what_is_missing()?;
    let taken = target_directory()?.join("pictures");
    if taken.exists() {
        fs::remove_dir_all(&taken).with_context(|| format!("cannot empty {}", taken.display()))?;
    }
    fs::create_dir_all(&taken).with_context(|| format!("cannot make {}", taken.display()))?;
    let mut walk = cargo(["test", "--package", "usher", "--test", "console", WALK, "--"]);
    walk.args(["--exact", "--ignored"]).env(DRIVER, driver).env(TO, &taken);
    system::run(&mut walk)?;
    let pictures: Vec<_> = fs::read_dir(&taken)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    ensure!(!pictures.is_empty(), "the walk took no picture: is there still a test {WALK}?");
    system::run(Command::new(PALETTE).args(["--force", "--ext", ".png", "--strip"]).args(&pictures))?;
    let mut size = 0;
    for picture in &pictures {
        size += fs::metadata(picture)?.len();
    }
    ensure!(size <= MOST, "{IMAGES} weighs {size} bytes; at most {MOST} are allowed");
    // Only a walk that came to its end replaces the pictures there are.
    let images = root().join(IMAGES);
    if images.exists() {
        fs::remove_dir_all(&images).with_context(|| format!("cannot empty {IMAGES}"))?;
    }
    fs::create_dir_all(&images).with_context(|| format!("cannot make {IMAGES}"))?;
    for picture in &pictures {
        let name = picture.file_name().context("a picture has no name")?;
        fs::copy(picture, images.join(name))?;
    }
    println!("{} pictures in {IMAGES}, {size} bytes", pictures.len());
    Ok(())
}

/// Letters for everyone's name in the sample directory, some of whom are Japanese, and what makes the pictures small.
fn install_what_is_missing() -> Result<()> {
    let mut missing = Vec::new();
    if system::answer(Command::new("fc-list").arg(":lang=ja")).is_none_or(|fonts| fonts.is_empty()) {
        missing.push("fonts-noto-cjk");
    }
    if system::find(PALETTE).is_none() {
        missing.push(PALETTE);
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !system::can_install() {
        bail!("for the pictures, install {} (Debian's names)", missing.join(" and "));
    }
    system::install(&missing)
}
