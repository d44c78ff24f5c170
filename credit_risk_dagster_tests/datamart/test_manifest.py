import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.datamart.manifest import Manifest, read_manifest, write_manifest

MANIFEST = Manifest(
    table="silver/loans",
    month="2024-09-01",
    rows=3,
    columns={"loan_id": "string"},
    content_hash="abc",
    inputs={"bronze/loans/2024-09-01": "def"},
    code_version="1",
    folder="2024-09-01/0123456789ab",
    beside={"quarantined": {"rows": 1, "content_hash": "fed"}},
    facts={"delivered": 4},
    provenance={"written_at": "2024-09-02T00:00:00+00:00"},
)

CHANGES: dict[str, Any] = {
    "table": "silver/other",
    "month": "2024-10-01",
    "rows": 4,
    "columns": {"loan_id": "int64"},
    "content_hash": "abd",
    "inputs": {"bronze/loans/2024-09-01": "deg"},
    "code_version": "2",
    "beside": {"quarantined": {"rows": 1, "content_hash": "fee"}},
    "facts": {"delivered": 5},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_manifest_names_its_partition() -> None:
    assert MANIFEST.partition == "silver/loans/2024-09-01"


@given(facts=st.dictionaries(st.text(), JSON), provenance=st.dictionaries(st.text(), JSON))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    facts: dict[str, object],
    provenance: dict[str, object],
) -> None:
    manifest = replace(MANIFEST, facts=facts, provenance=provenance)
    path = tmp_path_factory.mktemp("manifest") / "silver" / "2024-09-01.json"
    write_manifest(path, manifest)
    assert read_manifest(path) == manifest
    assert manifest.says_the_same_as(replace(manifest, provenance={}))


def test_a_manifest_that_was_never_written_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "2024-09-01.json") is None


def test_a_manifest_says_the_same_wherever_its_files_are_and_came_from() -> None:
    moved = replace(MANIFEST, folder="2024-09-01/ba9876543210", provenance={"engine": "pyspark"})
    assert MANIFEST.says_the_same_as(moved)


@pytest.mark.parametrize("name", CHANGES)
def test_any_other_difference_says_something_else(name: str) -> None:
    assert not MANIFEST.says_the_same_as(replace(MANIFEST, **{name: CHANGES[name]}))


def test_every_field_of_a_manifest_either_counts_or_is_known_not_to() -> None:
    assert set(vars(MANIFEST)) - set(CHANGES) == {"folder", "provenance"}


def test_a_write_that_fails_leaves_the_old_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "2024-09-01.json"
    write_manifest(path, MANIFEST)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("credit_risk_dagster.datamart.manifest.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_manifest(path, replace(MANIFEST, rows=9))
    assert read_manifest(path) == MANIFEST


def test_a_manifest_is_text_that_a_person_can_read(tmp_path: Path) -> None:
    path = tmp_path / "2024-09-01.json"
    write_manifest(path, replace(MANIFEST, facts={"reason": "März"}))
    text = path.read_text(encoding="utf-8")
    assert '"reason": "März"' in text
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert text.endswith("}\n")
