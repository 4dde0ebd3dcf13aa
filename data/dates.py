"""Generated dates as people write them in 39 languages -> ISO 8601.

    Freitag, den 3. September 2021    le 1er mai 1950    SEP 3RD,  2021    21 мая 1999 г

Names and patterns come from Babel's copy of the Unicode CLDR; some forms that people
also use are added here. Some texts are typed carelessly: in lower case, without commas
or full stops, with an extra space. `und`, no language, has forms in digits only. Years
are 1900 to 2099 of the Gregorian calendar, always with four digits.

Every text has one answer in all languages: the month is a word, or the order is year,
month, day, or the day is above 12. Croatian is left out because its `listopad` is
October, whereas in Polish and Czech it is November.

No test or validation date occurs in training in any language, so memorising does not
help. In every part each language has the same number of rows, and the forms of a
language have the same number of rows, or one less.
"""

import hashlib
import re
from datetime import date, timedelta
from pathlib import Path
from random import Random

from data import pairs
from data.errors import UserError

SEED = 40
SIZES = {"train": 60000, "validation": 2000, "test": 2000}
FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
HELD_OUT = 3000  # dates for validation, and as many for test

# Forms besides the CLDR's, in its notation: EEEE weekday, MMMM month, MMM its short
# form, d and dd day, y year. {th} and {er} are the endings of ordinal numbers, {han} is
# the date in Chinese numerals.
FORMS = {
    "en": """
        d MMMM y
        d MMM y
        EEE d MMM y
        dd-MMM-y
        y MMM d
        MMMM d'{th}', y
        MMM d'{th}' y
        d'{th}' MMMM y
        d'{th}' 'of' MMMM y
        'the' d'{th}' 'of' MMMM, y
        EEEE, MMMM d'{th}', y
        EEEE 'the' d'{th}' 'of' MMMM y""",
    "de": """
        dd. MMM y
        'den' d. MMMM y
        EEEE, 'den' d. MMMM y
        EEEE, 'der' d. MMMM y""",
    "fr": """
        d'{er}' MMMM y
        'le' d'{er}' MMMM y
        'le' EEEE d'{er}' MMMM y""",
    "es": """
        d MMMM y
        d 'de' MMMM 'del' y
        'el' d 'de' MMMM 'de' y""",
    "it": """
        dd MMM y
        'il' d MMMM y""",
    "pt": """
        d MMM y
        'dia' d 'de' MMMM 'de' y""",
    "nl": """
        dd-MMM-y
        EEE d MMMM y""",
    "sv": """
        'den' d MMMM y
        EEEE'en' 'den' d MMMM y""",
    "da": """
        'den' d. MMMM y
        d. MMMM, y""",
    "nb": """
        'den' d. MMMM y
        EEEE 'den' d. MMMM y""",
    "fi": """
        EEE d. MMMM y""",
    "is": """
        EEEE'inn' d. MMMM y""",
    "pl": """
        d MMMM y 'r.'
        'dnia' d MMMM y 'roku'""",
    "cs": """
        'dne' d. MMMM y""",
    "sk": """
        'dňa' d. MMMM y""",
    "sl": """
        d. MMMM, y""",
    "hu": """
        y. MMMM dd.""",
    "ro": """
        'pe' d MMMM y""",
    "bg": """
        d MMMM y""",
    "sr": """
        d. MMMM y. 'године'""",
    "ru": """
        d MMMM y
        d MMMM y 'года'""",
    "uk": """
        d MMMM y
        d MMMM y 'року'""",
    "el": """
        'στις' d MMMM y""",
    "tr": """
        dd MMMM y
        d MMMM y, EEEE""",
    "he": """
        d MMMM y
        'ה'-d 'ב'MMMM y""",
    "ar": """
        d MMMM, y
        EEEE d MMMM y""",
    "fa": """
        EEEE، d MMMM، y""",
    "hi": """
        MMMM d, y""",
    "bn": """
        d MMMM y""",
    "th": """
        'วันที่' d MMMM y""",
    "vi": """
        'ngày' d MMMM 'năm' y
        EEEE, 'ngày' d MMMM 'năm' y""",
    "id": """
        'tanggal' d MMMM y""",
    "zh": """
        '{han}'
        y年MM月dd日
        y 年 M 月 d 日
        y年M月d日 EEE""",
    "ja": """
        '{han}'
        y年MM月dd日
        y年M月d日 (EEE)""",
    "ko": """
        y년 MM월 dd일
        y년M월d일
        y. M. d. (EEE)""",
    "ca": """
        'el' d MMMM 'de' y""",
    "et": """
        d. MMMM y. 'a'""",
    "lv": """
        y. 'gada' dd. MMMM""",
    "lt": """
        y MMMM d""",
    "und": """
        y-MM-dd
        y/MM/dd
        y.MM.dd
        y-M-d
        y/M/d
        y.M.d
        y MM dd
        yMMdd
        dd/MM/y
        d/M/y
        MM/dd/y
        M/d/y
        dd.MM.y
        d.M.y
        dd-MM-y
        d-M-y""",
}
SKELETONS = ("yMMMd", "yMMMEd", "yMMMMd", "yMMMMEEEEd", "yMd", "yMEd")

# Zero of the digits that are used besides 0-9, and the share of texts with them.
ZEROS = {"ar": "٠", "fa": "۰", "hi": "०", "bn": "০", "th": "๐", "ja": "０"}
NATIVE = 0.4
CASES = {"as it is": 0.55, "small": 0.2, "capital": 0.15, "words": 0.1}  # shares
NO_COMMA, NO_STOP, WIDE = 0.2, 0.2, 0.1  # shares of texts; WIDE: a doubled space


def generate(seed: int = SEED) -> dict[str, list[tuple[str, str, str]]]:
    """Returns `(text, ISO date, language)` by part; depends on the seed and on Babel.

    Raises `ValueError` if, after a change of the forms, a text has two answers.
    """
    random = Random(seed)
    days = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
    days.sort(key=lambda day: random.random())  # `shuffle` may change in Python
    places = {"validation": (0, HELD_OUT), "test": (HELD_OUT, 2 * HELD_OUT)}
    answers: dict[str, str] = {}
    texts, parts = set(), {}
    for part, size in SIZES.items():
        start, end = places.get(part, (2 * HELD_OUT, len(days)))
        rows = []
        for language in FORMS:
            forms = forms_of(language)
            for number in range(size // len(FORMS)):
                form = forms[number % len(forms)]
                while True:
                    day = days[start + int(random.random() * (end - start))]
                    if day.day > 12 or is_clear(form):
                        text = _typed(written(day, form, language, random), random)
                        if text not in texts:
                            break
                if answers.setdefault(key(text), day.isoformat()) != day.isoformat():
                    raise ValueError(f"{text!r} is {answers[key(text)]} and {day}")
                texts.add(text)
                rows.append((text, day.isoformat(), language))
        parts[part] = sorted(rows, key=lambda row: random.random())
    return parts


def write(folder: Path) -> None:
    """Writes `train.tsv` ... with the columns `source`, `target` and `language`."""
    for part, rows in generate().items():
        pairs.write_pairs(folder / f"{part}.tsv", rows, (*pairs.COLUMNS, "language"))


def version() -> str:
    """Babel's version, which determines that of the CLDR, and a hash of the code.

    Raises `UserError` if Babel is not installed.
    """
    try:
        from babel import __version__
    except ModuleNotFoundError:
        wanted = "dates: expected the package Babel, for the names of the months"
        raise UserError(f"{wanted}, found none: pip install babel") from None
    digest = hashlib.sha256()
    for code in (__file__, pairs.__file__):
        digest.update(Path(code).read_bytes())
    return f"{__version__}-{digest.hexdigest()[:12]}"


def forms_of(language: str) -> list[str]:
    """The distinct patterns of a language: the CLDR's, with full and abbreviated months
    and weekdays, and those in `FORMS`."""
    from babel import Locale

    forms = []
    if language != "und":
        locale = Locale.parse(language)
        forms = [locale.date_formats[n].pattern for n in ("full", "long", "medium")]
        known = locale.datetime_skeletons
        forms += [known[name].pattern for name in SKELETONS if name in known]
        forms = [re.sub("(?<!E)E(?!E)", "EEE", form) for form in forms]  # synonyms
        forms += [form.replace("MMMM", "MMM") for form in forms]
        forms += [re.sub(r"(EEEE|cccc)(?!\w)", "EEE", form) for form in forms]
    forms += [line.strip() for line in FORMS[language].strip().splitlines()]
    return [form for form in dict.fromkeys(forms) if "'{han}'" in form or _order(form)]


def _order(form: str) -> list[str]:
    """The year, month and day fields in their order; empty if one is missing."""
    fields = re.findall("y+|M+|d+", re.sub("'[^']*'", "", form))
    whole = sorted(field[0] for field in fields) == ["M", "d", "y"]
    return fields if whole and "yy" not in fields else []


def is_clear(form: str) -> bool:
    """Whether the form is unambiguous even for days up to 12."""
    order = _order(form)
    named = any(len(field) > 2 for field in order)
    return not order or named or [f[0] for f in order] == ["y", "M", "d"]


def written(day: date, form: str, language: str, random: Random) -> str:
    """Writes a date in one of the forms of a language, without mistakes."""
    from babel.dates import format_date

    text = format_date(day, form, "en" if language == "und" else language)
    for mark, ending in (("{th}", _th), ("{er}", _er), ("{han}", _han)):
        if mark in text:
            text = text.replace(mark, ending(day))
    # Keyboards lack the CLDR's narrow spaces and direction marks.
    text = re.sub("[\u200e\u200f]", "", re.sub("[\xa0\u202f]", " ", text))
    if language in ZEROS and random.random() < NATIVE:
        zero = ord(ZEROS[language])
        text = text.translate({48 + digit: zero + digit for digit in range(10)})
    return text


def _th(day: date) -> str:
    teen = day.day in (11, 12, 13)
    return "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")


def _er(day: date) -> str:
    return "er" if day.day == 1 else ""


def _han(day: date) -> str:
    figures = "〇一二三四五六七八九"

    def counted(number: int) -> str:  # up to 99
        tens, ones = divmod(number, 10)
        ten = (figures[tens] if tens > 1 else "") + "十" if tens else ""
        return ten + (figures[ones] if ones else "")

    year = "".join(figures[int(digit)] for digit in str(day.year))
    return f"{year}年{counted(day.month)}月{counted(day.day)}日"


def _typed(text: str, random: Random) -> str:
    """Returns the text as people may type it."""
    case = _drawn(random, CASES)
    if case == "small":
        text = text.lower()
    elif case == "capital":
        text = text.upper()
    elif case == "words":
        text = " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
    if random.random() < NO_COMMA:
        text = re.sub("[,،]", "", text)
    if random.random() < NO_STOP:
        text = re.sub(r"\.(?!\d)", "", text)
    spaces = [place for place, letter in enumerate(text) if letter == " "]
    if random.random() < WIDE and spaces:
        place = spaces[int(random.random() * len(spaces))]
        text = f"{text[:place]} {text[place:]}"
    return text


def _drawn(random: Random, shares: dict[str, float]) -> str:
    """Draws a key with the probability `shares[key]`."""
    draw = random.random()
    for name, share in shares.items():
        draw -= share
        if draw < 0:
            return name
    return name


def key(text: str) -> str:
    """Normalises a text: ignores case, spaces, commas and full stops."""
    return " ".join(re.split(r"[\s.,،]+", text.casefold().strip(" .,،")))
