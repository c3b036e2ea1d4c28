"""Bytes to text and text to columns: encodings, delimiters and types are found, not asked for."""

import codecs
import csv
import io
import statistics

import polars as pl

from warmstart.core.errors import BadTable, Fault

DELIMITERS = (",", "\t", ";", "|", "::")
SAMPLED_LINES = 50
SAMPLED_BYTES = 65536
MOST_CONTROLS = 0.01
"""Share of control characters from which bytes are no text."""
NOWHERE = "\x1f"
"""A character that no table holds; stands in for delimiters of two characters."""
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WHOLE = r"^-?(0|[1-9]\d{0,17})$"
DECIMAL = r"^-?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?$"

Torn = tuple[tuple[int, str], ...]


def decode(raw: bytes, where: str) -> str:
    """Turn bytes into text: by byte-order mark, else UTF-8, else UTF-16 if every other byte is zero, else Latin-1.

    Raises:
        BadTable: there is nothing, or it is no text.

    Example:
        >>> from warmstart.data.text import decode
        >>> decode("Amélie".encode("latin-1"), "movies.csv"), decode("Amélie".encode("utf-16"), "movies.csv")
        ('Amélie', 'Amélie')
    """
    encoding = next((name for mark, name in BOMS if raw.startswith(mark)), None) or _guess(raw[:SAMPLED_BYTES])
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    sample = text[:SAMPLED_BYTES]
    controls = sum(character < " " and character not in "\t\r\n\f" for character in sample)
    if controls > MOST_CONTROLS * len(sample):
        raise BadTable(
            [Fault(where, "the bytes are not text", "Give CSV, TSV, JSON lines or Parquet, or gzip of one.")]
        )
    if not text.strip():
        raise BadTable([Fault(where, "the file is empty", "Give a table with a header and at least one row.")])
    return text


def _guess(sample: bytes) -> str:
    for places, encoding in ((sample[1::2], "utf-16-le"), (sample[::2], "utf-16-be")):
        if len(sample) > 3 and places.count(0) > 0.4 * len(places):
            return encoding
    return "utf-8"


def sniff_delimiter(text: str) -> str:
    r"""Return the delimiter that cuts the first lines most evenly, a comma if there is none.

    Example:
        >>> from warmstart.data.text import sniff_delimiter
        >>> sniff_delimiter("user;item\n1;Heat, The\n"), sniff_delimiter("1::2::3\n"), sniff_delimiter("id\n1\n")
        (';', '::', ',')
    """
    lines = [line for line in text[:SAMPLED_BYTES].splitlines()[:SAMPLED_LINES] if line.strip()]
    # what stands between quotes is no delimiter
    bare = ["".join(line.split('"')[::2]) for line in lines]

    def evenness(delimiter: str) -> tuple[bool, float, int]:
        counts = [line.count(delimiter) for line in bare]
        usual = statistics.mode(counts)
        return counts[0] > 0 and usual > 0, counts.count(counts[0]) / len(counts), counts[0] * len(delimiter)

    best = max(DELIMITERS, key=evenness)
    return best if evenness(best)[0] else ","


def first_line(text: str) -> str:
    """Return the first line that is not empty."""
    return text.lstrip("\r\n").partition("\n")[0]


def parse_delimited(text: str, where: str, names: list[str] | None = None) -> tuple[pl.DataFrame, Torn]:
    """Parse delimited text; column types are found so that an id such as ``007`` stays as it is.

    Args:
        text: the table.
        where: what errors call it.
        names: names of the columns of a table without a header.

    Returns:
        the frame, and the rows that have more cells than the header.
    """
    delimiter = sniff_delimiter(text)
    quote = '"' if '"' in text and delimiter != "::" else None
    if len(delimiter) > 1:
        text, delimiter = text.replace(delimiter, NOWHERE), NOWHERE
    if names is None:
        _refuse_twins(text, delimiter, where)
    torn: Torn = ()
    try:
        frame = _parse(text, delimiter, quote, names is None)
    except pl.exceptions.PolarsError:
        frame, torn = _parse_by_hand(text, delimiter, quote, names is None)
    if names is not None:
        frame = frame.rename(dict(zip(frame.columns, names, strict=False)))
    return frame.select(typed(column) for column in frame), torn


def _refuse_twins(text: str, delimiter: str, where: str) -> None:
    header = [name.strip() for name in next(csv.reader([first_line(text)], delimiter=delimiter))]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise BadTable([Fault(where, "name of more than one column", "Rename or drop one.", name) for name in twice])


def _parse(text: str, delimiter: str, quote: str | None, has_header: bool) -> pl.DataFrame:
    return pl.read_csv(
        io.BytesIO(text.encode()),
        separator=delimiter,
        quote_char=quote,
        has_header=has_header,
        infer_schema=False,
    )


def _parse_by_hand(text: str, delimiter: str, quote: str | None, has_header: bool) -> tuple[pl.DataFrame, Torn]:
    """Read row by row, which tells the torn rows from the whole ones."""
    rows = _cells(text, delimiter, quote)
    header = rows.pop(0) if has_header else [f"column_{place + 1}" for place in range(len(rows[0]))]
    torn = tuple((place, delimiter.join(row)) for place, row in enumerate(rows, 1) if len(row) > len(header))
    whole = [row + [""] * (len(header) - len(row)) for row in rows if len(row) <= len(header)]
    columns = {name: [row[place] or None for row in whole] for place, name in enumerate(header)}
    return pl.DataFrame(columns, schema=dict.fromkeys(header, pl.String)), torn


def _cells(text: str, delimiter: str, quote: str | None) -> list[list[str]]:
    lines = io.StringIO(text, newline="")
    usual = csv.field_size_limit(len(text))
    try:
        if quote:
            return [row for row in csv.reader(lines, delimiter=delimiter) if row]
        return [row for row in csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE) if row]
    finally:
        csv.field_size_limit(usual)


def typed(column: pl.Series) -> pl.Series:
    """Return a text column as integers or decimals if every cell is written as one.

    Example:
        >>> import polars as pl
        >>> from warmstart.data.text import typed
        >>> [typed(pl.Series(cells)).to_list() for cells in (["7", None], ["0.5", "2"], ["007", "8"])]
        [[7, None], [0.5, 2.0], ['007', '8']]
    """
    if column.dtype != pl.String or column.null_count() == len(column):
        return column
    if column.str.contains(WHOLE).all():
        return column.cast(pl.Int64)
    if column.str.contains(DECIMAL).all():
        number = column.cast(pl.Float64, strict=False)
        return number if number.null_count() == column.null_count() else column
    return column
