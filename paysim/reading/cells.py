"""Whole columns of cells at once: from text, or Arrow's own numbers, to numpy arrays, with the rows at fault.

Each distinct text is looked at once, by compiled code, so that columns of millions of cells take well under a second.
What counts as a number is what `paysim.reading.tables` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paysim.errors import nearest_name
from paysim.reading.binding import number_hint
from paysim.reading.tables import NUMBER, WHOLE, Column, number_message, range_text

LONGEST_TEXT = 80
_MOST_DIGITS = 18  # of a whole number, so that it fits 64 bits
Explained = tuple[str, tuple[str, ...], str | None]
"""What is wrong with a cell, what is allowed, and the allowed name nearest to it."""


def read_numbers(cells: Any, rule: Column) -> tuple[np.ndarray, np.ndarray]:
    """Return a column of numbers (int64 or float64) and where a cell is none, or out of range.

    Parameters
    ----------
    cells
        An Arrow array without nulls, of text, numbers or booleans; booleans count as 0 and 1.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not _is_text(cells.type):
        kept = cells.cast(pa.int8()) if pa.types.is_boolean(cells.type) else cells
        values = kept.to_numpy(zero_copy_only=False)
        if rule.type is float:
            values = values.astype(np.float64)
        return values, _out_of_range(values, rule)
    texts, index = distinct(cells)
    form = (WHOLE if rule.type is int else NUMBER).pattern
    good = pc.match_substring_regex(texts, f"^({form})$")
    if rule.type is int:
        good = pc.and_(good, pc.less_equal(pc.utf8_length(texts), _MOST_DIGITS))
    kept = pc.utf8_ltrim(pc.if_else(good, texts, "0"), "+")
    values = kept.cast(pa.int64() if rule.type is int else pa.float64()).to_numpy(zero_copy_only=False)
    wrong = ~good.to_numpy(zero_copy_only=False) | _out_of_range(values, rule)
    return values[index], wrong[index]


def explain_number(cell: str, rule: Column) -> Explained:
    """Say what is wrong with a cell that `read_numbers` refuses."""
    if not (WHOLE if rule.type is int else NUMBER).fullmatch(cell):
        message = number_message(cell, rule)
        hint = number_hint(cell)
        return (f"{message}; {hint}" if hint and ";" not in message else message), range_text(rule), None
    if rule.type is int and len(cell) > _MOST_DIGITS:
        return "whole number too large", range_text(rule), None
    if not np.isfinite(float(cell)):
        return "a number must be finite", range_text(rule), None
    return "out of range", range_text(rule), None


def read_levels(cells: Any, codes: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the code of each cell, int16, and where a cell is none of the levels.

    Parameters
    ----------
    cells
        An Arrow array without nulls, of text, whole numbers or booleans; ``1`` and true are the level ``1``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.int8())
    texts, index = distinct(cells if _is_text(cells.type) else cells.cast(pa.string()))
    place = pc.index_in(texts, value_set=pa.array(list(codes), pa.string())).fill_null(-1).to_numpy()
    values = np.append(np.fromiter(codes.values(), np.int16, len(codes)), np.int16(-1))
    return values[place][index], (place < 0)[index]


def explain_level(cell: str, codes: Mapping[str, int]) -> Explained:
    """Say what is wrong with a cell that `read_levels` refuses."""
    message = "not one of the allowed values" if cell.strip() else "the cell is empty"
    return message, tuple(codes), nearest_name(cell, codes)


def read_texts(cells: Any) -> tuple[Any, np.ndarray]:
    """Return a column of names as Arrow text, and where a name is empty, too long or not printable."""
    import pyarrow as pa

    if not pa.types.is_dictionary(cells.type):
        texts = cells.cast(pa.string())
        return texts, _bad_name(texts)
    # A dictionary is unpacked only when its texts are known to be short.
    texts, index = distinct(cells)
    wrong = _bad_name(texts)[index]
    return texts if wrong.any() else texts.take(pa.array(index)), wrong


def _bad_name(texts: Any) -> np.ndarray:
    import pyarrow.compute as pc

    good = pc.and_(pc.equal(texts, pc.utf8_trim_whitespace(texts)), pc.not_equal(texts, ""))
    good = pc.and_(good, pc.less_equal(pc.utf8_length(texts), LONGEST_TEXT))
    good = pc.and_(good, pc.invert(pc.match_substring_regex(texts, r"\p{C}")))
    return np.asarray(~good.to_numpy(zero_copy_only=False))


def explain_text(cell: str) -> Explained:
    """Say what is wrong with a cell that `read_texts` refuses."""
    if not cell.strip():
        return "the cell is empty", (), None
    if cell != cell.strip():
        return "blanks around it", (), None
    return f"a name has at most {LONGEST_TEXT} printable characters", (), None


def read_dates(cells: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a column of days, ``datetime64[D]``, and where a cell is no day written as YYYY-MM-DD."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_date32(cells.type):
        return cells.to_numpy(zero_copy_only=False).astype("datetime64[D]"), np.zeros(len(cells), bool)
    texts, index = distinct(cells)
    good = pc.match_substring_regex(texts, r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
    kept = pc.if_else(good, texts, "1970-01-01")
    # A day that its month does not have is parsed as the day before it that exists.
    month = pc.utf8_slice_codeunits(kept, 0, 7).to_numpy(zero_copy_only=False).astype("datetime64[M]")
    day = pc.utf8_slice_codeunits(kept, 8, 10).cast(pa.int64()).to_numpy(zero_copy_only=False)
    values = month.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    wrong = ~good.to_numpy(zero_copy_only=False) | (values.astype("datetime64[M]") != month)
    return values[index], wrong[index]


def explain_date(cell: str) -> Explained:
    """Say what is wrong with a cell that `read_dates` refuses."""
    return ("a day is expected" if cell.strip() else "the cell is empty"), ("YYYY-MM-DD",), None


def distinct(cells: Any) -> tuple[Any, np.ndarray]:
    """Return the distinct texts of an Arrow array of text, and for each cell the number of its text."""
    import pyarrow as pa

    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    return encoded.dictionary.cast(pa.string()), encoded.indices.to_numpy(zero_copy_only=False)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _out_of_range(values: np.ndarray, rule: Column) -> np.ndarray:
    wrong = ~np.isfinite(values)
    if rule.minimum is not None:
        wrong |= values < rule.minimum
    if rule.maximum is not None:
        wrong |= values > rule.maximum
    return np.asarray(wrong)
