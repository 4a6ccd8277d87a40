//! What a plan will take: how long, at the pace that the connection allows.

use usher_domain::{
    provisioning::connection::{Connection, DropboxSettings},
    targets::Targets,
};

/// The connection's settings, understood; `None` when it is of another kind.
pub(super) fn settings(it: &Connection) -> Option<DropboxSettings> {
    DropboxSettings::parse(&it.configuration, &it.secrets, &Targets::anywhere()).ok()
}

/// How long so many calls take at least, in words. A ceiling of 0 is none, and then the remote system alone decides.
pub(super) fn duration(calls: u64, connection: &Connection) -> String {
    let pace = settings(connection).map_or(0, |it| u64::from(it.access.max_calls_per_second));
    match (calls, pace) {
        (0, _) => "no time".to_owned(),
        (_, 0) => "as fast as Dropbox answers".to_owned(),
        (calls, pace) => in_words(calls.div_ceil(pace)),
    }
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0..=5 => "a few seconds".to_owned(),
        6..=90 => format!("about {seconds} seconds"),
        91..=5400 => format!("about {} minutes", seconds.div_ceil(60)),
        _ => format!("about {} hours", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn times_are_told_as_a_person_would() {
        let told = [1, 42, 91, 5400, 5401].map(in_words);
        let words =
            ["a few seconds", "about 42 seconds", "about 2 minutes", "about 90 minutes", "about 2 hours"];
        assert_eq!(told, words);
    }
}
