"""Text as a value in Hydra's override grammar, and in OmegaConf's grammar of interpolations."""

from __future__ import annotations

import re
from pathlib import Path


def quoted(path: Path) -> str:
    """``path`` as a value in Hydra's override grammar."""
    text = str(path)
    if re.fullmatch(r"[A-Za-z0-9/_.%+-]+", text):
        return text
    return "'" + re.sub(r"(\\*)'", r"\1\1\\'", re.sub(r"(\\+)$", r"\1\1", literal(text))) + "'"


def literal(text: str) -> str:
    """``text`` as a value of OmegaConf's, which would take ``${x}`` in it for another value."""
    # A backslash counts only before such a mark.
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
