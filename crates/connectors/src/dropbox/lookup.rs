//! Reading single members and groups: for scoped observations, and to find out what became of a lost answer.

use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use serde_json::json;
use usher_domain::{ports::connector::ConnectorError, reconcile::snapshot::AccountId};

use super::{
    DropboxConnector,
    client::Reply,
    fault::Fault,
    routes::{GROUPS_GET_INFO, MEMBERS_GET_INFO},
    wire::{Group, GroupsInfoItem, GroupsSelector, Member, MembersInfo, MembersInfoItem, UserSelector},
};

/// How many members or groups one call asks for. Dropbox documents no limit; this is what others use.
pub(super) const LOOKUPS_PER_CALL: usize = 200;

impl DropboxConnector {
    /// The members that these selectors find, in any order, possibly the same one twice.
    pub(super) async fn members(&self, selectors: &[UserSelector]) -> Result<Vec<Member>, ConnectorError> {
        let found =
            try_join_all(selectors.chunks(LOOKUPS_PER_CALL).map(|chunk| self.members_once(chunk))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The member of this id, if it is known to the team (removed ones may or may not be).
    pub(super) async fn member(&self, account: &AccountId) -> Result<Option<Member>, ConnectorError> {
        let found = self.members(&[UserSelector::id(account)]).await?;
        Ok(found.into_iter().find(|member| *member.profile.team_member_id == *account.as_str()))
    }

    fn members_once<'a>(
        &'a self,
        selectors: &'a [UserSelector],
    ) -> BoxFuture<'a, Result<Vec<Member>, ConnectorError>> {
        async move {
            match self.client.post(MEMBERS_GET_INFO, &json!({ "members": selectors })).await {
                Ok(Reply { value: MembersInfo { members_info }, .. }) => Ok(members_info
                    .into_iter()
                    .filter_map(|item| match item {
                        MembersInfoItem::MemberInfo(member) => Some(*member),
                        MembersInfoItem::NotFound => None,
                    })
                    .collect()),
                Err(fault)
                    if selectors.len() > 1
                        && (fault.is_too_long() || matches!(fault, Fault::BadInput { .. })) =>
                {
                    let (one, other) = selectors.split_at(selectors.len() / 2);
                    let mut found = self.members_once(one).await?;
                    found.append(&mut self.members_once(other).await?);
                    Ok(found)
                }
                // An address or an external id that Dropbox does not even take as one belongs to nobody there.
                Err(Fault::BadInput { .. }) if !matches!(selectors, [UserSelector::TeamMemberId { .. }]) => {
                    Ok(Vec::new())
                }
                Err(fault) => Err(fault.into_error(MEMBERS_GET_INFO.path)),
            }
        }
        .boxed()
    }

    /// The groups of these ids; one that is not there is left out.
    pub(super) async fn groups_by_id(&self, ids: &[&str]) -> Result<Vec<Group>, ConnectorError> {
        let chunks = ids.chunks(LOOKUPS_PER_CALL).map(|chunk| self.groups_once(chunk, Key::Id));
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    /// The group with this external id.
    pub(super) async fn group_by_external_id(&self, id: &str) -> Result<Option<Group>, ConnectorError> {
        Ok(self.groups_once(&[id], Key::ExternalId).await?.into_iter().next())
    }

    fn groups_once<'a>(
        &'a self,
        ids: &'a [&'a str],
        key: Key,
    ) -> BoxFuture<'a, Result<Vec<Group>, ConnectorError>> {
        async move {
            let selector = match key {
                Key::Id => GroupsSelector::GroupIds { group_ids: ids },
                Key::ExternalId => GroupsSelector::GroupExternalIds { group_external_ids: ids },
            };
            match self.client.post::<_, Vec<GroupsInfoItem>>(GROUPS_GET_INFO, &selector).await {
                Ok(reply) => Ok(reply
                    .value
                    .into_iter()
                    .filter_map(|item| match item {
                        GroupsInfoItem::GroupInfo(group) => Some(group),
                        GroupsInfoItem::NotFound => None,
                    })
                    .collect()),
                // One that is not on the team fails the whole call.
                Err(fault)
                    if ids.len() > 1
                        && (fault.is_too_long()
                            || matches!(fault, Fault::Refused(_) | Fault::BadInput { .. })) =>
                {
                    let (one, other) = ids.split_at(ids.len() / 2);
                    let mut found = self.groups_once(one, key).await?;
                    found.append(&mut self.groups_once(other, key).await?);
                    Ok(found)
                }
                Err(Fault::Refused(refusal)) if refusal.tag == "group_not_on_team" => Ok(Vec::new()),
                Err(fault) => Err(fault.into_error(GROUPS_GET_INFO.path)),
            }
        }
        .boxed()
    }
}

/// By which of a group's ids it is looked for.
#[derive(Clone, Copy)]
enum Key {
    Id,
    ExternalId,
}
