"""A MkDocs hook: fills the page of the notebook from the notebook itself, with its outputs."""

import base64
import json
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

NOTEBOOK = Path(__file__).parents[1] / "examples" / "elmo_sentiment.ipynb"
PAGE = "notebook.md"


def on_files(files: Files, *, config: Any) -> Files:
    """Add the notebook's pictures."""
    for name, picture in _pictures():
        files.append(File.generated(config, f"images/{name}", content=picture))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Append the cells: text as it stands, code and what it printed as blocks, pictures as links."""
    if page.file.src_uri != PAGE:
        return markdown
    parts, n_pictures = [markdown], 0
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source.replace("# ", "## ", 1) if source.startswith("# ") else source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            if output.get("name") == "stdout":
                parts.append(f"```text\n{''.join(output['text']).rstrip()}\n```")
            elif "image/png" in output.get("data", {}):
                parts.append(f"![Output of the cell above](images/notebook-{n_pictures}.png)")
                n_pictures += 1
    return "\n\n".join(parts)


def _pictures() -> list[tuple[str, bytes]]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    return [(f"notebook-{i}.png", base64.b64decode(picture)) for i, picture in enumerate(pictures)]
