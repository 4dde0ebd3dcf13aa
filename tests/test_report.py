"""The report of a run: a single HTML file with all figures, in any script."""

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from data.errors import UserError
from kit import figures as drawn
from kit.figures import apart
from kit.report import write_report
from tasks.translations import alignment_figure

METRICS = {
    "seed": 0,
    "parameters": 412345,
    "test_accuracy": 0.98125,
    "baseline_test_accuracy": 0.7712,
}
ENGLISH = {
    "text": "it is <b>not</b> worth $5 or $6",
    "true": "positive",
    "words": ["it", "is", "<b>not</b>", "worth", "$5", "or", "$6"],
    "probabilities": [0.5, 0.61, 0.1, 0.25, 0.3, 0.375, 0.42],
}
CHINESE = {
    "text": "不坏",
    "true": None,
    "words": ["不", "坏"],
    "probabilities": [0.2, 0.9],
}
ARABIC = {"text": "ليس سيئا", "words": ["ليس", "سيئا"], "probabilities": [0.3, 0.8]}


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.events = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.events.append(("start", self.tags[-1]))

    def handle_endtag(self, tag):
        self.events.append(("end", tag))

    def handle_data(self, data):
        self.text.append(data)
        self.events.append(("data", data))


def make_run(folder, items=(ENGLISH,), labels=("negative", "positive"), data="reviews"):
    run = folder / "sentiment" / "20260101T000000Z"
    run.mkdir(parents=True)
    figures = [
        {"kind": "word_by_word", "title": "Words", "label": labels[1], "items": items},
        {
            "kind": "confusion_matrix",
            "title": "Matrix <script>alert(1)</script>",
            "labels": labels,
            "matrix": [[30, 10], [0, 0]],
        },
    ]
    contents = {
        "config": {"data": data, "epochs": 2},
        "environment": {"backend": "tensorflow", "versions": {"keras": "3.15.1"}},
        "metrics": METRICS,
        "figures": figures,
    }
    for name, content in contents.items():
        (run / f"{name}.json").write_text(json.dumps(content), "utf-8")
    history = "epoch,loss,accuracy,rate,val_loss,val_accuracy\n1,0.7,0.5,1,0.6,0.6\n"
    (run / "history.csv").write_text(history)
    (run / "samples.txt").write_text("right: <i>good</i> & 好\n", "utf-8")
    return run


def plots(run):
    for path in (run / "plots").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
    return {path.name for path in (run / "plots").iterdir()}


def test_page_is_complete_and_asks_nothing_of_the_network(tmp_path):
    run = make_run(tmp_path)
    text = write_report(run).read_text("utf-8")
    page = Page(text)
    assert plots(run) == {
        "accuracy.png",
        "confusion_matrix.png",
        "loss.png",
        "word_by_word.png",
    }
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "b", "iframe"}  # titles and texts are escaped
    for _, attributes in page.tags:
        assert "href" not in attributes
        assert attributes.get("src", "data:image/png").startswith("data:image/png")
    assert "url(" not in text and "@import" not in text
    # A table may be wider than a phone: it scrolls, the page does not.
    assert text.count("<table") == text.count("<div><table") > 3
    row = text.index("<th>test accuracy</th><td>0.9812</td><td>0.7712</td>")
    assert row < text.index("<th>parameters</th><td>412,345</td><td></td>")
    for expected in (
        "sentiment on reviews (generated)",
        "keras 3.15.1",
        "it is <b>not</b>",
    ):
        assert any(expected in part for part in page.text), expected
    bars = [a["style"] for tag, a in page.tags if tag == "i"]
    assert [bar.split(";")[0] for bar in bars][1:3] == ["--p:0.610", "--p:0.100"]
    cells = [a["style"] for tag, a in page.tags if tag == "td" and "style" in a]
    assert cells == ["--p:0.75", "--p:0.25", "--p:0.0", "--p:0.0"]  # shares of a row


def test_a_second_simpler_model_has_a_column_of_its_own(tmp_path):
    run = make_run(tmp_path)
    second = {**METRICS, "frequent_test_accuracy": 0.5}
    (run / "metrics.json").write_text(json.dumps(second))
    text = write_report(run).read_text("utf-8")
    assert "<th>ours</th><th>baseline</th><th>most frequent</th>" in text
    row = "<th>test accuracy</th><td>0.9812</td><td>0.7712</td><td>0.5000</td>"
    assert row in text and "frequent test" not in text


def test_what_an_item_says_of_itself_stands_in_place_of_the_last_word(tmp_path):
    run = make_run(
        tmp_path, items=[ENGLISH, {**ENGLISH, "said": "1.25 nats per token"}]
    )
    text = write_report(run).read_text("utf-8")
    assert text.count("positive 0.42") == 1
    assert text.count("1.25 nats per token") == 1


def test_scripts_without_a_glyph_are_left_to_the_browser(tmp_path):
    # matplotlib warns of missing glyphs, and warnings are errors in tests.
    run = make_run(tmp_path, [CHINESE, ARABIC], ("消极", "积极"), "/somewhere/电影.csv")
    page = Page(write_report(run).read_text("utf-8"))
    assert plots(run) == {"accuracy.png", "loss.png"}
    for expected in ("sentiment on 电影.csv", "坏", "سيئا", "积极"):
        assert any(expected in part for part in page.text), expected
    mixed = make_run(tmp_path / "mixed", [CHINESE, ENGLISH])
    write_report(mixed)
    assert "word_by_word.png" in plots(mixed)


def test_alignments_are_drawn_and_written_out(tmp_path):
    weights = np.array([[0.125, 0.875], [0.75, 0.25]])
    items = [
        (["ab", "<i>"], ["x", "END"], weights),
        (["سيئا", "b"], ["y", "z"], weights),
    ]
    run = make_run(tmp_path)
    figure = json.dumps([alignment_figure(items)])
    (run / "figures.json").write_text(figure)
    page = Page(write_report(run).read_text("utf-8"))
    cells = [a["style"] for tag, a in page.tags if tag == "td" and "style" in a]
    assert cells == ["--p:0.125", "--p:0.875", "--p:0.750", "--p:0.250"] * 2
    assert {"ab", "<i>", "سيئا", "END"} <= set(page.text)
    assert "alignment.png" in plots(run)
    # Tokens without a glyph in matplotlib are only in the page, not in the picture.
    run = make_run(tmp_path / "other")
    figure = json.dumps([alignment_figure(items[1:])])
    (run / "figures.json").write_text(figure)
    write_report(run)
    assert "alignment.png" not in plots(run)


def test_maps_and_shares_are_drawn_and_written_out(tmp_path):
    words = ["cat", "dog", "<b>", "电影"]
    items = [
        {"word": word, "place": [n / 2, -n], "group": n % 2}
        for n, word in enumerate(words)
    ]
    shares = [{"name": "family", "share": 0.25, "said": "5 of 20"}]
    figures = [
        {"kind": "map", "title": "Map", "items": items},
        {"kind": "shares", "title": "Shares", "items": shares},
    ]
    run = make_run(tmp_path)
    (run / "figures.json").write_text(json.dumps(figures), "utf-8")
    page = Page(write_report(run).read_text("utf-8"))
    assert {"cat  <b>", "dog  电影", "family", "5 of 20", "0.2500"} <= set(page.text)
    assert {"map.png", "shares.png"} <= plots(run)
    images = [a["alt"] for tag, a in page.tags if tag == "img"]
    assert "Map" in images


def word(text, tag, said="", wrong=False):
    return {"text": text, "tag": tag, "said": said, "wrong": wrong}


def tagged(*sentences, labels=("O", "B-PER", "I-PER", "B-LOC", "I-LOC"), title=None):
    items = [{"title": title, "words": list(words)} for words in sentences]
    bio = "O" in labels
    figure = {"kind": "tagged", "name": "sides", "title": "Tags", "items": items}
    return {**figure, "labels": labels, "bio": bio}


def report_of(run, *figures):
    (run / "figures.json").write_text(json.dumps(figures), "utf-8")
    return Page(write_report(run).read_text("utf-8"))


def boxes(page):
    """The color of each box of a page, and its text."""
    found, depth = [], 0
    for kind, value in page.events:
        if kind == "start" and (depth or value[1].get("class") == "box"):
            if not depth:
                found.append([value[1]["style"], ""])
            depth += 1
        elif kind == "end" and depth:
            depth -= 1
        elif kind == "data" and depth:
            found[-1][1] += value
    return found


def test_words_of_an_entity_share_a_box(tmp_path):
    words = [word("Ada", "B-PER"), word("<b>", "I-PER"), word("met", "O")]
    words += [word("Bo", "B-PER"), word("in", "O")]
    words += [word("Lima", "I-LOC", "is: O", wrong=True)]
    page = report_of(make_run(tmp_path), tagged(words, [word("So", "O")], title="T&T"))
    found = boxes(page)
    assert [text for _, text in found] == ["Ada <b>PER", "BoPER", "Limais: OLOC"]
    person, again, place = (style for style, _ in found)
    assert person == again != place
    assert "T&T" in page.text
    assert [tag for tag, _ in page.tags].count("u") == 1  # under the wrong one
    assert "sides.png" in plots(tmp_path / "sentiment/20260101T000000Z")


def test_other_tags_have_a_box_a_word_and_a_color_each(tmp_path):
    labels = [f"T{number}" for number in range(17)]
    words = [word(f"w{number}", label) for number, label in enumerate(labels)]
    page = report_of(
        make_run(tmp_path), tagged([*words, word("x", "_")], labels=labels)
    )
    found = boxes(page)
    assert [text for _, text in found] == [f"w{n}T{n}" for n in range(17)]
    assert len({style for style, _ in found}) == 17


def test_a_kind_has_the_same_color_in_every_figure(tmp_path):
    alone = tagged([word("Ada", "B-PER")])
    both = tagged([word("Lima", "B-LOC"), word("Ada", "B-PER")])
    (first, _), _, (again, _) = boxes(report_of(make_run(tmp_path), alone, both))
    assert first == again


def test_sentences_that_cannot_be_drawn_are_only_in_the_page(tmp_path, monkeypatch):
    arabic = [word("باريس", "B-LOC"), word("جميلة", "O")]
    page = report_of(make_run(tmp_path), tagged(arabic, []))
    assert boxes(page)[0][1] == "باريسLOC"
    assert "sides.png" not in plots(tmp_path / "sentiment/20260101T000000Z")
    monkeypatch.setattr(drawn, "LINES", 3)
    long = [word(f"word{n}", "B-LOC" if n % 9 else "O") for n in range(90)]
    run = make_run(tmp_path / "long")
    assert len(boxes(report_of(run, tagged(long, arabic)))) == 81
    with Image.open(run / "plots/sides.png") as image:
        assert 1000 < image.width < 2000 and 300 < image.height < 600


def heat_map(rows, columns, values):
    figure = {"kind": "heat_map", "name": "transitions", "title": "Scores"}
    figure |= {"rows": rows, "columns": columns, "values": values}
    return {**figure, "x": "to", "y": "from"}


def test_a_heat_map_has_colors_for_both_signs_and_none_for_no_number(tmp_path):
    run = make_run(tmp_path)
    figure = heat_map(["<O>", "B"], ["O", "B", "I"], [[2, -1, None], [-0.001, 0, 0.5]])
    page = report_of(run, figure)
    cells = [a["style"] for tag, a in page.tags if tag == "td" and "style" in a]
    below, above = "--c:#d9742b", "--c:#3572b0"
    assert cells == [
        f"--p:1.000;{above}",
        f"--p:0.500;{below}",
        f"--p:0.001;{below}",
        f"--p:0.000;{above}",
        f"--p:0.250;{above}",
    ]
    place = page.text.index("from ↓ to →")
    shown = ["O", "B", "I", "<O>", "2.00", "-1.00", "–", "B", "0.00", "0.00", "0.50"]
    assert page.text[place + 1 : place + 12] == shown
    assert "transitions.png" in plots(run)
    empty = report_of(make_run(tmp_path / "none"), heat_map(["a"], ["b"], [[None]]))
    assert "–" in empty.text


def test_many_classes_are_cut_to_the_most_frequent_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(drawn, "CLASSES", 4)
    labels = [f"class{number}" for number in range(50)]
    matrix = np.eye(50, dtype=int)
    matrix[40, 40] = matrix[7, 40] = 5
    figure = {"kind": "confusion_matrix", "title": "M", "labels": labels}
    run = make_run(tmp_path)
    page = report_of(
        run,
        {**figure, "matrix": matrix.tolist()},
        heat_map(labels, labels, np.ones((50, 50)).tolist()),
    )
    assert "The 4 most frequent of 50 classes" in page.text
    assert {"class7", "class40", "83.3%", "100.0%", "1.00"} <= set(page.text)
    assert "class5" not in page.text
    assert {"confusion_matrix.png", "transitions.png"} <= plots(run)


def test_labels_that_overlap_are_pushed_apart():
    places = np.array([[0.5, 0.5], [0.5, 0.501], [0.1, 0.9], [0.51, 0.499]])
    sizes = np.array([[0.1, 0.02], [0.2, 0.02], [0.1, 0.02], [0.1, 0.02]])
    moved = apart(places, sizes)
    for i in range(4):
        for j in range(i):
            gap = np.abs(moved[i] - moved[j]) - (sizes[i] + sizes[j]) / 2
            assert gap.max() > -1e-3
    np.testing.assert_array_equal(moved[2], places[2])
    assert np.abs(moved - places).max() < 0.1


def test_what_is_no_run_is_one_error(tmp_path):
    with pytest.raises(UserError, match=r"config\.json"):
        write_report(tmp_path)
    assert not list(tmp_path.iterdir())


def test_data_whose_name_is_no_text(tmp_path):
    """A file name of an old archive may hold bytes that are not UTF-8."""
    page = write_report(make_run(tmp_path, data="texts/caf\udce9.csv"))
    assert "caf?.csv" in page.read_text("utf-8")
