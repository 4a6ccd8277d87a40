//! Finding the paths that Rust code names: `use` trees spelled out, and `a::b` wherever it stands, macros
//! included. Comments, texts and code under `#[cfg(test)]` name nothing.

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// One path, as from the top of the crate.
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) line: usize,
}

impl Named {
    /// Whether these segments stand in the path, one after the other.
    pub(crate) fn contains(&self, name: &str) -> bool {
        let wanted: Vec<_> = name.split("::").collect();
        let segments: Vec<_> = self.name.split("::").collect();
        segments.windows(wanted.len()).any(|window| window == wanted)
    }
}

/// The module that a file below a crate's `src` holds: `crates/x/src/a/b.rs` holds `crate::a::b`.
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let inside = file.rsplit_once("src/").map_or(file, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let names = inside.split('/').filter(|name| !["mod", "lib", "main"].contains(name));
    std::iter::once("crate").chain(names).map(str::to_owned).collect()
}

/// Every path named in a file that holds `module`.
///
/// # Errors
/// When the source does not even fall into Rust's tokens.
pub(crate) fn named(source: &str, module: &[String]) -> Result<Vec<Named>, LexError> {
    let mut walk = Walk { module: module.to_vec(), found: Vec::new() };
    walk.code(source.parse()?);
    Ok(walk.found)
}

struct Walk {
    module: Vec<String>,
    found: Vec<Named>,
}

impl Walk {
    fn code(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(TokenTree::Group(attribute)) = tokens.get(at)
                        && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
                    {
                        at = end_of_item(&tokens, at + 1);
                    }
                }
                TokenTree::Ident(word) if word == "use" => at = self.path(&tokens, at, &[], true),
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at), tokens.get(at + 1))
                    {
                        self.module.push(plain(&name.to_string()));
                        self.code(body.stream());
                        self.module.pop();
                        at += 2;
                    }
                }
                TokenTree::Ident(_) => at = self.path(&tokens, at - 1, &[], false),
                TokenTree::Group(group) => self.code(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Reads the path that begins at `at`, and says where it ends. Outside `use`, one word alone is no path
    /// but a variable, a field or a keyword.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &[String], in_use: bool) -> usize {
        let mut segments = prefix.to_vec();
        let mut line = 0;
        if colons(tokens, at) {
            at += 2;
        }
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => {
                    line = word.span().start().line;
                    segments.push(plain(&word.to_string()));
                    at += 1;
                }
                Some(TokenTree::Group(group)) if in_use && group.delimiter() == Delimiter::Brace => {
                    self.tree(group, &segments);
                    return at + 1;
                }
                Some(TokenTree::Punct(star)) if in_use && star.as_char() == '*' => {
                    line = star.span().start().line;
                    at += 1;
                    break;
                }
                _ => break,
            }
            if !colons(tokens, at) {
                break;
            }
            at += 2;
        }
        if line > 0 && (in_use || segments.len() > 1) {
            let name = self.absolute(segments).join("::");
            self.found.push(Named { name, line });
        }
        at
    }

    /// The branches of a `use` tree: what stands between its braces.
    fn tree(&mut self, group: &Group, prefix: &[String]) {
        let tokens: Vec<_> = group.stream().into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let end = self.path(&tokens, at, prefix, true).max(at + 1);
            // What may follow a branch, `as name`, is not part of it.
            at =
                end + tokens[end.min(tokens.len())..].iter().take_while(|token| !is_comma(token)).count() + 1;
        }
    }

    fn absolute(&self, segments: Vec<String>) -> Vec<String> {
        let mut top: Vec<String> = Vec::new();
        for (position, segment) in segments.into_iter().enumerate() {
            match segment.as_str() {
                "self" if position == 0 => top.clone_from(&self.module),
                "self" => {}
                "super" => {
                    if position == 0 {
                        top.clone_from(&self.module);
                    }
                    top.pop();
                }
                _ => top.push(segment),
            }
        }
        top
    }
}

fn plain(word: &str) -> String {
    word.strip_prefix("r#").unwrap_or(word).to_owned()
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

fn colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// The end of the item at `at`: past its body in braces, or its semicolon.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    tokens.iter().skip(at).position(ends).map_or(tokens.len(), |length| at + length + 1)
}

#[cfg(test)]
mod tests {
    use super::{Named, module_of, named};

    fn names(source: &str) -> Vec<String> {
        let module = module_of("crates/domain/src/directory/filter.rs");
        named(source, &module).unwrap().into_iter().map(|path| path.name).collect()
    }

    #[test]
    fn a_files_place_gives_its_module() {
        assert_eq!(module_of("crates/domain/src/lib.rs"), ["crate"]);
        assert_eq!(module_of("crates/domain/src/directory/mod.rs"), ["crate", "directory"]);
        assert_eq!(module_of("crates/domain/src/directory/filter.rs"), ["crate", "directory", "filter"]);
    }

    #[test]
    fn use_trees_are_spelled_out() {
        assert_eq!(
            names(
                "use crate::{directory::{self, User as Person}, reconcile::plan::*}; use ::tokio; pub use a::b;"
            ),
            ["crate::directory", "crate::directory::User", "crate::reconcile::plan", "tokio", "a::b"]
        );
    }

    #[test]
    fn relative_paths_are_told_absolute() {
        assert_eq!(
            names("use super::group; mod inner { use super::super::user; fn f() { self::g() } }"),
            ["crate::directory::group", "crate::directory::user", "crate::directory::filter::inner::g"]
        );
    }

    #[test]
    fn paths_in_bodies_types_and_macros_are_found() {
        assert_eq!(
            names(
                "fn f(x: chrono::DateTime<chrono::Utc>) { let y = vec![Utc::now(), (a::b)(c)]; sqlx::query!(\"\"); }"
            ),
            ["chrono::DateTime", "chrono::Utc", "Utc::now", "a::b", "sqlx::query"]
        );
    }

    #[test]
    fn comments_texts_variables_and_tests_name_nothing() {
        let source = "//! tokio::spawn\n/* axum::Router */ fn f(dropbox: u8) -> &'static str { dropbox.tokio; r#\"a::b\"# }
            #[cfg(test)] use tokio::time; #[cfg(test)] mod tests { use tokio::time; }";
        assert_eq!(names(source), Vec::<String>::new());
        assert_eq!(names("#[cfg(test)] mod tests { use tokio::time; } use after::it;"), ["after::it"]);
    }

    #[test]
    fn a_name_is_whole_segments_in_a_row() {
        let path = Named { name: "crate::reconcile::plan".into(), line: 1 };
        assert!(path.contains("crate::reconcile") && path.contains("plan"));
        assert!(!path.contains("crate::plan") && !path.contains("reconcil"));
    }
}
