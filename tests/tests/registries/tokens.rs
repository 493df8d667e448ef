//! Tokens: where they are asked for, for what, and that they may end at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use imgbuild_registry::{Credential, CredentialFailure, CredentialSource};
use imgbuild_tests::distribution::{
    Access, Account, Answer, Behaviour, Distribution, Kind, Profile, TokenRules,
};
use insta::assert_snapshot;

use crate::client::{Asking, Picture, noise};

fn with(rules: TokenRules) -> Distribution {
    Distribution::setup().access(Access::Token(rules)).start()
}

#[test]
fn a_token_is_asked_for_once_for_each_thing_that_is_done() {
    let registry = with(TokenRules::default());
    let (asking, picture) = (Asking::signed_in(), Picture::small());
    registry.put_blob("image", picture.bytes(&picture.config()));
    asking.push(&registry, "image", &picture).unwrap();
    picture.is_in(&registry, "image", "1");
    // What goes on at the same time has no order; the tokens have.
    let conversation = registry.conversation();
    let tokens: Vec<&str> = conversation.lines().filter(|line| line.contains("/token")).collect();
    assert_snapshot!(tokens.join("\n"), @r"GET /token?service=test&scope=repository:image:pull,push -> 200");
    // Who only reads asks for one that is good for that, once.
    for tokens in [1, 0] {
        asking.pull(&registry, "image", "1").unwrap();
        assert_eq!(registry.count(Kind::Token), tokens, "{}", registry.conversation());
    }
}

#[test]
fn a_token_may_end_before_any_request() {
    let picture = Picture::new(&[noise(3 << 20, 1)]);
    for kind in [
        Kind::HeadManifest,
        Kind::Tags,
        Kind::HeadBlob,
        Kind::StartUpload,
        Kind::FinishUpload,
        Kind::Chunk,
        Kind::PutManifest,
    ] {
        let registry = Distribution::setup()
            .access(Access::Token(TokenRules::default()))
            .profile(Profile { request_limit: Some(2 << 20), ..Profile::specification() })
            .hook(move |request| match request.kind == kind && request.before == 0 {
                true => Behaviour::TokensDie,
                false => Behaviour::Right,
            })
            .start();
        // One blob is left to be sent: all tokens end at once, those of other requests as well.
        registry.put_blob("image", picture.bytes(&picture.config()));
        let asking = Asking::signed_in();
        if let Err(told) = asking.push(&registry, "image", &picture) {
            panic!("{kind:?}: {told}\n{}", registry.conversation());
        }
        picture.is_in(&registry, "image", "1");
        assert!(registry.count(kind) > 0, "{kind:?}");
    }
    for kind in [Kind::GetManifest, Kind::GetBlob] {
        let registry = Distribution::setup()
            .access(Access::Token(TokenRules::default()))
            .hook(move |request| match request.kind == kind && request.before == 0 {
                true => Behaviour::TokensDie,
                false => Behaviour::Right,
            })
            .start();
        picture.seed(&registry, "image", "1");
        Asking::signed_in().pull(&registry, "image", "1").unwrap();
    }
}

#[test]
fn whoever_asks_is_shown_as_the_registry_wants_it() {
    let picture = Picture::small();
    let basic = |user: &str, password: &str| {
        Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() })
    };
    let pushed = |access: Access, credential: Option<Credential>| {
        let registry = Distribution::setup().access(access).start();
        registry.put_blob("image", picture.bytes(&picture.config()));
        let said = Asking::with(credential).push(&registry, "image", &picture);
        if said.is_err() {
            assert!(registry.tags("image").is_empty());
        }
        said.map_or_else(|told| told, |_| "pushed".to_owned())
    };
    let token =
        || Access::Token(TokenRules { identity: Some("identity".to_owned()), ..TokenRules::default() });
    for access in [
        Access::Basic(Account::user()),
        token(),
        Access::Token(TokenRules { is_access_token: true, ..TokenRules::default() }),
    ] {
        assert_eq!(pushed(access, basic("user", "hunter2")), "pushed");
    }
    assert_eq!(pushed(token(), Some(Credential::IdentityToken("identity".to_owned()))), "pushed");
    let each = [
        pushed(Access::Basic(Account::user()), basic("user", "wrong")),
        pushed(Access::Basic(Account::user()), None),
        pushed(token(), basic("user", "wrong")),
        pushed(token(), Some(Credential::IdentityToken("wrong".to_owned()))),
        pushed(token(), Some(Credential::RegistryToken("wrong".to_owned()))),
        pushed(token(), None),
        // Everybody may read, and not everybody write.
        pushed(Access::Token(TokenRules { is_public: true, ..TokenRules::default() }), None),
        pushed(
            Access::Token(TokenRules { closed: vec!["image".to_owned()], ..TokenRules::default() }),
            basic("user", "hunter2"),
        ),
    ];
    assert_snapshot!(each.join("\n"), @r"
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not accept the credential (401): UNAUTHORIZED (authentication required)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry wants a credential (401): UNAUTHORIZED (authentication required)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (401): incorrect username or password
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (401): incorrect username or password
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not accept the credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (401): incorrect username or password
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry wants a credential (401): UNAUTHORIZED (authentication required): its server of tokens gives none (401): incorrect username or password
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry wants a credential (401): UNAUTHORIZED (authentication required)
    hint: sign in with `imgbuild login 127.0.0.1:PORT`, or see docs/registry-credentials.md for CI
    `127.0.0.1:PORT/image`: the blob `DIGEST` cannot be written: the registry does not accept the credential (401): UNAUTHORIZED (authentication required)
    hint: sign in anew with `imgbuild login 127.0.0.1:PORT`, or see to it that who is signed in may use `image`
    ");
}

#[test]
fn everybody_reads_what_is_public() {
    let registry = with(TokenRules { is_public: true, ..TokenRules::default() });
    Picture::small().seed(&registry, "image", "1");
    Asking::new().pull(&registry, "image", "1").unwrap();
}

#[test]
fn a_server_of_tokens_that_fails_for_a_moment_is_asked_again() {
    for behave in [
        || Behaviour::Answer(Answer::page(502, "trouble")),
        || Behaviour::Answer(Answer::status(429).with("Retry-After", "0")),
        || Behaviour::Close,
        || Behaviour::CutAnswer(3),
    ] {
        let registry = Distribution::setup()
            .access(Access::Token(TokenRules::default()))
            .hook(move |request| match request.kind {
                Kind::Token if request.before == 0 => behave(),
                _ => Behaviour::Right,
            })
            .start();
        let picture = Picture::small();
        picture.seed(&registry, "image", "1");
        Asking::signed_in().pull(&registry, "image", "1").unwrap();
    }
}

/// Somebody whose password changes: who asks for it gets the next one, and the last for ever.
struct Changing {
    passwords: &'static [&'static str],
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl CredentialSource for Changing {
    async fn credential(
        &self,
        _: &imgbuild_oci::RegistryHost,
        _: &str,
    ) -> Result<Option<Credential>, CredentialFailure> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst).min(self.passwords.len() - 1);
        let password = self.passwords[number].to_owned();
        Ok(Some(Credential::Basic { user: "user".to_owned(), password }))
    }
}

#[test]
fn a_credential_that_is_no_longer_accepted_is_asked_for_once_more() {
    let picture = Picture::small();
    for access in [Access::Basic(Account::user()), Access::Token(TokenRules::default())] {
        let registry = Distribution::setup().access(access.clone()).start();
        let source =
            Arc::new(Changing { passwords: &["of an hour ago", "hunter2"], asked: AtomicUsize::new(0) });
        let asking = Asking::of(Arc::clone(&source) as Arc<dyn CredentialSource>);
        for tag in ["1", "2"] {
            let image = picture.pushable(&[tag]);
            asking.push_with(&registry, "image", &image, Default::default()).unwrap();
            picture.is_in(&registry, "image", tag);
        }
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
        // One that is wrong is asked for no more than that.
        let source = Arc::new(Changing { passwords: &["wrong"], asked: AtomicUsize::new(0) });
        let asking = Asking::of(Arc::clone(&source) as Arc<dyn CredentialSource>);
        for tag in ["3", "4"] {
            let image = Picture::new(&[tag.as_bytes().to_vec()]).pushable(&[tag]);
            asking.push_with(&registry, "image", &image, Default::default()).unwrap_err();
        }
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    }
}
