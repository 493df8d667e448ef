//! `imgbuild conform`.

use imgbuild_conform::{Line, Verdict};
use imgbuild_image::{MakeError, conform, open_image};
use imgbuild_spec::Contract;
use imgbuild_store::LayerCaches;
use serde_json::{Value, json};

use super::{host, is_local, make_local, print, print_json, store};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::judging_arguments::ConformArguments;

pub(crate) async fn run(arguments: &ConformArguments, global: &Global) -> Result<(), Failure> {
    let platform = match arguments.platform {
        Some(platform) => platform,
        None => host()?,
    };
    let mut asked: Vec<Contract> = Vec::new();
    for contract in &arguments.contracts {
        if !asked.contains(contract) {
            asked.push(*contract);
        }
    }
    let is_asked = !asked.is_empty();
    if !is_asked {
        asked = Contract::ALL.to_vec();
    }
    let names = asked.iter().map(|contract| format!("`{contract}`")).collect::<Vec<_>>().join(", ");
    let (image, store, json) = (arguments.image.clone(), store()?, arguments.json);
    if !is_local(&image, platform, &store)? {
        make_local(&image, platform, global).await?;
    }
    let judged = move || -> Result<Vec<Line>, Failure> {
        let opened = open_image(&image, platform, &LayerCaches::new(store.clone()))?;
        let mut all: Vec<Line> = Vec::new();
        conform(&opened, &asked, &store, |lines| {
            // A run takes seconds: each platform is told when it is known.
            if !json {
                let between = if all.is_empty() { "" } else { "\n" };
                print(&format!("{between}{}", text(&lines)))?;
            }
            all.extend(lines);
            Ok::<_, Failure>(())
        })?;
        Ok(all)
    };
    let lines = tokio::task::spawn_blocking(judged).await.map_err(MakeError::from)??;
    if json {
        print_json(&json!({ "demands": lines.iter().map(as_json).collect::<Vec<_>>() }))?;
    }
    let failed = lines.iter().filter(|line| matches!(line.verdict, Verdict::Fails(_))).count();
    if failed > 0 && is_asked {
        return Err(Plain::Conform { image: arguments.image.clone(), contracts: names, failed }.into());
    }
    Ok(())
}

/// The lines of one platform, below its name.
fn text(lines: &[Line]) -> String {
    let name = lines.first().map(|line| line.contract.to_string()).unwrap_or_default();
    let demands: String = lines.iter().map(demand).collect();
    format!("{name}: {}\n{demands}", summary(lines))
}

/// How many demands hold, and how many do not.
fn summary(lines: &[Line]) -> String {
    let count = |word: &str| lines.iter().filter(|line| line.verdict.word() == word).count();
    let (holding, failing, unknown) = (count("holds"), count("fails"), count("unknown"));
    let advised = count("advised");
    let all = holding + failing + unknown + advised;
    let mut parts = vec![format!("{holding} of {all} demands hold")];
    parts.extend((advised > 0).then(|| format!("{advised} advised")));
    parts.extend((unknown > 0).then(|| format!("{unknown} cannot be told")));
    parts.join(", ")
}

fn demand(line: &Line) -> String {
    let word = match line.verdict {
        Verdict::Holds(_) => "holds",
        Verdict::Fails(_) => "not",
        Verdict::Advised(_) => "advised",
        Verdict::Unknown(_) => "unknown",
        Verdict::Other(_) => return String::new(),
    };
    let mut found = line.verdict.found().lines();
    let mut text = format!("  {word:<8} {} ({})\n", line.demand.says, found.next().unwrap_or_default());
    text.extend(found.map(|line| format!("           {line}\n")));
    if matches!(line.verdict, Verdict::Fails(_) | Verdict::Advised(_)) {
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
        "advice": matches!(verdict, Verdict::Fails(_) | Verdict::Advised(_)).then_some(demand.advice),
    })
}
