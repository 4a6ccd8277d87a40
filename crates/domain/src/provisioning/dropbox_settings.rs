//! The settings of a Dropbox connection: from keys and values as a client gave them to what planning and the
//! connector read. All faults are told at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::connection::{
    DropboxAccess, DropboxSettings, ForeignExternalId, MembershipHandling, NameConflict, Policy, RemoveAction,
};
use crate::{
    Detail, Secret,
    secret::MASK,
    targets::{Purpose, Targets},
};

/// Settings that are secrets: write-only, answered as [`MASK`], sealed at rest.
pub const SECRET_KEYS: [&str; 2] = ["OAUTH_CLIENT_SECRET", "OAUTH_REFRESH_TOKEN"];

/// Every setting, in the order of its documentation.
pub const KNOWN_KEYS: [&str; 26] = [
    "BASE_URL",
    "AUTHENTICATION_METHOD",
    "OAUTH_CLIENT_ID",
    "OAUTH_CLIENT_SECRET",
    "OAUTH_REFRESH_TOKEN",
    "OAUTH_TOKEN_URL",
    "GRANT_TYPE",
    "CREATE_USERS",
    "UPDATE_USERS",
    "DISABLE_USERS",
    "DEPROVISION_USERS",
    "REMOVE_ACTION",
    "UNDO_REMOTE_SUSPENSION",
    "FOREIGN_EXTERNAL_ID",
    "SEND_WELCOME_EMAIL",
    "WIPE_DATA",
    "KEEP_ACCOUNT",
    "TRANSFER_DEST_EMAIL",
    "TRANSFER_ADMIN_EMAIL",
    "REMOVE_AFTER_DAYS",
    "GROUP_MEMBERSHIP_HANDLING",
    "GROUP_NAME_CONFLICT",
    "PROTECTED_EMAILS",
    "MAX_CALLS_PER_SECOND",
    "MAX_IN_FLIGHT",
    "MAX_MEMBERS_PER_CALL",
];

/// Takes the secrets out of what a client gave. [`MASK`] stands for the one that is kept already; an empty one, or
/// `null`, is none.
pub fn take_secrets(
    configuration: &mut BTreeMap<String, Value>,
    kept: &BTreeMap<String, Secret>,
) -> BTreeMap<String, Secret> {
    let mut secrets = BTreeMap::new();
    for key in SECRET_KEYS {
        let secret = match configuration.remove(key) {
            Some(Value::String(text)) if text == MASK => kept.get(key).cloned(),
            Some(Value::String(text)) if !text.is_empty() => Some(Secret::new(text)),
            _ => None,
        };
        if let Some(secret) = secret {
            secrets.insert(key.to_owned(), secret);
        }
    }
    secrets
}

impl DropboxSettings {
    /// Reads the settings. A key in capitals that is not known is a fault, for a misspelled `WIPE_DATA` would be noticed
    /// by nobody; keys of other spellings are somebody else's notes, and left unread. `targets` says where service
    /// addresses may lead.
    ///
    /// # Errors
    /// Every fault, each with its field (`configuration.BASE_URL`), the rule it broke and what is allowed.
    pub fn parse(
        configuration: &BTreeMap<String, Value>,
        secrets: &BTreeMap<String, Secret>,
        targets: &Targets,
    ) -> Result<DropboxSettings, Vec<Detail>> {
        let mut read = Reading { configuration, secrets, faults: Vec::new() };
        read.unknown_keys();
        read.only_word("AUTHENTICATION_METHOD", "OAUTH");
        let client_id = read.required("OAUTH_CLIENT_ID");
        let client_secret = read.secret("OAUTH_CLIENT_SECRET");
        let refresh_token = read.secret("OAUTH_REFRESH_TOKEN");
        read.only_word("GRANT_TYPE", "refresh_token");
        let base_url = read.url("BASE_URL", "https://api.dropboxapi.com/2", targets);
        let token_url = read.url("OAUTH_TOKEN_URL", "https://api.dropboxapi.com/oauth2/token", targets);
        let mut policy = read.policy();
        let wipe_data = read.flag("WIPE_DATA", false);
        let keep_account = read.flag("KEEP_ACCOUNT", false);
        let access = DropboxAccess {
            base_url,
            token_url,
            client_id,
            client_secret,
            refresh_token,
            send_welcome_email: read.flag("SEND_WELCOME_EMAIL", true),
            wipe_data,
            keep_account,
            transfer_dest_email: read.email("TRANSFER_DEST_EMAIL"),
            transfer_admin_email: read.email("TRANSFER_ADMIN_EMAIL"),
            max_calls_per_second: read.number("MAX_CALLS_PER_SECOND", 25, 0, 1000),
            max_in_flight: read.number("MAX_IN_FLIGHT", 8, 1, 100),
            max_members_per_call: read.number("MAX_MEMBERS_PER_CALL", 500, 1, 1000),
        };
        read.removal(&access);
        // What access and policy say together: taking away, and what it does beside.
        policy.manner = access.manner().into();
        if read.faults.is_empty() { Ok(DropboxSettings { policy, access }) } else { Err(read.faults) }
    }
}

/// A reading under way, with the faults that were found so far.
struct Reading<'a> {
    configuration: &'a BTreeMap<String, Value>,
    secrets: &'a BTreeMap<String, Secret>,
    faults: Vec<Detail>,
}

impl<'a> Reading<'a> {
    /// The value, if one was given; `null` and `""` are none.
    fn given(&self, key: &str) -> Option<&'a Value> {
        self.configuration.get(key).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    }

    fn fault(&mut self, code: &'static str, key: &str, message: String) {
        self.faults.push(Detail::new(code, format!("configuration.{key}"), message));
    }

    fn unknown_keys(&mut self) {
        for key in self.configuration.keys().chain(self.secrets.keys()) {
            let message = match KNOWN_KEYS.iter().find(|known| known.eq_ignore_ascii_case(key)) {
                Some(known) if known == key => continue,
                Some(known) => format!("`{key}` is spelled `{known}`."),
                None if key.bytes().any(|byte| byte.is_ascii_lowercase()) => continue,
                None => format!(
                    "`{key}` is not a setting of a Dropbox store; there are {}.",
                    KNOWN_KEYS.join(", ")
                ),
            };
            let detail = Detail::new("INVALID_VALUE", format!("configuration.{key}"), message);
            self.faults.push(detail.with_inner(json!({ "allowedValues": KNOWN_KEYS })));
        }
    }

    fn invalid(&mut self, key: &str, allowed: &str) {
        self.fault("INVALID_VALUE", key, format!("{key} must be {allowed}."));
    }

    fn required(&mut self, key: &str) -> String {
        match self.given(key) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(_) => {
                self.invalid(key, "a text");
                String::new()
            }
            None => {
                self.fault("REQUIRED_VALUE", key, format!("{key} is required."));
                String::new()
            }
        }
    }

    fn secret(&mut self, key: &str) -> Secret {
        match self.secrets.get(key) {
            Some(secret) if !secret.expose().is_empty() => secret.clone(),
            _ => {
                self.fault("REQUIRED_VALUE", key, format!("{key} is required."));
                Secret::new("")
            }
        }
    }

    /// A setting with a single allowed word, which stands when it is not given.
    fn only_word(&mut self, key: &str, word: &'static str) {
        self.choice(key, &[(word, ())], ());
    }

    /// One of a few words, told apart without regard to case.
    fn choice<T: Copy>(&mut self, key: &str, words: &[(&'static str, T)], default: T) -> T {
        let Some(value) = self.given(key) else { return default };
        let text = value.as_str().unwrap_or("").trim();
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, meaning)) => *meaning,
            None => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let message = format!("{key} must be {}.", words.join(" or "));
                let target = format!("configuration.{key}");
                let inner = json!({ "allowedValues": words });
                self.faults.push(Detail::new("INVALID_VALUE", target, message).with_inner(inner));
                default
            }
        }
    }

    /// `true`, `"true"`, `false`, `"false"`.
    fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(value) = self.given(key) else { return default };
        let text = value.as_str().map(str::trim);
        match (value, text) {
            (Value::Bool(flag), _) => *flag,
            (_, Some(text)) if text.eq_ignore_ascii_case("true") => true,
            (_, Some(text)) if text.eq_ignore_ascii_case("false") => false,
            _ => {
                self.invalid(key, "true or false");
                default
            }
        }
    }

    /// A whole number, as a number or as text.
    fn number(&mut self, key: &str, default: u32, least: u32, most: u32) -> u32 {
        let Some(value) = self.given(key) else { return default };
        let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        match number.and_then(|number| u32::try_from(number).ok()) {
            Some(number) if (least..=most).contains(&number) => number,
            _ => {
                let message = format!("{key} must be a whole number from {least} to {most}.");
                let inner = json!({ "rangeMinimumValue": least, "rangeMaximumValue": most });
                let target = format!("configuration.{key}");
                self.faults.push(Detail::new("INVALID_VALUE", target, message).with_inner(inner));
                default
            }
        }
    }

    fn email(&mut self, key: &str) -> Option<String> {
        let value = self.given(key)?;
        match value.as_str().map(|text| text.trim().to_lowercase()).filter(|text| is_email(text)) {
            Some(email) => Some(email),
            None => {
                self.invalid(key, "an e-mail address");
                None
            }
        }
    }

    /// A list, or text with commas, semicolons or white space between.
    fn emails(&mut self, key: &str) -> BTreeSet<Box<str>> {
        let texts: Vec<&str> = match self.given(key) {
            None => Vec::new(),
            Some(Value::String(text)) => text.split([',', ';', ' ', '\n', '\t']).collect(),
            Some(Value::Array(values)) => values.iter().map(|value| value.as_str().unwrap_or("?")).collect(),
            Some(_) => vec!["?"],
        };
        let emails = texts.into_iter().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        let (good, bad): (Vec<_>, Vec<_>) = emails.partition(|text| is_email(text));
        if !bad.is_empty() {
            self.invalid(key, &format!("a list of e-mail addresses; these are none: {}", bad.join(", ")));
        }
        good.into_iter().map(String::into_boxed_str).collect()
    }

    fn url(&mut self, key: &str, default: &str, targets: &Targets) -> String {
        let text = match self.given(key) {
            None => return default.to_owned(),
            Some(value) => value.as_str().unwrap_or("").trim().trim_end_matches('/'),
        };
        match check_url(text, targets) {
            Ok(()) => text.to_owned(),
            Err(allowed) => {
                self.invalid(key, &allowed);
                default.to_owned()
            }
        }
    }

    fn policy(&mut self) -> Policy {
        let defaults = Policy::default();
        let update = self.flag("UPDATE_USERS", defaults.update);
        // What was not asked for follows; what was asked for and cannot be is a fault.
        let disable = self.flag("DISABLE_USERS", update);
        if disable && !update {
            self.fault(
                "CONSTRAINT_VIOLATION",
                "DISABLE_USERS",
                "DISABLE_USERS needs UPDATE_USERS. Set UPDATE_USERS to true, or DISABLE_USERS to false."
                    .into(),
            );
        }
        Policy {
            create: self.flag("CREATE_USERS", defaults.create),
            update,
            disable: disable && update,
            deprovision: self.flag("DEPROVISION_USERS", defaults.deprovision),
            remove_action: self.choice(
                "REMOVE_ACTION",
                &[("Disable", RemoveAction::Disable), ("Delete", RemoveAction::Delete)],
                defaults.remove_action,
            ),
            remove_after_days: self.number("REMOVE_AFTER_DAYS", 0, 0, 3650),
            undo_remote_suspension: self.flag("UNDO_REMOTE_SUSPENSION", defaults.undo_remote_suspension),
            foreign_external_id: self.choice(
                "FOREIGN_EXTERNAL_ID",
                &[
                    ("Fail", ForeignExternalId::Fail),
                    ("Keep", ForeignExternalId::Keep),
                    ("Overwrite", ForeignExternalId::Overwrite),
                ],
                defaults.foreign_external_id,
            ),
            memberships: self.choice(
                "GROUP_MEMBERSHIP_HANDLING",
                &[("Merge", MembershipHandling::Merge), ("Overwrite", MembershipHandling::Overwrite)],
                defaults.memberships,
            ),
            group_name_conflict: self.choice(
                "GROUP_NAME_CONFLICT",
                &[("Adopt", NameConflict::Adopt), ("Fail", NameConflict::Fail)],
                defaults.group_name_conflict,
            ),
            protected: self.emails("PROTECTED_EMAILS"),
            manner: defaults.manner,
        }
        .checked(self)
    }

    /// What Dropbox refuses of how members are removed.
    fn removal(&mut self, access: &DropboxAccess) {
        let (dest, admin) = (&access.transfer_dest_email, &access.transfer_admin_email);
        if dest.is_some() && admin.is_none() && self.given("TRANSFER_ADMIN_EMAIL").is_none() {
            self.fault(
                "CONSTRAINT_VIOLATION",
                "TRANSFER_ADMIN_EMAIL",
                "TRANSFER_DEST_EMAIL needs TRANSFER_ADMIN_EMAIL: a team administrator who is told of the \
                 transfer."
                    .into(),
            );
        }
        if admin.is_some() && dest.is_none() && self.given("TRANSFER_DEST_EMAIL").is_none() {
            self.fault(
                "CONSTRAINT_VIOLATION",
                "TRANSFER_DEST_EMAIL",
                "TRANSFER_ADMIN_EMAIL needs TRANSFER_DEST_EMAIL: who receives the files.".into(),
            );
        }
        if access.keep_account && access.wipe_data {
            self.fault(
                "CONSTRAINT_VIOLATION",
                "KEEP_ACCOUNT",
                "KEEP_ACCOUNT and WIPE_DATA exclude each other. Set one of them to false.".into(),
            );
        }
        if access.keep_account && dest.is_some() {
            self.fault(
                "CONSTRAINT_VIOLATION",
                "KEEP_ACCOUNT",
                "KEEP_ACCOUNT and TRANSFER_DEST_EMAIL exclude each other: a kept account keeps its files."
                    .into(),
            );
        }
    }
}

impl Policy {
    /// The policy, with the rules between its settings checked.
    fn checked(self, read: &mut Reading) -> Policy {
        if self.deprovision && !self.disable {
            if self.remove_action == RemoveAction::Disable {
                read.fault(
                    "CONSTRAINT_VIOLATION",
                    "REMOVE_ACTION",
                    "REMOVE_ACTION Disable needs DISABLE_USERS. Set DISABLE_USERS to true to suspend members \
                     who leave, or REMOVE_ACTION to Delete to remove them."
                        .into(),
                );
            } else if self.remove_after_days > 0 {
                read.fault(
                    "CONSTRAINT_VIOLATION",
                    "REMOVE_AFTER_DAYS",
                    "REMOVE_AFTER_DAYS suspends before it removes, and needs DISABLE_USERS. Set DISABLE_USERS \
                     to true, or REMOVE_AFTER_DAYS to 0."
                        .into(),
                );
            }
        }
        self
    }
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
            && !domain.contains('@')
            && text.len() <= 255
    })
}

/// What a service address must be; `Err` says what is allowed.
fn check_url(text: &str, targets: &Targets) -> Result<(), String> {
    const FORM: &str = "an address such as https://api.dropboxapi.com/2, without user, query or fragment";
    let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
    let authority = rest.split('/').next().unwrap_or("");
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || "?#@\\".contains(c)) {
        return Err(FORM.into());
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or(FORM)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let good_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let good_scheme = ["http", "https"].iter().any(|good| scheme.eq_ignore_ascii_case(good));
    if !good_scheme || !good_port || !(if authority.starts_with('[') { is_address } else { is_name }) {
        return Err(FORM.into());
    }
    let url = url::Url::parse(text).map_err(|_| FORM)?;
    targets.check_url(Purpose::Service, &url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(values: &[(&str, Value)]) -> BTreeMap<String, Value> {
        values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    fn secrets() -> BTreeMap<String, Secret> {
        SECRET_KEYS.iter().map(|key| ((*key).to_owned(), Secret::new("s3cret"))).collect()
    }

    fn parse(values: &[(&str, Value)]) -> Result<DropboxSettings, Vec<Detail>> {
        let mut all = configuration(&[("OAUTH_CLIENT_ID", json!("app"))]);
        all.extend(configuration(values));
        DropboxSettings::parse(&all, &secrets(), &Targets::default())
    }

    fn faults(values: &[(&str, Value)]) -> String {
        let faults = parse(values).expect_err("it has faults");
        let lines = faults.iter().map(|fault| format!("{} {}: {}", fault.code, fault.target, fault.message));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.policy, Policy::default());
        assert_eq!(settings.access.base_url, "https://api.dropboxapi.com/2");
        assert_eq!(settings.access.max_members_per_call, 500);
        assert!(settings.access.send_welcome_email && !settings.access.wipe_data);
    }

    #[test]
    fn text_is_as_good_as_a_boolean_or_a_number() {
        let settings = parse(&[
            ("CREATE_USERS", json!("false")),
            ("MAX_IN_FLIGHT", json!("3")),
            ("PROTECTED_EMAILS", json!("Boss@Example.com, it@example.com")),
            ("BASE_URL", json!("http://127.0.0.1:9100/2/")),
        ])
        .unwrap();
        assert!(!settings.policy.create);
        assert_eq!(settings.access.max_in_flight, 3);
        assert!(settings.policy.protected.contains("boss@example.com"));
        assert_eq!(settings.access.base_url, "http://127.0.0.1:9100/2");
    }

    #[test]
    fn nothing_given_names_everything_that_is_required() {
        let faults =
            DropboxSettings::parse(&BTreeMap::new(), &BTreeMap::new(), &Targets::default()).unwrap_err();
        let targets: Vec<_> = faults.iter().map(|fault| (fault.code, fault.target.as_str())).collect();
        assert_eq!(
            targets,
            [
                ("REQUIRED_VALUE", "configuration.OAUTH_CLIENT_ID"),
                ("REQUIRED_VALUE", "configuration.OAUTH_CLIENT_SECRET"),
                ("REQUIRED_VALUE", "configuration.OAUTH_REFRESH_TOKEN"),
            ]
        );
    }

    #[test]
    fn every_fault_is_told_at_once() {
        insta::assert_snapshot!(faults(&[
            ("BASE_URL", json!("http://dropbox.example/2")),
            ("OAUTH_TOKEN_URL", json!("ftp//x")),
            ("AUTHENTICATION_METHOD", json!("BASIC")),
            ("CREATE_USERS", json!("perhaps")),
            ("REMOVE_AFTER_DAYS", json!(-1)),
            ("GROUP_MEMBERSHIP_HANDLING", json!("Replace")),
            ("PROTECTED_EMAILS", json!(["boss@example.com", "boss"])),
            ("KEEP_ACCOUNT", json!(true)),
            ("WIPE_DATA", json!(true)),
            ("TRANSFER_DEST_EMAIL", json!("heir@example.com")),
        ]), @r"
        INVALID_VALUE configuration.AUTHENTICATION_METHOD: AUTHENTICATION_METHOD must be OAUTH.
        INVALID_VALUE configuration.BASE_URL: BASE_URL must be an https:// address; http:// is for this machine only, unless the server's allow_http_targets is set.
        INVALID_VALUE configuration.OAUTH_TOKEN_URL: OAUTH_TOKEN_URL must be an address such as https://api.dropboxapi.com/2, without user, query or fragment.
        INVALID_VALUE configuration.CREATE_USERS: CREATE_USERS must be true or false.
        INVALID_VALUE configuration.REMOVE_AFTER_DAYS: REMOVE_AFTER_DAYS must be a whole number from 0 to 3650.
        INVALID_VALUE configuration.GROUP_MEMBERSHIP_HANDLING: GROUP_MEMBERSHIP_HANDLING must be Merge or Overwrite.
        INVALID_VALUE configuration.PROTECTED_EMAILS: PROTECTED_EMAILS must be a list of e-mail addresses; these are none: boss.
        CONSTRAINT_VIOLATION configuration.TRANSFER_ADMIN_EMAIL: TRANSFER_DEST_EMAIL needs TRANSFER_ADMIN_EMAIL: a team administrator who is told of the transfer.
        CONSTRAINT_VIOLATION configuration.KEEP_ACCOUNT: KEEP_ACCOUNT and WIPE_DATA exclude each other. Set one of them to false.
        CONSTRAINT_VIOLATION configuration.KEEP_ACCOUNT: KEEP_ACCOUNT and TRANSFER_DEST_EMAIL exclude each other: a kept account keeps its files.
        ");
    }

    #[test]
    fn disabling_needs_updating_unless_nobody_asked_for_it() {
        insta::assert_snapshot!(
            faults(&[("UPDATE_USERS", json!(false)), ("DISABLE_USERS", json!(true))]), @"CONSTRAINT_VIOLATION configuration.DISABLE_USERS: DISABLE_USERS needs UPDATE_USERS. Set UPDATE_USERS to true, or DISABLE_USERS to false.");
        assert!(!parse(&[("UPDATE_USERS", json!(false))]).unwrap().policy.disable);
    }

    #[test]
    fn deprovisioning_without_disabling_must_say_delete() {
        let without = ("DISABLE_USERS", json!(false));
        let deprovision = ("DEPROVISION_USERS", json!(true));
        insta::assert_snapshot!(faults(&[without.clone(), deprovision.clone()]), @"CONSTRAINT_VIOLATION configuration.REMOVE_ACTION: REMOVE_ACTION Disable needs DISABLE_USERS. Set DISABLE_USERS to true to suspend members who leave, or REMOVE_ACTION to Delete to remove them.");
        let delete = ("REMOVE_ACTION", json!("Delete"));
        assert!(parse(&[without.clone(), deprovision.clone(), delete.clone()]).is_ok());
        insta::assert_snapshot!(
            faults(&[without, deprovision, delete, ("REMOVE_AFTER_DAYS", json!(30))]), @"CONSTRAINT_VIOLATION configuration.REMOVE_AFTER_DAYS: REMOVE_AFTER_DAYS suspends before it removes, and needs DISABLE_USERS. Set DISABLE_USERS to true, or REMOVE_AFTER_DAYS to 0.");
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_allowed() {
        for good in ["https://x.example", "http://localhost:1/2", "http://[::1]:9100", "http://127.0.0.2"] {
            assert_eq!(check_url(good, &Targets::default()), Ok(()), "{good}");
        }
        for bad in [
            "http://10.0.0.1/2",
            "https://",
            "https://a b",
            "https://u:p@x",
            "x",
            "https://x:0",
            "https://x?y",
        ] {
            assert!(check_url(bad, &Targets::default()).is_err(), "{bad}");
        }
        let anywhere = Targets { http: true, ..Targets::default() };
        assert_eq!(check_url("http://10.0.0.1/2", &anywhere), Ok(()));
    }

    #[test]
    fn a_masked_secret_is_the_one_that_is_kept() {
        let mut given = configuration(&[
            ("OAUTH_CLIENT_SECRET", json!(MASK)),
            ("OAUTH_REFRESH_TOKEN", json!("new")),
            ("BASE_URL", json!("https://x.example")),
        ]);
        let taken = take_secrets(&mut given, &secrets());
        assert_eq!(taken["OAUTH_CLIENT_SECRET"].expose(), "s3cret");
        assert_eq!(taken["OAUTH_REFRESH_TOKEN"].expose(), "new");
        assert_eq!(given.keys().collect::<Vec<_>>(), ["BASE_URL"]);
        assert!(
            take_secrets(&mut configuration(&[("OAUTH_CLIENT_SECRET", json!(MASK))]), &BTreeMap::new())
                .is_empty()
        );
    }

    #[test]
    fn every_key_is_documented_once() {
        let keys: BTreeSet<_> = KNOWN_KEYS.into_iter().collect();
        assert_eq!(keys.len(), KNOWN_KEYS.len());
        assert!(SECRET_KEYS.iter().all(|key| keys.contains(key)));
    }
}
