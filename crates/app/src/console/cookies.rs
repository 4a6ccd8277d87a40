//! Cookies, as they come and go. None holds anything that a script needs, so none may be read by one.

use axum::http::{HeaderMap, HeaderValue, header};

/// The browser's session.
pub(super) const SESSION: &str = "usher-session";
/// Marks a browser in which an administrator signed in before; does not sign anyone in.
pub(super) const DEVICE: &str = "usher-device";
/// A visit before signing in: forms and the way to an OpenID provider are bound to it.
pub(super) const VISIT: &str = "usher-visit";
/// `light` or `dark`.
pub(super) const THEME: &str = "usher-theme";
/// What a form did, told on the next page.
pub(super) const FLASH: &str = "usher-flash";

/// The cookies of a request.
#[derive(Clone, Debug)]
pub(super) struct Cookies {
    header: String,
    /// Whether the browser came by HTTPS. Then names begin with `__Host-`: only this host can have set them.
    secure: bool,
}

impl Cookies {
    /// Those of these headers.
    pub(super) fn new(headers: &HeaderMap, secure: bool) -> Self {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        Cookies { header: all.collect::<Vec<_>>().join("; "), secure }
    }

    fn name(&self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// A cookie's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let name = self.name(name);
        let pairs = self.header.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    /// Sets a cookie: until the browser closes, or for `seconds`. Values are ours, and of letters that cookies may
    /// hold. `same_site` is `Strict` but for what must survive the way back from another site.
    pub(super) fn set(
        &self,
        headers: &mut HeaderMap,
        name: &str,
        value: &str,
        same_site: &str,
        seconds: Option<u64>,
    ) {
        let name = self.name(name);
        let secure = if self.secure { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}{age}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    /// Takes a cookie away.
    pub(super) fn clear(&self, headers: &mut HeaderMap, name: &str) {
        self.set(headers, name, "", "Strict", Some(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_a_secure_visit_is_bound_to_the_host() {
        let mut sent = HeaderMap::new();
        Cookies::new(&HeaderMap::new(), true).set(&mut sent, SESSION, "abc", "Strict", None);
        insta::assert_snapshot!(
            sent[header::SET_COOKIE].to_str().unwrap(),
            @"__Host-usher-session=abc; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        let mut got = HeaderMap::new();
        got.insert(
            header::COOKIE,
            HeaderValue::from_static("usher-session=planted; __Host-usher-session=abc"),
        );
        assert_eq!(Cookies::new(&got, true).get(SESSION), Some("abc"));
        assert_eq!(Cookies::new(&got, false).get(SESSION), Some("planted"));
    }
}
