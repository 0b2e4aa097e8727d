"""A MkDocs hook: options and names in running text are not broken after their hyphens."""

import re
from typing import Any

_INLINE = re.compile(r"(?<!<pre>)<code>([^<]*)</code>")
# Options, and names that fit on the line of a small screen.
_WHOLE = re.compile(r"(?<!\S)(?:--?\w\S*|(?=\S*-)\S{2,30}(?!\S))")


def on_page_content(html: str, **_: Any) -> str:
    """Wrap every option and name within inline code."""
    return _INLINE.sub(
        lambda code: "<code>" + _WHOLE.sub(r'<span class="whole">\g<0></span>', code[1]) + "</code>", html
    )
