//! Deliveries to webhooks: one POST, signed as [Standard Webhooks](https://www.standardwebhooks.com) has it, straight to
//! the receiver (no proxy could be checked), no redirects. When to try again is nobody's business here.

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use usher_domain::{
    Problem, Secret, Timestamp,
    ports::receiver::{Attempt, Receiver, Refused},
    subscription::Subscription,
    targets::{Purpose, Targets},
};

use crate::{
    guard::Guarded,
    http::{self, Expected, LONGEST_REFUSAL, NoAnswer},
    mask::Secrets,
};

/// Webhooks, behind [`Receiver`].
#[derive(Debug)]
pub struct Webhooks {
    targets: Targets,
    verifying: reqwest::Client,
    trusting: reqwest::Client,
}

impl Webhooks {
    /// Webhooks that lead where `targets` lets them.
    ///
    /// # Errors
    /// When no HTTPS client can be set up on this machine.
    pub fn new(targets: Targets) -> Result<Self, Problem> {
        let client = |trusting: bool| {
            http::client(|builder| {
                builder
                    .no_proxy()
                    .dns_resolver(std::sync::Arc::new(Guarded::new(targets.clone(), Purpose::Webhook)))
                    .tls_danger_accept_invalid_certs(trusting)
            })
        };
        Ok(Webhooks { verifying: client(false)?, trusting: client(true)?, targets })
    }

    fn request(
        &self,
        subscription: &Subscription,
        attempt: Attempt<'_>,
    ) -> Result<reqwest::RequestBuilder, String> {
        let url = url::Url::parse(&subscription.endpoint.url).map_err(|error| error.to_string())?;
        // The setting may be another one than when the subscription was saved.
        self.targets
            .check_url(Purpose::Webhook, &url)
            .map_err(|allowed| format!("its address must be {allowed}"))?;
        let client =
            if subscription.endpoint.verify_tls_certificates { &self.verifying } else { &self.trusting };
        let mut request = client.post(url).timeout(attempt.patience);
        for (name, value) in &subscription.headers {
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            let mut value = HeaderValue::try_from(value.expose())
                .map_err(|_| format!("the value of {name} cannot be sent"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let seconds = attempt.at.as_millis().div_euclid(1000);
        let signed = format!("{}.{seconds}.{}", attempt.message_id, attempt.body);
        Ok(request
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", attempt.message_id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures(subscription, attempt.at, &signed)?)
            .body(attempt.body.to_owned()))
    }
}

#[async_trait]
impl Receiver for Webhooks {
    async fn post(&self, subscription: &Subscription, attempt: Attempt<'_>) -> Result<(), Refused> {
        let refused = |what: String, remedy: &'static str, retry_after| Refused {
            problem: Problem::new(
                "WEBHOOK_REFUSED",
                format!("The webhook of {} {what}.", subscription.name),
                remedy,
            ),
            retry_after,
        };
        let request = self
            .request(subscription, attempt)
            .map_err(|why| refused(format!("cannot be called: {why}"), "Correct the subscription.", None))?;
        // Only the beginning of a refusal is read, and nothing of a success.
        let secrets = secrets(subscription, attempt.at);
        let expected =
            Expected { longest: LONGEST_REFUSAL, whole: |_| false, grants: false, secrets: &secrets };
        let answer = http::ask(request, expected).await.map_err(|no_answer| {
            let what = match &no_answer {
                NoAnswer::Late => format!("did not answer within {} s", attempt.patience.as_secs_f32()),
                _ => no_answer.what().to_owned(),
            };
            refused(
                what,
                "See whether the receiver runs and can be reached from here; it is tried again.",
                None,
            )
        })?;
        if answer.status.is_success() {
            return Ok(());
        }
        let said = answer.excerpt();
        let said = if said.is_empty() { said } else { format!(" ({said})") };
        let what = format!("answered {}{said}", answer.status.as_u16());
        Err(refused(what, "Find out why the receiver refuses it. Usher tries again.", answer.retry_after))
    }
}

/// `v1,SIGNATURE` for each secret that signs at that time.
fn signatures(subscription: &Subscription, at: Timestamp, signed: &str) -> Result<String, String> {
    let sign = |secret: &Secret| {
        let key = BASE64
            .decode(secret.expose())
            .map_err(|_| "its signing secret is not base64; rotate it".to_owned())?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        Ok(format!("v1,{}", BASE64.encode(tag)))
    };
    let all: Result<Vec<String>, String> = subscription.signing_secrets(at).into_iter().map(sign).collect();
    Ok(all?.join(" "))
}

/// What is masked in an answer: the signing secrets, and the headers, also without the scheme of an `Authorization`.
fn secrets(subscription: &Subscription, at: Timestamp) -> Secrets {
    let headers = subscription.headers.values();
    let credentials = headers.clone().filter_map(|value| value.expose().split_once(char::is_whitespace));
    let credentials: Vec<Secret> = credentials.map(|(_, rest)| Secret::new(rest.trim())).collect();
    Secrets::of(subscription.signing_secrets(at).into_iter().chain(headers).chain(&credentials))
}
