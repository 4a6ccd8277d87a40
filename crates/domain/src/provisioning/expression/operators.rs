//! What the operators do with two values.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::ast::Operator;
use super::error::Fault;

/// A value together with the words of the expression that gave it, for errors.
pub(super) struct Operand<'v> {
    pub(super) value: &'v Value,
    pub(super) written: &'v str,
    pub(super) place: std::ops::Range<usize>,
}

impl Operand<'_> {
    fn fault(&self, wanted: &str, remedy: &str) -> Fault {
        if self.value.is_null() {
            let default = if wanted == "a number" { "0" } else { "''" };
            return null(self.written, default).on(&self.place);
        }
        let message = format!("`{}` is {}, not {wanted}", shortened(self.written), kind(self.value));
        Fault::new(message, remedy).on(&self.place)
    }
}

/// What a value is, in the words of errors.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The fault of a value that is not there.
pub(super) fn null(written: &str, default: &str) -> Fault {
    let written = shortened(written);
    Fault::new(format!("`{written}` is null"), format!("Give a default: `({written} ?: {default})`."))
}

/// The part of an expression that is named in an error; the caret shows the rest.
pub(super) fn shortened(written: &str) -> String {
    if written.chars().count() <= 40 {
        return written.to_owned();
    }
    written.chars().take(39).chain(['…']).collect()
}

/// Whether a condition holds.
pub(super) fn truth(operand: &Operand<'_>) -> Result<bool, Fault> {
    match operand.value {
        Value::Bool(value) => Ok(*value),
        Value::Null => Err(null(operand.written, "false").on(&operand.place)),
        _ => Err(operand.fault("true or false", "Compare it with something: `… == 'text'`.")),
    }
}

/// `left op right`, for all operators but `and`, `or` and `matches`.
pub(super) fn apply(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Result<Value, Fault> {
    match operator {
        Operator::Eq => Ok(equal(left.value, right.value).into()),
        Operator::Ne => Ok((!equal(left.value, right.value)).into()),
        Operator::Lt => Ok(order(left, right)?.is_lt().into()),
        Operator::Le => Ok(order(left, right)?.is_le().into()),
        Operator::Gt => Ok(order(left, right)?.is_gt().into()),
        Operator::Ge => Ok(order(left, right)?.is_ge().into()),
        Operator::Add if left.value.is_string() || right.value.is_string() => {
            Ok(Value::String(text(left)? + &text(right)?))
        }
        _ => calculate(operator, left, right),
    }
}

/// Equality: numbers by value, everything else by kind and content; nothing is converted.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => order_of_numbers(a, b) == Some(Ordering::Equal),
        (a, b) => a == b,
    }
}

fn order(left: &Operand<'_>, right: &Operand<'_>) -> Result<Ordering, Fault> {
    match (left.value, right.value) {
        (Value::Number(a), Value::Number(b)) => order_of_numbers(a, b)
            .ok_or_else(|| Fault::new("these numbers have no order", "Change one of them.")),
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        (Value::Number(_), _) => Err(right.fault("a number", "Compare a number with a number.")),
        (Value::String(_), _) => Err(right.fault("text", "Compare text with text.")),
        _ => Err(left.fault("a number or text", "Only numbers and texts have an order.")),
    }
}

fn order_of_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn text(operand: &Operand<'_>) -> Result<String, Fault> {
    match operand.value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(operand.fault("text", "Make text of a list with `#string.join(list, ', ')`.")),
    }
}

fn calculate(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Result<Value, Fault> {
    let (a, b) = (number(left)?, number(right)?);
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        let whole = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            Operator::Divide => a.checked_div(b),
            _ => a.checked_rem(b),
        };
        return whole.map(Value::from).ok_or_else(no_result);
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return Err(no_result()) };
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => a % b,
    };
    Number::from_f64(result).map(Value::Number).ok_or_else(no_result)
}

/// `-value`
pub(super) fn negate(operand: &Operand<'_>) -> Result<Value, Fault> {
    let number = number(operand)?;
    let whole = number.as_i64().map(|whole| whole.checked_neg().map(Value::from).ok_or_else(no_result));
    whole.unwrap_or_else(|| {
        number.as_f64().and_then(|value| Number::from_f64(-value)).map(Value::Number).ok_or_else(no_result)
    })
}

fn number<'v>(operand: &Operand<'v>) -> Result<&'v Number, Fault> {
    match operand.value {
        Value::Number(number) => Ok(number),
        _ => Err(operand.fault("a number", "Only numbers can be calculated with.")),
    }
}

fn no_result() -> Fault {
    Fault::new("this has no result", "The numbers are too large, or the second one is 0.")
}
