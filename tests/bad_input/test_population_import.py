"""Tables of people with faults: refused with line and column, never silently changed, and nothing is written."""

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paysim.cli.app import run
from paysim.engine.model import build_model
from paysim.errors import DataError, InputError, ScenarioError
from paysim.population import Population, import_population, load_region, synthesize
from paysim.reading import Limits, batches
from paysim.reading.batches import CsvTable, Faults, ParquetTable
from paysim.reading.pages import unpacked_bytes
from paysim.scenario import load_scenario

HEAD = "person,sex,age,municipality\n"
GOOD = HEAD + "1,M,40,Aalten\n2,F,41.5,Winterswijk\n"


@pytest.fixture(scope="module")
def region():
    return load_region("achterhoek")


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (HEAD + "1,M,40,Aalten\n,F,1,Aalten\n", "3:1", "person: the cell is empty"),
        (HEAD + "1,M,40,Aalten\n1,F,1,Aalten\n", "3", "person: comes twice; first on line 2; found '1'"),
        (HEAD + " 1,M,40,Aalten\n", "2:1", "person: blanks around it"),
        (HEAD + f"{'x' * 81},M,40,Aalten\n", "2:1", "person: a name has at most 80 printable characters"),
        (HEAD + "1,X,40,Aalten\n", "2:3", "sex: not one of the allowed values; found 'X'; allowed: M, F"),
        (HEAD + "1,m,40,Aalten\n", "2:3", "did you mean 'M'?"),
        (HEAD + "1,,40,Aalten\n", "2:3", "sex: the cell is empty"),
        (HEAD + "1,M,140,Aalten\n", "2:5", "age: out of range; found '140'; allowed: 0 to 110.999999999999 years"),
        (HEAD + "1,M,111,Aalten\n", "2:5", "age: out of range"),
        (HEAD + "1,M,-1,Aalten\n", "2:5", "age: out of range; found '-1'"),
        (HEAD + '1,M,"40,5",Aalten\n', "2:5", "age: number expected; write a decimal point, not a comma"),
        (HEAD + "1,M,40,5,Aalten\n", "2:10", "5 fields, but the table has 4 columns: a comma within a number or text?"),
        (HEAD + "1,M,40\n", "2:7", "3 fields, but the table has 4 columns"),
        (HEAD + "M,40,Aalten,1\n", "2:3", "sex: not one of the allowed values; found '40'"),
        (HEAD + "1,M,nan,Aalten\n", "2:5", "age: number expected; missing values are not accepted"),
        (HEAD + "1,M,,Aalten\n", "2:5", "age: number expected; the cell is empty"),
        (HEAD + "1,M,NA,Aalten\n", "2:5", "age: number expected; missing values are not accepted; found 'NA'"),
        (HEAD + "1,M,inf,Aalten\n", "2:5", "age: number expected; missing values are not accepted; found 'inf'"),
        (HEAD + "1,M,1e400,Aalten\n", "2:5", "age: a number must be finite; found '1e400'"),
        (HEAD + '1,M,"1,234.5",Aalten\n', "2:5", "age: number expected; write no separators between thousands"),
        (HEAD + "1,M,1_0,Aalten\n", "2:5", "age: number expected; found '1_0'"),
        (HEAD + "1,M,0x1F,Aalten\n", "2:5", "age: number expected; write a decimal number"),
        (HEAD + "1,M, 40,Aalten\n", "2:5", "age: number expected; blanks around it"),
        (HEAD + "1,M,٤٠,Aalten\n", "2:5", "age: number expected"),
        (HEAD + "1,M,40,Alten\n", "2:8", "municipality: not one of the allowed values; found 'Alten'"),
        (HEAD + '1,M,40,"Aalten\n2,M,40,Aalten\n', "2:8", "a field goes on over the end of the line"),
        (HEAD + '1,M,40,"Aal\nten"\n', "2:8", "a field goes on over the end of the line"),
        (HEAD + '1,M,40,Aal"ten"\n', "2:11", "a quote within a field"),
        (HEAD + '1,M,40,"Aal"ten\n', "2:12", "a quoted field goes on after its quote"),
        (HEAD + "1,M,40,Aalten\n\n2,M,40,Aalten\n", "3:1", "a blank line within the table"),
        (HEAD + "1,M,40,Aalten\r2,M,40,Aalten\n", "2:14", "a carriage return without a line feed"),
        (HEAD + "1,M,40,Aal\0ten\n", "2:11", "holds a NUL character"),
        (HEAD, "1:1", "holds no rows below the column names"),
        ("", "1:1", "holds no table"),
        ("person;sex;age;municipality\n1;M;40;Aalten\n", "1:1", "fields must be separated by commas"),
        ("person,sex,age,municipality,sex\n1,M,40,Aalten,M\n", "1:29", "sex: column comes twice"),
        ("person,sex,age,municipality,\n1,M,40,Aalten,\n", "1:29", "column 5 has no name"),
        ("person,sex,age,municipality,smokr\n1,M,40,Aalten,0\n", "1:29", "smokr: unknown column"),
        ("person,sex,age,municipality,smokr\n1,M,40,Aalten,0\n", "1:29", "did you mean 'smoker'?"),
        ("person,sex,age\n1,M,40\n", "1:1", "municipality: column is missing"),
        ("person,sx,age,municipality\n1,M,40,Aalten\n", "1:1", "sex: column is missing; did you mean 'sx'?"),
        (
            "person,sex,municipality\n1,M,Aalten\n",
            "1:1",
            "age: one column is needed of: age, completed_age, birth_date",
        ),
        (HEAD[:-1] + ",completed_age\n1,M,40,Aalten,40\n", "1:12", "age: one column is needed of"),
        ("person,sex,completed_age,municipality\n1,M,40.5,Aalten\n", "2:5", "completed_age: not one of the allowed"),
        ("person,sex,birth_date,municipality\n1,M,1980-01-01,Aalten\n", "1:12", "dates of birth need a reference date"),
        (HEAD[:-1] + ",tc\n1,M,40,Aalten,193\n", "2:15", "tc: out of range; found '193'; allowed: 0.5 to 20 mmol/L"),
        (HEAD[:-1] + ",sbp,z_sbp\n1,M,40,Aalten,130,0\n", "1:33", "z_sbp: only one of sbp and z_sbp is needed"),
        (HEAD[:-1] + ",bp_drugs\n1,M,40,Aalten,3\n", "2:15", "bp_drugs: not one of the allowed values"),
        (HEAD[:-1] + ",ex_smoker\n1,M,40,Aalten,1\n", "1:29", "ex_smoker: needs the column 'smoker' too"),
        (HEAD[:-1] + ",smoker,ex_smoker\n1,M,40,Aalten,1,1\n", "2:17", "ex_smoker: smokes now and has stopped"),
        (HEAD[:-1] + ",diabetes,poor_control\n1,M,40,Aalten,0,1\n", "2:17", "poor control without diabetes"),
        (
            HEAD[:-1] + ",insurer\n1,M,40,Aalten,menzi\n",
            "2:15",
            "insurer: not one of the allowed values; found 'menzi'",
        ),
    ],
)
def test_is_refused_with_its_place(write, region, text, place, message):
    path = write("people.csv", text)
    with pytest.raises(DataError) as caught:
        import_population(path, region)
    lines = [line for line in str(caught.value).splitlines() if message in line]
    assert lines, str(caught.value)
    assert lines[0].startswith(f"{path}:{place}: ")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (GOOD.encode("utf-16"), "1:1: is UTF-16"),
        (GOOD.encode("utf-16-le"), "1:2: holds a NUL character"),
        (GOOD.replace("Winterswijk", "Zürich").encode("latin-1"), "3:11: is not UTF-8: byte 0xfc"),
        (GOOD.replace("person", "persön").encode("latin-1"), "1:5: is not UTF-8: byte 0xf6"),
        (b"PK\x03\x04\xff\xff", "1:5: is not UTF-8"),
    ],
)
def test_other_encodings(write, region, raw, message):
    path = write("people.csv", raw)
    with pytest.raises(DataError) as caught:
        import_population(path, region)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_all_faults_are_reported_up_to_a_limit_and_counted(write, region):
    rows = "".join(f"{n},Q,{n + 200},Aalten\n" for n in range(1_000))
    with pytest.raises(DataError) as caught:
        import_population(write("p.csv", HEAD + rows + "7,M,3,Aalten\n"), region)
    shown = [problem.key for problem in caught.value.problems]
    assert shown.count("sex") == shown.count("age") == 20
    assert shown.count("person") == 1
    assert caught.value.problems[-1].message == "1,960 more problems are not shown"


def test_lines_are_right_across_chunks(write, monkeypatch):
    monkeypatch.setattr(batches, "_CHUNK_BYTES", 64)
    rows = "".join(f"{n},ab\n" for n in range(100))
    path = write("t.csv", "# head\na,b\n" + rows + '"x,y\n')
    table = CsvTable(path)
    seen = []
    with pytest.raises(DataError, match=r"t\.csv:103:1: a field goes on over the end of the line"):
        check_places(table.batches(["a", "b"], Faults(table.shown)), seen)
    assert len(seen) > 90


def check_places(rows, seen):
    for batch in rows:
        for row in range(len(batch)):
            seen.append(int(batch.text(row, "a")))
            assert batch.lines[row] == seen[-1] + 3
            assert batch.place(row, "b") == (batch.lines[row], len(batch.text(row, "a")) + 2)


def test_limits_hold(write):
    path = write("t.csv", "a,b\n" + "1,2\n" * 5)
    with pytest.raises(DataError, match="more than 4 rows"):
        list(CsvTable(path, Limits(csv_rows=4)).batches(["a"], Faults("t.csv")))
    with pytest.raises(DataError, match="too large"):
        CsvTable(path, Limits(csv_bytes=10))
    long = write("long.csv", "a,b\n" + "9" * 20_000_000)
    with pytest.raises(DataError, match="a line is longer than a table can be wide"):
        list(CsvTable(long).batches(["a"], Faults("long.csv")))


@given(st.text(st.sampled_from('1a,"\n\r é'), max_size=25))
def test_any_text_is_refused_or_read_as_the_csv_module_reads_it(write, text):
    import csv
    import io

    path = write("t.csv", ("a,b\n" + text).encode())
    found = []
    try:
        table = CsvTable(path)
        faults = Faults(table.shown)
        for batch in table.batches(["a", "b"], faults):
            found += [(batch.text(row, "a"), batch.text(row, "b")) for row in range(len(batch))]
        faults.stop_if_any()
    except DataError:
        return
    expected = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    assert found == expected


def parquet(path, **columns):
    table = {"person": pa.array([1, 2]), "sex": pa.array(["M", "F"]), "age": pa.array([40.0, 41.5])}
    table |= {"municipality": pa.array(["Aalten", "Winterswijk"])} | columns
    pq.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"age": pa.array([40.0, None])}, ":2: age: value is missing"),
        ({"age": pa.array([40.0, float("nan")])}, ":2: age: number expected; missing values are not accepted"),
        ({"age": pa.array([40.0, float("inf")])}, ":2: age: number expected; missing values are not accepted"),
        ({"age": pa.array([40.0, 200.0])}, ":2: age: out of range; found '200.0'"),
        ({"age": pa.array(["40", "41"])}, "age: wrong type; found string; allowed: double, float, integer"),
        ({"age": pa.array([[40.0], [41.0]])}, "age: wrong type; found list"),
        ({"age": pa.array([{"a": 1}, {"a": 2}])}, "age: wrong type; found struct"),
        ({"sex": pa.array([0.0, 1.0])}, "sex: wrong type; found double"),
        ({"sex": pa.array([0, 1])}, ":1: sex: not one of the allowed values; found '0'; allowed: M, F"),
        ({"sex": pa.array([b"M", b"F"])}, "sex: wrong type; found binary"),
        ({"person": pa.array([3, 3])}, ":2: person: comes twice; first on row 1; found '3'"),
        ({"person": pa.array([0.5, 1.5])}, "person: wrong type"),
        ({"smoker": pa.array([0, 2])}, ":2: smoker: not one of the allowed values; found '2'"),
        ({"notes": pa.array(["a", "b"])}, "notes: unknown column"),
    ],
)
def test_bad_parquet_is_refused_with_its_row(tmp_path, region, columns, message):
    path = parquet(tmp_path / "people.parquet", **columns)
    with pytest.raises(DataError) as caught:
        import_population(path, region)
    assert f"{path}{message}" in str(caught.value) or f"{path}: {message}" in str(caught.value)


def test_a_text_that_a_dictionary_repeats_in_every_row_is_not_unpacked(tmp_path, region):
    persons = 200_000  # unpacked, 100 gigabytes
    texts = pa.DictionaryArray.from_arrays(np.zeros(persons, np.int32), pa.array(["x" * 500_000]))
    columns = {
        "person": pa.array(np.arange(persons)),
        "sex": pa.array(["M"] * persons),
        "age": pa.array(np.full(persons, 40.0)),
        "municipality": pa.array(["Aalten"] * persons),
    }
    for name in ("practice", "insurer", "sex"):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table(columns | {name: texts}), path)
        assert path.stat().st_size < 2_000_000
        with pytest.raises(DataError, match=rf":1: {name}: (a name has at most|not one of)"):
            import_population(path, region)


def test_a_parquet_that_says_it_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "zeros.parquet"
    pq.write_table(pa.table({"a": pa.array(np.zeros(5_000_001, np.int8))}), path, compression="zstd")
    monkeypatch.setattr(pq, "ParquetFile", None)  # reading would fail
    with pytest.raises(DataError, match="too large: 5,000,001 rows"):
        ParquetTable(path)
    monkeypatch.setattr(batches, "MOST_UNPACKED_BYTES", 1_000)
    pq.write_table(pa.table({"a": pa.array(np.arange(10_000))}), path)
    with pytest.raises(DataError, match="bytes unpacked; at most"):
        ParquetTable(path)


def test_a_parquet_that_unpacks_to_more_than_it_says_is_stopped(tmp_path, monkeypatch):
    path = tmp_path / "lies.parquet"
    pq.write_table(pa.table({"a": pa.array(np.arange(300_000))}), path)
    table = ParquetTable(path)
    monkeypatch.setattr(batches, "MOST_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(DataError, match="unpacks to more than 1,000,000 bytes"):
        list(table.batches(["a"], Faults("lies.parquet")))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("plain", [True, False])
def test_pages_add_up_to_what_an_honest_footer_says(tmp_path, version, compression, plain):
    path = tmp_path / "t.parquet"
    texts = pa.array([f"text {n % 7}" * 20 for n in range(5_000)])
    table = pa.table({"a": pa.array(np.arange(5_000) / 7), "b": texts, "c": pa.array([True, False] * 2_500)})
    options = {"use_dictionary": not plain, "write_statistics": plain, "write_page_checksum": not plain}
    pq.write_table(
        table,
        path,
        data_page_version=version,
        compression=compression,
        data_page_size=2_000,
        row_group_size=2_000,
        **options,
    )
    meta = pq.read_metadata(path)
    groups = [meta.row_group(index) for index in range(meta.num_row_groups)]
    said = sum(group.total_byte_size for group in groups)  # the headers of pages are counted too
    assert 0.85 * said < unpacked_bytes(path, meta) < said


def varint(value):
    """A whole number as a footer holds it: Thrift's compact protocol, zigzag."""
    value, found = value * 2, []
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def test_a_footer_that_understates_is_found_out(tmp_path, monkeypatch):
    path = tmp_path / "zeros.parquet"
    zeros = pa.table({"a": pa.array(np.zeros(1_000_000, np.int64))})
    pq.write_table(zeros, path, compression="zstd", use_dictionary=False, data_page_size=1 << 30)
    raw = path.read_bytes()
    said = varint(pq.read_metadata(path).row_group(0).total_byte_size)
    start = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    one = bytes([0x82, *[0x80] * (len(said) - 2), 0])  # 1, in as many bytes
    path.write_bytes(raw[:start] + raw[start:].replace(said, one))
    assert pq.read_metadata(path).row_group(0).total_byte_size == 1
    monkeypatch.setattr(batches, "MOST_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(DataError, match=r"too large: 1,000,000 rows, [1-9],[0-9,]+ bytes unpacked"):
        ParquetTable(path)


def test_damaged_parquet_is_refused(tmp_path, region, write):
    path = parquet(tmp_path / "people.parquet")
    whole = path.read_bytes()
    for raw in (whole[:-20], whole[:100], b"PAR1", b"", b"PAR1" + b"\0" * 50 + b"PAR1", whole[:60] + whole[80:]):
        with pytest.raises(DataError):
            import_population(write("cut.parquet", raw), region)
    empty = tmp_path / "empty.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), empty)
    with pytest.raises(DataError, match="holds no rows"):
        import_population(empty, region)


M = "schema: 1\ncolumns:\n  "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (M + "persn: nr\n", "m.yaml:3:3: columns.persn: unknown column"),
        (M + "persn: nr\n", "did you mean 'person'?"),
        (M + "person: {form: nr}\n", "m.yaml:3:12: columns.person.form: unknown key"),
        (M + "tc: {from: x, unit: mg}\n", "columns.tc.unit: unknown unit; found mg; allowed: mmol/L, mg/dL"),
        (M + "sex: {from: x, unit: cm}\n", "columns.sex.unit: unknown unit"),
        (M + "sex: {from: x, levels: {W: v}}\n", "columns.sex.levels.W: unknown level; allowed: M, F"),
        (M + "sex: {from: x, levels: {M: v, F: v}}\n", "stands for 'M' too; found v"),
        (M + "age: {from: x, levels: {a: 1}}\n", "columns.age.levels: this column has no levels"),
        (M + "age: {}\n", "columns.age: one of 'from' and 'constant' is needed"),
        (M + "age: {from: x, constant: 1}\n", "columns.age: one of 'from' and 'constant' is needed"),
        (M + "frailty: {constant: old}\n", "frailty.constant: number expected; found old"),
        (M + "insurer: {constant: menzi}\n", "insurer.constant: not one of the allowed values"),
        (M + "practice: list\n", "list: column is missing, though the mapping names it"),
        ("schema: 1\nignore: [naam]\n", "naam: column is missing, though the mapping names it"),
        ("schema: 1\nnobody: [sex]\n", "nobody[0]: not one of the allowed values"),
        ("schema: 2\n", "schema: not one of the allowed values"),
        ("columns: {}\n", "schema: required key is missing"),
    ],
)
def test_bad_mappings_are_refused(write, region, text, message):
    with pytest.raises(InputError) as caught:
        import_population(write("people.csv", GOOD), region, mapping=write("m.yaml", text))
    assert message in str(caught.value)


def test_units_of_a_mapping_hold_for_the_bounds(write, region):
    mapping = write("m.yaml", M + "hdl: {from: hdl, unit: mg/dL}\n")
    path = write("people.csv", HEAD[:-1] + ",hdl\n1,M,40,Aalten,1.3\n")
    with pytest.raises(DataError, match=r"hdl: out of range; found '1\.3'; allowed: 3\.867 to 232\.02 mg/dL"):
        import_population(path, region, mapping=mapping)


def test_dates_of_birth_are_refused_where_they_give_no_age(write, region):
    head = "person,sex,birth_date,municipality\n"
    rows = "1,M,2021-02-30,Aalten\n2,M,2022-01-01,Aalten\n3,M,1900-01-01,Aalten\n4,M,1-1-1980,Aalten\n"
    with pytest.raises(DataError) as caught:
        import_population(write("p.csv", head + rows), region, reference_date="2021-01-01")
    text = str(caught.value)
    assert "p.csv:2:5: birth_date: a day is expected; found '2021-02-30'; allowed: YYYY-MM-DD" in text
    assert "p.csv:3:5: birth_date: gives an impossible age at the reference date 2021-01-01" in text
    assert "p.csv:4:5: birth_date: gives an impossible age" in text
    assert "p.csv:5:5: birth_date: a day is expected; found '1-1-1980'" in text
    with pytest.raises(ScenarioError, match="reference_date: a day is expected; found '2021'"):
        import_population(write("p.csv", head + rows), region, reference_date="2021")


PRACTICES = "practice,municipality,gp_fte,gps,nurse_fte,nurses\nA,Aalten,1,1,1,1\nB,Aalten,1,1,1,1\n"


@pytest.mark.parametrize(
    ("people", "practices", "message"),
    [
        ("1,M,40,Aalten,A\n", PRACTICES, "practice has nobody on its list; found 'B'"),
        ("1,M,40,Aalten,A\n2,M,4,Aalten,C\n", PRACTICES, "practice of some people is missing; found 'C'"),
        ("1,M,40,Aalten,A\n2,M,4,Aalten,B\n", PRACTICES.replace("1,1,1,1\nB", "1,9,1,1\nB"), "gps: out of range"),
        ("1,M,40,Aalten,A\n2,M,4,Aalten,B\n", PRACTICES.replace("B,", "A,"), "practice: comes twice"),
    ],
)
def test_bad_tables_of_practices(write, region, people, practices, message):
    path = write("p.csv", HEAD[:-1] + ",practice\n" + people)
    with pytest.raises(DataError, match=message):
        import_population(path, region, practices=write("practices.csv", practices))


SYNTHEA = {
    "patients.csv": "Id,BIRTHDATE,DEATHDATE,GENDER,CITY\na,1950-06-01,,F,Aalten\nb,1950-06-01,,M,Aalten\n",
    "conditions.csv": "START,STOP,PATIENT,CODE\n2010-01-01,,a,44054006\n",
}


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("patients.csv", "GENDER", "SEX", r"patients\.csv:1:1: GENDER: column is missing"),
        ("patients.csv", "1950-06-01,,F", "1950,,F", r"patients\.csv:2:3: BIRTHDATE: a day is expected; found '1950'"),
        ("patients.csv", "1950-06-01,,F", "1850-06-01,,F", r"BIRTHDATE: older than 110 years"),
        ("patients.csv", "1950-06-01,,F", "1950-06-01,1940-01-01,F", r"DEATHDATE: died before birth"),
        ("patients.csv", "b,", "a,", r"Id: comes twice; found 'a'"),
        ("patients.csv", "M,Aalten", "M,Boston", r"some cities are municipalities .* found 'Boston'"),
        ("patients.csv", ",,F", ",F", r"patients\.csv:2:22: 4 fields, but the table has 5 columns"),
        ("conditions.csv", ",a,", ",z,", r"conditions\.csv:2:13: PATIENT: not in patients\.csv; found 'z'"),
        ("conditions.csv", "2010-01-01", "2010-13-01", r"START: a day is expected"),
    ],
)
def test_bad_output_of_synthea(write, region, file, old, new, message):
    for name, text in SYNTHEA.items():
        folder = write(f"s/{name}", text.replace(old, new, 1) if name == file else text).parent
    with pytest.raises(DataError, match=message):
        import_population(folder, region, format="synthea", reference_date="2021-01-01")


def test_synthea_needs_a_folder_and_a_date(write, region, tmp_path):
    with pytest.raises(ScenarioError, match="needs a reference date"):
        import_population(tmp_path, region, format="synthea")
    with pytest.raises(DataError, match=r"is not a folder with patients\.csv and conditions\.csv"):
        import_population(tmp_path / "no", region, format="synthea", reference_date="2021-01-01")
    with pytest.raises(DataError, match="no such file"):
        import_population(tmp_path, region, format="synthea", reference_date="2021-01-01")
    with pytest.raises(ScenarioError, match="unknown format; found sinthea"):
        import_population(tmp_path, region, format="sinthea")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bad.csv"], "bad.csv:2:5: age: out of range"),
        (["absent.csv"], "no such file"),
        (["bad.txt"], "unknown kind of file; found '.txt'"),
        (["bad.csv", "--mapping", "no.yaml"], "no.yaml"),
        (["bad.csv", "--format", "x"], "unknown format"),
        (["bad.csv", "--seed", "-1"], "--seed"),
        (["bad.csv", "--reference-date", "soon"], "a day is expected"),
    ],
)
def test_the_command_ends_with_2_and_writes_nothing(write, tmp_path, monkeypatch, capsys, arguments, message):
    write("bad.csv", HEAD + "1,M,400,Aalten\n")
    monkeypatch.chdir(tmp_path)
    assert run(["population", "import", *arguments, "--region", "achterhoek", "--out", "out.parquet"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_a_target_that_cannot_be_written_is_refused_first(write, tmp_path, capsys):
    path = write("good.csv", GOOD)
    for out, message in (("no/p.parquet", "the folder does not exist"), ("p.xlsx", "unknown kind of file")):
        assert run(["population", "import", str(path), "--region", "achterhoek", "--out", str(tmp_path / out)]) == 2
        assert message in capsys.readouterr().err


@cache
def _some_people() -> Population:
    return synthesize("achterhoek", seed=1, sample=3_000)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("age", -1.0, "out of range"),
        ("education", 7, "out of range"),
        ("ckd", 9, "out of range"),
        ("age", float("nan"), "out of range"),
        ("sex", 0.5, "whole numbers"),
        ("nursing_home", 1, "without dementia"),
    ],
)
def test_people_changed_in_python_are_checked_before_they_are_simulated(column: str, value: float, says: str) -> None:
    people = _some_people()
    changed = np.array(getattr(people, column), float)
    changed[np.flatnonzero(people.dementia == 0)[0]] = value
    with pytest.raises(DataError, match=says):
        build_model(load_scenario("nl/achterhoek_four_models"), population=replace(people, **{column: changed}))
