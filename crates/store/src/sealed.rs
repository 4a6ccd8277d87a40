//! Every column that holds sealed secrets: the one table of them.
//!
//! A secret is sealed for a [`Place`], and a place can only be had from a column of this table. So whatever is sealed
//! stands in a column that is listed here, and `usher rekey`, which walks the list, cannot forget one.

use std::fmt;

use uuid::Uuid;

/// How a column holds what is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One sealed text, or NULL.
    One,
    /// A JSON object of sealed texts, by their keys.
    Map,
}

/// Where a sealed secret stands; it opens nowhere else.
#[derive(Debug)]
pub(crate) struct Place(String);

impl Place {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A place of no column, for tests of the seal.
    #[cfg(test)]
    pub(crate) fn anywhere(place: &str) -> Place {
        Place(place.to_owned())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! sealed {
    ($($(#[$doc:meta])* $name:ident: $table:literal $column:literal $shape:ident,)*) => {
        /// A column of sealed secrets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Sealed {
            $($(#[$doc])* $name,)*
        }

        impl Sealed {
            /// All of them.
            pub(crate) const ALL: &[Sealed] = &[$(Sealed::$name,)*];

            pub(crate) fn table(self) -> &'static str {
                match self {
                    $(Sealed::$name => $table,)*
                }
            }

            pub(crate) fn column(self) -> &'static str {
                match self {
                    $(Sealed::$name => $column,)*
                }
            }

            pub(crate) fn shape(self) -> Shape {
                match self {
                    $(Sealed::$name => Shape::$shape,)*
                }
            }
        }
    };
}

// To add one: a line here. Then it has a place to be sealed for, and rekey knows it. The table's key must be `id UUID`.
sealed! {
    /// A connection's client secret, refresh token, ….
    ConnectionSecrets: "connections" "secrets" Map,
    /// A key that signs access tokens.
    SigningKey: "signing_keys" "sealed" One,
    /// A subscription's header values, and what signs its deliveries.
    SubscriptionSecrets: "subscriptions" "secrets" Map,
    /// An administrator's second factor.
    Totp: "administrators" "totp" One,
}

impl Sealed {
    /// The place of this column in the row of that id. `key` is that of a [`Shape::Map`], and empty otherwise.
    pub(crate) fn place(self, row: Uuid, key: &str) -> Place {
        let table = self.table();
        match self.shape() {
            Shape::One => Place(format!("{table}/{row}")),
            Shape::Map => Place(format!("{table}/{row}/{key}")),
        }
    }
}
