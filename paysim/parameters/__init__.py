"""Every number of the model, each with its unit, source, status and range.

Values live in ``parameters.yaml`` beside the code that uses them::

    schema: 1
    parameters:
      - {name: consult_minutes, value: 10, unit: minutes, range: [8, 12], source: "...", status: assumed}
    tables:
      - {name: case_fatality, file: case_fatality.csv, unit: proportion, source: "...", status: found}

``found`` was read in the source named, ``derived`` was computed from such values, ``recalled`` is from memory
of the source and ``assumed`` is ours; the last two need a range. A parameter that no code reads is reported,
not ignored.
"""

from paysim.parameters.collection import Parameters
from paysim.parameters.prices import PriceLevel, price_years
from paysim.parameters.reader import ParameterFile, file_problems, rows_and_tables
from paysim.parameters.sourced import SourcedNumber, sourced_problems
from paysim.parameters.values import Distribution, Override, Parameter, Status, Table, Value

__all__ = [
    "Distribution",
    "Override",
    "Parameter",
    "ParameterFile",
    "Parameters",
    "PriceLevel",
    "SourcedNumber",
    "Status",
    "Table",
    "Value",
    "file_problems",
    "price_years",
    "rows_and_tables",
    "sourced_problems",
]
