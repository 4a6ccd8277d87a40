//! The Dropbox API as its own specification tells it: which routes there are, and the types they speak.
//!
//! `spec.json` is a trimmed copy of the public Stone specification (2026-08-05): only the routes served here, and
//! only what the validator needs. What the routes *do* never lives here.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

/// The specification, parsed once.
pub(crate) static SPEC: LazyLock<Spec> = LazyLock::new(|| {
    let raw: RawSpec = match serde_json::from_str(include_str!("spec.json")) {
        Ok(raw) => raw,
        Err(error) => panic!("the embedded specification cannot be read: {error}"),
    };
    Spec::resolve(raw)
});

/// Routes and named types.
#[derive(Debug)]
pub(crate) struct Spec {
    routes: HashMap<String, RouteSpec>,
    types: HashMap<String, Definition>,
}

/// What one route takes and gives.
#[derive(Debug)]
pub(crate) struct RouteSpec {
    pub(crate) scope: String,
    pub(crate) arg: Type,
    pub(crate) result: Type,
    pub(crate) error: Type,
}

/// A type as it is used somewhere.
#[derive(Debug)]
pub(crate) enum Type {
    Void,
    Boolean,
    Integer { min: i128, max: i128 },
    Text { min: Option<usize>, max: Option<usize>, pattern: Option<Pattern> },
    Timestamp { format: String },
    List { item: Box<Type>, min: Option<usize>, max: Option<usize> },
    Named(String),
}

/// A pattern, anchored as Stone anchors it.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) regex: Regex,
}

/// A named type.
#[derive(Debug)]
pub(crate) enum Definition {
    Struct(Vec<Field>),
    Union { open: bool, tags: Vec<Field> },
}

/// A field of a struct, or a tag of a union with the type of its value.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) optional: bool,
    pub(crate) default: Option<Value>,
}

impl Field {
    pub(crate) fn required(&self) -> bool {
        !self.optional && self.default.is_none()
    }
}

impl Spec {
    pub(crate) fn route(&self, path: &str) -> Option<&RouteSpec> {
        self.routes.get(path)
    }

    /// The definition behind a name. Every name in the specification has one: [`Spec::resolve`] looks.
    pub(crate) fn definition(&self, name: &str) -> &Definition {
        match self.types.get(name) {
            Some(definition) => definition,
            None => panic!("the embedded specification has no type {name}"),
        }
    }

    fn resolve(raw: RawSpec) -> Self {
        let types = raw.types.into_iter().map(|(name, ty)| (name, ty.resolve())).collect();
        let routes = raw
            .routes
            .into_iter()
            .map(|route| {
                let spec = RouteSpec {
                    scope: route.scope,
                    arg: route.arg.resolve(),
                    result: route.result.resolve(),
                    error: route.error.resolve(),
                };
                (route.path, spec)
            })
            .collect();
        Self { routes, types }
    }
}

#[derive(Deserialize)]
struct RawSpec {
    routes: Vec<RawRoute>,
    types: HashMap<String, RawDefinition>,
}

#[derive(Deserialize)]
struct RawRoute {
    path: String,
    scope: String,
    arg: RawType,
    result: RawType,
    error: RawType,
}

#[derive(Deserialize)]
struct RawDefinition {
    kind: Kind,
    fields: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Struct,
    Union,
    UnionClosed,
}

#[derive(Deserialize)]
struct RawField {
    name: String,
    #[serde(rename = "type")]
    ty: RawType,
    #[serde(default)]
    optional: bool,
    default: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawType {
    Name(String),
    List {
        list: Box<RawType>,
        min_items: Option<usize>,
        max_items: Option<usize>,
    },
    Limited {
        prim: String,
        min_length: Option<usize>,
        max_length: Option<usize>,
        pattern: Option<String>,
        min_value: Option<u64>,
        max_value: Option<u64>,
        format: Option<String>,
    },
}

impl RawDefinition {
    fn resolve(self) -> Definition {
        let fields = self
            .fields
            .into_iter()
            .map(|field| Field {
                name: field.name,
                ty: field.ty.resolve(),
                optional: field.optional,
                default: field.default,
            })
            .collect();
        match self.kind {
            Kind::Struct => Definition::Struct(fields),
            Kind::Union => Definition::Union { open: true, tags: fields },
            Kind::UnionClosed => Definition::Union { open: false, tags: fields },
        }
    }
}

impl RawType {
    fn resolve(self) -> Type {
        match self {
            RawType::Name(name) if name.contains('.') => Type::Named(name),
            RawType::Name(name) => primitive(&name, (None, None)),
            RawType::List { list, min_items, max_items } => {
                Type::List { item: Box::new(list.resolve()), min: min_items, max: max_items }
            }
            RawType::Limited { prim, min_length, max_length, pattern, min_value, max_value, format } => {
                match prim.as_str() {
                    "String" => {
                        Type::Text { min: min_length, max: max_length, pattern: pattern.map(anchored) }
                    }
                    "Timestamp" => Type::Timestamp { format: format.unwrap_or_default() },
                    other => primitive(other, (min_value, max_value)),
                }
            }
        }
    }
}

fn primitive(name: &str, (min, max): (Option<u64>, Option<u64>)) -> Type {
    let integer = |lowest: i128, highest: i128| Type::Integer {
        min: min.map_or(lowest, i128::from),
        max: max.map_or(highest, i128::from),
    };
    match name {
        "Void" => Type::Void,
        "Boolean" => Type::Boolean,
        "String" => Type::Text { min: None, max: None, pattern: None },
        "UInt32" => integer(0, i128::from(u32::MAX)),
        "UInt64" => integer(0, i128::from(u64::MAX)),
        "Int64" => integer(i128::from(i64::MIN), i128::from(i64::MAX)),
        other => panic!("the embedded specification has the unknown primitive {other}"),
    }
}

fn anchored(pattern: String) -> Pattern {
    match Regex::new(&format!(r"\A(?:{pattern})\z")) {
        Ok(regex) => Pattern { text: pattern, regex },
        Err(error) => panic!("the embedded specification has a bad pattern: {error}"),
    }
}
