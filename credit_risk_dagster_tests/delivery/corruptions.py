"""Ways in which the file of a month goes wrong on its way, put together at random."""

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

Rows = list[list[str]]
Share = float
"""A place in a file or among its rows, from 0 to 1."""


@dataclass(frozen=True)
class Sent:
    """The file of a month as it is sent: rows, how they are written, and what becomes of the bytes.

    Attributes:
        name: of the file.
        header: its names.
        rows: its values.
        delimiter: what separates them.
        end: what ends a line.
        encoding: of the text.
        packed: what the text is packed into.
        bytes_after: what happens to the bytes at last, in order.
    """

    name: str
    header: list[str]
    rows: Rows
    delimiter: str = ","
    end: str = "\n"
    encoding: str = "utf-8"
    packed: str = ""
    bytes_after: tuple[Callable[[bytes], bytes], ...] = ()

    def content(self) -> bytes:
        """Return the bytes that arrive."""
        if self.packed == ".parquet":
            content = self._parquet()
        else:
            content = self._text().encode(self.encoding, "replace")
        if self.packed == ".gz":
            content = gzip.compress(content, 1)
        elif self.packed == ".zst":
            content = pa.Codec("zstd").compress(content, asbytes=True)
        for change in self.bytes_after:
            content = change(content)
        return content

    def _text(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.end)
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return text.getvalue()

    def _parquet(self) -> bytes:
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.header)
        arrays = [pa.array(values, pa.string()) for values in columns]
        sink = io.BytesIO()
        pq.write_table(pa.table(arrays, names=self.header), sink)
        return sink.getvalue()


Corruption = Callable[[Sent], Sent]


def written(**how: str) -> Corruption:
    return lambda sent: replace(sent, **how)


def packed(suffix: str) -> Corruption:
    def change(sent: Sent) -> Sent:
        stem = sent.name.partition(".")[0]
        ends = suffix if suffix == ".parquet" else f".csv{suffix}"
        return replace(sent, name=stem + ends, packed=suffix)

    return change


def called(suffix: str) -> Corruption:
    """The name says something else than the bytes are."""
    return lambda sent: replace(sent, name=sent.name.partition(".")[0] + suffix)


def of_bytes(change: Callable[[bytes], bytes]) -> Corruption:
    return lambda sent: replace(sent, bytes_after=(*sent.bytes_after, change))


def cut(share: Share) -> Corruption:
    return of_bytes(lambda content: content[: int(share * len(content))])


def put(share: Share, removed: int, text: bytes) -> Corruption:
    def change(content: bytes) -> bytes:
        place = int(share * len(content))
        return content[:place] + text + content[place + removed :]

    return of_bytes(change)


def value(row: Share, column: Share, text: str) -> Corruption:
    def change(sent: Sent) -> Sent:
        rows = [list(one) for one in sent.rows]
        if rows:
            chosen = rows[int(row * len(rows))]
            chosen[int(column * len(chosen))] = text
        return replace(sent, rows=rows)

    return change


def columns_swapped(one: Share, other: Share, header_too: bool) -> Corruption:
    def change(sent: Sent) -> Sent:
        first, second = (int(share * len(sent.header)) for share in (one, other))

        def swapped(values: list[str]) -> list[str]:
            values = list(values)
            values[first], values[second] = values[second], values[first]
            return values

        header = swapped(sent.header) if header_too else sent.header
        return replace(sent, header=header, rows=[swapped(row) for row in sent.rows])

    return change


def repeated(row: Share, times: int, place: Share) -> Corruption:
    def change(sent: Sent) -> Sent:
        if not sent.rows:
            return sent
        copies = [sent.rows[int(row * len(sent.rows))]] * times
        at = int(place * len(sent.rows))
        return replace(sent, rows=[*sent.rows[:at], *copies, *sent.rows[at:]])

    return change


def header_among_rows(place: Share) -> Corruption:
    def change(sent: Sent) -> Sent:
        at = int(place * len(sent.rows))
        return replace(sent, rows=[*sent.rows[:at], sent.header, *sent.rows[at:]])

    return change


def header_renamed(place: Share, name: str) -> Corruption:
    def change(sent: Sent) -> Sent:
        at = int(place * len(sent.header))
        return replace(sent, header=[*sent.header[:at], name, *sent.header[at + 1 :]])

    return change


def column_added(name: str, text: str) -> Corruption:
    return lambda sent: replace(
        sent, header=[*sent.header, name], rows=[[*row, text] for row in sent.rows]
    )


def column_lost(place: Share) -> Corruption:
    def change(sent: Sent) -> Sent:
        at = int(place * len(sent.header))
        without = [[*row[:at], *row[at + 1 :]] for row in sent.rows]
        return replace(sent, header=[*sent.header[:at], *sent.header[at + 1 :]], rows=without)

    return change


def month_of(row: Share, to_end: bool, text: str) -> Corruption:
    """A row, or all from it on, says another month."""

    def change(sent: Sent) -> Sent:
        if "snapshot_date" not in sent.header:
            return sent
        at, first = sent.header.index("snapshot_date"), int(row * len(sent.rows))
        rows = [
            [*one[:at], text, *one[at + 1 :]]
            if number == first or (to_end and number > first)
            else one
            for number, one in enumerate(sent.rows)
        ]
        return replace(sent, rows=rows)

    return change


def no_rows(sent: Sent) -> Sent:
    return replace(sent, rows=[])


SHARES = st.floats(0, 1, exclude_max=True)
VALUES = st.one_of(
    st.sampled_from(
        (
            *("", " ", "_", "NaN", "inf", "-1", "1e400", "9" * 40, "-0.0", "1,5", "٣", "\x0b"),
            *("2024-02-30", "0001-01-01", "9999-12-01", "'", '"', "a\nb", "a\r\nb", "\0"),
            *("=1+1", "Jane Roe"),
        )
    ),
    st.text(max_size=8),
)
MONTHS = ["2024-02-01", "2024-02-15", "2019-07-01", "2024-13-01", "01.02.2024", "", "yesterday"]
NAMES = ["Age", "customer_id", " Age", "SNAPSHOT_DATE", "", "source_file", "Größe", 'a"b', "a,b"]

CORRUPTIONS = st.one_of(
    st.sampled_from(["cp1252", "utf-16", "utf-8-sig", "latin-1", "utf-32"]).map(
        lambda name: written(encoding=name)
    ),
    st.sampled_from([";", "\t", "|", " "]).map(lambda sign: written(delimiter=sign)),
    st.sampled_from(["\r\n", "\r", "\n\n", "\n\r"]).map(lambda end: written(end=end)),
    st.sampled_from([".gz", ".zst", ".parquet"]).map(packed),
    st.sampled_from([".csv.gz", ".parquet", ".txt", ".xlsx", ".zip", ".csv.zst", ".CSV"]).map(
        called
    ),
    st.builds(cut, SHARES),
    st.builds(
        put,
        SHARES,
        st.sampled_from([0, 1, 40]),
        st.sampled_from([b"\0", b'"', b"\n", b"\xff", b","]),
    ),
    st.builds(put, SHARES, st.integers(0, 3), st.binary(max_size=3)),
    st.builds(value, SHARES, SHARES, VALUES),
    st.builds(columns_swapped, SHARES, SHARES, st.booleans()),
    st.builds(repeated, SHARES, st.integers(1, 3), SHARES),
    st.builds(header_among_rows, SHARES),
    st.builds(header_renamed, SHARES, st.sampled_from(NAMES)),
    st.builds(column_added, st.sampled_from(NAMES), VALUES),
    st.builds(column_lost, SHARES),
    st.builds(month_of, SHARES, st.booleans(), st.sampled_from(MONTHS)),
    st.just(no_rows),
)
