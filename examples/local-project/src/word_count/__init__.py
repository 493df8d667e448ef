"""Counts the words of texts."""

import collections
import re

import click


def words(text):
    """The words of a text, in lower case."""
    return re.findall(r"[^\W\d_]+", text.lower())


@click.command()
@click.option("--top", default=10, show_default=True, help="How many words are shown.")
@click.argument("texts", type=click.File(), nargs=-1, required=True)
def main(top, texts):
    """Shows the most frequent words of TEXTS."""
    counts = collections.Counter(word for text in texts for word in words(text.read()))
    # Of words that are equally frequent, the alphabet's first comes first.
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for word, count in ordered[:top]:
        click.echo(f"{count:6} {word}")
