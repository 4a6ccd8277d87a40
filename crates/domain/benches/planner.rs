//! How long planning takes, and how much memory inputs and plan need together.
//!
//! `cargo bench -p usher-domain --bench planner [USERS …]` prints a markdown table. Each row is measured in a fresh
//! process of its own, so that its peak (`VmHWM`) is its own.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::{env, error::Error, fs, process::Command, time::Instant};

use rustc_hash::FxHashSet;
use usher_domain::{
    GroupId, RuleId, Timestamp, UserId,
    provisioning::connection::Policy,
    reconcile::{
        attributes::{Attribute, AttributeSet},
        desired::{Desired, DesiredAccount, DesiredGroup},
        links::{AccountLink, GroupLink, Links, Origin},
        plan::{Known, plan},
        scope::Scope,
        snapshot::{
            Account, AccountId, AccountState, GroupKey, GroupKind, RemoteGroup, RemoteGroupId, Snapshot,
        },
    },
};
use uuid::Uuid;

const MEMBERSHIPS_EACH: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [one, users, churn] = words.as_slice()
        && one == "one"
    {
        return measure(users.parse()?, churn.parse()?);
    }
    let sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    println!("| users | memberships | churn | operations | time | peak memory |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for users in sizes {
        for churn in [0, 1] {
            let me = env::current_exe()?;
            let row = Command::new(me).args(["one", &users.to_string(), &churn.to_string()]).output()?.stdout;
            println!("{}", String::from_utf8(row)?.trim());
        }
    }
    Ok(())
}

/// Plans once for so many users, of whom `churn` percent have something to be done, and prints a row.
fn measure(users: usize, churn: usize) -> Result<(), Box<dyn Error>> {
    let world = World::new(users, churn);
    let (nobody, no_group) = (FxHashSet::default(), FxHashSet::default());
    let policy = Policy::default();
    let known = Known {
        rule: RuleId(Uuid::from_u128(1)),
        retiring: None,
        policy: &policy,
        desired: &world.desired,
        seen: &world.seen,
        links: &world.links,
        from_dropbox: Default::default(),
        claimed_elsewhere: &nobody,
        groups_claimed_elsewhere: &no_group,
        now: Timestamp::from_millis(0),
    };
    let start = Instant::now();
    let plan = plan(&known);
    let time = start.elapsed();
    let (operations, memberships) = (plan.operations.len(), users * MEMBERSHIPS_EACH);
    if (churn == 0) != plan.is_empty() {
        return Err(format!("{operations} operations with {churn} % churn").into());
    }
    let peak = fs::read_to_string("/proc/self/status")?;
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next());
    let peak: u64 = peak.ok_or("no VmHWM")?.parse()?;
    let time = time.as_secs_f64();
    println!(
        "| {users} | {memberships} | {churn} % | {operations} | {time:.3} s | {} MB |",
        peak * 1024 / 1_000_000
    );
    Ok(())
}

struct World {
    desired: Desired,
    seen: Snapshot,
    links: Links,
}

/// Scatters numbers, so that accounts do not come in the order of users.
fn scatter(at: usize, users: usize) -> usize {
    (at.wrapping_mul(7_919) + 13) % users
}

fn user(at: usize) -> UserId {
    // Like a UUID v7: the order of ids is the order of creation.
    UserId(Uuid::from_u128((at as u128) << 64 | 0x8000_0000_0000_0000))
}

fn account(at: usize) -> AccountId {
    AccountId::from(format!("dbmid:AAH{at:032x}"))
}

impl World {
    fn new(users: usize, churn: usize) -> World {
        let groups = (users / 100).clamp(10, 1000);
        let of_user = |at: usize| {
            let mut of: Vec<u32> =
                (0..MEMBERSHIPS_EACH).map(|step| ((at * 31 + step * (groups / 5)) % groups) as u32).collect();
            of.sort_unstable();
            of
        };
        let churns = |at: usize| churn > 0 && at.is_multiple_of(100 / churn);
        let attributes = |at: usize, new: bool, user: UserId| {
            let email = format!("person.number{at}@example.com");
            let (given, id) = (if new { "Newly" } else { "Person" }, user.to_string());
            AttributeSet::new([
                (Attribute::Email, email.as_str()),
                (Attribute::GivenName, given),
                (Attribute::Surname, "Numberson"),
                (Attribute::ExternalId, id.as_str()),
            ])
        };
        let wanted = |at: usize| DesiredAccount {
            user: user(at),
            // Of those who churn: one in four is disabled, the others have a new name and another group.
            enabled: !(churns(at) && (at / 100).is_multiple_of(4)),
            attributes: attributes(at, churns(at), user(at)).with(Attribute::ExternalId, ""),
            groups: if churns(at) { of_user(at + 1).into() } else { of_user(at).into() },
            fault: None,
        };
        let group_id = |at: usize| GroupId(Uuid::from_u128(at as u128));
        let remote_id = |at: usize| RemoteGroupId::from(format!("g:{at:032x}"));
        let name = |at: usize| -> Box<str> { format!("Group {at}").into() };
        let desired = Desired {
            scope: Scope::Full,
            accounts: (0..users).map(wanted).collect(),
            groups: (0..groups).map(|at| DesiredGroup { group: group_id(at), name: name(at) }).collect(),
            mapped: [Attribute::Email, Attribute::GivenName, Attribute::Surname].into_iter().collect(),
        };
        let there = |at: usize| Account {
            id: account(at),
            state: AccountState::Active,
            attributes: attributes(at, false, user(at)),
            secondary_emails: Box::default(),
            is_admin: at < 3,
            groups: of_user(at).into_iter().map(GroupKey).collect(),
        };
        let remote = |at: usize| RemoteGroup {
            key: GroupKey(at as u32),
            name: name(at),
            external_id: Some(group_id(at).to_string().into()),
            kind: GroupKind::CompanyManaged,
        };
        let seen = Snapshot {
            scope: Scope::Full,
            accounts: (0..users).map(|at| there(scatter(at, users))).collect(),
            groups: (0..groups).map(remote).collect(),
            groups_whole: true,
            group_ids: (0..groups).map(remote_id).collect(),
            seats: None,
            own_account: Some(account(0)),
        };
        let rule = RuleId(Uuid::from_u128(1));
        let link = |at: usize| AccountLink {
            user: user(at),
            account: account(at),
            rule,
            origin: Origin::Created,
            suspended_by_us: false,
            remove_at: None,
        };
        let group_link = |at: usize| GroupLink {
            group: group_id(at),
            remote: remote_id(at),
            rule,
            origin: Origin::Created,
        };
        let placed = (0..users)
            .flat_map(|at| of_user(at).into_iter().map(move |group| (user(at), group_id(group as usize))));
        let links = Links::new((0..users).map(link).collect(), (0..groups).map(group_link).collect(), placed);
        World { desired, seen, links }
    }
}
