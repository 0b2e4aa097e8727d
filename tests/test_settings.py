"""The choices of a run of trials: defaults by protocol, what options say, results of earlier versions."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import TrialsError
from trainer.runs.settings import (
    GAMMAS,
    LEARNING_RATES,
    MODELS,
    Settings,
    parse_gamma,
    parse_rates,
    read_config,
    write_config,
)

CONFIG: dict[str, Any] = {
    "settings": Settings().to_json(),
    "pool": {"train": 4, "test": 2},
    "gamma": 1.0,
    "cache": {"path": "c.elmo", "encoding": "0" * 64, "label_names": ["neg", "pos"]},
    "vectors": {"source": "v.vec", "name": "v.vec"},
}


def test_the_published_choices_of_the_notebook() -> None:
    settings = Settings(protocol="notebook")
    assert [settings.learning_rate(model) for model in MODELS] == [1e-3] * 3
    assert (settings.gamma, settings.patience, settings.min_epochs) == (1.0, 2, 1)
    named = Settings(learning_rates=parse_rates(["1e-3"]), gamma=parse_gamma("1"))
    assert named.to_json() == {**settings.to_json(), "protocol": "clean"}


def test_defaults_have_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEARNING_RATES["clean"], "elmo", 3e-4)  # type: ignore[arg-type]
    monkeypatch.setitem(GAMMAS, "clean", "auto")  # type: ignore[arg-type]
    assert Settings().to_json()["learning_rates"] == {"basic": 1e-3, "elmo": 3e-4, "elmo-only": 1e-3}
    assert Settings().gamma == "auto"
    assert Settings(learning_rates={"elmo": 1e-2}, gamma=2.0).learning_rate("elmo") == 1e-2
    notebook = Settings(protocol="notebook")
    assert (notebook.gamma, notebook.learning_rate("elmo")) == (1.0, 1e-3)


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
    assert parse_rates(texts) == rates


@pytest.mark.parametrize("gamma", ["Auto", "1", float("nan"), float("inf"), 0, -1.0, True])
def test_a_gamma_that_is_none(gamma: Any) -> None:
    with pytest.raises(TrialsError, match="--gamma is .* expected a number above 0, or auto"):
        Settings(gamma=gamma)


@pytest.mark.parametrize(("name", "value"), [("patience", 0), ("min_epochs", 0), ("min_epochs", 101)])
def test_numbers_of_epochs_that_make_no_sense(name: str, value: int) -> None:
    with pytest.raises(TrialsError, match=f"--{name.replace('_', '-')} is {value}, expected"):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_results_of_earlier_versions_keep_what_they_ran_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GAMMAS, "clean", "auto")  # type: ignore[arg-type]
    monkeypatch.setitem(LEARNING_RATES["clean"], "elmo", 3e-4)  # type: ignore[arg-type]
    old = json.loads(json.dumps(CONFIG))
    del old["gamma"], old["settings"]["gamma"], old["settings"]["min_epochs"]
    write_config(tmp_path, old)
    config = read_config(tmp_path)
    assert config == CONFIG
    settings = Settings.from_json("v.vec", config["settings"])
    assert (settings.gamma, settings.min_epochs, settings.learning_rate("elmo")) == (1.0, 1, 1e-3)


@pytest.mark.parametrize(
    ("place", "value"),
    [(("gamma",), "auto"), (("gamma",), 0), (("settings", "gamma"), "x"), (("settings", "min_epochs"), 1.5)],
)
def test_a_damaged_gamma_is_refused(tmp_path: Path, place: tuple[str, ...], value: Any) -> None:
    config = json.loads(json.dumps(CONFIG))
    section = config[place[0]] if len(place) > 1 else config
    section[place[-1]] = value
    write_config(tmp_path, config)
    with pytest.raises(TrialsError, match=r"config\.json is not the configuration"):
        read_config(tmp_path)
