//! A visitor without a browser: reads pages and sends their forms over plain HTTP, as any browser would with the script
//! off. Nothing is sent that a page did not offer.

use std::collections::BTreeMap;

use crate::support::Usher;

/// Who the bootstrap makes.
pub(crate) const USERNAME: &str = "root";
/// Their password.
pub(crate) const PASSWORD: &str = "canary-admin-password-77ab";

/// A browser's memory and where it is.
pub(crate) struct Visitor {
    http: reqwest::Client,
    root: String,
    cookies: BTreeMap<String, Cookie>,
    /// The page that is shown.
    pub(crate) page: Page,
}

#[derive(Debug, Clone)]
struct Cookie {
    value: String,
    /// `SameSite=Strict`: not sent when another site leads here.
    strict: bool,
}

/// What was answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Visitor {
    /// Somebody new.
    pub(crate) fn of(usher: &Usher) -> Visitor {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Visitor { http, root: usher.url(), cookies: BTreeMap::new(), page: Page::default() }
    }

    /// Somebody who signed in.
    pub(crate) async fn signed_in(usher: &Usher, username: &str, password: &str) -> Visitor {
        let mut visitor = Visitor::of(usher);
        visitor.get("/console/sign-in").await;
        visitor.send("/console/sign-in", &[("username", username), ("password", password)]).await;
        assert_eq!(visitor.page.path, "/console", "{}", visitor.page.text());
        visitor
    }

    /// Opens a page, following where it leads.
    pub(crate) async fn get(&mut self, path: &str) -> &Page {
        let request = self.http.get(format!("{}{path}", self.root));
        self.follow(path.to_owned(), request).await
    }

    /// Follows so many redirections from this page, and answers where the last one leads.
    pub(crate) async fn redirections(&mut self, path: &str, number: usize) -> String {
        let mut to = path.to_owned();
        for _ in 0..number {
            let ours = to.starts_with('/');
            let url = if ours { format!("{}{to}", self.root) } else { to };
            let mut request = self.http.get(url);
            if ours {
                let sent = self.cookies.iter().map(|(name, it)| format!("{name}={}", it.value));
                request = request.header("cookie", sent.collect::<Vec<_>>().join("; "));
            }
            let answer = request.send().await.unwrap();
            let location = answer.headers()["location"].to_str().unwrap();
            to = location.trim_start_matches(&self.root).to_owned();
        }
        to
    }

    /// Sends the page's form with this action: its hidden and filled-in fields, with these values instead or besides.
    pub(crate) async fn send(&mut self, action: &str, values: &[(&str, &str)]) -> &Page {
        let mut fields = self.page.fields_of(action);
        for (name, value) in values {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.post(action, &fields).await
    }

    /// Sends a form that the page may not have offered.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> &Page {
        let request = self.http.post(format!("{}{path}", self.root)).form(fields);
        self.follow(path.to_owned(), request).await
    }

    /// Sends a form with a file.
    pub(crate) async fn upload(&mut self, action: &str, values: &[(&str, &str)], file: &str) -> &Page {
        let mut body = String::new();
        let mut fields = self.page.fields_of(action);
        fields.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        for (name, value) in fields.iter().filter(|(name, _)| name != "file") {
            body.push_str(&format!(
                "--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str(&format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n--cut--\r\n"
        ));
        let request = self.http.post(format!("{}{action}", self.root));
        let request = request.header("content-type", "multipart/form-data; boundary=cut").body(body);
        self.follow(action.to_owned(), request).await
    }

    async fn follow(&mut self, mut path: String, mut request: reqwest::RequestBuilder) -> &Page {
        // Where a redirection leads through another site, and until a page of ours leads on.
        let mut abroad = false;
        loop {
            if path.starts_with('/') {
                let sent = self.cookies.iter().filter(|(_, cookie)| !(abroad && cookie.strict));
                let sent: Vec<String> = sent.map(|(name, it)| format!("{name}={}", it.value)).collect();
                request = request.header("cookie", sent.join("; "));
            } else {
                abroad = true;
            }
            let answer = request.send().await.unwrap();
            for set in answer.headers().get_all("set-cookie").iter().filter(|_| path.starts_with('/')) {
                let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    let strict = rest.contains("SameSite=Strict");
                    self.cookies.insert(name.to_owned(), Cookie { value: value.to_owned(), strict });
                }
            }
            if let Some(to) = answer.headers().get("location") {
                path = to.to_str().unwrap().trim_start_matches(&self.root).to_owned();
                let url = if path.starts_with('/') { format!("{}{path}", self.root) } else { path.clone() };
                request = self.http.get(url);
                continue;
            }
            let headers = answer.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
            self.page = Page {
                path: path.split('?').next().unwrap().to_owned(),
                status: answer.status().as_u16(),
                headers: headers.collect(),
                body: answer.text().await.unwrap(),
            };
            if let Some((_, rest)) = self.page.body.split_once("http-equiv=\"refresh\" content=\"0; url=") {
                path = unescaped(rest.split('"').next().unwrap());
                request = self.http.get(format!("{}{path}", self.root));
                abroad = false;
                continue;
            }
            return &self.page;
        }
    }

    /// A cookie that the browser holds.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.get(name).map(|cookie| cookie.value.clone())
    }

    /// Holds a cookie of somebody else's.
    pub(crate) fn steal(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), Cookie { value: value.to_owned(), strict: false });
    }
}

impl Page {
    /// The page as it is read: without its tags, spaces run together.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut inside = false;
        for letter in self.body.chars() {
            match letter {
                '<' => {
                    inside = true;
                    text.push(' ');
                }
                '>' => inside = false,
                letter if !inside => text.push(letter),
                _ => {}
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The address of the first link with this text.
    #[track_caller]
    pub(crate) fn link(&self, text: &str) -> String {
        for link in self.body.split("<a ").skip(1) {
            let (tag, rest) = link.split_once('>').unwrap();
            let shown = rest.split("</a>").next().unwrap();
            if shown.contains(text) {
                return unescaped(&attribute(tag, "href").unwrap());
            }
        }
        panic!("there is no link {text} on {}: {}", self.path, self.text());
    }

    /// The addresses of the page's forms that are sent by POST.
    pub(crate) fn actions(&self) -> Vec<String> {
        let forms = self.body.split("<form").skip(1).map(|form| form.split('>').next().unwrap());
        forms
            .filter(|tag| tag.contains("method=\"post\""))
            .filter_map(|tag| attribute(tag, "action"))
            .collect()
    }

    /// The fields of a form as the page has them, those only that a browser would send.
    #[track_caller]
    fn fields_of(&self, action: &str) -> Vec<(String, String)> {
        let wanted = format!("action=\"{action}\"");
        let form =
            self.body.split("<form").skip(1).find(|form| form.split('>').next().unwrap().contains(&wanted));
        let form = form.unwrap_or_else(|| panic!("no form for {action} on {}: {}", self.path, self.text()));
        let form = form.split("</form>").next().unwrap();
        let mut fields = Vec::new();
        for input in form.split("<input").skip(1) {
            let tag = input.split('>').next().unwrap();
            let ticks = tag.contains("type=\"checkbox\"") && !tag.contains(" checked");
            if let (false, Some(name)) = (ticks, attribute(tag, "name")) {
                fields.push((name, attribute(tag, "value").unwrap_or_default()));
            }
        }
        for select in form.split("<select").skip(1) {
            let (tag, rest) = select.split_once('>').unwrap();
            let options = rest.split("</select>").next().unwrap();
            let all: Vec<&str> =
                options.split("<option").skip(1).map(|it| it.split('>').next().unwrap()).collect();
            let chosen = all.iter().find(|option| option.contains(" selected")).or(all.first());
            let value = chosen.and_then(|option| attribute(option, "value")).unwrap_or_default();
            fields.push((attribute(tag, "name").unwrap(), value));
        }
        for area in form.split("<textarea").skip(1) {
            let (tag, rest) = area.split_once('>').unwrap();
            fields.push((
                attribute(tag, "name").unwrap(),
                rest.split("</textarea>").next().unwrap().to_owned(),
            ));
        }
        fields
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&amp;", "&").replace("&#38;", "&")
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) =
        tag.split_once(&format!(" {name}=\"")).or_else(|| tag.split_once(&format!("{name}=\"")))?;
    Some(rest.split('"').next()?.to_owned())
}
