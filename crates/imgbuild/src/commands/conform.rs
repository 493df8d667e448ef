//! `imgbuild conform`.

use imgbuild_conform::{Line, Verdict};
use imgbuild_image::{MakeError, conform, open_image};
use imgbuild_spec::Contract;
use imgbuild_store::LayerCaches;
use serde_json::{Value, json};

use super::{host, print, print_json, store};
use crate::arguments::ConformArguments;
use crate::failure::{Failure, Plain};

pub(crate) async fn run(arguments: &ConformArguments) -> Result<(), Failure> {
    let platform = match arguments.platform {
        Some(platform) => platform,
        None => host()?,
    };
    let asked = match arguments.contracts.as_slice() {
        [] => Contract::ALL.to_vec(),
        named => named.to_vec(),
    };
    let (image, store) = (arguments.image.clone(), store()?);
    let judged = move || {
        let opened = open_image(&image, platform, &LayerCaches::new(store.clone()))?;
        conform(&opened, &asked, &store)
    };
    let lines = tokio::task::spawn_blocking(judged).await.map_err(MakeError::from)??;
    if arguments.json {
        print_json(&json!({ "demands": lines.iter().map(as_json).collect::<Vec<_>>() }))?;
    } else {
        print(&text(&lines))?;
    }
    let failed = lines.iter().filter(|line| matches!(line.verdict, Verdict::Fails(_))).count();
    if failed > 0 && !arguments.contracts.is_empty() {
        let contracts = arguments.contracts.iter().map(|contract| format!("`{contract}`"));
        let contracts = contracts.collect::<Vec<_>>().join(", ");
        return Err(Plain::Conform { image: arguments.image.clone(), contracts, failed }.into());
    }
    Ok(())
}

/// All lines, those of each platform below its name.
fn text(lines: &[Line]) -> String {
    let of_platform = lines.chunk_by(|one, other| one.contract == other.contract);
    let told = |lines: &[Line]| -> String {
        let name = lines.first().map(|line| line.contract.to_string()).unwrap_or_default();
        let demands: String = lines.iter().map(demand).collect();
        format!("{name}: {}\n{demands}", summary(lines))
    };
    of_platform.map(told).collect::<Vec<_>>().join("\n")
}

/// How many demands hold, and how many do not.
fn summary(lines: &[Line]) -> String {
    let count = |word: &str| lines.iter().filter(|line| line.verdict.word() == word).count();
    let (holding, failing, unknown) = (count("holds"), count("fails"), count("unknown"));
    let mut parts = vec![format!("{holding} of {} demands hold", holding + failing + unknown)];
    parts.extend((unknown > 0).then(|| format!("{unknown} cannot be told")));
    parts.join(", ")
}

fn demand(line: &Line) -> String {
    let word = match line.verdict {
        Verdict::Holds(_) => "holds",
        Verdict::Fails(_) => "not",
        Verdict::Unknown(_) => "unknown",
        Verdict::Other(_) => return String::new(),
    };
    let mut found = line.verdict.found().lines();
    let mut text = format!("  {word:<8} {} ({})\n", line.demand.says, found.next().unwrap_or_default());
    text.extend(found.map(|line| format!("           {line}\n")));
    if matches!(line.verdict, Verdict::Fails(_)) {
        text.push_str(&format!("           → {}\n", line.demand.advice));
    }
    text
}

fn as_json(line: &Line) -> Value {
    let Line { contract, demand, verdict } = line;
    json!({
        "platform": contract,
        "demand": demand.says,
        "source": demand.source,
        "verdict": verdict.word(),
        "found": verdict.found(),
        "advice": matches!(verdict, Verdict::Fails(_)).then_some(demand.advice),
    })
}
