"""The tables of the sweeps: those of the kept runs, with the columns that are asked for."""

import json

import pytest
import yaml

from tools import notebooks, sweep

LABS = yaml.safe_load((notebooks.LABS / "sweeps.yml").read_text(encoding="utf-8"))
TABLES = [
    pytest.param(lab, name, table, id=f"{lab}_{name}")
    for lab, tables in LABS.items()
    for name, table in tables.items()
]


@pytest.mark.parametrize(("lab", "name", "table"), TABLES)
def test_a_table_in_the_book_is_that_of_the_kept_runs(lab, name, table, tmp_path):
    kept = json.loads((sweep.DATA / f"{lab}_runs.json").read_text(encoding="utf-8"))
    runs = {}
    for label, own in table["rows"].items():
        parameters = table["all"] | own if own else {}
        runs[label] = kept[json.dumps(parameters, sort_keys=True)]
    sweep.write_table(tmp_path / "table.csv", table, runs)
    written = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert written == (sweep.DATA / f"{lab}_{name}.csv").read_text(encoding="utf-8")


def test_a_table_has_the_columns_that_it_asks_for(tmp_path):
    runs = {"a": {"results": {"ratio": 0.5, "precision": 0.25, "recall": 1.0}}}
    table = {"heading": "run", "columns": ["recall", "ratio"]}
    sweep.write_table(tmp_path / "table.csv", table, runs)
    written = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert written == "run,recall,ratio\na,1.000,0.50\n"
