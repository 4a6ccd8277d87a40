//! Applying: batches, and what becomes of each subject when another one stands in the way.

use dropbox_simulator::{Fault, GroupSeed, MemberSeed, MemberState, Route, Switches, Trigger, When};
use insta::assert_snapshot;
use usher_domain::{
    ports::connector::{Connector, ConnectorError},
    reconcile::{
        attributes::Attribute,
        operation::{Action, Operation},
        outcome::{Made, Outcome},
    },
};

use crate::world::{
    World, add_member, create, create_group, create_with, operation, remove_member, team, update,
};

fn code(outcome: &Outcome) -> &str {
    outcome.problem().map_or("success", |problem| &problem.code)
}

#[tokio::test]
async fn forty_five_people_are_created_in_three_calls() {
    let world = World::of(team(&[])).await;
    let operations: Vec<Operation> = (0..45).map(|n| create(&format!("m{n}@x.co"))).collect();
    assert_eq!(world.connector.calls(&operations), 3);
    let outcomes = world.apply(&operations).await;
    assert_eq!(world.simulator.calls().total(), 3);
    for (n, outcome) in outcomes.iter().enumerate() {
        let id = world.account(&format!("m{n}@x.co"));
        assert_eq!(*outcome, Outcome::Done { made: Some(Made::Account { id, invited: true }) });
    }
}

#[tokio::test]
async fn values_that_dropbox_would_refuse_fail_their_user_alone_and_before_the_call() {
    let world = World::of(team(&[])).await;
    let outcomes = world
        .apply(&[
            create("ada@x.co"),
            create("jürgen@x.co"),
            create_with("bob@x.co", &[(Attribute::Surname, "A|B")]),
            create("eve@x.co"),
        ])
        .await;
    assert_eq!(
        outcomes.iter().map(code).collect::<Vec<_>>(),
        ["success", "INVALID_EMAIL", "INVALID_NAME", "success"]
    );
    assert_eq!(world.simulator.calls().total(), 1);
    let ada = world.account("ada@x.co");
    world.simulator.calls().clear();
    let outcome = world.apply_one(update("ada@x.co", ada, &[(Attribute::Email, "a b@x.co")])).await;
    assert_eq!((code(&outcome), world.simulator.calls().total()), ("INVALID_EMAIL", 0));
}

#[tokio::test]
async fn creations_that_dropbox_does_not_take_together_are_made_in_halves() {
    let world = World::of(team(&[])).await;
    // Three a call: the call of all ten is not understood as a whole.
    world.simulator.team().switches = Switches { max_new_members: 3, ..Switches::default() };
    let operations: Vec<Operation> = (0..10).map(|n| create(&format!("m{n}@x.co"))).collect();
    let outcomes = world.apply(&operations).await;
    assert!(outcomes.iter().all(Outcome::is_success), "{outcomes:?}");
}

#[tokio::test]
async fn licences_run_out_for_some_and_the_others_are_created() {
    let world = World::of(team(&[]).licences(3)).await;
    let outcomes = world.apply(&[create("a@x.co"), create("b@x.co"), create("c@x.co")]).await;
    let codes: Vec<&str> = outcomes.iter().map(code).collect();
    assert_eq!(codes, ["success", "success", "TEAM_LICENSE_LIMIT"]);
    assert!(matches!(outcomes[2], Outcome::Postponed { needs_full: false, .. }));
    let problem = outcomes[2].problem().unwrap().clone().with_request_id(None);
    assert_snapshot!(problem, @"c@x.co was not invited: the team has no licence left. Buy a licence, or free one by removing a member.");
}

#[tokio::test]
async fn who_is_there_already_is_ours_by_external_id_or_a_case_for_a_full_look() {
    let team = team(&["bob@x.co", "gone@x.co"]).on_another_team("eve@x.co").member(MemberSeed {
        external_id: Some("u-ada@x.co".into()),
        ..MemberSeed::new("ada@x.co", "Ada", "L")
    });
    let world = World::of(team).await;
    world.simulator.team().remove_by_person("gone@x.co").unwrap();
    let operations = ["ada@x.co", "bob@x.co", "gone@x.co", "eve@x.co"].map(create);
    let outcomes = world.apply(&operations).await;
    let id = world.account("ada@x.co");
    assert_eq!(outcomes[0], Outcome::AlreadyTrue { made: Some(Made::Account { id, invited: false }) });
    for outcome in &outcomes[1..3] {
        assert!(matches!(outcome, Outcome::Postponed { needs_full: true, .. }), "{outcome:?}");
    }
    assert_eq!(code(&outcomes[3]), "USER_ON_ANOTHER_TEAM");
    assert!(matches!(outcomes[3], Outcome::Refused { .. }));
}

#[tokio::test]
async fn wiping_is_always_said_and_said_as_the_settings_say() {
    for wipe in [false, true] {
        let team = team(&["ada@x.co", "eve@x.co"]).member(MemberSeed::invited("new@x.co", "N", "C"));
        let world = World::with(team, |settings| settings.wipe_data = wipe).await;
        let (ada, eve, new) =
            (world.account("ada@x.co"), world.account("eve@x.co"), world.account("new@x.co"));
        world.apply_one(operation("ada@x.co", Action::Suspend { account: ada, remove_at: None })).await;
        world.apply_one(operation("new@x.co", Action::CancelInvitation { account: new })).await;
        world.apply_one(operation("eve@x.co", Action::Remove { account: eve })).await;
        let team = world.simulator.team();
        assert_eq!(team.wipes().iter().map(|w| w.wipe_data).collect::<Vec<_>>(), [wipe, false, wipe]);
        assert!(team.wipes().iter().all(|wipe| wipe.explicit));
    }
}

#[tokio::test]
async fn an_invitation_accepted_in_the_meantime_is_not_cancelled() {
    let team = team(&[])
        .member(MemberSeed::invited("new@x.co", "New", "Comer"))
        .member(MemberSeed::invited("old@x.co", "Old", "Comer"));
    let world = World::of(team).await;
    let operations = ["new@x.co", "old@x.co"]
        .map(|email| operation(email, Action::CancelInvitation { account: world.account(email) }));
    world.simulator.team().accept_invitation("new@x.co").unwrap();
    assert_eq!(world.connector.calls(&operations), 3);
    let outcomes = world.apply(&operations).await;
    assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), ["MOVED_MEANWHILE", "success"]);
    assert_eq!(world.simulator.team().count(MemberState::Removed), 1);
}

#[tokio::test]
async fn a_suspension_of_someone_who_only_was_invited_or_is_gone_is_told_apart() {
    let team = team(&["ada@x.co", "sue@x.co"]).member(MemberSeed::invited("new@x.co", "New", "Comer"));
    let world = World::of(team).await;
    let operations = ["ada@x.co", "sue@x.co", "new@x.co", "admin"].map(|email| {
        let email = if email == "admin" { admin(&world) } else { email.to_owned() };
        operation(&email, Action::Suspend { account: world.account(&email), remove_at: None })
    });
    world.simulator.team().suspend_by_person("sue@x.co").unwrap();
    world.simulator.team().remove_by_person("ada@x.co").unwrap();
    let outcomes = world.apply(&operations).await;
    assert!(matches!(outcomes[0], Outcome::Postponed { needs_full: true, .. }), "{:?}", outcomes[0]);
    assert_eq!(outcomes[1], Outcome::AlreadyTrue { made: None });
    assert!(matches!(outcomes[2], Outcome::Postponed { needs_full: false, .. }), "{:?}", outcomes[2]);
    assert_eq!(code(&outcomes[3]), "SUSPEND_LAST_ADMIN");
}

fn admin(world: &World) -> String {
    world.simulator.team().members()[0].email.clone()
}

#[tokio::test]
async fn files_go_to_whom_the_settings_name_and_nobody_is_removed_when_there_is_no_such_one() {
    let world = World::with(team(&["ada@x.co", "heir@x.co"]), |settings| {
        settings.transfer_dest_email = Some("Heir@x.co".into());
        settings.transfer_admin_email = Some("nobody@x.co".into());
    })
    .await;
    let remove = operation("ada@x.co", Action::Remove { account: world.account("ada@x.co") });
    let outcome = world.apply_one(remove).await;
    assert_eq!(code(&outcome), "TRANSFER_USER_NOT_FOUND");
    assert_eq!(world.calls(Route::MembersRemove), 0);

    let world = World::with(team(&["ada@x.co", "bob@x.co", "heir@x.co"]), |settings| {
        settings.transfer_dest_email = Some("Heir@x.co".into());
    })
    .await;
    let operations = ["ada@x.co", "bob@x.co"]
        .map(|email| operation(email, Action::Remove { account: world.account(email) }));
    let outcomes = world.apply(&operations).await;
    assert!(outcomes.iter().all(|outcome| code(outcome) == "UNSPECIFIED_TRANSFER_ADMIN_ID"), "{outcomes:?}");
}

#[tokio::test]
async fn memberships_of_a_group_are_one_call_and_large_groups_are_cut() {
    let emails: Vec<String> = (0..30).map(|n| format!("m{n}@x.co")).collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let team = team(&emails).group(GroupSeed::new("Eng", &[])).group(GroupSeed::new("Ops", &[]));
    let world = World::with(team, |settings| settings.max_members_per_call = 20).await;
    let operations: Vec<Operation> = emails
        .iter()
        .map(|email| add_member(&world, "Eng", email))
        .chain([add_member(&world, "Ops", "m0@x.co")])
        .collect();
    assert_eq!(world.connector.calls(&operations), 3);
    let outcomes = world.apply(&operations).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::done()));
    assert_eq!(world.simulator.calls().total(), 3);
    let asked = world.simulator.calls().of(Route::GroupMembersAdd.path());
    assert!(asked.iter().all(|call| call.request["return_members"] == false));
    assert_eq!(world.members_of("Eng").len(), 30);
}

#[tokio::test]
async fn a_call_that_is_too_large_is_halved_and_the_size_is_remembered() {
    let emails: Vec<String> = (0..40).map(|n| format!("m{n}@x.co")).collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let world = World::of(team(&emails).group(GroupSeed::new("Eng", &[]))).await;
    world.simulator.team().switches.max_group_members_per_call = Some(10);
    let operations: Vec<Operation> = emails.iter().map(|email| add_member(&world, "Eng", email)).collect();
    let outcomes = world.apply(&operations).await;
    assert!(outcomes.iter().all(Outcome::is_success), "{outcomes:?}");
    assert_eq!(world.calls(Route::GroupMembersAdd), 2 + 4);
    world.simulator.calls().clear();
    let operations: Vec<Operation> = emails.iter().map(|email| remove_member(&world, "Eng", email)).collect();
    assert!(world.apply(&operations).await.iter().all(Outcome::is_success));
    assert_eq!(world.simulator.calls().total(), 4);
}

#[tokio::test]
async fn who_is_in_the_group_already_and_who_may_not_be_yet_hold_up_nobody_else() {
    let team = team(&["ada@x.co", "bob@x.co", "eve@x.co", "gone@x.co"])
        .member(MemberSeed::invited("new@x.co", "New", "Comer"))
        .group(GroupSeed::new("Eng", &["bob@x.co"]));
    let world = World::of(team).await;
    world.simulator.team().switches.invited_may_join_groups = false;
    let operations = ["ada@x.co", "bob@x.co", "new@x.co", "gone@x.co", "eve@x.co"]
        .map(|email| add_member(&world, "Eng", email));
    world.simulator.team().remove_by_person("gone@x.co").unwrap();
    let outcomes = world.apply(&operations).await;
    assert!(outcomes[0].is_success() && outcomes[1].is_success() && outcomes[4].is_success(), "{outcomes:?}");
    assert_eq!(outcomes[1], Outcome::AlreadyTrue { made: None });
    assert!(matches!(outcomes[3], Outcome::Postponed { needs_full: true, .. }), "{:?}", outcomes[3]);
    let problem = outcomes[2].problem().unwrap().clone().with_request_id(None);
    assert_snapshot!(problem, @"new@x.co was not added to the group Eng: the invitation is not accepted yet. Nothing to do: it is tried again until the person has accepted; remind them if it takes long.");
    assert_eq!(world.members_of("Eng"), ["ada@x.co", "bob@x.co", "eve@x.co"]);
}

#[tokio::test]
async fn who_is_out_of_the_group_already_holds_up_nobody_else() {
    let emails: Vec<String> = (0..9).map(|n| format!("m{n}@x.co")).collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let world = World::of(team(&emails).group(GroupSeed::new("Eng", &emails))).await;
    let operations: Vec<Operation> = emails.iter().map(|email| remove_member(&world, "Eng", email)).collect();
    world.simulator.team().leave_group_by_person("Eng", "m3@x.co").unwrap();
    world.simulator.team().remove_by_person("m7@x.co").unwrap();
    let outcomes = world.apply(&operations).await;
    assert!(outcomes.iter().all(Outcome::is_success), "{outcomes:?}");
    assert_eq!(outcomes[3], Outcome::AlreadyTrue { made: None });
    assert!(world.members_of("Eng").is_empty());
    assert_eq!(world.calls(Route::GroupMembersRemove), 2);
}

#[tokio::test]
async fn a_group_that_is_gone_is_a_case_for_a_full_look_and_for_leaving_it_the_wish_fulfilled() {
    let world = World::of(team(&["ada@x.co", "bob@x.co"]).group(GroupSeed::new("Eng", &["bob@x.co"]))).await;
    let (add, remove) = (add_member(&world, "Eng", "ada@x.co"), remove_member(&world, "Eng", "bob@x.co"));
    world.simulator.team().delete_group_by_person("Eng").unwrap();
    assert!(matches!(world.apply_one(add).await, Outcome::Postponed { needs_full: true, .. }));
    assert_eq!(world.apply_one(remove).await, Outcome::AlreadyTrue { made: None });
}

#[tokio::test]
async fn a_group_is_made_company_managed_with_our_id_and_a_taken_name_is_told() {
    let world = World::of(team(&[]).group(GroupSeed::new("Eng", &[]))).await;
    let outcome = world.apply_one(create_group("Sales")).await;
    assert_eq!(outcome, Outcome::Done { made: Some(Made::Group { id: world.group("Sales") }) });
    {
        let team = world.simulator.team();
        let sales = team.group_by_name("Sales").unwrap();
        assert_eq!(sales.management_type, dropbox_simulator::ManagementType::CompanyManaged);
        assert_eq!(sales.external_id.as_deref(), Some("00000000-0000-0000-0000-000000000007"));
    }
    // The same again is recognised as ours.
    let again = world.apply_one(create_group("Sales")).await;
    assert_eq!(again, Outcome::AlreadyTrue { made: Some(Made::Group { id: world.group("Sales") }) });
    let world = World::of(team(&[]).group(GroupSeed::new("Eng", &[]))).await;
    let taken = world.apply_one(create_group("Eng")).await;
    assert_eq!(code(&taken), "GROUP_NAME_ALREADY_USED");
}

#[tokio::test]
async fn an_update_sends_what_differs_and_a_role_by_its_own_call() {
    let world = World::of(team(&["ada@x.co"])).await;
    let role = dropbox_simulator::Role::SupportAdmin.id();
    let changes = [(Attribute::Surname, "King"), (Attribute::ExternalId, "u-1"), (Attribute::Role, role)];
    let update = update("ada@x.co", world.account("ada@x.co"), &changes);
    assert_eq!(world.connector.calls(std::slice::from_ref(&update)), 2);
    assert_eq!(world.apply_one(update).await, Outcome::done());
    assert_eq!(world.simulator.calls().total(), 2);
    let sent = world.simulator.calls().of(Route::MembersSetProfile.path()).remove(0).request;
    let fields: Vec<&String> = sent.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["new_external_id", "new_surname", "user"]);
    let team = world.simulator.team();
    let ada = team.member_by_email("ada@x.co").unwrap();
    assert_eq!(
        (ada.external_id.as_deref(), ada.role),
        (Some("u-1"), Some(dropbox_simulator::Role::SupportAdmin))
    );
}

#[tokio::test]
async fn one_bad_subject_does_not_stop_the_others_and_an_end_tells_what_was_done() {
    let emails: Vec<String> = (0..12).map(|n| format!("m{n}@x.co")).collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let world = World::of(team(&emails)).await;
    let operations: Vec<Operation> = emails
        .iter()
        .map(|email| operation(email, Action::Suspend { account: world.account(email), remove_at: None }))
        .collect();
    let refused = Fault::Refused("suspend_last_admin".into());
    world.simulator.faults().on(Route::MembersSuspend, Trigger::Nth(2), refused, When::BeforeEffect);
    world.simulator.faults().on(Route::MembersSuspend, Trigger::Nth(6), Fault::Forbidden, When::BeforeEffect);
    let (outcomes, error) = world.apply_all(&operations).await;
    assert!(matches!(error, Some(ConnectorError::Unauthorized { .. })), "{error:?}");
    let done = outcomes.iter().flatten().filter(|outcome| outcome.is_success()).count();
    assert_eq!(done, world.simulator.team().count(MemberState::Suspended) as usize);
    assert!((4..11).contains(&done), "{done}");
    assert_eq!(outcomes.iter().flatten().filter(|outcome| !outcome.is_success()).count(), 1);
}

#[tokio::test]
async fn a_batch_of_creations_is_told_apart_by_place_and_address() {
    let world = World::of(team(&["b@x.co"])).await;
    let outcomes = world.apply(&[create("A@X.co"), create("b@x.co"), create("c@x.co")]).await;
    assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), ["success", "USER_ALREADY_ON_TEAM", "success"]);
    let id = world.account("c@x.co");
    assert_eq!(outcomes[2].made(), Some(&Made::Account { id, invited: true }));
}
