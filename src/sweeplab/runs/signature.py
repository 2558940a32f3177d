"""What makes two runs the same run."""

from __future__ import annotations

import hashlib
import json

from sweeplab.config import RunConfig, identity


def signature(config: RunConfig, data_checksum: str, engine_version: int) -> str:
    """A hash of everything that decides the result of a run, 16 hexadecimal digits.

    It is taken over typed values, so that ``lr=0.1``, ``0.10`` and ``1e-1`` are one run, and over
    the images themselves rather than their file, so that a longer file with the same first images
    is the same data.
    """
    parts = {
        # -0.0 and 0.0 train alike, but print differently.
        "config": {
            key: value + 0.0 if isinstance(value, float) else value
            for key, value in identity(config).items()
        },
        "data": data_checksum,
        "engine": engine_version,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
