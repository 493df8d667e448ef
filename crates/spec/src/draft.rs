//! From the language to what is built: one combination, before it is known for which platform.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imgbuild_document::{Located, Problem, Source, beneath, list};
use imgbuild_environment::Environment;
use imgbuild_oci::{ImageName, Platform, Tag};

use crate::base::{base, debian_python, needs_base};
use crate::checks;
use crate::cuda::{self, Cuda};
use crate::environment_draft::{EnvironmentDraft, NamedEnvironment, OwnEnvironment};
use crate::environments::Environments;
use crate::language::{Document, Image, Layers};
use crate::mistake::SpecMistake;
use crate::pip::Section;
use crate::python::{base_python, python, python_from};
use crate::services::{self, Services};
use crate::template::Combination;
use crate::variant::{
    Account, Base, Check, Conform, CopyRule, DevContainer, Jupyter, Licences, Ssh, Variant,
};

/// What an image is called whose name is no name, so that the rest of its spec can be looked at.
const UNNAMED: &str = "image";

/// A combination of the matrix, checked.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) name: ImageName,
    pub(crate) tags: Vec<Tag>,
    /// Nothing for the platform of whoever builds.
    pub(crate) platforms: Option<Vec<Platform>>,
    pub(crate) keys: Combination,
    cuda: Option<Cuda>,
    base: Base,
    environments: Environments,
    jupyter: Option<Jupyter>,
    ssh: Option<Ssh>,
    dev_container: Option<DevContainer>,
    account: Account,
    image: Image,
    copy: Vec<CopyRule>,
    layers: Layers,
    licences: Option<Licences>,
    checks: Vec<Check>,
    conform: Vec<Conform>,
}

/// What a draft is made from, beside the document.
pub(crate) struct Context<'a> {
    pub(crate) source: &'a Source,
    pub(crate) folder: &'a Path,
    pub(crate) keys: &'a Combination,
    pub(crate) environment: Option<Environment>,
    pub(crate) pip: Section,
    pub(crate) environments: Vec<NamedEnvironment>,
}

impl Draft {
    /// Checks what no single value shows. There is no draft where there is no name.
    pub(crate) fn new(mut document: Document, context: Context<'_>) -> (Option<Self>, Vec<Problem>) {
        let source = context.source;
        let mut problems = Vec::new();
        let from = python_from(&document).unwrap_or_default();
        let tags = list::unique("tags", document.tags, source, &mut problems);
        let platforms = list::unique("platforms", document.platforms, source, &mut problems);
        let python = document.python.map(|located| python(located, from, source));
        let base_place = document.base.as_ref().map(|located| located.span.clone());
        let mut base = base(document.base, context.folder, source, &mut problems);
        let keys = (document.jupyter, document.ssh, document.devcontainer, document.user);
        let services = Services::new(keys, &mut document.image, source, &mut problems);
        problems.extend(services.check_ports(&document.image, &base));
        problems.extend(services.stand_on(&mut base));
        let own = OwnEnvironment {
            table: document.conda.map(|located| located.value).unwrap_or_default(),
            python,
            env: document.env.as_ref().map(|env| env.origin(source)),
            environment: context.environment,
            pip: context.pip,
        };
        let (mut environments, found) =
            Environments::new(own, context.environments, document.default_env, source);
        problems.extend(found);
        problems.extend(services.run_in(&mut environments, from));
        let default = &environments.default;
        let pytorch = default.pip.pytorch();
        let cuda = cuda::cuda(document.cuda, default.conda.is_some(), pytorch, source, &mut problems);
        problems.extend(environments.all().flat_map(services::wrong_variables));
        problems.extend(wrong_base(&environments, &base, base_place.unwrap_or_default(), source));
        let checks = checks::checks(document.check, source, &mut problems);
        let licences = document.licences.map(|it| checks::licences(it, source, &mut problems));
        let conform = checks::conform(document.conform, source, &mut problems);
        let copy = copies(document.copy, context.folder, source, &mut problems);
        let name = document.name.map(|located| located.value).or_else(|| UNNAMED.parse().ok());
        let draft = |name| Self {
            name,
            tags: match tags {
                Some(tags) if !tags.is_empty() => tags,
                _ => "latest".parse().into_iter().collect(),
            },
            platforms,
            keys: context.keys.clone(),
            cuda,
            base,
            environments,
            jupyter: services.jupyter,
            ssh: services.ssh,
            dev_container: services.dev_container,
            account: services.account,
            image: document.image,
            copy,
            layers: document.layers,
            licences,
            checks,
            conform,
        };
        (name.map(draft), problems)
    }

    /// The variant for one platform, and what is wrong with it; none where the lock has nothing for the platform.
    pub(crate) fn variant(&self, platform: Platform) -> (Option<Variant>, Vec<Problem>) {
        let cuda = self.cuda.as_ref();
        let (default, mut problems) = self.environments.default.on(platform, &self.base, cuda);
        let (others, found) = self.environments.others_on(platform, &self.base, cuda);
        problems.extend(found);
        let (Some((conda, pip)), Some(environments)) = (default, others) else { return (None, problems) };
        let variant = Variant {
            name: self.name.clone(),
            tags: self.tags.clone(),
            platform,
            keys: self.keys.clone(),
            python: self.environments.default.python.clone(),
            cuda: self.cuda.clone(),
            base: self.base.clone(),
            environment: None,
            conda,
            pip,
            environments,
            jupyter: self.jupyter.clone(),
            ssh: self.ssh.clone(),
            dev_container: self.dev_container.clone(),
            account: self.account.clone(),
            image: self.image.clone(),
            copy: self.copy.clone(),
            layers: self.layers.clone(),
            licences: self.licences.clone(),
            checks: self.checks.clone(),
            conform: self.conform.clone(),
        };
        (Some(variant), problems)
    }
}

/// What environments need that the base cannot give them.
fn wrong_base(
    environments: &Environments,
    base: &Base,
    place: std::ops::Range<usize>,
    source: &Source,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if matches!(base, Base::Scratch) {
        let asked = environments.all().find_map(EnvironmentDraft::needs_libraries);
        problems.extend(asked.map(|(what, origin)| needs_base(what, origin, place, source)));
    }
    let pythons = environments.all().filter_map(|it| it.python.as_ref());
    problems.extend(
        pythons.filter_map(|python| debian_python(python, base).or_else(|| base_python(python, base))),
    );
    problems
}

fn copy(located: Located<crate::language::CopyTable>, source: &Source) -> CopyRule {
    let origin = located.origin(source);
    let table = located.value;
    CopyRule {
        from: table.from,
        to: table.to,
        owner: table.owner.map(|owner| owner.0),
        mode: table.mode,
        folder_mode: table.folder_mode,
        origin,
    }
}

fn copies(
    tables: Vec<Located<crate::language::CopyTable>>,
    folder: &Path,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<CopyRule> {
    let mut rules: Vec<CopyRule> = tables.into_iter().map(|located| copy(located, source)).collect();
    rules.retain(|rule| leads_out(rule, folder, source).map(|problem| problems.push(problem)).is_none());
    rules
}

/// A link that is named by itself is copied as a link; one on the way to it is followed.
fn leads_out(copy: &CopyRule, folder: &Path, source: &Source) -> Option<Problem> {
    let path: PathBuf = copy.from.as_path().components().collect();
    let problem = beneath::problem(folder, path.parent()?)?;
    Some(problem.at(source, copy.origin.span(), "this is copied"))
}

/// Two combinations with one name, tag and platform: the second image would replace the first.
pub(crate) fn shared_tags(
    drafts: &[Draft],
    place: (std::ops::Range<usize>, bool),
    source: &Source,
) -> Option<Problem> {
    let mut seen: BTreeMap<(&ImageName, &Tag, Option<Platform>), &Draft> = BTreeMap::new();
    for draft in drafts {
        let platforms: Vec<Option<Platform>> = match &draft.platforms {
            Some(platforms) => platforms.iter().copied().map(Some).collect(),
            None => vec![None],
        };
        for tag in &draft.tags {
            for platform in &platforms {
                if let Some(first) = seen.insert((&draft.name, tag, *platform), draft) {
                    return Some(shared_tag(tag, first, draft, place, source));
                }
            }
        }
    }
    None
}

fn shared_tag(
    tag: &Tag,
    first: &Draft,
    second: &Draft,
    (span, written): (std::ops::Range<usize>, bool),
    source: &Source,
) -> Problem {
    let differs: Vec<String> = second
        .keys
        .iter()
        .filter(|(key, value)| first.keys.get(*key) != Some(value))
        .map(|(key, _)| format!("{{{key}}}"))
        .collect();
    let mistake = SpecMistake::SharedTag {
        tag: tag.to_string(),
        first: crate::template::describe(&first.keys),
        second: crate::template::describe(&second.keys),
    };
    let label = if written { "these tags" } else { "a matrix, but no `tags`" };
    let hint = format!("name what differs in `tags`, for example `tags = [\"{}\"]`", differs.join("-"));
    Problem::new(mistake).at(source, span, label).hint(hint)
}
