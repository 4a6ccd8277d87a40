//! What the tests of the console in a browser need: Chromium with its WebDriver, and axe-core, which looks for faults
//! of accessibility and is never part of what is shipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::system;

/// Where the tests look for `chromedriver`.
pub(crate) const DRIVER: &str = "USHER_TEST_CHROMEDRIVER";
/// Where the tests look for axe-core's one file.
pub(crate) const AXE: &str = "USHER_TEST_AXE";

/// The npm package, at the version that the pages were made with.
const PACKAGE: &str = "axe-core@4.14.1";

/// A browser for tests.
pub(crate) struct Browser {
    driver: PathBuf,
    axe: PathBuf,
}

impl Browser {
    /// Finds Chromium and its driver, or installs them; fetches axe-core into `target` once.
    ///
    /// # Errors
    /// When something is missing and cannot be installed here; the message says what to install.
    pub(crate) fn find_or_install(target: &Path) -> Result<Browser> {
        Ok(Browser { driver: find_or_install_driver()?, axe: axe(target)? })
    }

    /// What the tests are told.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 2] {
        [(DRIVER, &self.driver), (AXE, &self.axe)]
    }
}

/// Finds Chromium's driver, and with it Chromium, or installs both.
///
/// # Errors
/// When they are missing and cannot be installed here; the message says what to install.
pub(crate) fn find_or_install_driver() -> Result<PathBuf> {
    if driver().is_none() {
        if !system::can_install() {
            bail!(
                "Chromium and its WebDriver are missing: install chromium and chromium-driver (Debian), or leave the \
                 tests in a browser out with --no-browser"
            );
        }
        system::install(&["chromium", "chromium-driver"])?;
    }
    driver().context("chromium-driver was installed, but there is no chromedriver in PATH")
}

/// The driver, where there is a browser for it, too.
fn driver() -> Option<PathBuf> {
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(system::find);
    browser.and(system::find("chromedriver"))
}

fn axe(target: &Path) -> Result<PathBuf> {
    let place = target.join(PACKAGE.replace('@', "-"));
    let file = place.join("package/axe.min.js");
    if file.is_file() {
        return Ok(file);
    }
    if system::find("npm").is_none() {
        if !system::can_install() {
            bail!(
                "npm is missing, which fetches axe-core for the tests in a browser: install npm, or leave these out with \
                 --no-browser"
            );
        }
        system::install(&["npm"])?;
    }
    std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", PACKAGE]).current_dir(&place).stdout(Stdio::null());
    system::run(&mut pack)?;
    let archive = format!("{}.tgz", PACKAGE.replace('@', "-"));
    system::run(Command::new("tar").args(["xzf", &archive]).current_dir(&place))?;
    ensure!(file.is_file(), "{PACKAGE} has no {}", file.display());
    Ok(file)
}
