import pytest

from paysim import catalog
from paysim.errors import ScenarioError


def test_a_name_is_the_name_of_a_file(root):
    assert catalog.find("populations", "achterhoek") == root / "populations" / "achterhoek.yaml"
    name = "nl/achterhoek_four_models"
    assert catalog.find("scenarios", name) == root / "scenarios" / f"{name}.yaml"


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_every_name_is_found(kind):
    names = catalog.names(kind)
    assert names == sorted(set(names))
    assert names
    for name in names:
        assert catalog.find(kind, name).is_file()


def test_a_path_is_taken_as_it_is(write):
    path = write("mine.yaml", "a: 1")
    assert catalog.find("scenarios", str(path)) == path


def test_folders_of_the_user_come_first(write, tmp_path):
    mine = write("populations/achterhoek.yaml", "a: 1")
    assert catalog.find("populations", "achterhoek", [tmp_path]) == mine
    assert catalog.find("populations", "achterhoek", [tmp_path / "populations"]) == mine
    write("populations/new.yaml", "a: 1")
    assert "new" in catalog.names("populations", [tmp_path])


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("achterhok", "achterhoek"),
        ("Achterhoek", "achterhoek"),
        ("achterhoek.yaml", "achterhoek"),
        ("populations/achterhoek.yaml.yml", None),
    ],
)
def test_an_unknown_name_names_the_nearest(name, nearest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as caught:
        catalog.find("populations", name)
    problem = caught.value.problems[0]
    assert problem.found == repr(name)
    assert "achterhoek" in problem.allowed
    if nearest:
        assert problem.nearest == nearest


@pytest.mark.parametrize(
    "name",
    ["../pyproject", "/etc/passwd", "nl/../../x", "", ".", "a//b", "nl\\x", "a\0b", "a\nb", "x" * 5000, "/"],
)
def test_a_name_cannot_leave_its_folder(name):
    with pytest.raises(ScenarioError, match="no such contract"):
        catalog.find("contracts", name)
