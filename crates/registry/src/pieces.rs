//! Uploads in pieces (distribution specification, "Pushing a blob in chunks"): from where the registry stands, in pieces that it takes.

use std::ops::ControlFlow;

use imgbuild_net::{Retry, is_transient};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use crate::error::RegistryError;
use crate::hosts::Chunks;
use crate::remote::drain;
use crate::sending::{Sent, Upload, empty};
use crate::session::Session;
use crate::upload::{Outcome, received};

/// How often an upload may go on without having got further.
const MOST_STALLS: u32 = 3;

/// How far an upload is.
struct Progress<'a> {
    /// Where it goes on.
    session: &'a mut Session,
    /// How many bytes the registry has.
    at: u64,
    chunks: Chunks,
    stalls: u32,
    /// The registry took a piece and said that it has nothing of it: that piece is being sent once more.
    is_doubted: bool,
}

impl Upload<'_> {
    /// Sends the pieces from `at` on, and ends the upload.
    pub(crate) async fn pieces(&self, session: &mut Session, at: u64, chunks: Chunks) -> Outcome {
        let mut retry = Retry::new(self.remote.client().schedule());
        let mut progress = Progress { session, at, chunks, stalls: 0, is_doubted: false };
        while progress.at < self.size {
            let (at, chunks) = (progress.at, progress.chunks);
            let length = chunks.size.min(self.size - at);
            if at + length == self.size && chunks.last_ends {
                return self.last(progress.session.location(), at, length).await;
            }
            let next = match self.sending(Method::PATCH, progress.session.location(), at, length).await {
                Ok(Sent::Answer(answer)) if answer.status().is_success() => {
                    retry.progressed();
                    self.taken(&mut progress, length, answer).await
                }
                Ok(Sent::Answer(answer)) => self.not_taken(&mut progress, length, answer).await,
                // What it says that it has means nothing.
                Ok(Sent::Broken(trouble)) if !chunks.counts => return Outcome::Again(trouble),
                Ok(Sent::Broken(trouble)) => match self.wait(&mut retry, trouble).await {
                    Ok(()) => self.look(&mut progress, self.stuck(at)).await,
                    Err(error) => return Outcome::Failed(error),
                },
                Err(error) => return Outcome::Failed(error),
            };
            if let ControlFlow::Break(outcome) = next {
                return outcome;
            }
        }
        let ending = self.ending(progress.session.location());
        match self.remote.send(&self.doing, &|| empty(Method::PUT, &ending)).await {
            Ok(answer) => self.ended(answer).await,
            Err(error) => Outcome::Failed(error),
        }
    }

    /// A piece was taken, or a part of it.
    async fn taken(
        &self,
        progress: &mut Progress<'_>,
        length: u64,
        answer: Response,
    ) -> ControlFlow<Outcome> {
        match self.remote.location(&self.doing, &answer) {
            Ok(location) => progress.session.go_on_at(location),
            Err(error) => return ControlFlow::Break(Outcome::Failed(error)),
        }
        let at = progress.at;
        let has = received(&answer).filter(|has| progress.chunks.counts && (at..at + length).contains(has));
        drain(answer).await;
        match has {
            Some(has) if has == at && !progress.is_doubted => progress.is_doubted = true,
            Some(has) if has > at => (progress.at, progress.is_doubted) = (has, false),
            Some(_) => self.passed(progress, length),
            None => (progress.at, progress.is_doubted) = (at + length, false),
        }
        ControlFlow::Continue(())
    }

    /// The registry has a piece, whatever it says.
    fn passed(&self, progress: &mut Progress<'_>, length: u64) {
        progress.at += length;
        progress.is_doubted = false;
        progress.chunks.counts = false;
        self.remote.registries().learn(self.remote.repository().host(), |learned| {
            if let Some(chunks) = &mut learned.chunks {
                chunks.counts = false;
            }
        });
    }

    /// A piece was refused.
    async fn not_taken(
        &self,
        progress: &mut Progress<'_>,
        length: u64,
        answer: Response,
    ) -> ControlFlow<Outcome> {
        let (status, smaller) = (answer.status(), progress.chunks.smaller());
        if is_transient(status) {
            // A proxy gave up waiting for its end: a smaller one has it sooner.
            return ControlFlow::Break(match smaller {
                Some(chunks) => self.smaller(chunks, answer).await,
                None => Outcome::Again(self.trouble(answer).await),
            });
        }
        // It had the piece, and has said otherwise: ECR, and others whose `Range` stands still.
        if status == StatusCode::RANGE_NOT_SATISFIABLE && progress.is_doubted {
            if let Ok(location) = self.remote.location(&self.doing, &answer) {
                progress.session.go_on_at(location);
            }
            drain(answer).await;
            self.passed(progress, length);
            return ControlFlow::Continue(());
        }
        let refused = self.remote.refused(&self.doing, answer).await;
        ControlFlow::Break(match (status, smaller) {
            (StatusCode::NOT_FOUND, _) => Outcome::Anew(refused),
            (StatusCode::PAYLOAD_TOO_LARGE, Some(chunks)) => Outcome::Smaller(chunks, refused),
            // A registry that takes no pieces of that size says it again.
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(chunks))
                if progress.stalls > 0 || !progress.chunks.counts =>
            {
                Outcome::Smaller(chunks, refused)
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, _) if progress.chunks.counts => {
                return self.look(progress, refused).await;
            }
            _ => Outcome::Failed(refused),
        })
    }

    /// Goes on from where the registry stands.
    async fn look(&self, progress: &mut Progress<'_>, failure: RegistryError) -> ControlFlow<Outcome> {
        match self.standing(progress.session.location()).await {
            Ok(Some((location, has))) if has <= self.size => {
                progress.stalls = if has > progress.at { 0 } else { progress.stalls + 1 };
                if progress.stalls > MOST_STALLS {
                    return ControlFlow::Break(Outcome::Failed(failure));
                }
                progress.is_doubted = false;
                progress.session.go_on_at(location);
                progress.at = has;
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(Outcome::Anew(failure)),
        }
    }

    /// The last piece, which ends the upload.
    async fn last(&self, location: &Url, at: u64, length: u64) -> Outcome {
        match self.sending(Method::PUT, &self.ending(location), at, length).await {
            Ok(Sent::Answer(answer)) => self.ended(answer).await,
            Ok(Sent::Broken(trouble)) => Outcome::Again(trouble),
            Err(error) => Outcome::Failed(error),
        }
    }

    pub(crate) fn stuck(&self, at: u64) -> RegistryError {
        RegistryError::Stuck { at: self.remote.failed(&self.doing), position: at, size: self.size }
    }
}
