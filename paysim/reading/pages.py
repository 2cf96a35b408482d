"""How much a Parquet file unpacks to, by its pages rather than by its footer.

A footer may say anything; what a reader sets memory aside for is the size in the header of each page. Headers are
structs of Thrift's compact protocol (Apache Parquet format, ``parquet.thrift``: PageHeader has the unpacked size as
field 2 and the packed size as field 3), so a few lines find those sizes without unpacking a page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

_HEADER_BYTES = 1 << 16
_MOST_PAGES = 1_000_000
_DEEPEST = 8
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)  # of 16, 32 and 64 bits
_UNPACKED, _PACKED = 2, 3


def unpacked_bytes(path: Path, metadata: Any) -> int:
    """Return the size of all pages of a Parquet file when unpacked.

    Parameters
    ----------
    metadata
        A `pyarrow.parquet.FileMetaData`: where the columns lie in the file.

    Raises
    ------
    ValueError
        The pages are not where the footer says, or too many.
    """
    total, pages = 0, 0
    with open(path, "rb") as file:
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                column = metadata.row_group(group).column(number)
                at = column.data_page_offset
                if column.has_dictionary_page and 0 < (column.dictionary_page_offset or 0) < at:
                    at = column.dictionary_page_offset
                end = at + column.total_compressed_size
                while at < end:
                    header, unpacked, packed = _sizes(file, at)
                    total, pages, at = total + unpacked, pages + 1, at + header + packed
                    if unpacked < 0 or packed < 0 or pages > _MOST_PAGES:
                        raise ValueError("pages of a negative size, or too many")
    return total


def _sizes(file: BinaryIO, at: int) -> tuple[int, int, int]:
    """Return the sizes of a page's header, of its content unpacked, and packed."""
    file.seek(at)
    header = _Compact(file.read(_HEADER_BYTES))
    fields = header.struct()
    if _UNPACKED not in fields or _PACKED not in fields:
        raise ValueError("no page where the footer says that one begins")
    return header.at, fields[_UNPACKED], fields[_PACKED]


class _Compact:
    """Reader of Thrift's compact protocol that keeps the whole numbers of a struct and skips all else."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def struct(self, depth: int = 0) -> dict[int, int]:
        """Read a struct; return its whole numbers by field."""
        if depth > _DEEPEST:
            raise ValueError("a page header is nested too deeply")
        found: dict[int, int] = {}
        field = 0
        while first := self._byte():
            step, kind = first >> 4, first & 15
            field = field + step if step else self._zigzag()
            if kind in _INTEGERS:
                found[field] = self._zigzag()
            else:
                self._skip(kind, depth)
        return found

    def _skip(self, kind: int, depth: int, *, listed: bool = False) -> None:
        if kind in (_TRUE, _FALSE):
            self.at += listed  # of a field, the kind is the value
        elif kind == _BYTE:
            self.at += 1
        elif kind in _INTEGERS:
            self._varint()
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            size = self._varint()
            self.at += size
        elif kind in (_LIST, _SET):
            first = self._byte()
            size = first >> 4 if first >> 4 < 15 else self._varint()
            for _ in range(min(size, _HEADER_BYTES)):
                self._skip(first & 15, depth + 1, listed=True)
        elif kind == _STRUCT:
            self.struct(depth + 1)
        else:
            raise ValueError("a page header is damaged")

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise ValueError("a page header is cut off, or too long")
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise ValueError("a page header is damaged")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
