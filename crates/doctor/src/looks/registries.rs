//! Registries of images: whether they answer, and how fast. None is shown a credential.

use std::path::Path;
use std::sync::Arc;

use imgbuild_net::Client;
use imgbuild_oci::RegistryHost;
use imgbuild_registry::{Anonymous, Greeting, Registries, RegistryError, RegistrySettings};
use imgbuild_spec::{Base, Variant};
use reqwest::StatusCode;

use crate::finding::{Area, Finding, Verdict};
use crate::looks::clock::{Stated, parse};
use crate::looks::servers::Heard;
use crate::surroundings::Surroundings;
use crate::thresholds::SERVER_PATIENCE;

/// The registries of the images that a spec stands on.
pub(crate) fn of_spec(variants: &[Variant]) -> Vec<RegistryHost> {
    let mut hosts: Vec<RegistryHost> = Vec::new();
    for variant in variants {
        let Base::Image(image) = &variant.base else { continue };
        let host = image.reference.registry().cloned().unwrap_or_else(RegistryHost::docker);
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// What speaks to registries as this machine's files say, but with no credential.
///
/// # Errors
///
/// That they cannot be read, as a finding.
pub(crate) fn open(
    surroundings: &Surroundings,
    client: &Client,
    needed: bool,
) -> Result<Registries, Finding> {
    let what = "settings of registries";
    let settings = RegistrySettings::of_machine(&surroundings.variables, Path::new(&surroundings.root));
    let settings = settings.map_err(|error| Finding::of(Area::Network, what, &error).needed_if(needed))?;
    Registries::with_settings(client, Arc::new(Anonymous), settings)
        .map_err(|error| Finding::of(Area::Network, what, &error).needed_if(needed))
}

fn what(host: &RegistryHost) -> String {
    format!("registry `{host}`")
}

/// Asks a registry whether it is there.
pub(crate) async fn heard(registries: &Registries, host: &RegistryHost, needed: bool) -> Heard {
    let greeting = tokio::time::timeout(SERVER_PATIENCE, registries.greet(host)).await.ok();
    let stated = match &greeting {
        Some(Ok(greeting)) => greeting.date.as_deref().and_then(parse),
        _ => None,
    };
    let answered = Some(matches!(greeting, Some(Ok(_))));
    let stated = stated.map(|time| Stated { by: host.to_string(), time });
    let took = greeting.as_ref().and_then(|greeting| Some(greeting.as_ref().ok()?.took));
    let finding = Finding { took, ..found(host, greeting).needed_if(needed) };
    Heard { finding, stated, answered }
}

/// One that nobody may ask.
pub(crate) fn unasked(host: &RegistryHost) -> Heard {
    let finding = Finding::new(Area::Network, &what(host), Verdict::Unknown, "it is not asked: `--offline`");
    Heard { finding, stated: None, answered: None }
}

fn found(host: &RegistryHost, greeting: Option<Result<Greeting, RegistryError>>) -> Finding {
    let told = |verdict, found: String| Finding::new(Area::Network, &what(host), verdict, found);
    let usual = "a network that is closed has proxies, which `HTTPS_PROXY` and `NO_PROXY` name, or mirrors of its own, which \
                 `registries.conf` names";
    match greeting {
        None => told(Verdict::Wrong, format!("it does not answer within {} s", SERVER_PATIENCE.as_secs()))
            .remedy(usual),
        Some(Err(error)) => Finding::of(Area::Network, &what(host), &error).remedy(usual),
        Some(Ok(Greeting { status, tls, took, .. })) => {
            let way = if tls { "by TLS" } else { "without TLS" };
            let answers = format!("it answers in {} ms, {way}", took.as_millis());
            match status {
                StatusCode::OK => told(Verdict::Fine, answers),
                StatusCode::UNAUTHORIZED => {
                    told(Verdict::Fine, format!("{answers}, and wants to know who asks"))
                }
                StatusCode::NOT_FOUND => {
                    told(Verdict::Wrong, format!("{answers}, and is no registry: it has no `/v2/`"))
                        .remedy("name the registry's own host and port")
                }
                _ => told(Verdict::Wrong, format!("{answers}, with {status}")).remedy("try again later"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_answers_mean() {
        let host: RegistryHost = "r.example:5000".parse().unwrap();
        let greeting = |status, tls| {
            let status = StatusCode::from_u16(status).unwrap();
            Some(Ok(Greeting { status, tls, date: None, took: Duration::from_millis(3) }))
        };
        let all = [
            found(&host, greeting(200, false)),
            found(&host, greeting(401, true)),
            found(&host, greeting(404, true)),
            found(&host, greeting(503, true)),
            found(&host, None),
            unasked(&host).finding,
        ];
        insta::assert_snapshot!(crate::looks::shown(&all), @"
        fine registry `r.example:5000`: it answers in 3 ms, without TLS
        fine registry `r.example:5000`: it answers in 3 ms, by TLS, and wants to know who asks
        wrong registry `r.example:5000`: it answers in 3 ms, by TLS, and is no registry: it has no `/v2/`
          -> name the registry's own host and port
        wrong registry `r.example:5000`: it answers in 3 ms, by TLS, with 503 Service Unavailable
          -> try again later
        wrong registry `r.example:5000`: it does not answer within 5 s
          -> a network that is closed has proxies, which `HTTPS_PROXY` and `NO_PROXY` name, or mirrors of its own, which `registries.conf` names
        unknown registry `r.example:5000`: it is not asked: `--offline`
        ");
    }
}
