"""`paysim validate` refuses what it cannot use, before it simulates anything."""

from __future__ import annotations

import pytest

from paysim.cli.app import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["achterhook"], "achterhoek"),
        (["nowhere.yaml"], "no such file"),
        (["achterhoek", "--years", "0"], "--years"),
        (["achterhoek", "--years", "two"], "--years"),
        (["achterhoek", "--sample", "0"], "--sample"),
        (["achterhoek", "--replicates", "0"], "--replicates"),
        (["achterhoek", "--seed", "-1"], "--seed"),
        (["achterhoek", "--plot", "figure.pdf"], ".png"),
        (["achterhoek", "--plot", "no/such/folder/figure.png"], "folder"),
        (["achterhoek", "--targets", "absent.csv"], "no such file"),
        ([], "REGION"),
    ],
)
def test_bad_arguments_leave_with_2(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(["validate", *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out
    assert not list(tmp_path.iterdir())


def test_a_fault_in_a_table_of_targets_names_its_place(capsys, write):
    header = "id,measure,what,value,unit,tolerance,tolerance_kind,area,year,role,status,source"
    path = write(
        "mine.csv", f"{header}\nx,incidence,diabetes_onst,5,per_1000,0.1,percent,NL,2020,check,found,a study\n"
    )
    assert run(["validate", "middenkempen", "--sample", "1000", "--years", "1", "--targets", str(path)]) == 2
    said = capsys.readouterr().err
    assert "mine.csv:2:" in said
    assert "did you mean 'diabetes_onset'?" in said


def test_a_file_where_a_folder_should_be_is_refused(capsys, write):
    path = write("out", "text")
    assert run(["validate", "achterhoek", "--out", str(path)]) == 2
    assert "is a file" in capsys.readouterr().err
