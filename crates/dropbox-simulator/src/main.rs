//! The binary: a simulated Dropbox team on its own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::Parser;
use dropbox_simulator::{Clock, GroupSeed, MemberSeed, Simulator, Team};

/// A strict stand-in for the Dropbox Business team API, in memory.
#[derive(Debug, Parser)]
#[command(name = "dropbox-simulator", version)]
struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// How many members the team begins with, besides its administrator
    #[arg(long, default_value_t = 0)]
    members: u32,
    /// How many groups the team begins with; the members are spread over them
    #[arg(long, default_value_t = 0)]
    groups: u32,
    /// How many licences the team has
    #[arg(long, alias = "licences", default_value_t = 1_000_000)]
    licenses: u32,
    /// What ids and chance are drawn from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// What every call takes at least, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// The app's key
    #[arg(long, default_value = "simulated-app-key")]
    client_id: String,
    /// The app's secret
    #[arg(long, default_value = "simulated-app-secret")]
    client_secret: String,
    /// The refresh token of the app's authorisation
    #[arg(long, default_value = "simulated-refresh-token")]
    refresh_token: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let simulator = Simulator::start_at(options.listen, team(&options))
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    explain(&simulator)?;
    tokio::signal::ctrl_c().await.context("cannot wait for the signal to stop")?;
    Ok(())
}

fn team(options: &Options) -> Team {
    #[expect(clippy::disallowed_methods, reason = "the binary is the one place that knows what time it is")]
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let clock = Clock::running(u64::try_from(since_1970.as_millis()).unwrap_or_default());
    let email = |number: u32| format!("member{number:06}@team.example.com");
    let members = (1..=options.members)
        .map(|number| MemberSeed::new(&email(number), "Member", &format!("Number {number}")));
    let mut builder = Team::builder()
        .seed(options.seed)
        .clock(clock)
        .licences(options.licenses)
        .latency(Duration::from_millis(options.latency_ms))
        .credentials(&options.client_id, &options.client_secret, &options.refresh_token)
        .members(members);
    for group in 1..=options.groups {
        let step = usize::try_from(options.groups).unwrap_or(usize::MAX);
        let members: Vec<String> = (group..=options.members).step_by(step).map(email).collect();
        builder = builder.group(GroupSeed { members, ..GroupSeed::new(&format!("Group {group}"), &[]) });
    }
    builder.build()
}

fn explain(simulator: &Simulator) -> std::io::Result<()> {
    let (url, token_url) = (simulator.url(), simulator.token_url());
    let (id, secret, refresh) = (simulator.client_id(), simulator.client_secret(), simulator.refresh_token());
    let mut out = std::io::stdout().lock();
    write!(
        out,
        "A simulated Dropbox team is served at {url}\n\
         \n\
         Service address  {url}/2\n\
         Token endpoint   {token_url}\n\
         Client id        {id}\n\
         Client secret    {secret}\n\
         Refresh token    {refresh}\n\
         \n\
         Try it:\n\
         \x20 TOKEN=$(curl -s {token_url} -u {id}:{secret} -d grant_type=refresh_token -d refresh_token={refresh} \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n\
         \x20 curl -s {url}/2/team/members/list_v2 -H \"Authorization: Bearer $TOKEN\" \
         -H 'Content-Type: application/json' -d '{{\"limit\":5}}'\n\
         \n\
         Ctrl-C stops it, and forgets everything.\n"
    )?;
    out.flush()
}
