//! Making, changing and deleting administrators of the console; their passwords and second factors.
//!
//! Passwords come hashed; the codes of a second factor are checked by the caller, who has the clock and the arithmetic.

use serde_json::{Map, Value, json};

use super::{
    Administrator, ProviderAccount, Role, Totp, events,
    roles::{self, Holder, Keyholders},
};
use crate::{
    Detail, EnvironmentId, Rejection, Secret,
    directory::{
        audit::Event,
        change::{ChangeSet, Write},
        commands::{
            Body, Decision, Stamp,
            body::{Chars, Faults},
            diff,
        },
    },
    session::Ended,
};

/// The shortest password, in characters.
pub const SHORTEST_PASSWORD: usize = 8;
/// The longest password, in characters.
pub const LONGEST_PASSWORD: usize = 256;

/// How a sign-in ended, for the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// They are in.
    Allowed,
    /// A recovery code was used up for it.
    AllowedByRecoveryCode,
    /// They are in; the OpenID provider vouched for them.
    AllowedByProvider,
    /// A password or a code was wrong.
    Denied,
    /// The OpenID provider vouched for them, but they may not come in.
    DeniedByProvider,
    /// They are in already, and gave a wrong present password when they wanted to change it.
    PasswordWrong,
    /// They are in already, and gave a wrong code when they wanted to turn their second factor off.
    CodeWrong,
    /// The door is shut for a while.
    Locked,
}

/// The fault of a password that is too short or too long, if it is.
pub fn password_fault(target: &str, password: &Secret) -> Option<Detail> {
    let length = password.expose().chars().count();
    (!(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&length)).then(|| {
        let message = format!("must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters");
        let inner = json!({ "rangeMinimumValue": SHORTEST_PASSWORD, "rangeMaximumValue": LONGEST_PASSWORD });
        Detail::new("INVALID_VALUE", target, message).with_inner(inner)
    })
}

/// The username of a body, so that it can be looked up whether someone has it.
pub fn username(body: &Body) -> Option<&str> {
    body.get("username").and_then(Value::as_str)
}

struct Read {
    username: String,
    roles: Vec<Role>,
    enabled: bool,
}

/// `same` is who has the username already, in whatever environment.
fn read(
    body: &Body,
    current: Option<&Administrator>,
    same: Option<&Administrator>,
) -> Result<Read, Rejection> {
    let mut faults = Faults::default();
    let username = faults.required_text(body, "username", 128, Chars::Printable);
    if same.is_some_and(|same| Some(same.id) != current.map(|it| it.id)) {
        let message = format!("There is an administrator `{username}` already; usernames are unique");
        faults.add(Detail::new("UNIQUENESS_VIOLATION", "username", message));
    }
    let roles = roles::read(body, &mut faults);
    let enabled = faults.boolean(body, "enabled").unwrap_or(true);
    faults.finish()?;
    Ok(Read { username, roles, enabled })
}

/// Makes an administrator: `username` (required, unique), `roles` (required), `enabled` (true). `giver` are the caller's
/// roles, `same` is who has the username.
///
/// # Errors
/// Every fault of the body; a role that the caller does not have.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    password_hash: &str,
    giver: &[Role],
    same: Option<&Administrator>,
    stamp: &Stamp<'_>,
) -> Decision<Administrator> {
    let Read { username, roles, enabled } = read(body, None, same)?;
    roles::must_have(giver, &roles)?;
    let administrator = Administrator {
        id: stamp.ids.next().into(),
        environment,
        username,
        password_hash: password_hash.to_owned(),
        roles,
        enabled,
        totp: None,
        provider: None,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let changes = created(&administrator, stamp);
    Ok((administrator, changes))
}

/// What a new administrator is written and told as.
pub fn created(administrator: &Administrator, stamp: &Stamp<'_>) -> ChangeSet {
    let resource = events::of_administrator(administrator);
    let mut told = events::of_roles(stamp, administrator.environment, &resource, &[], &administrator.roles);
    told.insert(0, event(administrator, "USER.CREATED", "Created", None, stamp));
    ChangeSet { writes: vec![Write::Administrator(administrator.clone())], events: told, due: Vec::new() }
}

/// Replaces an administrator's username, roles and whether they are enabled. Disabling ends their sessions; another
/// username releases them from their account at the OpenID provider, and ends the sessions that it opened.
///
/// # Errors
/// Every fault of the body; a role that the caller does not have would be given, or woken, or reached by a username that
/// the OpenID provider knows as somebody else's; a role would be left without a holder.
pub fn replace(
    current: &Administrator,
    body: &Body,
    giver: &[Role],
    same: Option<&Administrator>,
    keyholders: Keyholders<'_>,
    stamp: &Stamp<'_>,
) -> Decision<Administrator> {
    let Read { username, roles, enabled } = read(body, Some(current), same)?;
    if enabled && !current.enabled {
        roles::must_have(giver, &roles)?;
    }
    if username != current.username {
        roles::must_have(giver, &current.roles)?;
    }
    let added: Vec<Role> = roles.iter().filter(|role| !current.roles.contains(role)).copied().collect();
    roles::must_have(giver, &added)?;
    // Under another name it may be another person, whom the account at the OpenID provider is not.
    let provider = current.provider.clone().filter(|_| username == current.username);
    let mut administrator = Administrator { username, roles, enabled, provider, ..current.clone() };
    let changed = diff::changed(&shown(current), &shown(&administrator));
    if changed.is_empty() {
        return Ok((administrator, ChangeSet::default()));
    }
    let after = (administrator.enabled, administrator.roles.as_slice());
    let who = Holder::Administrator(current);
    let touched = roles::stepping_down(who, after, keyholders)?;
    bump(&mut administrator, stamp);
    let resource = events::of_administrator(&administrator);
    let what = format!("Updated {} for", diff::fields(&changed));
    let mut told = vec![event(&administrator, "USER.UPDATED", &what, Some(changed), stamp)];
    let environment = administrator.environment;
    told.extend(events::of_roles(stamp, environment, &resource, &current.roles, &administrator.roles));
    let ended = match (administrator.enabled, administrator.provider == current.provider) {
        (false, _) => Some(Ended::All),
        (true, false) => Some(Ended::OfProvider),
        (true, true) => None,
    };
    let ended = ended.map(|ended| Write::SessionsGone(administrator.id, ended));
    let writes =
        touched.into_iter().chain([Write::Administrator(administrator.clone())]).chain(ended).collect();
    Ok((administrator, ChangeSet { writes, events: told, due: Vec::new() }))
}

/// Deletes an administrator, and with them their sessions.
///
/// # Errors
/// A role would be left without a holder.
pub fn delete(
    current: &Administrator,
    keyholders: Keyholders<'_>,
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let touched = roles::stepping_down(Holder::Administrator(current), (false, &[]), keyholders)?;
    let writes = touched.into_iter().chain([Write::AdministratorGone(current.id)]).collect();
    let told = event(current, "USER.DELETED", "Deleted", None, stamp);
    Ok(ChangeSet { writes, events: vec![told], due: Vec::new() })
}

/// Who changes what lets an administrator in.
#[derive(Clone, Copy, Debug)]
pub enum Changer<'a> {
    /// Somebody with these roles.
    Other(&'a [Role]),
    /// They themselves, in the session of this digest.
    Oneself(&'a str),
}

/// Gives an administrator a new password. It ends their sessions, but for the one in which they changed it themselves,
/// and no browser or address is known as theirs any more.
///
/// # Errors
/// They have a role that the caller does not have.
pub fn set_password(
    current: &Administrator,
    password_hash: &str,
    changer: Changer<'_>,
    stamp: &Stamp<'_>,
) -> Decision<Administrator> {
    let (action, what, ended) = match changer {
        Changer::Other(giver) => {
            roles::must_have(giver, &current.roles)?;
            ("PASSWORD.RESET", "Reset the password of", Ended::All)
        }
        Changer::Oneself(session) => {
            ("PASSWORD.SET", "Changed the password of", Ended::AllBut(session.to_owned()))
        }
    };
    let administrator = Administrator { password_hash: password_hash.to_owned(), ..current.clone() };
    let (administrator, mut changes) = written(administrator, action, what, stamp);
    changes.writes.push(Write::SessionsGone(administrator.id, ended));
    changes.writes.push(Write::PlacesGone(administrator.id));
    Ok((administrator, changes))
}

/// Begins a second factor: it is asked for only after a code of it was shown.
///
/// # Errors
/// They have one already.
pub fn begin_totp(current: &Administrator, secret: &Secret, stamp: &Stamp<'_>) -> Decision<Administrator> {
    if current.totp.as_ref().is_some_and(|totp| totp.confirmed) {
        let message = "The second factor is on already; turn it off first to enrol another device";
        return Err(Rejection::field("CONSTRAINT_VIOLATION", "totp", message));
    }
    let totp = Some(Totp { secret: secret.clone(), confirmed: false });
    let administrator = Administrator { totp, ..current.clone() };
    Ok(written(administrator, "USER.UPDATED", "Began a second factor for", stamp))
}

/// Turns a second factor on: a code of it was shown. `recovery` are the hashes of the codes for when the device is lost.
///
/// # Errors
/// None was begun.
pub fn confirm_totp(
    current: &Administrator,
    recovery: &[String],
    stamp: &Stamp<'_>,
) -> Decision<Administrator> {
    let Some(totp) = current.totp.clone().filter(|totp| !totp.confirmed) else {
        return Err(Rejection::field(
            "CONSTRAINT_VIOLATION",
            "totp",
            "No second factor was begun; begin one first",
        ));
    };
    let totp = Some(Totp { confirmed: true, ..totp });
    let administrator = Administrator { totp, ..current.clone() };
    let (administrator, mut changes) =
        written(administrator, "USER.UPDATED", "Turned on the second factor of", stamp);
    changes.writes.push(Write::RecoveryCodes(administrator.id, recovery.to_vec()));
    Ok((administrator, changes))
}

/// Turns a second factor off. When somebody else does it, it ends their sessions.
///
/// # Errors
/// They have a role that the caller does not have.
pub fn remove_totp(
    current: &Administrator,
    changer: Changer<'_>,
    stamp: &Stamp<'_>,
) -> Decision<Administrator> {
    if let Changer::Other(giver) = changer {
        roles::must_have(giver, &current.roles)?;
    }
    if current.totp.is_none() {
        return Ok((current.clone(), ChangeSet::default()));
    }
    let administrator = Administrator { totp: None, ..current.clone() };
    let (administrator, mut changes) =
        written(administrator, "USER.UPDATED", "Turned off the second factor of", stamp);
    changes.writes.push(Write::RecoveryCodes(administrator.id, Vec::new()));
    if let Changer::Other(_) = changer {
        changes.writes.push(Write::SessionsGone(administrator.id, Ended::All));
    }
    Ok((administrator, changes))
}

/// Ends sessions because they signed out.
pub fn sign_out(current: &Administrator, ended: Ended, stamp: &Stamp<'_>) -> ChangeSet {
    let what = match &ended {
        Ended::One(_) => "Signed out",
        Ended::All | Ended::AllBut(_) | Ended::OfProvider => "Signed out everywhere",
    };
    ChangeSet {
        events: vec![event(current, "SESSION.DELETED", what, None, stamp)],
        writes: vec![Write::SessionsGone(current.id, ended)],
        due: Vec::new(),
    }
}

/// Binds an administrator to their account at the OpenID provider: from then on that account signs them in, whatever its
/// e-mail address is, and no other.
///
/// # Errors
/// They are bound to another account of the same provider.
pub fn bind_provider(
    current: &Administrator,
    account: &ProviderAccount,
    stamp: &Stamp<'_>,
) -> Decision<Administrator> {
    match &current.provider {
        Some(known) if known == account => return Ok((current.clone(), ChangeSet::default())),
        Some(known) if known.issuer == account.issuer => {
            let who = &current.username;
            let message = format!("{who} is bound to another account at the OpenID provider");
            return Err(Rejection::field("CONSTRAINT_VIOLATION", "provider", message));
        }
        _ => {}
    }
    let administrator = Administrator { provider: Some(account.clone()), ..current.clone() };
    Ok(written(administrator, "USER.UPDATED", "Bound the account at the OpenID provider of", stamp))
}

/// Takes the binding away, and ends the sessions that the account opened: the next sign-in by the provider binds anew.
/// `giver` are the roles of who does it.
///
/// # Errors
/// They have a role that the caller does not have.
pub fn unbind_provider(
    current: &Administrator,
    giver: &[Role],
    stamp: &Stamp<'_>,
) -> Decision<Administrator> {
    roles::must_have(giver, &current.roles)?;
    if current.provider.is_none() {
        return Ok((current.clone(), ChangeSet::default()));
    }
    let administrator = Administrator { provider: None, ..current.clone() };
    let (administrator, mut changes) =
        written(administrator, "USER.UPDATED", "Released the account at the OpenID provider of", stamp);
    changes.writes.push(Write::SessionsGone(administrator.id, Ended::OfProvider));
    Ok((administrator, changes))
}

/// What the audit is told of a sign-in.
pub fn signed_in(administrator: &Administrator, how: SignIn, stamp: &Stamp<'_>) -> Event {
    let (action, what) = match how {
        SignIn::Allowed => ("USER.ACCESS_ALLOWED", "Signed in"),
        SignIn::AllowedByRecoveryCode => ("USER.ACCESS_ALLOWED", "Signed in by a recovery code"),
        SignIn::AllowedByProvider => ("USER.ACCESS_ALLOWED", "Signed in by the OpenID provider"),
        SignIn::Denied => ("USER.ACCESS_DENIED", "Refused to sign in"),
        SignIn::DeniedByProvider => ("USER.ACCESS_DENIED", "Refused to sign in by the OpenID provider"),
        SignIn::PasswordWrong => ("PASSWORD.CHECK_FAILED", "Did not accept the present password of"),
        SignIn::CodeWrong => ("OTP.CHECK_FAILED", "Did not accept the code of"),
        SignIn::Locked => ("USER.LOCKED", "Locked for a while, after failed sign-ins,"),
    };
    let mut told = event(administrator, action, what, None, stamp);
    if action != "USER.ACCESS_ALLOWED" {
        told.status = "FAILED".into();
    }
    told
}

fn written(
    mut administrator: Administrator,
    action: &str,
    what: &str,
    stamp: &Stamp<'_>,
) -> (Administrator, ChangeSet) {
    bump(&mut administrator, stamp);
    let events = vec![event(&administrator, action, what, None, stamp)];
    let writes = vec![Write::Administrator(administrator.clone())];
    (administrator, ChangeSet { writes, events, due: Vec::new() })
}

fn bump(administrator: &mut Administrator, stamp: &Stamp<'_>) {
    administrator.updated_at = stamp.now;
    administrator.version += 1;
}

fn event(
    administrator: &Administrator,
    action: &str,
    what: &str,
    changed: Option<Map<String, Value>>,
    stamp: &Stamp<'_>,
) -> Event {
    let description = format!("{what} Administrator {}", administrator.username);
    let resource = events::of_administrator(administrator);
    stamp.event(administrator.environment, action, resource, description, changed)
}

/// What may be told of an administrator's changes.
fn shown(administrator: &Administrator) -> Map<String, Value> {
    let Administrator { username, roles, enabled, .. } = administrator;
    let mut shown = Map::new();
    shown.insert("username".into(), json!(username));
    shown.insert("roles".into(), json!(roles));
    shown.insert("enabled".into(), json!(enabled));
    shown
}
