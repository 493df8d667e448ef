//! No secret of a file is in the spec, nor in what is told of it.

use super::{folder, made};

#[test]
fn secrets_are_named_and_never_repeated() {
    let token = format!("ghp_{}", "Zz9".repeat(12));
    let dockerfile = format!(
        r#"FROM python:3.11
ARG PYPI_TOKEN=tok-3n-value
ENV OPENAI_API_KEY=sk-live-very-secret-1 MODE=prod DB_URL=postgres://app:dbpass77@db/x
ENV COPY_OF=$OPENAI_API_KEY
LABEL note="https://me:labelpw1@h.example/"
RUN pip install --index-url https://u:$PYPI_TOKEN@index.example/simple a
RUN pip install git+https://{token}@github.com/x/y.git b==1
RUN curl -H "Authorization: Bearer beareR55" https://api.example/x?key=queryk3y
RUN export PASSWORD=hunter22 && ./login --token cliT0ken && echo tok-3n-value > /etc/x
RUN conda install -c https://conda.example/t/tk-abcdef/private c
CMD ["serve", "--url", "https://x:cmdpw99@h.example"]
"#
    );
    let folder = folder(&[("Dockerfile", &dockerfile)]);
    let first = made(folder.path(), "Dockerfile");
    let told: String = first.left_out.iter().map(|it| format!("{}\n", it.what)).collect();
    for secret in [
        "tok-3n-value",
        "sk-live-very-secret-1",
        "dbpass77",
        "labelpw1",
        &token,
        "beareR55",
        "queryk3y",
        "hunter22",
        "cliT0ken",
        "tk-abcdef",
        "cmdpw99",
    ] {
        assert!(!first.text.contains(secret), "{secret}\n{}", first.text);
        assert!(!told.contains(secret), "{secret}\n{told}");
    }
    assert!(first.text.contains("MODE = \"prod\""), "{}", first.text);
    assert!(
        first.text.contains("index-url = \"https://u:${{PYPI_TOKEN}}@index.example/simple\"")
            || told.contains("PYPI_TOKEN"),
        "{}",
        first.text
    );
    for named in ["ENV OPENAI_API_KEY=…", "ENV DB_URL=…", "ENV COPY_OF=${OPENAI_API_KEY}"] {
        assert!(told.contains(named), "{named}\n{told}");
    }
}
