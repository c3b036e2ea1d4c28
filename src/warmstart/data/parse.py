"""Ids, values and times as they come; integers or text, floats and seconds as we need them."""

import polars as pl

TIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d-%b-%Y",
    "%d %b %Y",
)
MICROSECONDS = 1e6
NO_IDS = (pl.List, pl.Array, pl.Struct, pl.Binary, pl.Object)


def parse_ids(ids: pl.Series) -> pl.Series:
    """Return ids as Int64 where all are whole numbers by type, else as text; missing and blank ones are null.

    Example:
        >>> import polars as pl
        >>> from warmstart.data.parse import parse_ids
        >>> parse_ids(pl.Series([1.0, None])).to_list(), parse_ids(pl.Series(["007", " "])).to_list()
        ([1, None], ['007', None])
    """
    if ids.dtype.is_integer():
        whole = ids.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == ids.null_count() else ids.cast(pl.String)
    if ids.dtype.is_float():
        # a column of integers with gaps arrives as floats from pandas
        finite = ids.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()
        whole = finite.cast(pl.Int64, strict=False)
        return whole if (whole.cast(pl.Float64) == finite).all() else finite.cast(pl.String)
    text = ids.cast(pl.String)
    return text.set(text.str.strip_chars() == "", None)


def parse_values(values: pl.Series) -> pl.Series:
    """Return values as Float64; what does not parse is null, what is infinite stays so."""
    if values.dtype == pl.String:
        values = values.str.strip_chars()
    if values.dtype.is_nested() or values.dtype == pl.Object:
        return pl.Series(values.name, [None] * len(values), dtype=pl.Float64)
    return values.cast(pl.Float64, strict=False)


def parse_times(times: pl.Series) -> pl.Series:
    """Return times as Float64 seconds since 1970: dates, ISO text, epoch seconds, milli-, micro- or nanoseconds.

    Which unit an epoch has is told by the size of its median. Text without an offset is taken as UTC.

    Example:
        >>> import polars as pl
        >>> from warmstart.data.parse import parse_times
        >>> parse_times(pl.Series(["1970-01-02", "1970-01-01T00:00:10+00:00", "soon"])).to_list()
        [86400.0, 10.0, None]
        >>> parse_times(pl.Series([964982703000])).to_list()
        [964982703.0]
    """
    if times.dtype.is_temporal():
        return _seconds(times)
    numbers = parse_values(times)
    if times.dtype == pl.String:
        return _epoch(numbers).zip_with(numbers.is_not_null(), parse_dates(times))
    return _epoch(numbers)


def _seconds(times: pl.Series) -> pl.Series:
    if times.dtype in (pl.Time, pl.Duration):
        return pl.Series(times.name, [None] * len(times), dtype=pl.Float64)
    dated = times.cast(pl.Datetime("us")) if times.dtype == pl.Date else times
    return dated.dt.timestamp("us").cast(pl.Float64) / MICROSECONDS


def _epoch(numbers: pl.Series) -> pl.Series:
    size = numbers.filter(numbers.is_finite()).abs().median()
    if not isinstance(size, float):
        return numbers
    unit = next((unit for unit, least in ((1e9, 1e17), (1e6, 1e14), (1e3, 1e11)) if size >= least), 1.0)
    return numbers / unit


def parse_dates(times: pl.Series) -> pl.Series:
    """Return dates written as text as Float64 seconds since 1970; what is none, plain numbers included, is null."""
    tidy = times.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T").str.replace(r" ?(Z|UTC)$", "+00:00")
    tidy = tidy.str.replace(r"(:[\d.]+[+-]\d\d)(\d\d)$", "${1}:${2}")
    parsed = [tidy.str.strptime(pl.Datetime("us", "UTC"), form, strict=False) for form in TIME_FORMATS]
    return _seconds(pl.select(pl.coalesce(*[pl.lit(part) for part in parsed]).dt.replace_time_zone(None)).to_series())
