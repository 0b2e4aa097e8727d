"""The choices of a run of trials: defaults by protocol, and what options say."""

from typing import Any

import pytest
from errors_expected import raises

from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.settings import CONVOLUTIONS, Settings, parse_gamma, parse_rates


def test_the_published_choices_of_the_notebook() -> None:
    settings = Settings(protocol="notebook")
    assert [settings.learning_rate(model) for model in CONVOLUTIONS] == [1e-3] * 3
    assert (settings.gamma, settings.patience, settings.min_epochs) == (1.0, 2, 1)
    named = Settings(learning_rates=parse_rates(["1e-3"], CONVOLUTIONS), gamma=parse_gamma("1"))
    assert named.to_json() == {**settings.to_json(), "protocol": "clean"}
    assert [named.learning_rate(model) for model in CONVOLUTIONS] == [1e-3] * 3 and named.gamma == settings.gamma


def test_what_is_given_replaces_the_defaults() -> None:
    given = Settings(learning_rates={"elmo": 1e-2}, gamma=2.0)
    assert [given.learning_rate(model) for model in CONVOLUTIONS] == [1e-3, 1e-2, 1e-3]
    assert given.gamma == 2.0


@pytest.mark.parametrize(
    ("texts", "rates"),
    [
        ([], {}),
        (["3e-4"], {"basic": 3e-4, "elmo": 3e-4, "elmo-only": 3e-4}),
        (["elmo=3e-4"], {"elmo": 3e-4}),
        (["elmo=3e-4", "elmo=0.0003", "basic=1e-2"], {"elmo": 3e-4, "basic": 1e-2}),
        (["elmo=3e-4", "1e-2"], {"basic": 1e-2, "elmo": 3e-4, "elmo-only": 1e-2}),
    ],
)
def test_rates_as_options_say_them(texts: list[str], rates: dict[str, float]) -> None:
    assert parse_rates(texts, CONVOLUTIONS) == rates


def test_a_rate_of_a_model_that_is_not_trained_is_refused() -> None:
    with raises(messages.INVALID_VALUE, TrialsError, name="learning_rate", found="elmo-lstm=3e-4"):
        parse_rates(["elmo-lstm=3e-4"], CONVOLUTIONS)


@pytest.mark.parametrize("gamma", ["Auto", "1", float("nan"), float("inf"), 0, -1.0, True, 1e39, 1e-50, 10**400])
def test_a_gamma_that_is_none(gamma: Any) -> None:
    with pytest.raises(TrialsError) as caught:
        Settings(gamma=gamma)
    assert caught.value.message == messages.INVALID_VALUE
    assert caught.value.data == {"name": "gamma", "found": gamma, "expected": "a number above 0, or auto"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("patience", 0), ("min_epochs", 0), ("min_epochs", 101), ("patience", 10**400), ("window", 1.5), ("seed", True)],
)
def test_numbers_of_epochs_that_make_no_sense(name: str, value: int) -> None:
    with raises(messages.INVALID_VALUE, TrialsError, name=name, found=value):
        Settings(**{name: value})  # type: ignore[arg-type]
