"""Results folders as earlier versions wrote them."""

import json
from pathlib import Path
from typing import Any


def make_version_1(folder: Path) -> dict[str, Any]:
    """Put a folder's `config.json` back to version 1, which had one gamma for all models, and return its content."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    models = config.pop("models")
    assert config.pop("version") == 3
    assert config["settings"].pop("balanced") is False
    rates = {"basic": 0.001, "elmo": 0.001, "elmo-only": 0.001}
    config["settings"]["learning_rates"] = rates | {name: found["learning_rate"] for name, found in models.items()}
    gammas = [found["gamma"] for found in models.values() if "gamma" in found]
    config["settings"]["gamma"], config["gamma"] = (gammas[0]["asked"], gammas[0]["value"]) if gammas else (1.0, 1.0)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    return config
