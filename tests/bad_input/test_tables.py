"""What strict CSV refuses, and where it says the fault is."""

import pytest

from paysim.errors import DataError
from paysim.reading import Column, Limits, read_table

COLUMNS = {
    "age": Column(int, minimum=0, maximum=110, unit="years"),
    "sex": Column(str, levels=("M", "F")),
    "rate": Column(float, minimum=0),
}
HEAD = "# source\nage,sex,rate\n"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (HEAD + "1,M,0.1,9\n", "3:9", "4 fields, but the table has 3 columns"),
        (HEAD + "1,M,0,1\n", "3:7", "a comma within a number or text?"),
        (HEAD + "1,M\n", "3:4", "2 fields, but the table has 3 columns"),
        (
            HEAD + '1,M,"0,1"\n',
            "3:5",
            "rate: number expected; write a decimal point, not a comma; found '0,1'",
        ),
        (HEAD + "1,M,3%\n", "3:5", "rate: number expected; write a percentage as a share"),
        (HEAD + "1,M,NA\n", "3:5", "rate: number expected; missing values are not accepted; found 'NA'"),
        (HEAD + "1,M,nan\n", "3:5", "missing values are not accepted"),
        (HEAD + "1,M,inf\n", "3:5", "missing values are not accepted"),
        (HEAD + "1,M,\n", "3:5", "rate: number expected; the cell is empty"),
        (HEAD + "1,M, 0.1\n", "3:5", "blanks around it"),
        (HEAD + "1,M,1e400\n", "3:5", "rate: a number must be finite; found '1e400'"),
        (HEAD + "1,M,-0.1\n", "3:5", "rate: out of range; found '-0.1'; allowed: at least 0"),
        (HEAD + "1,M,1_000\n", "3:5", "rate: number expected"),
        (HEAD + "1,M,0x1F\n", "3:5", "rate: number expected"),
        (HEAD + "1,M,ten\n", "3:5", "rate: number expected; found 'ten'"),
        (HEAD + "1,M,٣\n", "3:5", "rate: number expected"),
        (HEAD + "111,M,0\n", "3:1", "age: out of range; found '111'; allowed: 0 to 110 years"),
        (HEAD + "007,M,0\n", "3:1", "age: whole number expected; leading zeros are ambiguous"),
        (HEAD + "1.0,M,0\n", "3:1", "age: whole number expected; found '1.0'"),
        (HEAD + "1e1,M,0\n", "3:1", "age: whole number expected"),
        (HEAD + "99999999999999999999,M,0\n", "3:1", "age: whole number too large"),
        (
            HEAD + "1,m,0\n",
            "3:3",
            "sex: not one of the allowed values; found 'm'; allowed: M, F; did you mean 'M'?",
        ),
        (HEAD + '"1","x, y",0\n', "3:5", "sex: not one of the allowed values; found 'x, y'"),
        ("age,sex,rat\n1,M,0\n", "1:9", "rat: unknown column; allowed: age, sex, rate; did you mean 'rate'?"),
        ("age,sex,rat\n1,M,0\n", "1:1", "rate: column is missing; did you mean 'rat'?"),
        ("age,sex\n1,M\n", "1:1", "rate: column is missing"),
        ("age,sex,rate,age\n1,M,0,1\n", "1:14", "age: column comes twice"),
        ("age,,rate\n1,M,0\n", "1:5", "column 2 has no name"),
        ("age;sex;rate\n1;M;0,1\n", "1:1", "fields must be separated by commas; found age;sex;rate"),
        ("age\tsex\trate\n1\tM\t0\n", "1:1", "fields must be separated by commas"),
        ("", "1:1", "holds no table: no row of column names"),
        ("# only a header\n", "2:1", "holds no table"),
        ("age,sex,rate\n", "1:1", "holds no rows below the column names"),
        (HEAD + '1,"M,0\n2,F,0\n', "3:1", "is not CSV"),
        (HEAD + '1,"M\nF",0\n', "3:1", "a field goes on over the end of the line"),
        (HEAD + '1,"M"x,0\n', "3:1", "is not CSV"),
        (HEAD + "1,M,0\n\0,M,0\n", "4:1", "holds a NUL character"),
        (",".join(f"c{i}" for i in range(10_000)) + "\n", "1:1", "10,000 columns, at most 500"),
        (HEAD + "1,M," + "9" * 200_000 + "\n", "3:1", "is not CSV: field larger than field limit"),
    ],
)
def test_is_refused_with_its_place(write, text, place, message):
    path = write("t.csv", text)
    with pytest.raises(DataError) as caught:
        read_table(path, COLUMNS)
    lines = [line for line in str(caught.value).splitlines() if message in line]
    assert lines, str(caught.value)
    assert lines[0].startswith(f"{path}:{place}: ")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("age\n1\n".encode("utf-16-le").join([b"\xff\xfe", b""]), "1:1: is UTF-16"),
        (b"age,sex,rate\n1,\xe9,0\n", "2:3: is not UTF-8: byte 0xe9"),
        (b"PK\x03\x04\xff\xff", "1:5: is not UTF-8"),
    ],
)
def test_other_encodings(write, raw, message):
    path = write("t.csv", raw)
    with pytest.raises(DataError) as caught:
        read_table(path, COLUMNS)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_a_value_that_must_be_unique(write):
    path = write("t.csv", "id\n7\n8\n7\n")
    with pytest.raises(DataError, match=r"t\.csv:4:1: id: comes twice; first on line 2; found '7'"):
        read_table(path, {"id": Column(int, unique=True)})


def test_numeric_levels(write):
    path = write("t.csv", "sex\n0\n2\n")
    with pytest.raises(DataError, match=r"t\.csv:3:1: sex: out of range; found '2'; allowed: 0, 1"):
        read_table(path, {"sex": Column(int, levels=(0, 1))})


def test_limits_hold_at_the_limit_and_one_beyond(write):
    columns = {"a": int}
    limits = Limits(csv_rows=2)
    assert len(read_table(write("t.csv", "a\n1\n2\n"), columns, limits)["a"]) == 2
    with pytest.raises(DataError, match=r"t\.csv:4:1: more than 2 rows"):
        read_table(write("t.csv", "a\n1\n2\n3\n"), columns, limits)
    with pytest.raises(DataError, match="too large: 7 bytes, at most 6"):
        read_table(write("t.csv", "a\n1\n23\n"), columns, Limits(csv_bytes=6))


def test_many_faults_are_reported_up_to_a_limit(write):
    path = write("t.csv", "a\n" + "x\n" * 1000)
    with pytest.raises(DataError) as caught:
        read_table(path, {"a": float})
    assert len(caught.value.problems) == 20


def test_a_missing_table_names_the_nearest(write):
    path = write("rates.csv", "a\n1\n")
    with pytest.raises(DataError, match=r"rate\.csv: no such file; did you mean '.*rates\.csv'"):
        read_table(path.with_name("rate.csv"), {"a": int})
