"""The generated dates: correct, with one answer each, the same everywhere."""

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from babel import Locale

from data import dates, pairs
from data.errors import UserError

ROOT = Path(__file__).parent.parent
DAYS = [date(2021, month, day) for month in range(1, 13) for day in (1, 3, 11, 13, 28)]


@pytest.fixture(scope="module")
def parts():
    return dates.generate()


@pytest.fixture(scope="module")
def rows(parts):
    return [row for part in parts.values() for row in part]


def in_ascii(text):
    """Replaces the digits of any script by 0-9."""
    return "".join(str(unicodedata.digit(letter, letter)) for letter in text)


def test_no_text_has_two_answers(rows):
    """Not even when case, spaces, commas and full stops are ignored."""
    answers = defaultdict(set)
    for text, answer, _ in rows:
        answers[text].add(answer)
        answers[re.sub(r"[\W_]+", " ", text.casefold()).strip()].add(answer)
    assert {text: days for text, days in answers.items() if len(days) > 1} == {}
    assert len({text for text, _, _ in rows}) == len(rows)


def test_no_form_of_a_language_reads_as_another_date_in_another():
    """Compares all forms, not only those drawn: September must differ from October, and
    3 November from 11 March."""
    answers = defaultdict(set)
    for language in dates.FORMS:
        for form in dates.forms_of(language):
            for day in DAYS:
                if day.day > 12 or dates.is_clear(form):
                    text = dates.written(day, form, language, Random(0))
                    answers[dates.key(text)].add(day)
    assert {text: days for text, days in answers.items() if len(days) > 1} == {}


def test_two_answers_are_refused(monkeypatch):
    """`listopad` is October in Croatian and November in Polish."""
    forms = {"pl": "", "hr": ""}
    monkeypatch.setattr(dates, "FORMS", forms)
    monkeypatch.setattr(dates, "LAST", date(1901, 12, 31))
    monkeypatch.setattr(dates, "HELD_OUT", 5)
    monkeypatch.setattr(dates, "SIZES", {"train": 2000})
    with pytest.raises(ValueError, match=r"' is 190\d-\d\d-\d\d and 190\d-"):
        dates.generate()


def test_no_date_of_one_part_stands_in_another(parts):
    answers = [{answer for _, answer, _ in parts[part]} for part in dates.SIZES]
    assert not answers[0] & answers[1] and not answers[0] & answers[2]
    assert not answers[1] & answers[2]
    texts = [{text.casefold() for text, _, _ in parts[part]} for part in dates.SIZES]
    assert not texts[0] & texts[1] and not (texts[0] | texts[1]) & texts[2]


def test_languages_and_forms_have_their_share_in_every_part(parts):
    assert len(dates.FORMS) == 40
    for part, size in dates.SIZES.items():
        counts = Counter(language for _, _, language in parts[part])
        assert counts == dict.fromkeys(dates.FORMS, size // 40)
    # English texts with a weekday, with the year first, with an ordinal number.
    for part in parts.values():
        texts = [text for text, _, language in part if language == "en"]
        for pattern, share in (
            (r"(?i)(mon|tue|wed|thu|fri|sat|sun)", 8.5 / 20),
            (r"\d{4} ", 1 / 20),
            (r"(?i).*\d(th|st|nd|rd)", 7 / 20),
        ):
            matches = sum(bool(re.match(pattern, text)) for text in texts)
            assert matches / len(texts) == pytest.approx(share, abs=0.09)


def test_answers_are_dates_of_the_range(rows):
    for _, answer, _ in rows:
        day = date.fromisoformat(answer)
        assert dates.FIRST <= day <= dates.LAST and day.isoformat() == answer
    years = Counter(answer[:4] for _, answer, _ in rows)
    assert len(years) == 200 and min(years.values()) > 200
    assert len({answer[5:] for _, answer, _ in rows}) == 366


def test_year_and_day_stand_in_every_text(rows):
    for text, answer, language in rows:
        numbers = re.findall(r"\d+", in_ascii(text))
        year, month, day = answer.split("-")
        if language == "und" and len(numbers) == 1:
            assert numbers == [year + month + day]
        elif numbers:
            assert year in numbers and int(day) in map(int, numbers), text
            if language in ("zh", "ja"):
                assert [int(n) for n in numbers] == [int(year), int(month), int(day)]
        else:
            assert language in ("zh", "ja") and "年" in text


def test_figures_alone_are_read_back(rows):
    """The year comes first, or a day above 12 shows the order."""
    for text, answer, language in rows:
        numbers = [int(n) for n in re.findall(r"\d+", in_ascii(text))]
        if language == "und" and len(numbers) == 3:
            year = max(numbers)
            rest = [n for n in numbers if n != year]
            if numbers[0] != year:
                assert max(rest) > 12
                rest.sort()
            assert date(year, *rest).isoformat() == answer, text


def test_english_is_read_back(rows):
    seen = 0
    for text, answer, language in rows:
        if language == "en" and not re.search(r"\d/\d", text):
            plain = re.sub(r"(?i)(\d)(st|nd|rd|th)\b|\b(the|of)\b|[,-]", r"\1 ", text)
            words = plain.split()
            weekday, form = "", "%d %b %Y"
            if len(words) == 4:
                weekday = words.pop(0)
            words = [word[:3] if word[0].isalpha() else word for word in words]
            if words[0][0].isalpha():
                form = "%b %d %Y"
            elif len(words[0]) == 4:
                form = "%Y %b %d"
            day = datetime.strptime(" ".join(words), form).date()
            assert day.isoformat() == answer, text
            assert day.strftime("%A").lower().startswith(weekday.lower()), text
            seen += 1
    assert seen > 1000


@pytest.mark.parametrize("language", ["de", "fr", "ru", "el", "ar", "hi", "vi", "hu"])
def test_months_and_weekdays_are_those_of_the_cldr(rows, language):
    """Looked up in Babel's tables, not through the code that wrote the texts."""
    locale, seen = Locale.parse(language), 0
    kinds = (locale.months["format"], locale.months["stand-alone"])
    months = [kind[width] for kind in kinds for width in ("wide", "abbreviated")]
    days = locale.days["format"]["wide"]
    for text, answer, other in rows:
        numbers = re.findall(r"\d+", in_ascii(text))
        if other != language or "/" in text or (other != "vi" and len(numbers) == 3):
            continue  # of another language, or the month is a number
        day, text = date.fromisoformat(answer), dates.key(text)
        assert any(dates.key(names[day.month]) in text for names in months), text
        weekdays = {number for number, name in days.items() if dates.key(name) in text}
        assert weekdays <= {day.weekday()}, text
        seen += 1
    assert seen > 500


@pytest.mark.parametrize(
    ("day", "form", "language", "text"),
    [
        (date(2021, 9, 3), "MMMM d'{th}', y", "en", "September 3rd, 2021"),
        (date(2021, 9, 1), "d'{th}' 'of' MMMM y", "en", "1st of September 2021"),
        (date(2021, 9, 22), "d'{th}' MMMM y", "en", "22nd September 2021"),
        (date(2021, 9, 11), "d'{th}' MMMM y", "en", "11th September 2021"),
        (date(2021, 9, 13), "d'{th}' MMMM y", "en", "13th September 2021"),
        (date(2021, 9, 30), "d'{th}' MMMM y", "en", "30th September 2021"),
        (date(1950, 5, 1), "'le' d'{er}' MMMM y", "fr", "le 1er mai 1950"),
        (date(1950, 5, 21), "'le' d'{er}' MMMM y", "fr", "le 21 mai 1950"),
        (date(2021, 12, 31), "'{han}'", "zh", "二〇二一年十二月三十一日"),
        (date(1900, 10, 10), "'{han}'", "zh", "一九〇〇年十月十日"),
        (date(2005, 1, 20), "'{han}'", "zh", "二〇〇五年一月二十日"),
        (date(2021, 9, 3), "d MMMM y 'г'.", "ru", "3 сентября 2021 г."),
        (date(2021, 9, 3), "yMMdd", "und", "20210903"),
    ],
)
def test_forms(day, form, language, text):
    assert dates.written(day, form, language, Random(0)) == text


def test_figures_of_other_scripts(monkeypatch):
    monkeypatch.setattr(dates, "NATIVE", 1.0)
    day = date(2021, 9, 30)
    assert dates.written(day, "d MMMM y", "ar", Random(0)) == "٣٠ سبتمبر ٢٠٢١"
    assert dates.written(day, "y/MM/dd", "ja", Random(0)) == "２０２１/０９/３０"
    assert dates.written(day, "d MMM y", "en", Random(0)) == "30 Sep 2021"


@pytest.mark.parametrize(
    ("form", "clear"),
    [
        ("EEEE, MMMM d, y", True),
        ("d. MMM y", True),
        ("y/M/d", True),
        ("y 'm'. M d 'd'.", True),
        ("'{han}'", True),
        ("d/M/y", False),
        ("M/d/y", False),
        ("y-dd-MM", False),
    ],
)
def test_clear_forms(form, clear):
    assert dates.is_clear(form) == clear


def test_no_form_without_a_whole_year_and_each_once():
    for language in dates.FORMS:
        forms = dates.forms_of(language)
        assert len(set(forms)) == len(forms) >= 8
        day = date(2021, 12, 28)
        texts = [dates.written(day, form, language, Random(0)) for form in forms]
        assert all(re.search("2021|二〇二一", in_ascii(text)) for text in texts)
        assert not any(re.search("[\u200e\u200f\xa0\u202f{}]", text) for text in texts)


def test_careless_typing(rows):
    english = [text for text, _, language in rows if language == "en"]
    weekdays = [text for text in english if re.match(r"(?i)sun.*day|satur.*day", text)]
    for count, share in (
        (sum(text == text.lower() for text in weekdays), 0.2),
        (sum(text == text.upper() for text in weekdays), 0.15),
    ):
        assert count / len(weekdays) == pytest.approx(share, abs=0.06)
    wide = sum("  " in text for text in english) / len(english)
    assert wide == pytest.approx(0.09, abs=0.02)
    german = [text for text, _, language in rows if language == "de"]
    assert any(re.fullmatch(r"\d+ März \d+", text) for text in german)
    assert not any(re.search(r"\d \d", text) for text in german)


def test_files_are_the_same_in_another_process(tmp_path, parts):
    code = "import pathlib, sys; from data import dates; "
    code += "dates.write(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code, tmp_path]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    for part, rows in parts.items():
        lines = (tmp_path / f"{part}.tsv").read_bytes().decode().split("\n")
        assert lines == ["source\ttarget\tlanguage", *map("\t".join, rows), ""]
    if importlib.metadata.version("babel") == "2.18.0":  # the same on every machine
        digest = hashlib.sha256((tmp_path / "test.tsv").read_bytes()).hexdigest()
        assert digest.startswith("9f086458a09f")


def test_another_seed_gives_other_dates(monkeypatch):
    monkeypatch.setattr(dates, "SIZES", {"test": 400})
    assert dates.generate()["test"] == dates.generate(dates.SEED)["test"]
    assert dates.generate(1)["test"] != dates.generate()["test"]


def test_version_names_babel_and_changes_with_the_code(tmp_path, monkeypatch):
    before = dates.version()
    assert before.startswith(importlib.metadata.version("babel") + "-")
    for module in (dates, pairs):
        code = tmp_path / "changed.py"
        code.write_text(Path(module.__file__).read_text() + "\n")
        with monkeypatch.context() as patch:
            patch.setattr(module, "__file__", str(code))
            assert dates.version() != before
    assert dates.version() == before


def test_without_babel_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(UserError, match=r"expected the package Babel.*pip install"):
        dates.version()


def test_a_year_of_training_is_not_held_out_whole(parts):
    """Dates are held out one by one: training has every month of every year."""
    months = {answer[:7] for _, answer, _ in parts["train"]}
    day, wanted = dates.FIRST, set()
    while day <= dates.LAST:
        wanted.add(day.isoformat()[:7])
        day += timedelta(28)
    assert wanted <= months
