//! What a batch of records comes to, table by table: the last word on each key counts, so that each table is written
//! by a few large statements whatever the order in which outcomes came.

use std::collections::{BTreeMap, BTreeSet};

use usher_domain::{
    GroupId, RunId, Timestamp, UserId,
    directory::{audit::Event, change::ChangeSet},
    ports::store::Record,
    reconcile::{
        inbound::Provenance,
        links::{AccountLink, GroupLink},
        run::{Run, RunOperation},
        scope::Subject,
        status::SubjectStatus,
    },
};

/// A batch of records, sorted out. `None` is "delete".
#[derive(Debug, Default)]
pub(crate) struct Batch<'a> {
    pub(crate) links: BTreeMap<UserId, Option<&'a AccountLink>>,
    pub(crate) group_links: BTreeMap<GroupId, Option<&'a GroupLink>>,
    /// All placements of these users and groups are forgotten, before `placements` are written.
    pub(crate) displaced_users: BTreeSet<UserId>,
    pub(crate) displaced_groups: BTreeSet<GroupId>,
    /// Whether they are placed.
    pub(crate) placements: BTreeMap<(UserId, GroupId), bool>,
    pub(crate) statuses: BTreeMap<Subject, Option<&'a SubjectStatus>>,
    pub(crate) runs: BTreeMap<RunId, &'a Run>,
    pub(crate) outcomes: BTreeMap<(RunId, u64), &'a RunOperation>,
    pub(crate) events: Vec<&'a Event>,
    /// When a full sync of the rule completed.
    pub(crate) full_sync: Option<Timestamp>,
    pub(crate) changes: Vec<&'a ChangeSet>,
    pub(crate) provisioned: BTreeMap<UserId, Option<&'a Provenance>>,
    pub(crate) left_behind: BTreeSet<&'a str>,
}

impl<'a> Batch<'a> {
    pub(crate) fn of(records: &'a [Record]) -> Self {
        let mut batch = Batch::default();
        for record in records {
            batch.add(record);
        }
        batch
    }

    fn add(&mut self, record: &'a Record) {
        match record {
            Record::Link(link) => {
                self.links.insert(link.user, Some(link));
            }
            Record::Unlink(user) => {
                self.links.insert(*user, None);
                self.displaced_users.insert(*user);
                let (from, to) = ((*user, GroupId(uuid::Uuid::nil())), (*user, GroupId(uuid::Uuid::max())));
                let placed: Vec<_> = self.placements.range(from..=to).map(|(key, _)| *key).collect();
                for key in placed {
                    self.placements.remove(&key);
                }
            }
            Record::LinkGroup(link) => {
                self.group_links.insert(link.group, Some(link));
            }
            Record::UnlinkGroup(group) => {
                self.group_links.insert(*group, None);
                self.displaced_groups.insert(*group);
                self.placements.retain(|(_, of), _| of != group);
            }
            Record::Place(user, group) => {
                self.placements.insert((*user, *group), true);
            }
            Record::Displace(user, group) => {
                self.placements.insert((*user, *group), false);
            }
            Record::Status(status) => {
                self.statuses.insert(status.subject, Some(status));
            }
            Record::StatusGone(subject) => {
                self.statuses.insert(*subject, None);
            }
            Record::Outcome(run, operation) => {
                self.outcomes.insert((*run, operation.seq), operation);
            }
            Record::Run(run) => {
                self.runs.insert(run.id, run);
            }
            Record::Event(event) => self.events.push(event),
            Record::FullSync(at) => self.full_sync = Some(*at),
            Record::Directory(changes) => self.changes.push(changes),
            Record::Provisioned(provenance) => {
                self.provisioned.insert(provenance.user, Some(provenance));
            }
            Record::ProvenanceGone(user) => {
                self.provisioned.insert(*user, None);
            }
            Record::LeftBehind(account) => {
                self.left_behind.insert(account.as_str());
            }
        }
    }
}
