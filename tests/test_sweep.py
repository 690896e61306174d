"""The tables of the sweeps: those of the kept runs, with the columns that are asked for."""

import pytest

from ganbook import kept
from tools import notebooks, sweep

LABS = {lab: tables for lab, tables in notebooks.entries("sweeps.yml").items() if lab != "columns"}
TABLES = [
    pytest.param(lab, name, table, id=f"{lab}_{name}")
    for lab, tables in LABS.items()
    for name, table in tables.items()
]


@pytest.mark.parametrize(("lab", "name", "table"), TABLES)
def test_a_table_in_the_book_is_that_of_the_kept_runs(lab, name, table, tmp_path):
    found = kept.Store(sweep.DATA / "sweeps" / lab).all()
    runs, tables = sweep.plan(lab)
    chosen = {}
    for label, own in table["rows"].items():
        chosen[label] = found[tables[name][label]]
        assert chosen[label]["parameters"] == (table["all"] | own if own else {})
    assert set(found) == set(runs)
    sweep.write_table(tmp_path / "table.csv", table, chosen)
    written = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert written == (sweep.DATA / f"{lab}_{name}.csv").read_text(encoding="utf-8")


def test_a_run_that_two_tables_share_is_made_once():
    runs, tables = sweep.plan("07_dcgan")
    assert tables["seeds"]["0"] == tables["changes"]["none"] == "published"
    assert len(runs) == 6  # of seven rows
    assert runs["seeds 2"].parameters["seed"] == 2


def test_a_table_has_the_columns_that_it_asks_for(tmp_path):
    runs = {"a": {"results": {"ratio": 0.5, "precision": 0.25, "recall": 1.0}}}
    table = {"heading": "run", "columns": ["recall", "ratio"]}
    sweep.write_table(tmp_path / "table.csv", table, runs)
    written = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert written == "run,recall,ratio\na,1.000,0.50\n"
