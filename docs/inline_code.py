"""A MkDocs hook: options in running text are not broken after their hyphens."""

import re
from typing import Any

_INLINE = re.compile(r"(?<!<pre>)<code>([^<]*)</code>")
_OPTION = re.compile(r"(?<!\S)--?\w[^\s]*")


def on_page_content(html: str, **_: Any) -> str:
    """Wrap every option within inline code."""
    return _INLINE.sub(
        lambda code: "<code>" + _OPTION.sub(r'<span class="whole">\g<0></span>', code[1]) + "</code>", html
    )
