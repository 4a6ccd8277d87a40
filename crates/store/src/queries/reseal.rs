//! Secrets, sealed anew under the newest key, and the audit's ends, signed anew with it; row by row: whoever changes a row
//! meanwhile wins.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;
use usher_domain::{
    EnvironmentId,
    ports::store::{Resealed, StoreError, StoreResult},
};
use uuid::Uuid;

use super::{Database, events::hash, get, id};
use crate::{
    anchor::{CHECKPOINT, HEAD, roll_said, said},
    columns,
    sealed::{Sealed, Shape},
};

/// Something that is signed, and where the signature stands.
struct Signed {
    table: &'static str,
    said: Vec<u8>,
    /// The environment and the number, in tables that have them.
    row: Option<(Uuid, u64)>,
}

impl Database {
    pub(super) async fn reseal_some(&self, limit: u32) -> StoreResult<Resealed> {
        // The key file may have changed since the last secret was sealed here.
        self.seal.follow()?;
        let mut so_far = Resealed::default();
        for column in Sealed::ALL {
            let rows = self.sealed_rows(*column).await?;
            for (row, text) in rows {
                self.reseal_row(*column, row, &text, u64::from(limit), &mut so_far).await?;
            }
        }
        for (signed, old) in self.signatures().await? {
            self.sign_anew(&signed, &old, u64::from(limit), &mut so_far).await?;
        }
        Ok(so_far)
    }

    /// What is signed, and not with the newest key.
    async fn signatures(&self) -> StoreResult<Vec<(Signed, String)>> {
        let mut found = Vec::new();
        for (table, what) in [("event_heads", HEAD), ("event_checkpoints", CHECKPOINT)] {
            let query =
                QueryBuilder::new(format!("SELECT environment_id, seq, hash, signature FROM {table}"));
            let read = self.all(query, |row| {
                let environment: EnvironmentId = id(row, "environment_id")?;
                let seq = columns::from_count("seq", get(row, "seq")?)?;
                let said = said(what, environment, seq, &hash(get(row, "hash")?)?);
                Ok((Signed { table, said, row: Some((environment.uuid(), seq)) }, get(row, "signature")?))
            });
            found.extend(read.await?);
        }
        let query = QueryBuilder::new("SELECT environments, signature FROM event_roll");
        let roll = self.all(query, |row| {
            let said = roll_said(get(row, "environments")?);
            Ok((Signed { table: "event_roll", said, row: None }, get(row, "signature")?))
        });
        found.extend(roll.await?);
        found.retain(|(_, signature): &(Signed, String)| !self.seal.is_current(signature));
        Ok(found)
    }

    /// Signs anew what an older key of ours signed. What was not signed by us is left as it is: nothing makes it true.
    async fn sign_anew(
        &self,
        signed: &Signed,
        old: &str,
        limit: u64,
        so_far: &mut Resealed,
    ) -> StoreResult<()> {
        if so_far.done >= limit {
            so_far.left += 1;
            return Ok(());
        }
        self.seal.check(&signed.said, old).map_err(|why| {
            StoreError::Corrupt(format!(
                "a signature in {} {why}. It was not signed anew. Run `usher audit verify`.",
                signed.table
            ))
        })?;
        let mut query = QueryBuilder::new(format!("UPDATE {} SET signature = ", signed.table));
        query.push_bind(self.seal.sign(&signed.said)?).push(" WHERE signature = ").push_bind(old);
        if let Some((environment, seq)) = signed.row {
            query.push(" AND environment_id = ").push_bind(environment);
            query.push(" AND seq = ").push_bind(columns::count(seq));
        }
        if self.execute(query).await? == 1 {
            so_far.done += 1;
        } else {
            so_far.left += 1;
        }
        Ok(())
    }

    async fn sealed_rows(&self, column: Sealed) -> StoreResult<Vec<(Uuid, String)>> {
        let (table, name) = (column.table(), column.column());
        let query =
            QueryBuilder::new(format!("SELECT id, {name} FROM {table} WHERE {name} IS NOT NULL ORDER BY id"));
        self.all(query, |row| Ok((id(row, "id")?, get(row, name)?))).await
    }

    /// One row's secrets, if they are not current; counted as left when the limit is reached, or when somebody else
    /// changed the row (who then sealed it with the newest key, as the next look will show).
    async fn reseal_row(
        &self,
        column: Sealed,
        row: Uuid,
        text: &str,
        limit: u64,
        so_far: &mut Resealed,
    ) -> StoreResult<()> {
        let mut secrets: BTreeMap<String, String> = match column.shape() {
            Shape::One => BTreeMap::from([(String::new(), text.to_owned())]),
            Shape::Map => columns::from_json(column.column(), text)?,
        };
        let mut outdated = 0;
        for (key, sealed) in &mut secrets {
            if !self.seal.is_current(sealed) {
                outdated += 1;
                let place = column.place(row, key);
                *sealed = self.seal.seal(&place, &self.seal.open(&place, sealed)?)?;
            }
        }
        if outdated == 0 {
            return Ok(());
        }
        if so_far.done >= limit {
            so_far.left += outdated;
            return Ok(());
        }
        let new = match column.shape() {
            Shape::One => secrets.remove("").unwrap_or_default(),
            Shape::Map => columns::json(&secrets)?,
        };
        let (table, name) = (column.table(), column.column());
        let mut query = QueryBuilder::new(format!("UPDATE {table} SET {name} = "));
        query.push_bind(new).push(" WHERE id = ").push_bind(row);
        query.push(format!(" AND {name} = ")).push_bind(text);
        if self.execute(query).await? == 1 {
            so_far.done += outdated;
        } else {
            so_far.left += outdated;
        }
        Ok(())
    }
}
