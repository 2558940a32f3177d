"""Commands on the page, each with a button that copies it."""

from __future__ import annotations

import shlex
from pathlib import Path

from markupsafe import Markup

from sweeplab.terminal import shown


def command(folder: str, verb: str = "reproduce", *, brief: bool = False) -> Markup:
    """``sweeplab VERB FOLDER``, the folder as one would type it from here, and a copy button.

    ``brief`` shows the button alone, with the command as its tooltip, where there is no room.
    """
    line = f"sweeplab {verb} {shlex.quote(str(shown(Path(folder))))}"
    return Markup(
        '<code{}>{}</code><button class="copy" type="button" title="{}">copy</button>'
    ).format(Markup(' class="unseen"') if brief else "", line, line)
