"""Strict reading of YAML and CSV with places, and writing that never leaves half a file.

The only importer of `yaml`. Readers describe a file by a pydantic model derived from `Reader` and call
`bind`; what they hand on are frozen dataclasses.
"""

from paysim.reading.binding import Name, Reader, bind, number_hint
from paysim.reading.documents import Document, read_yaml
from paysim.reading.files import Limits, no_formula, write_atomic
from paysim.reading.tables import Column, read_table
from paysim.reading.writing import yaml_text

__all__ = [
    "Column",
    "Document",
    "Limits",
    "Name",
    "Reader",
    "bind",
    "no_formula",
    "number_hint",
    "read_table",
    "read_yaml",
    "write_atomic",
    "yaml_text",
]
