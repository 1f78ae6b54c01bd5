"""PMML documents."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from drum_core.errors import ArtifactError, InputError
from tests.frameworks.iris import predictor, scored
from tests.model_folders import BINARY, make_folder

pytest.importorskip("sklearn_pmml_model")

HEAD = """\
<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
<Header/>
"""
REGRESSION = f"""{HEAD}
<DataDictionary numberOfFields="3">
<DataField name="a" optype="continuous" dataType="double"/>
<DataField name="b" optype="continuous" dataType="double"/>
<DataField name="y" optype="continuous" dataType="double"/>
</DataDictionary>
<RegressionModel functionName="regression" modelType="linearRegression" targetFieldName="y">
<MiningSchema>
<MiningField name="a"/><MiningField name="b"/><MiningField name="y" usageType="target"/>
</MiningSchema>
<RegressionTable intercept="0.5">
<NumericPredictor name="a" coefficient="3"/><NumericPredictor name="b" coefficient="1"/>
</RegressionTable>
</RegressionModel>
</PMML>
"""
TREE = f"""{HEAD}
<DataDictionary numberOfFields="2">
<DataField name="x" optype="continuous" dataType="double"/>
<DataField name="y" optype="categorical" dataType="string">
<Value value="no"/><Value value="yes"/>
</DataField>
</DataDictionary>
<TreeModel functionName="classification" splitCharacteristic="binarySplit">
<MiningSchema><MiningField name="x"/><MiningField name="y" usageType="target"/></MiningSchema>
<Node id="0" recordCount="4"><True/>
<Node id="1" score="no" recordCount="2">
<SimplePredicate field="x" operator="lessOrEqual" value="0"/>
<ScoreDistribution value="no" recordCount="2"/><ScoreDistribution value="yes" recordCount="0"/>
</Node>
<Node id="2" score="yes" recordCount="2">
<SimplePredicate field="x" operator="greaterThan" value="0"/>
<ScoreDistribution value="no" recordCount="0.5"/>
<ScoreDistribution value="yes" recordCount="1.5"/>
</Node>
</Node>
</TreeModel>
</PMML>
"""


def test_regression(tmp_path: Path) -> None:
    """A regression predicts from its fields, found by name."""
    folder = make_folder(tmp_path / "m")
    (folder / "model.pmml").write_text(REGRESSION)
    frame = scored(folder, pd.DataFrame({"z": ["t", "t"], "b": [1, 2], "a": [1, 2]}))
    assert frame["Predictions"].tolist() == [4.5, 8.5]
    assert predictor(folder) == "pmml"
    with pytest.raises(InputError, match="lacks 'b'"):
        scored(folder, pd.DataFrame({"a": [1]}))


def test_classes_are_reported(tmp_path: Path) -> None:
    """A tree gives the probabilities of the classes it names."""
    folder = make_folder(tmp_path / "m", metadata=BINARY)
    (folder / "model.PMML").write_text(TREE)
    frame = scored(folder, pd.DataFrame({"x": [-1.0, 2.0]}))
    assert list(frame.columns) == ["no", "yes"]
    assert frame.to_numpy().tolist() == [[1, 0], [0.25, 0.75]]


@pytest.mark.parametrize("content", ["", "<a/>", "something else", REGRESSION[:600]])
def test_broken_file(tmp_path: Path, content: str) -> None:
    """A file that is cut short or is something else names the file and what was expected."""
    folder = make_folder(tmp_path / "m")
    (folder / "model.pmml").write_text(content)
    with pytest.raises(ArtifactError, match=r"model\.pmml.*Expected a PMML document"):
        scored(folder, pd.DataFrame({"a": [1], "b": [1]}))
