"""What strict YAML refuses, and where it says the fault is."""

import resource

import pytest

from paysim.errors import ScenarioError
from paysim.reading import read_yaml
from paysim.reading.documents import parse_yaml

BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (BOMB, "1:4", "a: anchors (&a) are not accepted"),
        ("a: 1\nb: *a\n", "2:4", "b: aliases (*a) are not accepted"),
        ("a: 1\n<<: *a\n", "2:5", "aliases (*a) are not accepted"),
        (
            "x: !!python/object/apply:os.system [ls]",
            "1:4",
            "tags (tag:yaml.org,2002:python/object/apply:os.system)",
        ),
        ("x: !!binary aGk=", "1:4", "tags (tag:yaml.org,2002:binary) are not accepted"),
        ("x: !mine 3", "1:4", "tags (!mine) are not accepted"),
        ("- 1\n- !!str 3\n", "2:3", "[1]: tags"),
        ("a: 1\nb: 2\na: 3\n", "3:1", "a: key comes twice; first at line 1, column 1"),
        ("a:\n  b: {c: 1, 'c': 2}\n", "2:13", "a.b.c: key comes twice; first at line 2, column 7"),
        ("a: 012", "1:4", "a: leading zeros are ambiguous: write 12, or '012' in quotes for text; found 012"),
        ("a: -007.5", "1:4", "leading zeros are ambiguous: write 7.5"),
        ("a: 00", "1:4", "leading zeros are ambiguous: write 0"),
        ("a: .inf", "1:4", "a: a number must be finite; found .inf"),
        ("a: -.Inf", "1:4", "a number must be finite"),
        ("a: .nan", "1:4", "a number must be finite"),
        ("a: 1e400", "1:4", "a number must be finite; found 1e400"),
        ("a: 9223372036854775808", "1:4", "whole number too large"),
        ("a: " + "9" * 5000, "1:4", "whole number too large; found 9999"),
        ("[" * 31 + "]" * 31, "1:31", "nested more than 30 levels deep"),
        ("{a: " * 10_000, "1:121", "nested more than 30 levels deep"),
        ("- " * 10_000 + "1", "1:61", "nested more than 30 levels deep"),
        ("? [a]\n: b\n", "1:3", "a key must be text"),
        ("? {a: 1}\n: b\n", "1:3", "a key must be text"),
        ("a: 1\n---\nb: 2\n", "2:1", "a second document begins here"),
        ("", "1:1", "is empty"),
        ("# nothing\n", "1:1", "is empty"),
        ("a:\n\t- b\n", "2:1", "indent with blanks, not with tabs"),
        ("a: b: c\n", "1:5", "is not YAML: mapping values are not allowed"),
        ("a: [1, 2\n", "2:1", "is not YAML"),
        ("a: 'x\n", "2:1", "is not YAML: found unexpected end of stream"),
        ("a: \x01\n", "1:4", "is not YAML: control characters are not allowed"),
        ("a: @x\n", "1:4", "is not YAML: found character that cannot start any token"),
        ("%YAML 3.0\n---\na: 1\n", "1:1", "is not YAML"),
    ],
)
def test_is_refused_with_its_place(text, place, message):
    with pytest.raises(ScenarioError) as caught:
        parse_yaml(text, "t.yaml")
    shown = str(caught.value)
    assert shown.startswith(f"t.yaml:{place}: "), shown
    assert message in shown
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("a: 1\n".encode("utf-16"), "1:1: is UTF-16; save it as UTF-8"),
        (b"a: 1\nb: caf\xe9\n", "2:7: is not UTF-8: byte 0xe9"),
        (b"\x00\x01\x02", "1:1: is not YAML"),
        (b"", "1:1: is empty"),
        (b"\x80", "1:1: is not UTF-8"),
    ],
)
def test_bytes_that_are_not_utf8_yaml(write, raw, message):
    path = write("t.yaml", raw)
    with pytest.raises(ScenarioError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_a_missing_file_names_the_nearest(write):
    path = write("scenario.yaml", "a: 1")
    with pytest.raises(ScenarioError, match=r"scenaro\.yaml: no such file; did you mean '.*scenario\.yaml'"):
        read_yaml(path.with_name("scenaro.yaml"))
    with pytest.raises(ScenarioError, match="is a folder"):
        read_yaml(path.parent)
    with pytest.raises(ScenarioError, match=r"no such file|cannot be read"):
        read_yaml("x" * 5000)


def test_bombs_are_refused_without_using_memory(write):
    big = write("big.yaml", b"a: [" + b"1, " * 20_000_000 + b"1]")
    wide = "[" + "1," * 200_000 + "1]"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ScenarioError, match="too large: 60,000,006 bytes, at most 1,000,000"):
        read_yaml(big)
    with pytest.raises(ScenarioError, match="more than 100,000 values"):
        parse_yaml(wide, "wide.yaml")
    with pytest.raises(ScenarioError, match="levels deep"):
        parse_yaml("[" * 400_000, "deep.yaml")
    with pytest.raises(ScenarioError, match="anchors"):
        parse_yaml(BOMB, "bomb.yaml")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
