//! The page of one image.

use imgbuild_image::Built;
use imgbuild_locking::CudaContract;
use maud::{Markup, html};

use crate::configuration::{configuration, cuda, ran};
use crate::conformity::conformity;
use crate::layers::layers;
use crate::overview::{head, map};
use crate::packages::packages;
use crate::page::page;
use crate::subject::Subject;
use crate::waste::waste;

/// The page of an image. It follows from the image alone.
pub fn image_page(subject: &Subject) -> String {
    page(&subject.name, &html! { main { (image(subject, "image", None, &html! {}, &[])) } })
}

/// An image: `id` begins the names of its places, `between` stands above them, with further places that are linked to.
pub(crate) fn image(
    subject: &Subject,
    id: &str,
    built: Option<(&Built, Option<&CudaContract>)>,
    between: &Markup,
    further: &[(&str, &str)],
) -> Markup {
    let cuda = cuda(subject, id, built);
    let built = built.map(|(built, _)| built);
    let mut places: Vec<(&str, &str)> = further.to_vec();
    places.extend([("map", "bytes"), ("layers", "layers"), ("packages", "packages")]);
    places.extend([("waste", "what may not be needed"), ("platforms", "platforms")]);
    places.extend((!cuda.0.is_empty()).then_some(("cuda", "CUDA")));
    places.extend([("ran", "sandbox"), ("configuration", "configuration")]);
    html! {
        article id=(id) {
            (head(subject))
            nav aria-label={ "parts of " (id) } {
                ul { @for (place, name) in places { li { a href={ "#" (id) "-" (place) } { (name) } } } }
            }
            (between)
            (map(subject, id))
            (layers(subject, id, built))
            (packages(subject, id))
            (waste(subject, id))
            (conformity(subject, id))
            (cuda)
            (ran(subject, id, built))
            (configuration(subject, id))
        }
    }
}
