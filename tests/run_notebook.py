"""Executing `examples/elmo_sentiment.ipynb`. Run as a program it renews the outputs that are committed:

python tests/run_notebook.py
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "elmo_sentiment.ipynb"


def read_notebook() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def parameters_of(notebook: NotebookNode) -> NotebookNode:
    """Return the one cell of constants."""
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    return cell


def execute(folder: Path, parameters: str | None = None) -> NotebookNode:
    """Return the notebook with the outputs of running it in a folder, by this Python, perhaps with other constants."""
    notebook = read_notebook()
    if parameters is not None:
        parameters_of(notebook).source = parameters
    settings = folder / "settings"
    # A kernel or a start-up script of the user's own would run in place of this Python, or before the first cell.
    own = {name: str(settings) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    with mock.patch.dict(os.environ, {**own, "IPYTHONDIR": str(settings), "JUPYTER_PREFER_ENV_PATH": "1"}):
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            coalesce_streams=True,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    return notebook


def text_of(notebook: NotebookNode, stream: str) -> str:
    """Return what all cells wrote to `stdout` or `stderr`."""
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == stream
    )


def pictures_of(notebook: NotebookNode) -> list[str]:
    """Return the PNG files in the outputs, in base64."""
    return [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", ())
    ]


def renew() -> None:
    """Execute the notebook as it is, and keep the outputs without progress bars."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        notebook = execute(Path(folder))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    sys.exit(renew())
