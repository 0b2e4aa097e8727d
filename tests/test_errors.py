"""Errors hold data; their wording is in `messages.py`, and names parameters or options, as the reader types them."""

import pickle

import click
import pytest
from click.testing import CliRunner

from cache.errors import CacheError, CorruptFileError, NotACacheError, SelectionError
from cache.runtime.console import Commands

TOO_LONG = "{path} has {n:,} tokens; give {option.max_tokens}, or {option.max_tokens:500}, not {option.label_names:a}"


@pytest.mark.parametrize("kind", [CacheError, CorruptFileError, NotACacheError, SelectionError])
def test_an_error_holds_data_and_is_worded_when_shown(kind):
    error = kind(TOO_LONG, path="a.txt", n=1234)
    assert (error.message, error.data) == (TOO_LONG, {"path": "a.txt", "n": 1234})
    assert str(error) == "a.txt has 1,234 tokens; give max_tokens, or max_tokens=500, not label_names='a'"
    sent = pickle.loads(pickle.dumps(error))
    assert type(sent) is kind and str(sent) == str(error) and sent.data == error.data


def test_text_without_data_is_shown_as_it_is():
    assert str(CacheError("{no} field")) == "{no} field"
    assert str(CacheError()) == ""


def test_the_command_line_names_options():
    group = Commands("elmo", commands=[_fails])
    result = CliRunner().invoke(group, ["fails"])
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: all: a.txt has 5 tokens; give --max-tokens, or --max-tokens 500, not --labels a; see --shard-tokens\n"
    )


@click.command("fails")
@click.option("--labels", "label_names")
def _fails(label_names):
    inner = CacheError(TOO_LONG, path="a.txt", n=5)
    raise CacheError("all: {error}; see {option.shard_tokens}", error=inner)
