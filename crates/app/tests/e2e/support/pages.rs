//! A reader of the console without script: follows links, fills in forms, keeps cookies. Whatever page comes, nothing
//! on it may be a secret.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};

use super::home::{SECRET, Usher};

/// A signed-in reader, and the page before them.
#[derive(Debug)]
pub(crate) struct Pages {
    http: reqwest::Client,
    root: String,
    cookies: BTreeMap<String, String>,
    secrets: Vec<String>,
    /// The page's address.
    pub(crate) path: String,
    /// How it was answered.
    pub(crate) status: u16,
    /// The page.
    pub(crate) html: String,
}

/// A tag with its attributes.
#[derive(Debug)]
struct Tag<'a> {
    name: &'a str,
    attributes: BTreeMap<&'a str, String>,
    /// What follows it, up to the next tag.
    text: &'a str,
}

impl Pages {
    /// Signs in.
    pub(crate) async fn sign_in(usher: &Usher, username: &str, password: &str) -> Pages {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut pages = Pages {
            http,
            root: usher.url(),
            cookies: BTreeMap::new(),
            secrets: vec![SECRET.to_owned(), password.to_owned()],
            path: String::new(),
            status: 0,
            html: String::new(),
        };
        pages.open("/console/sign-in").await;
        pages.submit("/console/sign-in", &[("username", username), ("password", password)]).await;
        assert_eq!(pages.path, "/console", "signing in leads to the overview: {}", pages.text());
        pages
    }

    /// From now on, a page with this in it is a fault.
    pub(crate) fn never_shows(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// Goes to an address.
    pub(crate) async fn open(&mut self, path: &str) {
        let request = self.http.get(format!("{}{path}", self.root));
        self.send(request, path).await;
    }

    /// Fills in the form that goes to `action`, and sends it. A field is named, or `name[2]` for the third of that name;
    /// what is not named stays as the page has it, and a field that the page has not is a button.
    pub(crate) async fn submit(&mut self, action: &str, filled: &[(&str, &str)]) {
        let mut fields = self.fields(action);
        for (name, value) in filled {
            let (name, nth) = match name.split_once('[') {
                Some((name, nth)) => (name, nth.trim_end_matches(']').parse().unwrap()),
                None => (*name, 0),
            };
            match fields.iter_mut().filter(|(there, _)| there == name).nth(nth) {
                Some((_, there)) => *there = (*value).to_owned(),
                None => fields.push((name.to_owned(), (*value).to_owned())),
            }
        }
        let request = self.http.post(format!("{}{action}", self.root)).form(&fields);
        self.send(request, action).await;
    }

    /// The same without a box that the page has ticked.
    pub(crate) async fn submit_without(&mut self, action: &str, box_: &str, filled: &[(&str, &str)]) {
        let mut fields = self.fields(action);
        fields.retain(|(name, _)| name != box_);
        fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request = self.http.post(format!("{}{action}", self.root)).form(&fields);
        self.send(request, action).await;
    }

    /// Sends fields to an address for which the page has no form, with the token of the forms that it has.
    pub(crate) async fn post_with_token(&mut self, action: &str, fields: &[(&str, &str)]) {
        let token = tags(&self.html)
            .into_iter()
            .find(|tag| tag.attributes.get("name").is_some_and(|name| name == "csrf"));
        let token = token.unwrap().attributes["value"].clone();
        let fields: Vec<(&str, &str)> =
            [("csrf", token.as_str())].into_iter().chain(fields.iter().copied()).collect();
        let request = self.http.post(format!("{}{action}", self.root)).form(&fields);
        self.send(request, action).await;
    }

    async fn send(&mut self, request: reqwest::RequestBuilder, path: &str) {
        let (mut request, mut path) = (request, path.to_owned());
        for _ in 0..5 {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            self.status = answer.status().as_u16();
            let next = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
            self.html = answer.text().await.unwrap();
            let Some(next) = next else {
                self.path = path.split(['?', '#']).next().unwrap().to_owned();
                for secret in &self.secrets {
                    assert!(!self.html.contains(secret), "a secret is on {path}");
                }
                return;
            };
            request = self.http.get(format!("{}{next}", self.root));
            path = next;
        }
        panic!("{path} leads in a circle");
    }

    /// What a browser would send of the form, without its buttons.
    fn fields(&self, action: &str) -> Vec<(String, String)> {
        let start = self.html.find(&format!("action=\"{action}\"")).unwrap_or_else(|| {
            panic!("{} has no form to {action}:\n{}", self.path, self.text());
        });
        let form = &self.html[start..];
        let form = &form[..form.find("</form>").unwrap()];
        let mut fields = Vec::new();
        let mut select: Option<(String, Option<String>, Option<String>)> = None;
        for tag in tags(form) {
            let value = || tag.attributes.get("value").cloned();
            match (tag.name, tag.attributes.get("name")) {
                ("input", Some(name)) => {
                    let kind = tag.attributes.get("type").map_or("text", String::as_str);
                    let is_box = matches!(kind, "checkbox" | "radio");
                    if !is_box || tag.attributes.contains_key("checked") {
                        fields.push((name.clone(), value().unwrap_or_default()));
                    }
                }
                ("textarea", Some(name)) => fields.push((name.clone(), unescaped(tag.text))),
                ("select", Some(name)) => select = Some((name.clone(), None, None)),
                ("option", _) => {
                    if let Some((_, first, chosen)) = &mut select {
                        first.get_or_insert(value().unwrap_or_default());
                        if tag.attributes.contains_key("selected") {
                            *chosen = value();
                        }
                    }
                }
                ("/select", _) => {
                    if let Some((name, first, chosen)) = select.take() {
                        fields.push((name, chosen.or(first).unwrap_or_default()));
                    }
                }
                _ => {}
            }
        }
        fields
    }

    /// What a person reads, with single spaces.
    pub(crate) fn text(&self) -> String {
        let main = self.html.find("<main").map_or(self.html.as_str(), |at| &self.html[at..]);
        let words: Vec<&str> = tags(main).into_iter().map(|tag| tag.text).collect();
        unescaped(&words.join(" ")).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The page says this.
    #[track_caller]
    pub(crate) fn says(&self, what: &str) {
        assert!(
            self.text().contains(what),
            "{} ({}) does not say “{what}”:\n{}",
            self.path,
            self.status,
            self.text()
        );
    }

    /// The page does not say this.
    #[track_caller]
    pub(crate) fn says_nothing_of(&self, what: &str) {
        assert!(!self.text().contains(what), "{} says “{what}”:\n{}", self.path, self.text());
    }

    /// Whether there is a form to this address.
    pub(crate) fn has_form(&self, action: &str) -> bool {
        self.html.contains(&format!("action=\"{action}\""))
    }
}

/// The tags of our own pages, which are well-formed.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let inside = &rest[at + 1..];
        let mut quoted = false;
        let Some(end) = inside.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        }) else {
            break;
        };
        let (tag, after) = (&inside[..end], &inside[end + 1..]);
        let text = &after[..after.find('<').unwrap_or(after.len())];
        let name = tag.split(|c: char| c.is_whitespace()).next().unwrap_or_default();
        tags.push(Tag { name, attributes: attributes(&tag[name.len()..]), text });
        rest = after;
    }
    tags
}

fn attributes(mut text: &str) -> BTreeMap<&str, String> {
    let mut found = BTreeMap::new();
    loop {
        text = text.trim_start();
        let name = &text[..text.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(text.len())];
        if name.is_empty() {
            return found;
        }
        text = &text[name.len()..];
        match text.strip_prefix("=\"") {
            Some(value) => {
                let end = value.find('"').unwrap_or(value.len());
                found.insert(name, unescaped(&value[..end]));
                text = value.get(end + 1..).unwrap_or_default();
            }
            None => drop(found.insert(name, String::new())),
        }
    }
}

fn unescaped(text: &str) -> String {
    let named = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">");
    named
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}
