//! Secrets, sealed anew under the newest key, row by row: whoever changes a row meanwhile wins.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;
use usher_domain::ports::store::{Resealed, StoreResult};
use uuid::Uuid;

use super::{Database, get, id};
use crate::{
    columns,
    sealed::{Sealed, Shape},
};

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
        Ok(so_far)
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
