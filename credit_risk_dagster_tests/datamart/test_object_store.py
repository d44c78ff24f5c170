"""Tables in an object store: a real S3 server, over HTTP, that real clients read and that fails."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyarrow import fs

from credit_risk_dagster.datamart import commit, object_store, patience
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.datamart.log_repair import log_faults, repair_log
from credit_risk_dagster.datamart.maintenance import orphans
from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.datamart.place import log_entry
from credit_risk_dagster.datamart.store_place import CACHE, WRITES, StorePlace
from credit_risk_dagster.errors import PartitionError, StoreError
from credit_risk_dagster_tests.datamart.balances import (
    MONTH,
    NEXT,
    TABLE,
    balances_of,
    quarantined_of,
    write,
)
from credit_risk_dagster_tests.datamart.scores import EVERY
from credit_risk_dagster_tests.object_store import S3Server


@pytest.fixture
def stored(s3: S3Server, tmp_path: Path) -> Datamart:
    """A datamart whose tables are in a store, and its machine's own home."""
    store = ObjectStore(s3.uri(f"lender {tmp_path.name}/tables"), tmp_path / "scratch")
    return Datamart(tmp_path / "home", store=store)


def elsewhere(datamart: Datamart, tmp_path: Path) -> Datamart:
    """The same tables, as another machine sees them."""
    assert datamart.store is not None
    store = replace(datamart.store, scratch=tmp_path / "scratch of another machine")
    return Datamart(tmp_path / "another home", store=store)


def data_file(datamart: Datamart) -> str:
    (file,) = datamart.required_record(TABLE, MONTH).files
    return file.path


def test_a_month_in_a_store_is_read_by_another_machine(stored: Datamart, tmp_path: Path) -> None:
    write(stored, 1.0, 2.0, beside=["Q1"])
    other = elsewhere(stored, tmp_path)
    assert balances_of(other) == [1.0, 2.0]
    assert quarantined_of(other) == ["Q1"]
    write(other, 3.0)
    assert balances_of(stored) == [3.0]
    assert not stored.home.exists(), "nothing of a table is in the home"


def test_months_in_a_store_say_what_they_say_on_a_disk(stored: Datamart, tmp_path: Path) -> None:
    on_disk = Datamart(tmp_path / "on disk")
    there, here = (write(one, 1.0, 2.0, beside=["Q1"]) for one in (stored, on_disk))
    assert there.says_the_same_as(here)
    assert there.version == here.version


def test_any_reader_of_delta_tables_opens_a_table_by_its_address(stored: Datamart) -> None:
    write(stored, 1.0)
    write(stored, 2.0, month=NEXT)
    place = stored.place(TABLE)
    opened = DeltaTable(place.address, storage_options={"aws_allow_http": "true"})
    assert sorted(opened.to_pyarrow_table()["balance"].to_pylist()) == [1.0, 2.0]


def test_what_was_known_then_is_read_again(stored: Datamart) -> None:
    first = write(stored, 1.0)
    write(stored, 2.0)
    assert balances_of(stored.at({(TABLE.path, MONTH): first.version})) == [1.0]


def test_a_file_is_downloaded_once_and_nothing_that_was_written_here(
    stored: Datamart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded: list[str] = []
    download = ObjectStore.download
    monkeypatch.setattr(
        ObjectStore,
        "download",
        lambda store, name, path: (downloaded.append(name), download(store, name, path)),
    )
    write(stored, 1.0)
    assert balances_of(stored) == [1.0]
    assert downloaded == []
    other = elsewhere(stored, tmp_path)
    assert (balances_of(other), balances_of(other)) == ([1.0], [1.0])
    assert downloaded == [data_file(stored)]


def test_files_that_were_written_do_not_stay_on_the_machine_but_as_copies(
    stored: Datamart, tmp_path: Path
) -> None:
    write(stored, 1.0, beside=["Q1"])
    write(stored, 1.0, beside=["Q1"])
    with pytest.raises(PartitionError):
        write(stored, 2.0, rules=[lambda record, files: "never."])
    files = [path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path / "scratch").parts[0] for path in files} == {CACHE}
    assert WRITES not in {path.name for path in files}
    assert orphans(stored, [TABLE]) == []


@pytest.mark.parametrize("damage", ["altered", "cut off", "gone"])
def test_a_damaged_object_is_found_refused_and_repaired_by_writing_the_month_again(
    stored: Datamart, tmp_path: Path, damage: str
) -> None:
    write(stored, 1.0)
    store, name = stored.place(TABLE), data_file(stored)
    content = store.read(name)
    if damage == "gone":
        store.remove(name)
    else:
        altered = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
        store.write(name, altered if damage == "altered" else content[:-9])
    object_store._known_sha256.cache_clear()  # as in a process of another time
    other = elsewhere(stored, tmp_path)
    record = other.required_record(TABLE, MONTH)
    assert other.damaged_files(TABLE, record) == [f"{other.place(TABLE).address}/{name}"]
    with pytest.raises(PartitionError, match=r"is damaged: s3://.* is not the file that was"):
        balances_of(other)
    write(other, 1.0)
    assert balances_of(other) == [1.0]


def test_a_damaged_log_entry_is_put_back_from_the_index(stored: Datamart, tmp_path: Path) -> None:
    index = RecordIndex(f"sqlite:///{tmp_path / 'index.db'}", stored, EVERY)
    write(stored, 1.0)
    write(stored, 2.0)
    index.catch_up()
    stored.place(TABLE).write(log_entry(1), b"")
    again = elsewhere(stored, tmp_path)
    (fault,) = log_faults(again, TABLE, index)
    repair_log(again, fault)
    assert not log_faults(again, TABLE, index)
    assert balances_of(again) == [2.0]


def test_refused_rows_are_kept_in_the_store_to_look_at(stored: Datamart) -> None:
    with pytest.raises(PartitionError, match=r"kept in s3://.*/silver/balances/.refused/2024-09"):
        write(stored, 1.0, rules=[lambda record, files: "never."])
    place = stored.place(TABLE)
    assert place.exists(f".refused/{MONTH}/rows.parquet")
    assert list(place.files()) == []


def test_a_store_that_is_away_for_a_while_is_waited_for_and_it_is_said(
    stored: Datamart, s3: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    write(stored, 1.0)
    s3.freeze()
    back = threading.Timer(8, s3.thaw)
    back.start()
    try:
        with caplog.at_level(logging.WARNING):
            write(stored, 2.0, beside=["Q2"])
    finally:
        back.join()
    assert (balances_of(stored), quarantined_of(stored)) == ([2.0], ["Q2"])
    assert "does not answer" in caplog.text
    assert "it is asked again in" in caplog.text


class Busy(BaseHTTPRequestHandler):
    """A server that answers with a status, without a word more."""

    status = 503

    def parse_request(self) -> bool:
        """Answer whatever is asked, by whatever method."""
        super().parse_request()
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_store_that_is_busy_is_asked_again(
    tmp_path: Path,
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    busy = type("Busy", (Busy,), {"status": status})
    server = ThreadingHTTPServer(("127.0.0.1", 0), busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(patience, "SECONDS", 0.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    store = ObjectStore(f"s3://busy-{status}/x", tmp_path)
    place = StorePlace(store, "silver/loans")
    actions: list[Callable[[], object]] = [
        lambda: store.state("a"),
        lambda: store.write("a", b"x"),
        lambda: store.names(),
        lambda: place.patiently(lambda: DeltaTable(place.uri, storage_options=place.options)),
    ]
    try:
        for action in actions:
            caplog.clear()
            with caplog.at_level(logging.WARNING), pytest.raises(StoreError):
                action()
            assert "it is asked again in" in caplog.text
    finally:
        server.shutdown()
        server.server_close()


def test_a_key_that_sounds_like_an_outage_is_none() -> None:
    denied = OSError("When reading key 'timeout/503': AWS Error ACCESS_DENIED during GetObject")
    assert not patience._is_away(denied)


def test_what_is_removed_leaves_nothing_that_listings_carry_on(stored: Datamart) -> None:
    write(stored, 1.0)
    store = stored.place(TABLE).store
    for number in range(3):
        store.write(f".staging-{number}/part=1/0.parquet", b"x")
        store.remove(f".staging-{number}")
    system, root = store._opened
    found = system.get_file_info(fs.FileSelector(root, recursive=True))
    assert [info.path for info in found if ".staging" in info.path] == []


def test_a_running_process_sees_that_a_log_was_repaired(stored: Datamart, tmp_path: Path) -> None:
    write(stored, 1.0)
    write(stored, 2.0)
    other = elsewhere(stored, tmp_path)
    assert stored.log(TABLE).newest() == 2
    other.place(TABLE).set_aside(log_entry(2), ".refused/log/2.json")
    assert stored.log(TABLE).newest() == 1
    assert balances_of(stored) == [1.0]


def test_a_store_that_stays_away_is_named_with_what_to_do(
    tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "SECONDS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    nowhere = Datamart(tmp_path, store=ObjectStore("s3://nobody/is/there", tmp_path))
    with pytest.raises(StoreError, match=r"s3://nobody/is/there/silver/balances does not answer"):
        write(nowhere, 1.0)


def test_a_bucket_that_is_not_there_is_told_at_once(tmp_path: Path, s3: S3Server) -> None:
    started = time.monotonic()
    unmade = Datamart(tmp_path, store=ObjectStore("s3://never-made/x", tmp_path))
    with pytest.raises(StoreError, match=r"s3://never-made/x.* refused"):
        write(unmade, 1.0)
    assert time.monotonic() - started < 10


def after(write_once: Callable[..., None], error: Exception) -> Callable[..., None]:
    """A commit that is written, and whose first answer is lost."""
    answers = [error]

    def lossy(*arguments: Any) -> None:
        write_once(*arguments)
        if answers:
            raise answers.pop()

    return lossy


def test_a_commit_whose_answer_was_lost_is_known_as_ones_own(
    stored: Datamart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent again, it meets itself: to be told that another run took the month would be wrong."""
    write(stored, 1.0)
    lost = OSError("Generic S3 error: error sending request")
    monkeypatch.setattr(commit, "_write", after(commit._write, lost))
    record = write(stored, 2.0)
    assert record.version == stored.log(TABLE).newest() == 2
    assert balances_of(stored) == [2.0]
