//! The simulated team before Usher comes: people who are in the directory too, and people who are not.

use anyhow::Result;
use dropbox_simulator::{Clock, GroupSeed, MemberSeed, MemberState, Switches, Team};
use serde_json::Value;
use usher_domain::Timestamp;

use crate::csv_files;

/// A few dozen members: 24 to adopt (one of them suspended by a person, one only invited), 8 whom the directory does
/// not know, and two groups, of which one is to be adopted. Its clock goes on from `now`.
pub(crate) fn team(users: &str, now: Timestamp) -> Result<Team> {
    let (people, _) = csv_files::users(users)?;
    let employed = people
        .iter()
        .filter(|row| {
            row.user.get("enabled") != Some(&Value::Bool(false))
                && row.population.as_deref() == Some("Employees")
        })
        .skip(10)
        .step_by(20)
        .take(24);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut members: Vec<MemberSeed> = employed
        .map(|row| {
            let name = &row.user["name"];
            MemberSeed::new(&text(&row.user["email"]), &text(&name["given"]), &text(&name["family"]))
        })
        .collect();
    if let Some(suspended) = members.first_mut() {
        suspended.state = MemberState::Suspended;
    }
    if let Some(invited) = members.last_mut() {
        invited.state = MemberState::Invited;
    }
    let partners = ["Agnes", "Bruno", "Carla", "Dario", "Elsa", "Felix", "Greta", "Hugo"];
    let outside = partners.map(|name| {
        MemberSeed::new(&format!("{}@partner.example.net", name.to_lowercase()), name, "Partner")
    });
    let emails: Vec<&str> = outside.iter().map(|member| member.email.as_str()).collect();
    let groups = [GroupSeed::new("Partners", &emails), GroupSeed::new("Design", &[])];
    let mut builder = Team::builder()
        .name("Example, Inc.")
        .licences(2_500)
        .seed(7)
        .clock(Clock::running(u64::try_from(now.as_millis()).unwrap_or_default()))
        .switches(Switches { invited_may_join_groups: true, ..Switches::default() })
        .members(members)
        .members(outside.clone());
    for group in groups {
        builder = builder.group(group);
    }
    Ok(builder.build())
}
