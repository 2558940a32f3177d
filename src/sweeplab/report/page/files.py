"""The folder of a report's figures: written anew each time, and cleared of those gone since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from sweeplab.errors import RunFolderError
from sweeplab.figures.svg import to_bytes, to_svg
from sweeplab.runs.files import make_folder, read_json, remove_file, write_bytes, write_json

INDEX = ".figures.json"
ENDINGS = (".svg", ".png", ".pdf")


class FigureFiles:
    """Writes figures in several formats, and notes their names in the folder.

    By those notes the next report knows which files an earlier one left that it has no use for;
    whatever else lies in the folder is not touched.
    """

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        self.folder = folder
        self.formats = tuple(formats)
        self.written: list[str] = []
        make_folder(folder)

    def write(self, name: str, figure: Figure) -> str:
        """Write ``figure`` as ``name`` with each format's ending; its SVG, for the page."""
        svg = to_svg(figure)
        for file_format in self.formats:
            content = svg.encode() if file_format == "svg" else to_bytes(figure, file_format)
            file = f"{name}.{file_format}"
            write_bytes(self.folder / file, content)
            self.written.append(file)
        return svg

    def remove_stale(self) -> None:
        """Remove what an earlier report wrote and this one did not, and note what this one did."""
        for file in set(self._noted()) - set(self.written):
            # The notes may say anything, but only names of figures in this folder are taken.
            if Path(file).name == file and Path(file).suffix in ENDINGS:
                remove_file(self.folder / file)
        write_json(self.folder / INDEX, {"files": sorted(self.written)})

    def _noted(self) -> list[str]:
        try:
            files = read_json(self.folder / INDEX).get("files")
        except (FileNotFoundError, RunFolderError):
            return []
        return [str(file) for file in files] if isinstance(files, list) else []
