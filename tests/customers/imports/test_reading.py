"""Files of customers in every shape that programs give them, and those that are none."""

import gzip
import io
import zipfile
from datetime import datetime

import pytest

from customers.imports.reading import read_table
from customers.imports.refusals import FileRefused
from customers.imports.sources import Format, recognize
from tests.customers.imports.files import table, workbook, write

GOOD = "external_id,name\nc1,Ann\nc2,Børge\n"
READ = [["c1", "Ann"], ["c2", "Børge"]]


def cells(rows):
    return [row.cells for row in rows]


def codes(rows):
    return [(row.number, [(flaw.column, flaw.code) for flaw in row.flaws]) for row in rows]


def refusal(path, wanted=None):
    with pytest.raises(FileRefused) as refused:
        for _ in read_table(recognize(path, wanted)).rows:
            pass
    return str(refused.value)


class TestEncodings:
    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"]
    )
    def test_reads(self, tmp_path, encoding):
        found, rows = table(write(tmp_path, GOOD.encode(encoding)))

        assert (found.header, cells(rows)) == (["external_id", "name"], READ)

    def test_says_that_it_read_windows_1252(self, tmp_path):
        source = recognize(write(tmp_path, GOOD.encode("cp1252")))

        assert "Windows-1252" in source.notes[0]

    def test_refuses_two_in_one_file_and_names_the_line(self, tmp_path):
        mixed = GOOD.encode() + "c3,Zoë\n".encode("cp1252")

        assert "line 4 is not UTF-8" in refusal(write(tmp_path, mixed))

    def test_refuses_bytes_of_neither(self, tmp_path):
        assert "Line 2 holds bytes" in refusal(write(tmp_path, b"external_id\n\x81\xe9\n"))

    def test_refuses_what_is_not_what_its_mark_says(self, tmp_path):
        assert "not" in refusal(write(tmp_path, b"\xef\xbb\xbfexternal_id\n\xff\n"))


class TestDelimited:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_finds_delimiters_and_line_ends(self, tmp_path, delimiter, end):
        text = GOOD.replace(",", delimiter).replace("\n", end)

        found, rows = table(write(tmp_path, text))

        assert (found.header, cells(rows)) == (["external_id", "name"], READ)

    def test_keeps_quoted_breaks_zeros_and_blanks_apart(self, tmp_path):
        text = 'external_id,name,city\r\n0042,"a\r\nb, ""c""",\r\n0043,\',x\r\n'

        _, rows = table(write(tmp_path, text))

        assert cells(rows) == [["0042", 'a\r\nb, "c"', None], ["0043", "", "x"]]

    def test_numbers_rows_as_a_spreadsheet_does(self, tmp_path):
        _, rows = table(write(tmp_path, "external_id,name\nc1,Ann\n\n,\nc2,Bob\n"))

        assert [row.number for row in rows] == [2, 5]

    def test_names_rows_with_too_many_or_too_few_cells(self, tmp_path):
        text = "external_id,name\nc1,Ann,x\nc2\nc3,Cid,,\n"

        _, rows = table(write(tmp_path, text))

        assert codes(rows) == [
            (2, [("", "too_many_cells")]),
            (3, [("", "too_few_cells")]),
            (4, []),
        ]

    def test_reads_on_after_a_quote_that_is_never_closed(self, tmp_path):
        text = 'external_id,name\nc1,Ann\nc2,"Bob\nc3,Cid\nc4,Dan\n'

        _, rows = table(write(tmp_path, text))

        assert [row.cells for row in rows if not row.flaws] == [
            ["c1", "Ann"], ["c3", "Cid"], ["c4", "Dan"],
        ]  # fmt: skip
        assert codes(rows)[1] == (3, [("", "unclosed_quote")])

    def test_refuses_what_stands_after_a_closing_quote(self, tmp_path):
        _, rows = table(write(tmp_path, 'external_id,name\nc1,"An"n\nc2,Bob\n'))

        assert codes(rows) == [(2, [("", "text_after_quote")]), (3, [])]

    def test_refuses_cells_with_nul_and_takes_long_ones_to_the_rules(self, tmp_path):
        text = f"external_id,name\nc1,A\0n\nc2,{'x' * 200_000}\n"

        _, rows = table(write(tmp_path, text))

        assert codes(rows) == [(2, [("name", "nul_byte")]), (3, [])]
        assert rows[0].cells == ["c1", "A␀n"]
        assert len(rows[1].cells[1]) == 200_000

    @pytest.mark.parametrize(
        "content, words",
        [
            ("", "empty"),
            ("\n\n", "empty"),
            ("external_id,name,name\nc1,a,b", "“name” is there twice: columns 2 and 3"),
            ("external_id,,name\nc1,a,b", "Column 2 has no name"),
            (",".join(f"c{n}" for n in range(100_000)), "100000 columns"),
            ('external_id,"name\nc1,Ann', "never closed"),
        ],
    )
    def test_refuses_headers(self, tmp_path, content, words):
        assert words in refusal(write(tmp_path, content))

    def test_reads_a_header_alone(self, tmp_path):
        assert table(write(tmp_path, "external_id,name\n"))[1] == []


class TestForeignFiles:
    @pytest.mark.parametrize(
        "content, words",
        [
            (gzip.compress(GOOD.encode(), mtime=0), "gzip"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"%PDF-1.7", "PDF"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "before 2007"),
            (b"\n<!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf<table>", "web page"),
            (workbook([["external_id"]]), "Rename it to .xlsx"),
            (b'{"external_id": "c1"}\n', "JSON"),
        ],
    )
    def test_refuses_them_by_name(self, tmp_path, content, words):
        assert words in refusal(write(tmp_path, content))

    def test_refuses_text_named_xlsx(self, tmp_path):
        assert "not an Excel workbook" in refusal(write(tmp_path, GOOD, "customers.xlsx"))

    def test_tells_the_format_of_a_file_without_a_telling_name(self, tmp_path):
        assert recognize(write(tmp_path, workbook([["a"]]), "x.dat")).format == Format.XLSX
        assert recognize(write(tmp_path, '{"a": 1}', "y.dat")).format == Format.JSONL


class TestWorkbook:
    def test_reads_numbers_truths_and_dates_as_people_see_them(self, tmp_path):
        rows = [["external_id", "a", "b", "c"],
                ["0042", 123456789012, True, 1.5], [7, None, "x", 1e20]]  # fmt: skip

        found, read = table(write(tmp_path, workbook(rows), "c.xlsx"))

        assert found.header == ["external_id", "a", "b", "c"]
        assert cells(read) == [["0042", "123456789012", "true", "1.5"],
                               ["7", None, "x", "1E+20"]]  # fmt: skip

    def test_reads_dates(self, tmp_path):
        content = workbook(
            [["external_id", "since"], ["c1", datetime(2026, 5, 1)]],  # noqa: DTZ001
            default_date_format="dd/mm/yyyy",
        )

        assert cells(table(write(tmp_path, content, "c.xlsx"))[1]) == [["c1", "2026-05-01"]]

    @pytest.mark.parametrize("constant_memory", [False, True])
    def test_keeps_every_character(self, tmp_path, constant_memory):
        texts = ["\x01a", "_x0041_", "a\rb", "a\r\nb", " lead ", "\ufffe", "\x7f", "😀", "a\tb"]
        rows = [["external_id", *map(str, range(len(texts)))], ["c1", *texts]]
        options = {"in_memory": False, "constant_memory": constant_memory}

        _, [row] = table(write(tmp_path, workbook(rows, **options), "c.xlsx"))

        assert row.cells == ["c1", *texts]

    def test_refuses_a_formula_that_failed(self, tmp_path):
        content = workbook([["external_id", "name"], ["c1", 0]])
        end = b"</v></c></row></sheetData>"
        broken = edited(content, "xl/worksheets/sheet1.xml", b"<v>0" + end, b"<v>#N/A" + end,
                        b'r="B2"', b'r="B2" t="e"')  # fmt: skip

        assert codes(table(write(tmp_path, broken, "c.xlsx"))[1]) == [
            (2, [("name", "formula_error")])
        ]

    def test_refuses_a_bomb_before_it_unpacks_it(self, tmp_path):
        """Fails when the sizes in the ZIP's directory are not looked at."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b" " * 50_000_000)

        assert "50 MB" in refusal(write(tmp_path, file.getvalue(), "c.xlsx"))

    def test_refuses_entities(self, tmp_path):
        content = edited(workbook([["external_id"], ["c1"]]), "xl/workbook.xml", b"<workbook ",
                         b'<!DOCTYPE a [<!ENTITY b "c">]><workbook ')  # fmt: skip

        assert "damaged" in refusal(write(tmp_path, content, "c.xlsx"))

    @pytest.mark.parametrize("cut", [100, 1_000, -10])
    def test_refuses_half_a_workbook(self, tmp_path, cut):
        content = workbook([["external_id"], ["c1"]])

        assert "damaged" in refusal(write(tmp_path, content[:cut], "c.xlsx"))

    def test_refuses_a_zip_that_is_no_workbook(self, tmp_path):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.txt", "a")

        assert "damaged" in refusal(write(tmp_path, file.getvalue(), "c.xlsx"))


def edited(content, name, *replacements):
    """Return the ZIP file with something in one of its parts replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for part in old.namelist():
            data = old.read(part)
            for before, after in zip(replacements[::2], replacements[1::2], strict=True):
                assert part != name or before in data
                data = data.replace(before, after) if part == name else data
            new.writestr(part, data)
    return file.getvalue()


class TestLines:
    def test_reads_nested_and_flat_keys(self, tmp_path):
        text = (
            '{"external_id": "c1", "shipping_address": {"city": "Rome"}, "net_payment_term": 30}\n'
            '\n{"external_id": 42, "tax_codes": ["a"], "metadata": {"po": 1.50}, "name": null}\n'
        )

        found, rows = table(write(tmp_path, text, "c.jsonl"))

        assert found.header == [
            "external_id", "shipping_address.city", "net_payment_term", "tax_codes", "metadata.po",
            "name",
        ]  # fmt: skip
        assert [(row.number, row.cells) for row in rows] == [
            (1, {"external_id": "c1", "shipping_address.city": "Rome", "net_payment_term": "30"}),
            (3, {"external_id": "42", "tax_codes": ["a"], "metadata.po": "1.50", "name": None}),
        ]

    def test_names_the_lines_that_hold_no_customer(self, tmp_path):
        text = '{"external_id": "c1"}\n{"a"\n[1]\n{"a": NaN}\n{"b": "\\u0000"}\n' + "[" * 90_000

        _, rows = table(write(tmp_path, text, "c.jsonl"))

        assert codes(rows) == [
            (1, []), (2, [("", "not_json")]), (3, [("", "not_an_object")]),
            (4, [("", "not_json")]), (5, [("b", "nul_byte")]), (6, [("", "not_json")]),
        ]  # fmt: skip
