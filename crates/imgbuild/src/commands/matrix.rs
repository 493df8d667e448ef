//! `imgbuild matrix`: the images of a spec as jobs for a CI.

use imgbuild_build::{chosen, planned_shards, pushed_groups};
use imgbuild_image::{image_name, variant_name};
use imgbuild_locking::Purpose;
use imgbuild_oci::Platform;
use imgbuild_shard::{Platforms, Shard};
use imgbuild_spec::Variant;
use serde_json::{Map, Value, json};

use super::{print, print_data, print_json, read_spec};
use crate::choice_arguments::{MatrixArguments, MatrixFormatArgument};
use crate::failure::{Failure, Plain};

/// The most jobs of a matrix of GitHub Actions, by its documentation of `jobs.<job_id>.strategy.matrix`.
const MOST_OF_GITHUB: usize = 256;

/// The most jobs of `parallel` in GitLab, by its documentation of `parallel:matrix`.
const MOST_OF_GITLAB: usize = 200;

/// What one machine is to build.
struct Job {
    /// What people call it.
    name: String,
    /// What `imgbuild build SPEC` needs to build it and nothing else.
    arguments: Vec<String>,
    /// What else is known of it.
    facts: Map<String, Value>,
}

pub(crate) fn run(arguments: &MatrixArguments) -> Result<(), Failure> {
    let (_, variants) = read_spec(&arguments.spec, Purpose::Lock)?;
    let only = arguments.only.iter().cloned().collect();
    let chosen = chosen(&variants, &only, &arguments.platform)?;
    let jobs = match arguments.shards {
        Some(count) => shards(arguments, &variants, &chosen, count)?,
        None => {
            let chosen: Vec<Variant> = chosen.iter().map(|index| variants[*index].clone()).collect();
            let groups = pushed_groups(&chosen, arguments.platform_tags).into_iter();
            let images = groups.map(|group| group.iter().map(|index| &chosen[*index]).collect());
            images.map(|image: Vec<&Variant>| of_image(&image, arguments.platform_tags)).collect()
        }
    };
    let format = if arguments.json { MatrixFormatArgument::Json } else { arguments.format };
    match format {
        MatrixFormatArgument::Json => {
            print_json(&json!({ "jobs": jobs.iter().map(as_json).collect::<Vec<_>>() }))
        }
        MatrixFormatArgument::Text => print(&text(&jobs)),
        MatrixFormatArgument::Github => print_data(&github(&jobs)?),
        MatrixFormatArgument::Gitlab => print_json(&gitlab(&jobs)?),
        MatrixFormatArgument::Lines => {
            print_data(&jobs.iter().map(|job| format!("{}\n", quoted(&job.arguments))).collect::<String>())
        }
    }
}

/// A job for a single image: several variants of it differ in their platforms.
fn of_image(variants: &[&Variant], platform_tags: bool) -> Job {
    let first = variants[0];
    let platforms: Vec<Platform> = variants.iter().map(|variant| variant.platform).collect();
    let facts = json!({
        "image": first.name,
        "tags": first.tags,
        "keys": first.keys,
        "platforms": platforms,
    });
    let tags = platform_tags.then(|| "--platform-tags".to_owned());
    Job {
        name: image_name(variants),
        arguments: words(first.keys.iter(), &platforms).into_iter().chain(tags).collect(),
        facts: facts.as_object().cloned().unwrap_or_default(),
    }
}

/// The arguments that choose variants.
fn words<'a>(
    only: impl IntoIterator<Item = (&'a String, &'a String)>,
    platforms: impl IntoIterator<Item = &'a Platform>,
) -> Vec<String> {
    let only = only.into_iter().flat_map(|(key, value)| ["--only".to_owned(), format!("{key}={value}")]);
    let platforms = platforms.into_iter().flat_map(|it| ["--platform".to_owned(), it.to_string()]);
    only.chain(platforms).collect()
}

/// A job for each of so many machines. Which images each has is known where there is a lock.
fn shards(
    arguments: &MatrixArguments,
    variants: &[Variant],
    chosen: &[usize],
    count: u32,
) -> Result<Vec<Job>, Failure> {
    let platforms = if arguments.platform_tags { Platforms::Parted } else { Platforms::Together };
    let planned = planned_shards(&arguments.spec, variants, chosen, (count, platforms))?;
    let chosen = words(arguments.only.iter().map(|(key, value)| (key, value)), &arguments.platform);
    let job = |shard: Shard| {
        let mut facts = Map::new();
        facts.insert("shard".to_owned(), json!(shard.to_string()));
        let images = planned.iter().flatten().zip(0..).find(|(_, index)| *index == shard.index());
        if let Some((images, _)) = images {
            let names = images.iter().map(|index| variant_name(&variants[*index]));
            facts.insert("images".to_owned(), names.collect());
        }
        let tags = arguments.platform_tags.then(|| "--platform-tags".to_owned());
        let shard_words = ["--shard".to_owned(), shard.to_string()];
        let arguments = chosen.iter().cloned().chain(shard_words).chain(tags).collect();
        Job { name: format!("shard {shard}"), arguments, facts }
    };
    Ok((0..count).filter_map(|index| Shard::new(index, count)).map(job).collect())
}

fn as_json(job: &Job) -> Value {
    let mut object = job.facts.clone();
    object.insert("name".to_owned(), json!(job.name));
    object.insert("arguments".to_owned(), json!(job.arguments));
    Value::Object(object)
}

/// What people read: the name of each job, its arguments, and how many images it has, where it is not one.
fn text(jobs: &[Job]) -> String {
    let width = jobs.iter().map(|job| job.name.chars().count()).max().unwrap_or(0);
    let line = |job: &Job| {
        let images = job.facts.get("images").and_then(Value::as_array);
        let images = match images.map(Vec::len) {
            None => String::new(),
            Some(1) => "  1 image".to_owned(),
            Some(count) => format!("  {count} images"),
        };
        format!("{:width$}  {}{images}\n", job.name, quoted(&job.arguments))
    };
    jobs.iter().map(line).collect()
}

/// What GitHub's `fromJSON` makes a matrix of. It takes its arguments as one text, since a step is a script.
fn github(jobs: &[Job]) -> Result<String, Failure> {
    let jobs = at_most(jobs, MOST_OF_GITHUB, "GitHub Actions")?;
    let include = jobs.iter().map(|job| {
        let mut object = job.facts.clone();
        // They are told in the log of each job; a matrix becomes an output, whose size has a bound.
        object.remove("images");
        object.insert("name".to_owned(), json!(job.name));
        object.insert("arguments".to_owned(), json!(quoted(&job.arguments)));
        Value::Object(object)
    });
    let matrix = json!({ "include": include.collect::<Vec<_>>() });
    // A line of GITHUB_OUTPUT is one line.
    Ok(format!("{}\n", serde_json::to_string(&matrix).map_err(Plain::from)?))
}

/// A file of GitLab, which takes JSON as YAML.
fn gitlab(jobs: &[Job]) -> Result<Value, Failure> {
    let jobs = at_most(jobs, MOST_OF_GITLAB, "GitLab CI")?;
    // GitLab expands `$`, of which two are one.
    let job = |job: &Job| json!({ "IMGBUILD_ARGUMENTS": quoted(&job.arguments).replace('$', "$$") });
    Ok(json!({ ".imgbuild-matrix": { "parallel": { "matrix": jobs.iter().map(job).collect::<Vec<_>>() } } }))
}

fn at_most<'a>(jobs: &'a [Job], most: usize, of: &'static str) -> Result<&'a [Job], Failure> {
    if jobs.len() > most {
        return Err(Plain::MostJobs { jobs: jobs.len(), of, most }.into());
    }
    Ok(jobs)
}

/// Words as a shell reads them.
fn quoted(words: &[String]) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,+@%".contains(it);
    let quote = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            return word.clone();
        }
        format!("'{}'", word.replace('\'', "'\\''"))
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_what_was_meant() {
        let words =
            ["--only", "python=3.9", "--only", "numpy=>=1.26,<2", "it's", "$HOME", ""].map(str::to_owned);
        assert_eq!(quoted(&words), r"--only python=3.9 --only 'numpy=>=1.26,<2' 'it'\''s' '$HOME' ''");
    }
}
