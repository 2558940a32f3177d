"""Commands on the page, each with a button that copies it."""

from __future__ import annotations

import shlex
from pathlib import Path

from markupsafe import Markup


def command(folder: str, verb: str = "reproduce", *, brief: bool = False) -> Markup:
    """``sweeplab VERB FOLDER``, the folder as one would type it from here, and a copy button.

    ``brief`` shows the button alone, with the command as its tooltip, where there is no room.
    """
    path = Path(folder)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    line = f"sweeplab {verb} {shlex.quote(str(path))}"
    return Markup(
        '<code{}>{}</code><button class="copy" type="button" title="{}">copy</button>'
    ).format(Markup(' class="unseen"') if brief else "", line, line)
