//! The console's own table of pages, as the tests read it: what is not in it does not exist, and a page that is added
//! there is looked at by every test that goes by it.

/// The roles by their names, with what each may do, as the documentation has them: said again here, so that a change
/// there is noticed.
pub(crate) const ROLES: [(&str, &[&str]); 5] = [
    ("Environment Admin", &["ReadConfiguration", "WriteConfiguration", "WriteAccess", "ReadActivities"]),
    ("Identity Data Admin", &["ReadIdentities", "WriteIdentities", "ReadConfiguration", "ReadActivities"]),
    ("Identity Data Read Only", &["ReadIdentities", "ReadConfiguration", "ReadActivities"]),
    ("Configuration Read Only", &["ReadConfiguration"]),
    ("Sync Approver", &["ReadConfiguration", "ApproveSyncs"]),
];

/// A line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// Below the server, such as `/console/users/{id}`.
    pub(crate) path: String,
    /// The permission that it needs; none when being signed in is enough, or nothing is needed.
    pub(crate) needs: Option<String>,
    /// Whether it is for guests.
    pub(crate) open: bool,
    pub(crate) is_post: bool,
}

impl Route {
    /// Whether a role may.
    pub(crate) fn allows(&self, role: &str) -> bool {
        let Some(needs) = &self.needs else { return true };
        let (_, may) = ROLES.iter().find(|(name, _)| *name == role).unwrap();
        may.contains(&needs.as_str())
    }

    /// Whether an address is one of this route's.
    fn fits(&self, address: &str) -> bool {
        let (mine, theirs): (Vec<_>, Vec<_>) = (self.path.split('/').collect(), address.split('/').collect());
        mine.len() == theirs.len()
            && mine.iter().zip(theirs).all(|(mine, theirs)| mine.starts_with('{') || *mine == theirs)
    }
}

/// Every line of the table.
pub(crate) fn routes() -> Vec<Route> {
    let source = include_str!("../../src/console/routes.rs");
    let table = source.split("vec![").nth(1).unwrap().split("\n    ]").next().unwrap();
    let lines: Vec<&str> = table.lines().map(str::trim).filter(|line| line.starts_with("(\"")).collect();
    assert_eq!(
        lines.len(),
        table.matches("get(").count() + table.matches("post(").count(),
        "one route a line"
    );
    lines
        .into_iter()
        .map(|line| {
            let (path, rest) = line.trim_start_matches("(\"").split_once("\", ").unwrap();
            let (needs, handler) = rest.split_once(", ").unwrap();
            let permission = needs.strip_prefix("May(").map(|needs| needs.trim_end_matches(')').to_owned());
            assert!(permission.is_some() || ["Nothing", "SignedIn"].contains(&needs), "{line}");
            Route {
                path: format!("/console{path}"),
                needs: permission,
                open: needs == "Nothing",
                is_post: handler.starts_with("post("),
            }
        })
        .collect()
}

/// The route of an address, as one that is read or one that forms are sent to: words before ids, as the server has it.
pub(crate) fn route_of<'a>(routes: &'a [Route], address: &str, is_post: bool) -> Option<&'a Route> {
    let address = address.split(['?', '#']).next().unwrap();
    let mut fitting: Vec<&Route> =
        routes.iter().filter(|route| route.is_post == is_post && route.fits(address)).collect();
    fitting.sort_by_key(|route| route.path.matches('{').count());
    fitting.first().copied()
}
