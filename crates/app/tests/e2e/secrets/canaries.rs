//! Secrets that could be recognised anywhere, and the look for them: as they are, in base64 wherever they may begin in
//! it, and in hexadecimal.

use std::{collections::HashMap, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use crate::support::{Api, SECRET};

pub(super) const APP_SECRET: &str = "canary-app-secret-a91f";
pub(super) const REFRESH_TOKEN: &str = "canary-refresh-token-b82e";
pub(super) const WRONG_TOKEN: &str = "canary-wrong-refresh-token-c73d";
/// Every access token that the simulator gives out begins like this.
const ACCESS_TOKENS: &str = "sl.u.";
pub(super) const ADMIN_PASSWORD: &str = "canary-admin-password-77ab";
pub(super) const GIVEN_PASSWORD: &str = "canary-given-password-51aa";
pub(super) const WRONG_PASSWORD: &str = "canary-wrong-secret-e2c4";
/// In a header that goes with each delivery of a webhook.
pub(super) const HEADER: &str = "canary-webhook-header-61f0";

/// What must be found nowhere.
#[derive(Debug, Default)]
pub(super) struct Canaries {
    /// What each is, and each form of it.
    forms: Vec<(String, Vec<u8>)>,
    /// The forms by their first bytes, so that megabytes are looked through once.
    by_start: HashMap<[u8; START], Vec<usize>>,
}

const START: usize = 5;

impl Canaries {
    /// The secrets that every test has: those of the configuration, and of the connection.
    pub(super) fn usual(api: &Api) -> Canaries {
        let mut canaries = Canaries::default();
        for (what, secret) in [
            ("the app's secret", APP_SECRET),
            ("the refresh token", REFRESH_TOKEN),
            ("a wrong refresh token", WRONG_TOKEN),
            ("the client's secret", SECRET),
            ("the administrator's password", ADMIN_PASSWORD),
            ("an access token of ours", api.token()),
            ("a given password", GIVEN_PASSWORD),
            ("a wrong secret", WRONG_PASSWORD),
            ("a webhook's header", HEADER),
        ] {
            canaries.add(what, secret);
        }
        // Too short for other forms than its own.
        canaries.form("a Dropbox access token", ACCESS_TOKENS.into());
        canaries
    }

    /// From now on this is one, too.
    pub(super) fn add(&mut self, what: &str, secret: &str) {
        self.add_bytes(what, secret.as_bytes());
    }

    /// The same, of one that is no text.
    pub(super) fn add_bytes(&mut self, what: &str, secret: &[u8]) {
        assert!(secret.len() >= 12, "{what} is too short to be told from other things");
        self.form(what, secret.into());
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        self.form(&format!("{what}, in hexadecimal,"), hex.to_uppercase().into());
        self.form(&format!("{what}, in hexadecimal,"), hex.into());
        for before in 0..3 {
            // What stands before and after it decides the first and the last letters; those between are its own.
            let shifted = [vec![0; before], secret.to_vec()].concat();
            let own = (before * 8).div_ceil(6)..shifted.len() * 8 / 6;
            for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
                self.form(&format!("{what}, in base64,"), encoded[own.clone()].into());
            }
        }
    }

    fn form(&mut self, what: &str, bytes: Vec<u8>) {
        let start = bytes[..START].try_into().unwrap();
        self.by_start.entry(start).or_default().push(self.forms.len());
        self.forms.push((what.to_owned(), bytes));
    }

    /// None of them is in these bytes.
    #[track_caller]
    pub(super) fn none_in(&self, bytes: impl AsRef<[u8]>, place: &str) {
        let bytes = bytes.as_ref();
        if let Some((what, at)) = self.found(bytes) {
            let around = &bytes[at.saturating_sub(120)..(at + 40).min(bytes.len())];
            panic!("{what} is in {place}: …{}…", String::from_utf8_lossy(around));
        }
    }

    fn found(&self, bytes: &[u8]) -> Option<(&str, usize)> {
        bytes.windows(START).enumerate().find_map(|(at, start)| {
            let start: [u8; START] = start.try_into().unwrap();
            let begun = self.by_start.get(&start)?.iter().map(|form| &self.forms[*form]);
            begun
                .into_iter()
                .find(|(_, form)| bytes[at..].starts_with(form))
                .map(|(what, _)| (what.as_str(), at))
        })
    }

    /// None of them is in any file of this directory but key files, which are the one place where sealing keys are.
    #[track_caller]
    pub(super) fn none_in_files(&self, dir: &Path, but: &[&str], when: &str) {
        for file in std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if !but.contains(&name.as_str()) && file.is_file() {
                self.none_in(std::fs::read(&file).unwrap(), &format!("{name} {when}"));
            }
        }
    }
}

#[test]
fn the_look_finds_a_secret_in_every_form() {
    let mut canaries = Canaries::default();
    canaries.add("it", REFRESH_TOKEN);
    canaries.none_in("nothing of that kind", "here");
    for before in ["", "a", "ab", "abc", "client:"] {
        let inside = format!("{before}{REFRESH_TOKEN}; and more");
        let hex: String = inside.bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in [inside.clone(), STANDARD_NO_PAD.encode(&inside), URL_SAFE_NO_PAD.encode(&inside), hex] {
            assert!(canaries.found(text.as_bytes()).is_some(), "{text}");
        }
    }
}
