"""Tables written as text: the encoding is told, the separator is found, and every row knows its number."""

import csv
import gzip
import io
import re
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import get_layer
from mesip.errors import SourceError
from pipelines.encodings import encoding_of
from pipelines.tables import read_table
from pipelines.text_tables import read_text_table

SHARED = "ćęłńóżĆĘŁŃÓŻ"
# The six letters that stand elsewhere in Windows-1250 than in ISO-8859-2.
TELLING = "ąśźĄŚŹ"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1250", "iso-8859-2")
HEADER = ("nr", "nazwa", "uwagi")
LINE_END = re.compile(r"\r\n|\r|\n")

encodings = st.sampled_from(ENCODINGS)
polish = st.builds(
    lambda telling, more: "".join([*telling, *more]),
    st.lists(st.sampled_from(TELLING), min_size=1, max_size=9),
    st.lists(st.sampled_from(SHARED + TELLING), min_size=2, max_size=40),
)
# What any of the code pages can say; csv cannot tell a lone return from a line break.
signs = st.sampled_from(SHARED + TELLING + "abcXYZ 0129;,|\t\"'\n.-")
values = st.text(signs, max_size=12).map(str.strip)


def write(folder: Path, rows: list[tuple[str, ...]], encoding: str = "utf-8", sign: str = ";") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=sign).writerows(rows)
    path = folder / "table.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def read(path: Path, batch_rows: int = 50_000) -> pd.DataFrame:
    return pd.concat(read_text_table(path, batch_rows), ignore_index=True)


@given(text=polish, encoding=encodings, before=st.sampled_from(["", "Ulica ", "x" * 70_000]))
@settings(deadline=None, max_examples=300)
def test_polish_letters_come_back_whatever_the_encoding(text, encoding, before):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), [HEADER, ("1", before + text, "")], encoding)
        assert read(path)["nazwa"].tolist() == [before + text]


@given(
    rows=st.lists(st.tuples(st.integers(1, 999).map(str), values, values), min_size=1, max_size=20),
    encoding=encodings,
    sign=st.sampled_from(";,\t|"),
    batch_rows=st.integers(1, 7),
)
@settings(deadline=None, max_examples=200)
def test_every_table_that_csv_can_write_is_read_back(rows, encoding, sign, batch_rows):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), [HEADER, ("1", TELLING, ""), *rows], encoding, sign)
        frame = read(path, batch_rows)
        found = frame[list(HEADER)].astype("object").where(frame[list(HEADER)].notna(), "")
        assert list(found.itertuples(index=False, name=None))[1:] == rows
        assert frame["torn"].isna().all()


def test_the_first_polish_letter_may_come_after_the_first_megabyte(tmp_path):
    rows = [(str(number), "Lipowa", "x" * 90) for number in range(15_000)]
    path = write(tmp_path, [HEADER, *rows, ("15000", "Świętosława", "")], "cp1250")
    assert path.stat().st_size > 1 << 20
    assert read(path)["nazwa"].iloc[-1] == "Świętosława"


def test_a_letter_cut_by_the_end_of_a_megabyte_is_still_utf_8(tmp_path):
    path = tmp_path / "cut.csv"
    head = "nr;nazwa\n1;"
    path.write_text(head + "x" * ((1 << 20) - len(head) - 1) + "ł\n", encoding="utf-8")
    assert encoding_of(path) == "utf-8"


def test_capitals_in_windows_1250_that_are_valid_utf_8_are_told(tmp_path):
    assert "ĆĄ".encode("cp1250").decode("utf-8") == "ƥ"
    path = write(tmp_path, [HEADER, ("1", "ĆĄĆĄ", "")], "cp1250")
    assert read(path)["nazwa"].tolist() == ["ĆĄĆĄ"]


@pytest.mark.parametrize(
    "text", ["Čopova, Šiška, Žale", "Straße, Äcker", "café, Élysée, œuvre", "Ђорђе", "€ – „tak”"]
)
def test_other_languages_in_utf_8_stay_utf_8(tmp_path, text):
    assert read(write(tmp_path, [HEADER, ("1", text, "")]))["nazwa"].tolist() == [text]


def test_a_table_put_together_of_two_encodings_is_refused(tmp_path):
    path = write(tmp_path, [HEADER, ("1", "Żółta łąka", ""), ("2", "Świętosława", "")])
    path.write_bytes(path.read_bytes() + "3;łąka;\r\n".encode("cp1250"))
    with pytest.raises(SourceError, match=r"some of its letters are written in UTF-8.* Export it in UTF-8"):
        read(path)


def test_capitals_that_look_like_utf_8_here_and_there_are_windows_1250(tmp_path):
    rows = [HEADER, ("1", "RÓŻANA", "STÓŁ"), ("2", "KOŚCIÓŁ", "ŻÓŁĆ"), ("3", "ŚWIĘTOSŁAWA – „A”", "ŹRÓDŁO")]
    assert read(write(tmp_path, rows, "cp1250"))["nazwa"].tolist() == [name for _, name, _ in rows[1:]]


def test_quotation_marks_and_dashes_of_windows_are_windows_1250(tmp_path):
    text = "Park „Wilsona” – część północna…"
    assert read(write(tmp_path, [HEADER, ("1", text, "")], "cp1250"))["nazwa"].tolist() == [text]


def test_letters_of_dos_are_refused(tmp_path):
    path = write(tmp_path, [HEADER, ("1", "Zażółć gęślą jaźń", "")], "cp852")
    with pytest.raises(SourceError, match=r"table.csv.* Export it .*UTF-8"):
        read(path)


def test_a_table_packed_with_gzip_is_read(tmp_path):
    plain = write(tmp_path, [HEADER, ("1", "Świt", "a")], "iso-8859-2")
    packed = tmp_path / "table.csv.GZ"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed)["nazwa"].tolist() == ["Świt"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(tmp_path, end):
    path = tmp_path / "ends.csv"
    path.write_bytes(end.join(["nr;nazwa", "1;a", "", "2;b", ""]).encode())
    assert read(path)[["nr", "nazwa", "origin"]].values.tolist() == [
        ["1", "a", "line 2"],
        ["2", "b", "line 4"],
    ]


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 1000])
def test_the_line_of_a_row_is_right_across_batches_and_line_breaks(tmp_path, batch_rows):
    path = tmp_path / "lines.csv"
    path.write_text('nr;nazwa\n1;a\n2;"b\nc\nd"\n\n3;e\n4\n5;"f\ng"\n6;h\n')
    frame = read(path, batch_rows)
    assert frame["origin"].tolist() == [f"line {number}" for number in (2, 3, 7, 8, 9, 11)]
    assert frame["nazwa"].tolist()[:3] == ["a", "b\nc\nd", "e"]
    assert frame["torn"].notna().tolist() == [False, False, False, True, False, False]
    assert frame["torn"].iloc[3].startswith("Line 8 has 1 values, the header names 2 columns.")


# Rows, the blank lines before each, and what may stand before them all.
broken = st.text(st.sampled_from("ąź ab;\"'\t\r\n\u2028\x0c"), max_size=8)
spaced = st.lists(st.tuples(st.integers(0, 2), st.tuples(st.just("k"), broken, broken)), max_size=12)


@given(
    rows=spaced,
    second=broken.filter(lambda name: "\t" not in name),  # more tabs than semicolons make tabs the separator
    way=st.tuples(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1250"]), st.booleans()),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    batch_rows=st.integers(1, 5),
)
@settings(deadline=None, max_examples=300)
def test_the_origin_of_a_row_is_the_line_at_which_an_editor_shows_it(rows, second, way, end, batch_rows):
    (encoding, pack), text, begins = way, "", []
    for blank, row in [(0, ("nr", f"nazwa{second}", "uwagi")), *rows]:
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=";", lineterminator=end).writerow(row)
        text += blank * end
        begins.append(1 + len(LINE_END.findall(text)))
        text += written.getvalue()
    whole = text.encode(encoding, "ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("table.csv.gz" if pack else "table.csv")
        path.write_bytes(gzip.compress(whole) if pack else whole)
        frames = list(read_text_table(path, batch_rows))
    assert [origin for frame in frames for origin in frame["origin"]] == [f"line {n}" for n in begins[1:]]


def test_the_line_that_excel_writes_for_the_separator_is_no_row(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_text("sep=|\r\nnr|na;zwa\r\n1|a\r\n")
    frame = read(path)
    assert list(frame.columns[:2]) == ["nr", "na;zwa"]
    assert frame["origin"].tolist() == ["line 3"]


def test_empty_values_at_the_end_beyond_the_header_are_no_fault(tmp_path):
    path = tmp_path / "more.csv"
    path.write_text("nr;nazwa\n1;a;;\n2;b\n")
    assert read(path)["torn"].isna().all()


def test_columns_without_a_name_are_called_by_their_place(tmp_path):
    path = tmp_path / "unnamed.csv"
    path.write_text("nr;;nazwa;\n1;x;a;\n")
    assert list(read(path).columns[:4]) == ["nr", "column 2", "nazwa", "column 4"]


def test_what_is_too_much_in_a_row_is_kept_with_it(tmp_path):
    path = tmp_path / "much.csv"
    path.write_text("nr;nazwa\n1;a;b;c\n2;d\n")
    row = read(path).iloc[0]
    assert (row["nr"], row["nazwa"]) == ("1", "a;b;c")
    assert row["torn"].startswith("Line 2 has 4 values, the header names 2 columns.")


def test_a_quotation_mark_inside_a_value_spoils_its_row_and_keeps_its_key(tmp_path):
    path = tmp_path / "quote.csv"
    path.write_text('nr;nazwa\n1;"ul. "Polna" 5"\n2;b\n')
    frame = read(path)
    assert frame["nr"].tolist() == ["1", "2"]
    assert frame["torn"].tolist()[0] == "Line 2 has a quotation mark inside a value; double it."


@pytest.mark.parametrize("rows", ['1;"a\n2;b\n3;c\n', '1;"a\n2;b"x\n3;c\n', "1;" + '"' + "x\n" * 100_000])
def test_a_quotation_mark_that_swallows_rows_stops_the_load(tmp_path, rows):
    path = tmp_path / "swallowed.csv"
    path.write_text("nr;nazwa\n" + rows)
    with pytest.raises(SourceError, match=r"swallowed.csv, line 2: a quotation mark .*lines 2 to \d+"):
        read(path)


def test_a_line_of_a_megabyte_is_a_fault_of_its_row_or_of_the_file(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("nr;nazwa\n1;" + "x" * (1 << 20) + "\n2;b\n")
    assert read(path)["torn"].notna().tolist() == [True, False]
    path.write_text("x;" * (1 << 20))
    with pytest.raises(SourceError, match=r"long\.csv, line 1"):
        read(path)


def test_numbers_with_commas_and_blanks_become_points(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text(
        "NUMER;WSP_E;WSP_N\n1;6 428 000,50;5 808 000,25\n2;6\u00a0428\u202f000,5;5'808'000.25\n"
        "3;6.428.000,50;5,808,000.25\n4;abc;5808000\n5;;5808000\n",
        encoding="utf-8",
    )
    (frame,) = read_table(path, get_layer("trees"))
    assert [(point.x, point.y) for point in frame.geometry[:3]] == [(6428000.5, 5808000.25)] * 3
    assert frame.geometry[3:].isna().all()
    assert frame["fault"].tolist()[3] == "The coordinate WSP_E 'abc' is not a number."
    assert pd.isna(frame["fault"].tolist()[4])


def test_the_index_goes_on_over_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.tables.BATCH_ROWS_TEXT", 2)
    path = tmp_path / "batches.csv"
    path.write_text("NUMER;WSP_E;WSP_N\n" + "".join(f"{n};6428000;5808000\n" for n in range(5)))
    batches = list(read_table(path, get_layer("trees")))
    assert [list(batch.index) for batch in batches] == [[1, 2], [3, 4], [5]]
    assert [origin for batch in batches for origin in batch["origin"]] == [f"line {n}" for n in range(2, 7)]
