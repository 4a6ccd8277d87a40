//! Change sets, written: rows in their order, then what is due, then what is told.

use std::mem::discriminant;

use usher_domain::{
    EnvironmentId, PlanId, RuleId,
    directory::{
        audit::Event,
        change::{ChangeSet, Due, Write},
    },
    ports::store::StoreResult,
};
use uuid::Uuid;

use super::{
    Connection,
    access::{self, SealedAdministrator},
    chain, delete, from_sqlx, insert, jobs,
    provisioning::SealedConnection,
    put, sessions, subscriptions, watches,
};
use crate::seal::Seal;

/// Writes the rows of one change set.
pub(super) async fn write_rows(
    connection: &mut Connection,
    seal: &Seal,
    changes: &ChangeSet,
) -> StoreResult<()> {
    for same in changes.writes.chunk_by(|one, next| discriminant(one) == discriminant(next)) {
        write_same(connection, seal, same).await?;
    }
    Ok(())
}

/// Writes what is due and what is told of change sets whose rows are written. Jobs before events, both after all rows:
/// the order in which every transaction takes them, so that none waits for another in a ring.
pub(super) async fn write_consequences(
    connection: &mut Connection,
    seal: &Seal,
    committed: &[&ChangeSet],
) -> StoreResult<()> {
    let due: Vec<Due> = committed.iter().flat_map(|changes| &changes.due).cloned().collect();
    jobs::make_due(connection, &due).await?;
    watches::wake_written(connection, committed).await?;
    let events: Vec<&Event> = committed.iter().flat_map(|changes| &changes.events).collect();
    let new: Vec<EnvironmentId> =
        committed.iter().flat_map(|changes| &changes.writes).filter_map(founded).collect();
    chain::append(connection, seal, &new, &events).await
}

/// The environment that this write makes.
fn founded(write: &Write) -> Option<EnvironmentId> {
    match write {
        Write::Environment(environment) if environment.version == 1 => Some(environment.id),
        _ => None,
    }
}

/// What those writes hold that are of one variant.
macro_rules! all_of {
    ($variant:ident, $writes:expr) => {
        $writes
            .iter()
            .filter_map(|write| match write {
                Write::$variant(value) => Some(value),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
}

/// Writes rows of one kind, which is what makes an import one statement for hundreds of users.
async fn write_same(connection: &mut Connection, seal: &Seal, same: &[Write]) -> StoreResult<()> {
    let Some(first) = same.first() else { return Ok(()) };
    match first {
        Write::Subscription(_) => {
            for subscription in all_of!(Subscription, same) {
                subscriptions::write(connection, seal, subscription).await?;
            }
            Ok(())
        }
        Write::SubscriptionGone(_) => {
            for id in all_of!(SubscriptionGone, same) {
                subscriptions::gone(connection, *id).await?;
            }
            Ok(())
        }
        Write::Environment(_) => put(connection, &all_of!(Environment, same)).await,
        Write::Population(_) => {
            let mut populations = all_of!(Population, same);
            // There is one default: the old one gives way before the new one takes its place.
            populations.sort_by_key(|population| population.default);
            put(connection, &populations).await
        }
        Write::PopulationGone(_) => {
            delete_all(connection, "populations", all_of!(PopulationGone, same).iter().map(|id| id.uuid()))
                .await
        }
        Write::User(_) => put(connection, &all_of!(User, same)).await,
        Write::UserGone(_) => {
            delete_all(connection, "users", all_of!(UserGone, same).iter().map(|id| id.uuid())).await
        }
        Write::Group(_) => put(connection, &all_of!(Group, same)).await,
        Write::GroupGone(_) => {
            delete_all(connection, "groups", all_of!(GroupGone, same).iter().map(|id| id.uuid())).await
        }
        Write::Member(_) => {
            let pairs = all_of!(Member, same).into_iter().map(|of| (of.group.uuid(), of.user.uuid()));
            add_pairs(connection, "INSERT INTO memberships (group_id, user_id) ", pairs.collect()).await
        }
        Write::MemberGone(_) => {
            let pairs = all_of!(MemberGone, same).into_iter().map(|of| (of.group.uuid(), of.user.uuid()));
            let sql = "DELETE FROM memberships WHERE group_id = $1 AND user_id = $2";
            remove_pairs(connection, sql, pairs).await
        }
        Write::Nested(_) => {
            let pairs = all_of!(Nested, same).into_iter().map(|of| (of.parent.uuid(), of.child.uuid()));
            add_pairs(connection, "INSERT INTO nestings (parent_id, child_id) ", pairs.collect()).await
        }
        Write::NestedGone(_) => {
            let pairs = all_of!(NestedGone, same).into_iter().map(|of| (of.parent.uuid(), of.child.uuid()));
            let sql = "DELETE FROM nestings WHERE parent_id = $1 AND child_id = $2";
            remove_pairs(connection, sql, pairs).await
        }
        Write::Plan(_) => put(connection, &all_of!(Plan, same)).await,
        Write::PlanGone(_) => {
            for id in all_of!(PlanGone, same) {
                plan_gone(connection, *id).await?;
            }
            Ok(())
        }
        Write::Connection(_) => {
            let sealed = all_of!(Connection, same).into_iter().map(|it| SealedConnection::new(it, seal));
            let sealed = sealed.collect::<StoreResult<Vec<_>>>()?;
            put(connection, &sealed.iter().collect::<Vec<_>>()).await
        }
        Write::ConnectionGone(_) => {
            delete_all(connection, "connections", all_of!(ConnectionGone, same).iter().map(|id| id.uuid()))
                .await
        }
        Write::Rule(_) => put(connection, &all_of!(Rule, same)).await,
        Write::RuleGone(_) => {
            for id in all_of!(RuleGone, same) {
                rule_gone(connection, *id).await?;
            }
            Ok(())
        }
        Write::Mapping(_) => put(connection, &all_of!(Mapping, same)).await,
        Write::MappingGone(_) => {
            delete_all(connection, "mappings", all_of!(MappingGone, same).iter().map(|id| id.uuid())).await
        }
        Write::Revision(_) => put(connection, &all_of!(Revision, same)).await,
        Write::Client(_) => put(connection, &all_of!(Client, same)).await,
        Write::ClientGone(_) => {
            delete_all(connection, "clients", all_of!(ClientGone, same).iter().map(|id| id.uuid())).await
        }
        Write::Administrator(_) => {
            let sealed = all_of!(Administrator, same).into_iter();
            let sealed =
                sealed.map(|it| SealedAdministrator::new(it, seal)).collect::<StoreResult<Vec<_>>>()?;
            put(connection, &sealed.iter().collect::<Vec<_>>()).await
        }
        Write::AdministratorGone(_) => {
            let ids = all_of!(AdministratorGone, same);
            delete_all(connection, "administrators", ids.iter().map(|id| id.uuid())).await
        }
        Write::RecoveryCodes(..) => {
            for write in same {
                if let Write::RecoveryCodes(administrator, hashes) = write {
                    access::put_recovery_codes(connection, *administrator, hashes).await?;
                }
            }
            Ok(())
        }
        Write::SessionsGone(..) => {
            for write in same {
                if let Write::SessionsGone(administrator, ended) = write {
                    sessions::end(connection, *administrator, ended).await?;
                }
            }
            Ok(())
        }
        Write::PlacesGone(_) => {
            for administrator in all_of!(PlacesGone, same) {
                access::forget_places(connection, *administrator).await?;
            }
            Ok(())
        }
        Write::SigningKey(_) => {
            for key in all_of!(SigningKey, same) {
                access::add_signing_key(connection, seal, key).await?;
            }
            Ok(())
        }
        Write::SigningKeyGone(_) => {
            delete_all(connection, "signing_keys", all_of!(SigningKeyGone, same).into_iter().copied()).await
        }
    }
}

async fn delete_all(
    connection: &mut Connection,
    table: &str,
    ids: impl Iterator<Item = Uuid> + Send,
) -> StoreResult<()> {
    for id in ids {
        delete(connection, table, id).await?;
    }
    Ok(())
}

/// Who is a member already stays one: nothing is changed, and that is no conflict.
async fn add_pairs(connection: &mut Connection, head: &str, pairs: Vec<(Uuid, Uuid)>) -> StoreResult<()> {
    insert(connection, head, &pairs, " ON CONFLICT DO NOTHING", |values, (whole, part)| {
        values.push_bind(*whole).push_bind(*part);
        Ok(())
    })
    .await
}

async fn remove_pairs(
    connection: &mut Connection,
    sql: &'static str,
    pairs: impl Iterator<Item = (Uuid, Uuid)> + Send,
) -> StoreResult<()> {
    for (whole, part) in pairs {
        let query = sqlx::query(sql).bind(whole).bind(part);
        query.execute(&mut *connection).await.map_err(from_sqlx)?;
    }
    Ok(())
}

async fn plan_gone(connection: &mut Connection, plan: PlanId) -> StoreResult<()> {
    let query = sqlx::query_scalar("SELECT id FROM rules WHERE plan_id = $1 ORDER BY id").bind(plan.uuid());
    let rules: Vec<Uuid> = query.fetch_all(&mut *connection).await.map_err(from_sqlx)?;
    for rule in rules {
        rule_gone(connection, RuleId(rule)).await?;
    }
    delete(connection, "plans", plan.uuid()).await
}

/// Runs, and what was told of them, stay.
async fn rule_gone(connection: &mut Connection, rule: RuleId) -> StoreResult<()> {
    jobs::forget(connection, rule).await?;
    let forgotten = [
        "DELETE FROM statuses WHERE rule_id = $1",
        "DELETE FROM provisioned WHERE rule_id = $1",
        "INSERT INTO left_behind (connection_id, account) SELECT l.connection_id, l.account FROM account_links l \
         JOIN rules r ON r.id = l.rule_id WHERE l.rule_id = $1 AND l.origin = 'CREATED' \
         AND r.direction = 'OUTBOUND' AND l.account NOT LIKE 'expected:%' ON CONFLICT DO NOTHING",
        "DELETE FROM placements WHERE EXISTS (SELECT 1 FROM account_links l WHERE l.rule_id = $1 \
         AND l.connection_id = placements.connection_id AND l.user_id = placements.user_id)",
        "DELETE FROM placements WHERE EXISTS (SELECT 1 FROM group_links l WHERE l.rule_id = $1 \
         AND l.connection_id = placements.connection_id AND l.group_id = placements.group_id)",
        "DELETE FROM account_links WHERE rule_id = $1",
        "DELETE FROM group_links WHERE rule_id = $1",
        "DELETE FROM watches WHERE rule_id = $1",
    ];
    for sql in forgotten {
        sqlx::query(sql).bind(rule.uuid()).execute(&mut *connection).await.map_err(from_sqlx)?;
    }
    // Its mappings go with it, by their foreign key.
    delete(connection, "rules", rule.uuid()).await
}
