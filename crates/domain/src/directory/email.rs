//! What an e-mail address looks like. Not the whole of RFC 5322: what people have and what mail systems accept.
//! Dots may stand anywhere before the `@`: some providers gave such addresses out, and Dropbox takes them.

/// What is wrong with an address, in words that end a sentence; `None` when nothing is.
pub fn fault(address: &str) -> Option<&'static str> {
    let Some((local, domain)) = address.rsplit_once('@') else { return Some("it has no `@`") };
    if address.len() > 254 {
        return Some("it is longer than 254 bytes");
    }
    if local.is_empty() {
        return Some("nothing stands before the `@`");
    }
    if local.len() > 64 {
        return Some("more than 64 bytes stand before the `@`");
    }
    if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("it has a space");
    }
    if local
        .chars()
        .any(|c| matches!(c, '@' | ',' | ';' | ':' | '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\\'))
    {
        return Some("one of `@ , ; : < > ( ) [ ] \" \\` stands before the `@`");
    }
    let good = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || !c.is_ascii())
    };
    if !domain.contains('.') || !domain.split('.').all(good) {
        return Some("what stands after the `@` is not a domain");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn the_addresses_that_people_have_are_accepted() {
        for good in [
            "ada@example.com",
            "a.b+c_d-e@sub.example.co.uk",
            "o'neil@example.ie",
            "x@xn--bcher-kva.example",
            "hans-j..b@example.com",
            "jörg@bücher.example",
            "Ada.LOVELACE@Example.COM",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "a@b@example.com",
            "ada@-example.com",
            "ada@example..com",
            "ada@exa_mple.com",
            "<ada@example.com>",
            "ada@example.com\n",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
        assert!(fault(&format!("{}@example.com", "a".repeat(65))).is_some());
    }
}
