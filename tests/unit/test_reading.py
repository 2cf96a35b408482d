"""Strict YAML and CSV: what is accepted, and exactly as what. What is refused is in tests/bad_input."""

import os
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paysim.errors import DataError, OutputError, ScenarioError
from paysim.reading import Column, Limits, Reader, bind, read_table, read_yaml, write_atomic
from paysim.reading.documents import key_path, parse_yaml
from paysim.reading.tables import read_any_table


def test_scalars_follow_yaml_1_2():
    text = """
    - NO
    - yes
    - 1:30
    - 2021-01-01
    - 3%
    - true
    - null
    - ~
    - 1e3
    - -0.5
    - .5
    - 12
    - "12"
    - 0
    - '0012'
    - 1_000
    - 0x1F
    """
    expected = ["NO", "yes", "1:30", "2021-01-01", "3%", True, None, None, 1000.0, -0.5, 0.5, 12, "12", 0]
    expected += ["0012", "1_000", "0x1F"]
    data = parse_yaml(text, "t.yaml").data
    assert data == expected
    assert [type(each) for each in data] == [type(each) for each in expected]


def test_places_of_keys_and_values():
    document = parse_yaml("a: 1\narms:\n  - name: x\n    rate: 2\n", "t.yaml")
    assert document.place(("a",)) == (1, 4)
    assert document.place(("a",), key=True) == (1, 1)
    assert document.place(("arms", 0, "rate")) == (4, 11)
    assert document.place(("arms", 0, "rate"), key=True) == (4, 5)
    assert document.place(("arms", 0, "missing")) == (3, 5)
    assert document.place(("nothing",)) == (1, 1)


def test_a_part_of_a_document_knows_its_place_in_the_whole():
    part = parse_yaml("a: 1\narms:\n  - {name: x, rate: 2}\n", "t.yaml").at("arms", 0)
    assert part.data == {"name": "x", "rate": 2}
    problem = part.problem("too low", ("rate",), found=2)
    assert str(problem) == "t.yaml:3:21: arms[0].rate: too low; found 2"


def test_columns_count_characters_not_bytes():
    assert parse_yaml("{é€: 1, b: 2}", "t.yaml").place(("b",)) == (1, 12)


def test_a_utf8_byte_order_mark_is_dropped(write):
    assert read_yaml(write("t.yaml", b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}
    assert read_table(write("t.csv", b"\xef\xbb\xbfa\n1\n"), {"a": int})["a"].tolist() == [1]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63) + 1, 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff")),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", min_size=1), inner, max_size=4),
        max_leaves=20,
    )
)
def test_json_is_read_as_json(value):
    import json

    text = json.dumps(value, ensure_ascii=False)
    if '"' not in text and text in ("", "null"):
        assert parse_yaml(text, "t").data is None
        return
    found = parse_yaml(text, "t").data
    assert found == value


def test_limits_hold_at_the_limit_and_one_beyond():
    limits = Limits(yaml_depth=3, yaml_nodes=5, yaml_bytes=20)
    assert parse_yaml("[[[]]]", "t", limits).data == [[[]]]
    with pytest.raises(ScenarioError, match="3 levels"):
        parse_yaml("[[[[]]]]", "t", limits)
    assert parse_yaml("[1, 2, 3, 4]", "t", limits).data == [1, 2, 3, 4]
    with pytest.raises(ScenarioError, match="more than 5 values"):
        parse_yaml("[1, 2, 3, 4, 5]", "t", limits)


def test_the_size_limit_counts_bytes(write):
    limits = Limits(yaml_bytes=6)
    assert read_yaml(write("a.yaml", "abcdef"), limits).data == "abcdef"
    with pytest.raises(ScenarioError, match="too large: 7 bytes, at most 6"):
        read_yaml(write("a.yaml", "abcdefg"), limits)


def test_key_path():
    assert key_path(("arms", 1, "contracts", 0, "rate")) == "arms[1].contracts[0].rate"
    assert key_path(()) == ""


class _Fee(Reader):
    kind: Literal["fee"]
    price: float


class _Grant(Reader):
    kind: Literal["grant"]
    amount: float
    years: int = 1


class _File(Reader):
    name: str
    parts: list[_Fee | _Grant] = []


def test_bind_returns_the_model_and_takes_whole_numbers_for_floats():
    read = bind(_File, parse_yaml("{name: x, parts: [{kind: fee, price: 3}]}", "t.yaml"))
    assert read.parts == [_Fee(kind="fee", price=3.0)]
    assert isinstance(read.parts[0].price, float)


def test_of_several_alternatives_the_one_meant_is_reported():
    with pytest.raises(ScenarioError) as caught:
        bind(_File, parse_yaml("{name: x, parts: [{kind: grant, amount: 3, yers: 2}]}", "t.yaml"))
    text = str(caught.value)
    assert text == ("t.yaml:1:44: parts[0].yers: unknown key; allowed: amount, kind, years; did you mean 'years'?")


def test_every_fault_is_reported_at_once_in_the_order_of_the_file():
    with pytest.raises(ScenarioError) as caught:
        bind(_File, parse_yaml("parts: 3\nname: 4\nnam: x\n", "t.yaml"))
    assert [(p.line, p.key) for p in caught.value.problems] == [(1, "parts"), (2, "name"), (3, "nam")]


def test_a_table_is_read_exactly(write):
    path = write("t.csv", '# source\n# more\nage,rate,name\n1,0.1,"a, b"\n\n22,1e-3,\n')
    table = read_table(path, {"age": int, "rate": float, "name": str})
    assert table["age"].dtype == np.int64
    assert table["age"].tolist() == [1, 22]
    assert table["rate"].tolist() == [0.1, 0.001]
    assert table["name"] == ["a, b", ""]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read_alike(write, newline):
    path = write("t.csv", newline.join(["# x", "a,b", "1,2", "3,4", ""]))
    table = read_table(path, {"a": int, "b": int})
    assert (table["a"].tolist(), table["b"].tolist()) == ([1, 3], [2, 4])


def test_columns_come_in_the_order_asked_for_and_extras_as_text(write):
    path = write("t.csv", "b,status,a\n1,found,2\n")
    table = read_table(path, {"a": int, "b": float}, allow_extra=["status", "note"])
    assert list(table) == ["a", "b", "status"]
    assert table["status"] == ["found"]


def test_an_optional_column_may_be_missing(write):
    assert list(read_table(write("t.csv", "a\n1\n"), {"a": int, "b": Column(float, required=False)})) == ["a"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_written_with_repr_come_back_bit_for_bit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text("x\n" + "".join(f"{value!r}\n" for value in values))
    assert read_table(path, {"x": float})["x"].tobytes() == np.array(values).tobytes()


def test_columns_of_an_unknown_table_are_numbers_or_text_and_never_both(write):
    path = write("t.csv", "age,rate,band\n1,0.5,0-4\n2,1,5-9\n")
    table = read_any_table(path)
    assert table["age"].dtype == np.int64
    assert table["rate"].dtype == np.float64
    assert table["band"] == ["0-4", "5-9"]
    mixed = write("m.csv", "age\n1\n95+\n")
    with pytest.raises(DataError, match=r"m\.csv:3:1: age: number expected, as in the rest of the column"):
        read_any_table(mixed)
    assert read_any_table(mixed, text=["age"])["age"] == ["1", "95+"]


def test_write_atomic_replaces_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    write_atomic(target, b"one")
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_write_atomic_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    target.write_bytes(b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"a\.txt: cannot write 3 bytes: No space left"):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_write_atomic_into_a_missing_folder(tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        write_atomic(tmp_path / "no" / "a.txt", b"x")
