"""A backup that is not what was written is refused, and what is wrong with it is named."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations.backup_manifest import MANIFEST, BackupManifest
from credit_risk_dagster.operations.restore import migrations, restore_backup
from credit_risk_dagster.operations.trees import KeptFile
from credit_risk_dagster_tests.operations.installed import NO_SERVER

Backup = tuple[Path, BackupManifest, str]


def refused(folder: Path, home: Path, sha256: str | None = None) -> str:
    """Return why a restore was refused; it must have left nothing."""
    with pytest.raises(PlatformError) as refusal:
        restore_backup(folder, home, NO_SERVER, sha256)
    assert not home.exists()
    return str(refusal.value)


def change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap_for_a_link(path: Path) -> None:
    kept = path.with_name("kept")
    path.rename(kept)
    path.symlink_to(kept)


@pytest.mark.parametrize(
    ("pattern", "tamper", "fault"),
    [
        ("*/model.skops", change, "was changed"),
        ("gold/cohort/*/*.parquet", Path.unlink, "is missing"),
        ("mlflow.db", lambda path: path.write_bytes(path.read_bytes()[:-1]), "was changed"),
        ("settings.env", swap_for_a_link, "is missing"),
        ("MLmodel", lambda path: path.with_name("more").touch(), "does not belong to it"),
    ],
)
def test_a_backup_that_is_not_what_was_written_is_refused_and_the_file_named(
    copied: Path, tmp_path: Path, pattern: str, tamper: Callable[[Path], None], fault: str
) -> None:
    path = next(copied.rglob(pattern))
    tamper(path)

    said = refused(copied, tmp_path / "home")

    named = path.with_name("more") if fault.startswith("does not") else path
    assert f"{named.relative_to(copied).as_posix()} {fault}" in said
    assert "Nothing was restored" in said


def test_a_backup_that_did_not_end_is_refused(copied: Path, tmp_path: Path) -> None:
    (copied / MANIFEST).unlink()

    assert "backup.json, which is written last, is missing" in refused(copied, tmp_path / "home")


def test_a_file_changed_together_with_its_manifest_is_refused_by_the_manifests_hash(
    copied: Path, small_backup: Backup, tmp_path: Path
) -> None:
    settings_file = copied / "home" / "settings.env"
    settings_file.write_text("CREDIT_RISK_POLICY__MINIMUM_AUC='0.5'\n", encoding="utf-8")
    recorded = json.loads((copied / MANIFEST).read_text(encoding="utf-8"))
    kept = KeptFile(**recorded["files"]["home/settings.env"])
    changed = settings_file.read_bytes()
    recorded["files"]["home/settings.env"] = {
        "size": len(changed),
        "sha256": hashlib.sha256(changed).hexdigest(),
        "mode": kept.mode,
    }
    (copied / MANIFEST).write_text(json.dumps(recorded), encoding="utf-8")

    assert "is not the manifest that was expected" in refused(
        copied, tmp_path / "home", small_backup[2]
    )


def rewritten(folder: Path, **changes: object) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")


def test_a_manifest_that_leads_out_of_the_backup_is_refused(copied: Path, tmp_path: Path) -> None:
    recorded = json.loads((copied / MANIFEST).read_text())["files"]
    rewritten(copied, files=recorded | {"home/../../stolen": recorded["home/settings.env"]})

    assert "home/../../stolen leads out of the backup" in refused(copied, tmp_path / "home")


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', "not json"])
def test_a_manifest_that_is_none_is_refused(copied: Path, tmp_path: Path, text: str) -> None:
    (copied / MANIFEST).write_text(text, encoding="utf-8")

    assert "cannot be read as the manifest" in refused(copied, tmp_path / "home")


def test_a_backup_of_another_format_is_refused(copied: Path, tmp_path: Path) -> None:
    rewritten(copied, format=2)

    assert "is a backup of format 2" in refused(copied, tmp_path / "home")


def test_a_backup_of_a_newer_release_is_refused_and_an_older_one_names_its_migrations(
    copied: Path, small_backup: Backup, tmp_path: Path
) -> None:
    versions = small_backup[1].versions
    rewritten(copied, versions=versions | {"mlflow": "99.0"})
    assert "written with mlflow 99.0" in refused(copied, tmp_path / "home")

    rewritten(copied, versions=versions | {"dagster": "1.0.0"})
    manifest = restore_backup(copied, tmp_path / "home", NO_SERVER)
    assert migrations(manifest) == ["`dagster instance migrate`"]
    assert migrations(small_backup[1]) == []
