//! The rows: a team at rest, something that happens in the directory so that one sync surely calls the route, and how
//! all must stand afterwards, written down by hand.

use std::collections::BTreeMap;

use dropbox_simulator::{Fault, JobEnd, MemberSeed, Role, Route, Switches, Trigger, When};
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde_json::json;
use usher_domain::{Problem, provisioning::connection::Health};

use crate::world::{DROPBOX, Draft, ENVIRONMENT, World};

/// The token endpoint, which is no route.
pub(crate) const TOKEN: &str = "oauth2/token";
const ADMINISTRATOR: &str = "team/token/get_authenticated_admin";

/// What people do.
type Act = for<'a> fn(&'a World) -> LocalBoxFuture<'a, ()>;

/// One row.
pub(crate) struct Scene {
    /// The route's path, or [`TOKEN`].
    pub(crate) route: &'static str,
    /// Why the route is called, where it is called for several reasons.
    why: &'static str,
    /// What happens, in words.
    pub(crate) story: &'static str,
    draft: fn(Draft) -> Draft,
    prepare: Act,
    /// What goes wrong anyhow, so that the route is called.
    pub(crate) besides: fn(&World),
    pub(crate) act: Act,
    /// Everything is looked at, and not only who is due.
    pub(crate) full: bool,
    /// What is not as in [`at_rest`] at the end.
    end: &'static [(&'static str, &'static str)],
    /// What Dropbox carried out, counted by subjects.
    pub(crate) effects: &'static str,
    /// How many users are unsynced at the end, because that is right.
    pub(crate) unsynced: u64,
}

impl Scene {
    /// As the head of its row.
    pub(crate) fn name(&self) -> String {
        if self.why.is_empty() { self.route.into() } else { format!("{} ({})", self.route, self.why) }
    }

    /// Whether it is the connection's test that calls the route, and not a run.
    pub(crate) fn is_a_test(&self) -> bool {
        self.route == ADMINISTRATOR
    }

    /// The world before: Ada and Bob are engineers, Cy and Dan are there, all of them active and synced.
    pub(crate) fn draft(&self) -> Draft {
        let people = [("ada", "Ada"), ("bob", "Bob"), ("cy", "Cy"), ("dan", "Dan")];
        let draft = people.into_iter().fold(World::new(), |draft, (name, given)| {
            let draft =
                draft.user(name).member(MemberSeed::new(&format!("{name}@example.com"), given, "Example"));
            if matches!(name, "ada" | "bob") { draft.in_group("eng") } else { draft }
        });
        (self.draft)(draft.setting("MAX_CALLS_PER_SECOND", 1000))
    }

    /// All is synced, and what the scene needs has happened.
    pub(crate) async fn prepare(&self, world: &World) {
        world.sync_full().await;
        (self.prepare)(world).await;
    }

    /// How the team must stand at the end: who or which group, and how.
    pub(crate) fn end(&self) -> BTreeMap<String, String> {
        let mut end = at_rest();
        for (who, how) in self.end {
            end.insert((*who).into(), (*how).into());
        }
        end.retain(|_, how| *how != NOT_THERE);
        end
    }
}

const NOT_THERE: &str = "not there";

fn at_rest() -> BTreeMap<String, String> {
    let at_rest = [
        ("admin", "active, Team Admin"),
        ("ada", "active, Ada Example, marked ada, in eng"),
        ("bob", "active, Bob Example, marked bob, in eng"),
        ("cy", "active, Cy Example, marked cy"),
        ("dan", "active, Dan Example, marked dan"),
        ("group eng", "company-managed, marked eng: ada bob"),
    ];
    at_rest.into_iter().map(|(who, how)| (who.into(), how.into())).collect()
}

/// A scene in which nothing happens yet.
fn scene(route: &'static str, story: &'static str) -> Scene {
    Scene {
        route,
        why: "",
        story,
        draft: |draft| draft,
        prepare: |_| async {}.boxed_local(),
        besides: |_| {},
        act: |_| async {}.boxed_local(),
        full: false,
        end: &[],
        effects: "",
        unsynced: 0,
    }
}

/// Some of everything, and a look at everything.
fn a_full_sync(route: &'static str) -> Scene {
    Scene {
        act: |world| {
            async move {
                world.create_user("eve").await;
                world.disable("dan").await;
                world.join("cy", "eng").await;
                world.leave("bob", "eng").await;
            }
            .boxed_local()
        },
        full: true,
        end: &[
            ("eve", "invited, Eve Example, marked eve"),
            ("dan", "suspended, Dan Example, marked dan"),
            ("cy", "active, Cy Example, marked cy, in eng"),
            ("bob", "active, Bob Example, marked bob"),
            ("group eng", "company-managed, marked eng: ada cy"),
        ],
        effects: "groups/members/add 1, groups/members/remove 1, members/add_v2 1, members/suspend 1",
        ..scene(route, "Eve is new, Dan is disabled, Cy joins eng, Bob leaves it; all is looked at")
    }
}

fn someone_is_renamed(route: &'static str, story: &'static str) -> Scene {
    Scene {
        act: |world| {
            async move {
                world.patch("ada", json!({"name": {"given": "Augusta", "family": "Example"}})).await;
            }
            .boxed_local()
        },
        end: &[("ada", "active, Augusta Example, marked ada, in eng")],
        effects: "members/set_profile_v2 1",
        ..scene(route, story)
    }
}

fn newcomers(route: &'static str, story: &'static str) -> Scene {
    Scene {
        act: |world| {
            async move {
                world.create_user("eve").await;
                world.create_user("finn").await;
            }
            .boxed_local()
        },
        end: &[("eve", "invited, Eve Example, marked eve"), ("finn", "invited, Finn Example, marked finn")],
        effects: "members/add_v2 2",
        ..scene(route, story)
    }
}

/// Leavers are removed.
fn a_leaver(route: &'static str, story: &'static str) -> Scene {
    Scene {
        draft: |draft| draft.setting("DEPROVISION_USERS", true).setting("REMOVE_ACTION", "Delete"),
        act: |world| async move { world.delete("ada").await }.boxed_local(),
        end: &[
            ("ada", "removed, Ada Example, marked ada"),
            ("group eng", "company-managed, marked eng: bob"),
        ],
        effects: "members/remove 1",
        ..scene(route, story)
    }
}

/// Eve is invited, and disabled before she accepts.
fn an_invitation_is_cancelled(route: &'static str) -> Scene {
    Scene {
        why: "an invitation",
        prepare: |world| {
            async move {
                world.create_user("eve").await;
                world.sync_due().await;
            }
            .boxed_local()
        },
        act: |world| async move { world.disable("eve").await }.boxed_local(),
        end: &[("eve", "gone, Eve Example, marked eve")],
        effects: "members/remove 1",
        unsynced: 1,
        ..scene(route, "Eve is disabled, who was only invited")
    }
}

fn a_group_is_renamed(route: &'static str, story: &'static str) -> Scene {
    Scene {
        act: |world| async move { world.rename_group("eng", "Engineering").await }.boxed_local(),
        end: &[
            ("ada", "active, Ada Example, marked ada, in Engineering"),
            ("bob", "active, Bob Example, marked bob, in Engineering"),
            ("group eng", NOT_THERE),
            ("group Engineering", "company-managed, marked eng: ada bob"),
        ],
        effects: "groups/update 1",
        ..scene(route, story)
    }
}

fn a_group_is_deleted(route: &'static str, story: &'static str) -> Scene {
    Scene {
        act: |world| async move { world.delete_group("eng").await }.boxed_local(),
        end: &[
            ("ada", "active, Ada Example, marked ada"),
            ("bob", "active, Bob Example, marked bob"),
            ("group eng", NOT_THERE),
        ],
        effects: "groups/delete 1",
        ..scene(route, story)
    }
}

fn order(world: &World, route: Route, trigger: Trigger, fault: Fault) {
    world.simulator.faults().on(route, trigger, fault, When::AfterEffect);
}

fn reset_once(world: &World, route: Route) {
    order(world, route, Trigger::Next, Fault::Reset);
}

/// The rows, in the order of the connector's routes.
pub(crate) fn all() -> Vec<Scene> {
    let mut all = reads();
    all.extend(members());
    all.extend(groups());
    all
}

fn reads() -> Vec<Scene> {
    vec![
        Scene {
            act: |world| {
                async move {
                    world.simulator.team().expire_access_tokens();
                    world.disable("ada").await;
                }
                .boxed_local()
            },
            end: &[("ada", "suspended, Ada Example, marked ada, in eng")],
            effects: "members/suspend 1",
            ..scene(TOKEN, "Ada is disabled; the access token has expired")
        },
        a_full_sync("team/get_info"),
        Scene {
            act: |world| {
                async move {
                    let problem = Problem::new("NOT_TESTED", "It was never tested.", "Test it.");
                    let health = Health::Broken { at: world.now(), problem };
                    let connection = world.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
                    world.store.set_health(DROPBOX, connection.version, &health, None).await.unwrap();
                    world.disable("ada").await;
                }
                .boxed_local()
            },
            end: &[("ada", "suspended, Ada Example, marked ada, in eng")],
            effects: "members/suspend 1",
            ..scene(ADMINISTRATOR, "Ada is disabled; the connection must be tested first")
        },
        a_full_sync("team/members/list_v2"),
        Scene {
            besides: |world| order(world, Route::MembersList, Trigger::Always, Fault::EmptyPage),
            story: "as above; the first page has nobody and says that there is more",
            ..a_full_sync("team/members/list/continue_v2")
        },
        a_full_sync("team/groups/list"),
        Scene {
            besides: |world| order(world, Route::GroupsList, Trigger::Always, Fault::EmptyPage),
            story: "as above; the first page has no group and says that there is more",
            ..a_full_sync("team/groups/list/continue")
        },
        Scene {
            why: "to look",
            ..someone_is_renamed("team/members/get_info_v2", "Ada is renamed; only she is looked at")
        },
        Scene {
            why: "to read back",
            full: true,
            besides: |world| reset_once(world, Route::MembersSetProfile),
            ..someone_is_renamed(
                "team/members/get_info_v2",
                "Ada is renamed; all is looked at; the answer of set_profile is lost",
            )
        },
        Scene {
            why: "before cancelling",
            full: true,
            ..an_invitation_is_cancelled("team/members/get_info_v2")
        },
        Scene {
            why: "to look",
            ..a_group_is_renamed("team/groups/get_info", "eng is renamed; only it is looked at")
        },
        Scene {
            why: "to read back",
            full: true,
            besides: |world| reset_once(world, Route::GroupsUpdate),
            ..a_group_is_renamed(
                "team/groups/get_info",
                "eng is renamed; all is looked at; the answer of groups/update is lost",
            )
        },
    ]
}

fn members() -> Vec<Scene> {
    vec![
        newcomers("team/members/add_v2", "Eve and Finn are new"),
        Scene {
            besides: |world| {
                let job = Fault::AsyncJob { polls: 1, end: JobEnd::Complete };
                order(world, Route::MembersAdd, Trigger::Always, job);
            },
            ..newcomers("team/members/add/job_status/get_v2", "Eve and Finn are new; adding them is a job")
        },
        someone_is_renamed("team/members/set_profile_v2", "Ada is renamed"),
        Scene {
            draft: |draft| {
                let names = draft.maps("name.given", "given_name").maps("name.family", "surname");
                names.maps("email", "email").maps("title", "role")
            },
            act: |world| {
                async move { world.patch("ada", json!({"title": Role::SupportAdmin.id()})).await }
                    .boxed_local()
            },
            effects: "members/set_admin_permissions_v2 1",
            ..scene("team/members/set_admin_permissions_v2", "Ada becomes a support admin")
        },
        Scene {
            act: |world| async move { world.disable("ada").await }.boxed_local(),
            end: &[("ada", "suspended, Ada Example, marked ada, in eng")],
            effects: "members/suspend 1",
            ..scene("team/members/suspend", "Ada is disabled")
        },
        Scene {
            prepare: |world| {
                async move {
                    world.disable("ada").await;
                    world.sync_due().await;
                }
                .boxed_local()
            },
            act: |world| async move { world.enable("ada").await }.boxed_local(),
            effects: "members/unsuspend 1",
            ..scene("team/members/unsuspend", "Ada is enabled again")
        },
        Scene {
            why: "a leaver",
            ..a_leaver("team/members/remove", "Ada is deleted; the connection says `Delete`")
        },
        an_invitation_is_cancelled("team/members/remove"),
        Scene {
            draft: |draft| {
                let draft = draft.setting("DEPROVISION_USERS", true).setting("REMOVE_ACTION", "Delete");
                let switches = Switches { member_remove_is_a_job: true, ..Switches::default() };
                draft.team(|team| team.switches(switches))
            },
            ..a_leaver("team/members/remove/job_status/get", "Ada is deleted; removing her is a job")
        },
        Scene {
            draft: |draft| {
                let draft = draft.setting("DEPROVISION_USERS", true).setting("REMOVE_ACTION", "Delete");
                draft.filter(r#"not (title eq "Guest")"#)
            },
            prepare: |world| {
                async move {
                    world.patch("ada", json!({"title": "Guest"})).await;
                    world.sync_due().await;
                }
                .boxed_local()
            },
            act: |world| async move { world.patch("ada", json!({"title": "Engineer"})).await }.boxed_local(),
            effects: "members/recover 1",
            ..scene("team/members/recover", "Ada, who was removed, is in the filter again")
        },
    ]
}

fn groups() -> Vec<Scene> {
    vec![
        Scene {
            prepare: |world| {
                async move {
                    world.create_group("ops").await;
                    world.join("cy", "ops").await;
                    world.sync_due().await;
                }
                .boxed_local()
            },
            act: |world| {
                async move {
                    let ops = world.group_id("ops");
                    world.change_rule(|rule| rule.groups.push(ops)).await;
                }
                .boxed_local()
            },
            end: &[
                ("cy", "active, Cy Example, marked cy, in ops"),
                ("group ops", "company-managed, marked ops: cy"),
            ],
            effects: "groups/create 1, groups/members/add 1",
            ..scene("team/groups/create", "the group ops, with Cy, is put into the rule")
        },
        a_group_is_renamed("team/groups/update", "eng is renamed"),
        a_group_is_deleted("team/groups/delete", "eng is deleted"),
        Scene {
            draft: |draft| {
                let switches = Switches { group_delete_is_a_job: true, ..Switches::default() };
                draft.team(|team| team.switches(switches))
            },
            ..a_group_is_deleted("team/groups/job_status/get", "eng is deleted; deleting it is a job")
        },
        Scene {
            act: |world| {
                async move {
                    world.join("cy", "eng").await;
                    world.join("dan", "eng").await;
                }
                .boxed_local()
            },
            end: &[
                ("cy", "active, Cy Example, marked cy, in eng"),
                ("dan", "active, Dan Example, marked dan, in eng"),
                ("group eng", "company-managed, marked eng: ada bob cy dan"),
            ],
            effects: "groups/members/add 2",
            ..scene("team/groups/members/add", "Cy and Dan join eng")
        },
        Scene {
            act: |world| {
                async move {
                    world.leave("ada", "eng").await;
                    world.leave("bob", "eng").await;
                }
                .boxed_local()
            },
            end: &[
                ("ada", "active, Ada Example, marked ada"),
                ("bob", "active, Bob Example, marked bob"),
                ("group eng", "company-managed, marked eng:"),
            ],
            effects: "groups/members/remove 2",
            ..scene("team/groups/members/remove", "Ada and Bob leave eng")
        },
    ]
}
