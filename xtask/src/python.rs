//! Python programs as independent judges: Dropbox's own SDK judges the simulator, schemathesis judges the API. Each has
//! an environment of its own below `target/`, and one script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::cargo::root;
use crate::system;

/// A script, and what it needs.
pub(crate) struct Judge {
    /// What it judges by, for messages.
    what: &'static str,
    /// The script, in a directory with its `requirements.txt`.
    script: &'static str,
    /// Its environment, below `target/`.
    environment: &'static str,
}

/// Drives the simulator through Dropbox's SDK; it starts the simulator by itself.
pub(crate) const SDK: Judge = Judge {
    what: "Dropbox's SDK",
    script: "crates/dropbox-simulator/tests/python_sdk/check.py",
    environment: "python-sdk",
};

/// Lets schemathesis loose on the API; it starts a server and a simulator by itself.
pub(crate) const FUZZER: Judge =
    Judge { what: "schemathesis", script: "crates/app/tests/fuzz/fuzz.py", environment: "python-fuzz" };

/// A Python of 3.11 or later, by the path that it gives for itself.
pub(crate) struct Python(PathBuf);

impl Python {
    /// Finds one, or installs one where that is possible.
    ///
    /// # Errors
    /// When there is none, with what to install.
    pub(crate) fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if system::can_install() {
            system::install(&["python3", "python3-venv"]).context("Python could not be installed")?;
        }
        Self::find().ok_or_else(|| {
            anyhow!(
                "there is no Python 3.11 or later in PATH, which Dropbox's own SDK needs. Install it (Debian 12 or \
                 later: apt-get install python3 python3-venv; macOS: brew install python3), or pass --no-python to \
                 leave the SDK's tests out"
            )
        })
    }

    fn find() -> Option<Self> {
        let question = "import sys; assert sys.version_info >= (3, 11); print(sys.executable)";
        ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"]
            .into_iter()
            .find_map(|name| system::answer(Command::new(name).args(["-c", question])))
            .map(|path| Self(PathBuf::from(path)))
    }

    /// The environment of a judge; made anew only when its requirements, or Python, changed.
    ///
    /// # Errors
    /// When it cannot be made, or pip cannot fetch what it needs.
    pub(crate) fn environment(&self, judge: &Judge, target: &Path) -> Result<Environment> {
        let script = root().join(judge.script);
        let list = script.with_file_name("requirements.txt");
        let wanted = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        let wanted = format!("{}\n{wanted}", self.0.display());
        let directory = target.join(judge.environment);
        let python = directory.join("bin/python");
        let stamp = directory.join("made-for.txt");
        if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
            return Ok(Environment { python, script });
        }
        println!("making a Python environment with {} in {}", judge.what, directory.display());
        self.make_environment(&directory)?;
        system::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(&list),
        )
        .with_context(|| format!("pip could not install {}; --no-python leaves its tests out", judge.what))?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(Environment { python, script })
    }

    fn make_environment(&self, directory: &Path) -> Result<()> {
        let make = || system::run(Command::new(&self.0).args(["-m", "venv", "--clear"]).arg(directory));
        match make() {
            // Debian packs the venv module apart from Python.
            Err(_) if system::can_install() => {
                system::install(&["python3-venv"])?;
                make()
            }
            other => other,
        }
        .context("Python could not make an environment (Debian: apt-get install python3-venv)")
    }
}

/// A Python that can run a judge's script.
pub(crate) struct Environment {
    python: PathBuf,
    script: PathBuf,
}

impl Environment {
    /// The script, to be run with these binaries of ours, each named by its option.
    pub(crate) fn run(&self, binaries: &[(&str, &Path)]) -> Command {
        let mut command = Command::new(&self.python);
        // Unbuffered, so that a person sees each line when it is printed.
        command.arg("-u").arg(&self.script);
        for (option, binary) in binaries {
            command.arg(option).arg(binary);
        }
        command
    }
}
