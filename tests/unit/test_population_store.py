import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paysim.errors import DataError, OutputError
from paysim.population import COLUMNS, describe, read_population, synthesize, write_population


@pytest.fixture(scope="module")
def population():
    return synthesize("middenkempen", seed=2, sample=5_000)


@pytest.fixture(scope="module")
def csv_text(population, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "people.csv"
    write_population(population, path)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_round_trip_is_exact(population, tmp_path, suffix):
    path = tmp_path / f"people.{suffix}"
    write_population(population, path)
    back = read_population(path)
    for field in dataclasses.fields(population):
        was, now = getattr(population, field.name), getattr(back, field.name)
        if isinstance(was, np.ndarray):
            assert was.dtype == now.dtype
            assert was.tobytes() == now.tobytes(), field.name
        else:
            assert was == now, field.name
    again = tmp_path / f"again.{suffix}"
    write_population(back, again)
    assert again.read_bytes() == path.read_bytes()
    assert describe(back).equals(describe(population))


def test_a_whole_region_survives_parquet(tmp_path):
    whole = synthesize("middenkempen", seed=2)
    write_population(whole, tmp_path / "whole.parquet")
    back = read_population(tmp_path / "whole.parquet")
    assert back.practices == whole.practices
    assert back.z_bmi.tobytes() == whole.z_bmi.tobytes()


def first_row(text):
    lines = text.splitlines()
    return next(i for i, line in enumerate(lines) if line.startswith("person,")) + 1


def changed(text, row, column, value):
    lines = text.splitlines()
    index = first_row(text) + row
    cells = lines[index].split(",")
    cells[[c.name for c in COLUMNS].index(column)] = value
    lines[index] = ",".join(cells)
    return "\n".join(lines) + "\n", index + 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", "140", "out of range"),
        ("age", "nan", "missing values are not accepted"),
        ("age", "12,5", "fields, but the table has"),
        ("sex", "2", "out of range"),
        ("sex", "M", "whole number expected"),
        ("frailty", "-1.0", "out of range"),
        ("bp_drugs", "3", "out of range"),
        ("education", "", "the cell is empty"),
        ("smoker", "1.0", "whole number expected"),
        ("practice", "900", "number is not in the head"),
        ("municipality", "7", "number is not in the head"),
        ("person", "99999999", "number is not in the head"),
    ],
)
def test_bad_cells_are_refused_with_line_and_column(csv_text, write, column, value, message):
    text, line = changed(csv_text, 4, column, value)
    with pytest.raises(DataError) as caught:
        read_population(write("bad.csv", text))
    problem = caught.value.problems[0]
    assert message in problem.message
    assert problem.line == line
    assert problem.key == column or "fields" in message


def test_a_person_twice_is_refused(csv_text, write):
    lines = csv_text.splitlines()
    first = lines[first_row(csv_text)].split(",")[0]
    text, line = changed(csv_text, 1, "person", first)
    with pytest.raises(DataError, match=f"bad.csv:{line}: person: person comes twice"):
        read_population(write("bad.csv", text))


def test_rows_out_of_order_and_missing_rows_are_refused(csv_text, write):
    lines = csv_text.splitlines()
    moved = [*lines[:-1], lines[-1]]
    start = first_row(csv_text)
    moved[start], moved[-1] = moved[-1], moved[start]
    with pytest.raises(DataError, match="rows are not sorted by practice"):
        read_population(write("moved.csv", "\n".join(moved)))
    with pytest.raises(DataError, match="its list size says"):
        read_population(write("short.csv", "\n".join(lines[:-1])))


def test_columns_must_be_those_of_a_population(csv_text, write):
    with pytest.raises(DataError, match=r"z_spb: unknown column.*did you mean 'z_sbp'"):
        read_population(write("a.csv", csv_text.replace(",z_sbp,", ",z_spb,")))
    with pytest.raises(DataError, match="is not a population"):
        read_population(write("b.csv", "person,age\n1,2\n"))
    with pytest.raises(DataError, match="head of the file is broken"):
        read_population(write("c.csv", csv_text.replace('"gp_fte": ', '"gp_fte": -', 1)))
    with pytest.raises(DataError, match=r"UTF-8|UTF-16"):
        read_population(write("d.csv", csv_text.encode("utf-16")))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_of_an_older_version_is_refused_and_says_so(population, csv_text, tmp_path, write, suffix):
    """Version 1 had no columns of most diseases: without them a region would be without these diseases."""

    def older(table):
        about = table.schema.metadata[b"paysim_population"].replace(b'"schema": 3', b'"schema": 1')
        return table.drop_columns(["copd", "cancer"]).replace_schema_metadata({b"paysim_population": about})

    if suffix == "csv":
        path = write("bad.csv", csv_text.replace('"schema": 3', '"schema": 1').replace(",copd,", ","))
    else:
        path = parquet(population, tmp_path, older)
    place = r"bad\.csv:1: schema" if suffix == "csv" else r"bad\.parquet: schema"
    message = (
        rf"{place}: this population was made by an older version and lacks columns; make it again; found 1; allowed: 3"
    )
    with pytest.raises(DataError, match=message):
        read_population(path)


def parquet(population, tmp_path, change):
    source = tmp_path / "good.parquet"
    write_population(population, source)
    table = pq.read_table(source)
    path = tmp_path / "bad.parquet"
    pq.write_table(change(table), path)
    return path


def swap(table, name, values):
    return table.set_column(table.schema.get_field_index(name), name, values)


def test_bad_parquet_is_refused_with_row_and_column(population, tmp_path):
    def old(table):
        ages = table["age"].to_numpy().copy()
        ages[6] = 150.0
        return swap(table, "age", pa.array(ages))

    with pytest.raises(DataError, match=r"bad.parquet:7: age: out of range; found 150\.0"):
        read_population(parquet(population, tmp_path, old))

    def hole(table):
        sexes = table["sex"].to_pylist()
        sexes[2] = None
        return swap(table, "sex", pa.array(sexes, pa.int8()))

    with pytest.raises(DataError, match=r"bad\.parquet:3: sex: value is missing"):
        read_population(parquet(population, tmp_path, hole))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.rename_columns([n.replace("z_sbp", "z_spb") for n in t.column_names]).replace_schema_metadata(
                t.schema.metadata
            ),
            "did you mean 'z_sbp'",
        ),
        (lambda t: t.drop_columns(["frailty"]), "frailty: column is missing"),
        (lambda t: t.drop_columns(["copd", "cancer"]), "copd: column is missing"),
        (lambda t: swap(t, "sex", t["sex"].cast(pa.int64())), "sex: wrong type; found int64; allowed: int8"),
        (lambda t: t.replace_schema_metadata({}), "is not a population"),
        (lambda t: t.replace_schema_metadata({"paysim_population": "{"}), "metadata .* is broken"),
        (lambda t: t.slice(0, 0), "holds no rows"),
    ],
)
def test_parquet_that_is_not_a_population_is_refused(population, tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        read_population(parquet(population, tmp_path, change))


def test_a_parquet_that_would_unpack_to_gigabytes_is_refused(tmp_path):
    path = tmp_path / "bomb.parquet"
    zeros = pa.array(np.zeros(5_000_001, dtype=np.int8))
    pq.write_table(pa.table({"sex": zeros}), path, compression="zstd")
    with pytest.raises(DataError, match="too large: 5,000,001 rows"):
        read_population(path)


def test_other_files_are_refused(population, write, tmp_path):
    with pytest.raises(DataError, match="is not a readable Parquet file"):
        read_population(write("text.parquet", "person,age"))
    with pytest.raises(DataError, match="no such file"):
        read_population(tmp_path / "absent.parquet")
    with pytest.raises(DataError, match="unknown kind of population file"):
        read_population(write("people.xlsx", "x"))
    with pytest.raises(OutputError, match="unknown kind of population file"):
        write_population(population, tmp_path / "people.txt")
    assert not (tmp_path / "people.txt").exists()
