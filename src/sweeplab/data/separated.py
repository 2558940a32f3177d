"""A text file of columns, ``.csv``, as a table, whatever separates its columns.

A comma, a semicolon, a tab or a bar, told from the first lines; a decimal comma where none
separates, as spreadsheets write it in most of Europe; UTF-8, or UTF-16 with its mark. What is not
so plain is refused, with what was found: nothing is guessed that would change a number.
"""

from __future__ import annotations

import codecs
import csv
import re
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from sweeplab.terminal import say

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LOOKED_AT = 2**16  # bytes, of which encoding and separator are told
LINES = 20
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*")
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
PACKED = (b"PK\x03\x04", b"\x1f\x8b")


def read_separated(path: Path) -> Any:
    """The table in the file, a ``pyarrow.Table``. Only an empty cell is a gap: "NA" may be a class.

    Raises:
        ValueError: it is no table, or in an encoding that cannot be told.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    if not head.strip():
        raise ValueError("it is empty")
    encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8-sig")
    if head.startswith(PACKED) or (encoding != "utf-16" and b"\0" in head):
        raise ValueError(
            "it is no text in UTF-8: a spreadsheet's own file, or compressed, or in another "
            "encoding. Save it as CSV, in UTF-8"
        )
    try:
        lines = codecs.getincrementaldecoder(encoding)().decode(head).splitlines()
    except UnicodeDecodeError:
        _refuse_encoding(path)
        raise
    separator = _separator(lines[:LINES])
    names = next(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    if separator == "," and encoding == "utf-8-sig" and not re.search(r", +\S", lines[0]):
        table = _plain(path, names)
    else:
        table = _odd(path, names, separator, encoding)
    if not table.num_rows:
        raise ValueError("it has a line with the names of its columns, and no other")
    # A separator at the end of each line begins a column that is none.
    last = table.num_columns - 1
    if table.column_names[last] == "" and table.column(last).null_count == table.num_rows:
        table = table.remove_column(last)
    return table


def _plain(path: Path, names: list[str]) -> Any:
    from pyarrow import csv as arrow

    convert = arrow.ConvertOptions(null_values=[""], strings_can_be_null=True)
    try:
        table = arrow.read_csv(path, convert_options=convert)
    except pa.ArrowException:
        _refuse_encoding(path)
        return _odd(path, names, ",", "utf-8-sig")
    if any(pa.types.is_binary(kind) for kind in table.schema.types):
        _refuse_encoding(path)  # what is no UTF-8 comes as bytes
    return table


def _odd(path: Path, names: list[str], separator: str, encoding: str) -> Any:
    """As pandas reads it: arrow knows neither spaces behind a separator nor UTF-16."""
    import pandas as pd

    def read(decimal: str) -> pd.DataFrame:
        return pd.read_csv(
            path,
            sep=separator,
            header=0,
            names=range(len(names)),  # two of one name are refused elsewhere
            usecols=range(len(names)),
            decimal=decimal,
            encoding=encoding,
            skipinitialspace=True,
            keep_default_na=False,
            na_values=[""],
            index_col=False,
        )

    try:
        _refuse_ragged(path, names, separator, encoding)
        table, numbers = read("."), ""
        commas = {name for name in table if separator != "," and _has_decimal_commas(table[name])}
        if commas:
            table, points = read(","), table
            _refuse_points(points, table, commas)
            numbers = ", and numbers with a decimal comma"
    except UnicodeDecodeError:
        _refuse_encoding(path)
        raise
    if separator != ",":
        _tell(path, f"{SEPARATORS[separator]} between columns{numbers}")
    found = pa.Table.from_pandas(table.rename(columns=str), preserve_index=False)
    return found.rename_columns([name.strip() for name in names])


def _separator(lines: list[str]) -> str:
    """What cuts every line into as many cells, at least two; a comma if in doubt."""
    for separator in SEPARATORS:
        rows = [row for row in csv.reader(lines[:-1] or lines, delimiter=separator) if row]
        if rows and len(rows[0]) > 1 and {len(row) for row in rows} == {len(rows[0])}:
            return separator
    # Of a file with a ragged line, that of the names of the columns.
    return max(SEPARATORS, key=lambda each: len(next(csv.reader(lines, delimiter=each), [])))


def _has_decimal_commas(column: Any) -> bool:
    texts = [each for each in column.head(LINES) if isinstance(each, str)]
    return bool(texts) and all(map(DECIMAL_COMMA.fullmatch, texts))


def _refuse_points(points: Any, commas: Any, known: set[Any]) -> None:
    """Refuse a table that has numbers with a comma in some columns, and a point in others."""
    for name in points:
        if points[name].dtype.kind == "f" and commas[name].dtype.kind != "f":
            comma = points[min(known)].iloc[0]
            raise ValueError(
                f"some of its numbers have a comma, as '{comma}', and others a point, as "
                f"'{points[name].iloc[0]}': write all of them with points"
            )


def _refuse_ragged(path: Path, names: list[str], separator: str, encoding: str) -> None:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        for cells in islice(reader, 1, None):
            more = len(cells) - len(names)
            if (cells and more < 0) or any(cells[len(names) :]):
                raise ValueError(
                    f"its line {reader.line_num} has {len(cells)} cells, and its first line "
                    f"{len(names)} ({SEPARATORS[separator]} are between them)"
                )


def _refuse_encoding(path: Path) -> None:
    """Say where the file is not UTF-8, if it is not."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"it must be text in UTF-8, but has the byte 0x{content[error.start]:02x} in line "
            f"{line}, as Latin-1 has it perhaps: save it as UTF-8 "
            f"(iconv -f latin1 -t utf-8 {path.name} > new.csv; 'CSV UTF-8' in a spreadsheet)"
        ) from error


@cache
def _tell(path: Path, how: str) -> None:
    """Once in a process, however often the file is loaded."""
    say(f"{path} is read with {how}.")
