"""Writes the tables of README and docs from `results/*.json` (`make results`)."""

import json
import math
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from benchmarks import (
    crf,
    exports,
    own_files,
    report,
    serving,
    start,
    tagging,
    word2vec,
    word_lm_steps,
)

ROOT = Path(__file__).parent.parent

# The rows of the table: data, figure, simpler model, and figures published by others.
SENTIMENT = {"shape": "many-to-one", "unit": "accuracy", "simpler": "bag of words"}
LANGUAGE = {"shape": "one-to-many", "figure": "test_nats_per_token"}
CHARACTERS = {**LANGUAGE, "unit": "nats per character", "simpler": "6-gram"}
WORDS = {**LANGUAGE, "unit": "perplexity", "simpler": "Kneser-Ney 5-gram"}
WORDS |= {"shown": math.exp, "places": 1}
TRANSLATION = {"shape": "many-to-many", "simpler": "translation memory"}
EXACT = {"figure": "test_exact_match", "unit": "exact match", **TRANSLATION}
BLEU = {
    "figure": "test_bleu_lowercase",
    "beside": ("beam 5", "test_bleu_lowercase_beam5"),
    "unit": "BLEU",
    "places": 1,
    **TRANSLATION,
}
MUSIC = {
    "shape": "one-to-many",
    "figure": "test_nll_per_frame",
    "beside": ("without frame 1", "test_nll_per_frame_after_first"),
    "unit": "nats per frame",
    "simpler": "note frequencies",
    "places": 2,
}
TAGGING = {"shape": "many-to-many, equal length", "simpler": "CRFsuite"}
ENTITIES = {**TAGGING, "figure": "test_f1", "unit": "entity F1"}
ROWS = {
    ("sentiment", "reviews"): {
        **SENTIMENT,
        "data": "reviews (generated), test",
        "figure": "test_accuracy",
    },
    ("sentiment", "reviews", "novel"): {
        **SENTIMENT,
        "data": "reviews (generated), unseen constructions and word pairs",
        "figure": "test_novel_accuracy",
    },
    ("sentiment", "reviews", "handwritten"): {
        **SENTIMENT,
        "data": "60 handwritten reviews, trained on generated ones",
        "figure": "test_handwritten_accuracy",
    },
    ("sentiment", "reviews", "everyday"): {
        **SENTIMENT,
        "data": "100 everyday inputs of 1 to 12 words, trained on generated reviews",
        "figure": "test_everyday_accuracy",
    },
    ("sentiment", "reviews", "short"): {
        **SENTIMENT,
        "data": "everyday inputs of at most three words, trained on generated reviews",
        "figure": "test_everyday_short_accuracy",
    },
    ("sentiment", "imdb"): {
        **SENTIMENT,
        "data": "IMDB, 25,000 test reviews",
        "figure": "test_accuracy",
        "published": "LSTM 0.865 (Dai & Le 2015); BiLSTM 0.843 (keras.io example)",
    },
    ("char_lm", "python"): {
        **CHARACTERS,
        "data": "source of Python's standard library, held-out files",
    },
    ("char_lm", "tinyshakespeare"): {
        **CHARACTERS,
        "data": "tinyshakespeare, last 10 %",
        "published": "transformer with 10.7 M weights, on a GPU, 1.470; with 0.8 M "
        "1.88 (nanoGPT)",
    },
    ("word_lm", "pydocs"): {
        **WORDS,
        "data": "prose of Python's documentation, held-out modules",
    },
    ("word_lm", "enwiki-2021-sample.txt"): {
        **WORDS,
        "data": "3.5 million words of Wikipedia, held-out articles, vocabulary of "
        "10,000 words",
    },
    ("translation", "dates"): {
        **EXACT,
        "data": "dates in 39 languages (generated), 2,000 unseen",
    },
    ("translation", "addition"): {
        **EXACT,
        "data": "sums of terms with up to three digits (generated), 2,500 unseen",
        "published": "0.99 (Keras example addition_rnn, its own data)",
    },
    ("translation", "multi30k"): {
        **BLEU,
        "data": "Multi30k, German to English, test 2016",
        "published": "LSTM 13.8, GRU 20.6, with attention 28.3 (pytorch-seq2seq, "
        "greedy, on its own tokens)",
    },
    ("translation", "fra-eng.zip"): {
        **BLEU,
        "data": "Tatoeba, French to English, 10,000 unseen sentences",
    },
    ("tagging", "people"): {
        **ENTITIES,
        "data": "names (generated), unseen names in unseen sentence frames",
    },
    ("tagging", "people", "seen"): {
        **ENTITIES,
        "data": "names (generated), known names in unseen sentence frames",
        "figure": "test_seen_f1",
    },
    ("tagging", "people", "handwritten"): {
        **ENTITIES,
        "data": "60 handwritten sentences, trained on generated ones",
        "figure": "test_handwritten_f1",
    },
    ("tagging", "ud-english-ewt"): {
        **TAGGING,
        "data": "UD English EWT 2.16, universal parts of speech, test",
        "figure": "test_accuracy",
        "unit": "accuracy",
        "published": "without pretrained vectors 0.9460 on release 1.3, 0.9516 on 1.2 "
        "(Plank et al. 2016)",
    },
    ("tagging", "wnut17"): {
        **ENTITIES,
        "data": "WNUT-17, emerging entities, test",
        "published": "with pretrained vectors 0.419 (best of the shared task, "
        "Derczynski et al. 2017)",
    },
    ("tagging", "blanks"): {
        **TAGGING,
        "data": "which of ten words fills a blank, test",
        "figure": "test_accuracy",
        "unit": "accuracy",
    },
    ("music", "chorales"): {
        **MUSIC,
        "data": "Bach's chorales in eighth notes, struck or held, held-out tunes",
    },
    ("music", "jsb-chorales"): {
        **MUSIC,
        "data": "JSB Chorales in quarter notes, test",
        "published": "GRU 8.43, LSTM 8.45, TCN 8.10 (Bai et al. 2018); RNN-NADE 5.56 "
        "(Boulanger-Lewandowski et al. 2012)",
    },
}


def load() -> dict[tuple[str, str], list[dict]]:
    """Returns the runs without a tag, by recipe and data set."""
    runs = defaultdict(list)
    for path in sorted((ROOT / "results").glob("*-seed*.json")):
        run = json.loads(path.read_text())
        if not run.get("tag"):
            runs[run["recipe"], run["config"]["data"]].append(run)
    return runs


def figures_of(row: dict, runs: list[dict]) -> tuple[int, list, list, float]:
    """Returns the decimal places of a row's figure, its values in each run for ours and
    for the simpler model, and the mean minutes of training."""
    shown, metrics = row.get("shown", float), [run["metrics"] for run in runs]
    ours, simpler = (
        [shown(each[prefix + row["figure"]]) for each in metrics]
        for prefix in ("", "baseline_")
    )
    minutes = mean(each["train_seconds"] for each in metrics) / 60
    return row.get("places", 4), ours, simpler, minutes


def table() -> str:
    """Returns a row for each figure that was measured."""
    runs = load()
    lines = [
        "| recipe | shape | data | ours | simpler model | published "
        "| training time | machine |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (recipe, data, *_), row in ROWS.items():
        if not (group := runs.get((recipe, data))):
            continue
        if any(row["figure"] not in run["metrics"] for run in group):
            continue  # measured before the recipe reported this figure
        places, values, simpler, minutes = figures_of(row, group)
        ours = f"{row['unit']} **{mean(values):.{places}f}**"
        if len(values) > 1:
            ours += f" ± {stdev(values):.{places}f} ({len(values)} seeds)"
        if name := row.get("beside"):
            other = mean(run["metrics"][name[1]] for run in group)
            ours += f", {name[0]} {other:.{places}f}"
        machine = group[0]["environment"]
        lines.append(
            f"| {recipe} | {row['shape']} | {row['data']} | {ours} "
            f"| {row['simpler']} {mean(simpler):.{places}f} "
            f"| {row.get('published', '')} "
            f"| {minutes:.1f} min | {machine['device_name']}, "
            f"{machine['backend']} {machine['versions'][machine['backend']]} |"
        )
    return "\n".join(lines) + "\n"


# What each recipe does, for the README's table.
TASKS = {
    "sentiment": "classify a text",
    "char_lm": "continue a text, character by character",
    "word_lm": "continue a text, word by word",
    "translation": "translate sentences, turn dates into ISO format",
    "tagging": "find names in a sentence, or a label for every word",
    "music": "continue first notes as a piece of music",
    "word2vec": "learn word vectors",
}


def summary() -> str:
    """Returns a row for each recipe: its first figure, on its default data."""
    lines = [
        "| recipe | task | metric, data | ours | simpler model | training time |",
        "|---|---|---|---:|---:|---:|",
    ]
    runs = load()
    for recipe, task in TASKS.items():
        head = f"| [`make {recipe}`](docs/recipes/{recipe}.md) | {task} "
        if recipe == "word2vec":
            lines.append(f"{head}| {vectors_row()} |")
            continue
        (_, data), row = next((k[:2], r) for k, r in ROWS.items() if k[0] == recipe)
        places, ours, simpler, minutes = figures_of(row, runs[recipe, data])
        lines.append(
            f"{head}| {row['unit']}, {data} | **{mean(ours):.{places}f}** "
            f"| {row['simpler']} {mean(simpler):.{places}f} | {minutes:.1f} min |"
        )
    return "\n".join(lines) + "\n"


def vectors_row() -> str:
    """Returns the cells for skip-gram: its correlation with people's ratings, and that
    of counting."""
    record = json.loads((ROOT / "results" / "word2vec.json").read_text())
    ours, counts = (
        record["summary"][group]["wordsim353_spearman"]
        for group in ("skipgram, ours", "counts, ours")
    )
    seconds = [
        run["train_seconds"]
        for run in record["runs"]
        if (run["model"], run["by"]) == ("skipgram", "ours")
    ]
    figures = f"**{ours:.3f}** | counts {counts:.3f}"
    return f"WordSim-353, Wikipedia | {figures} | {mean(seconds) / 60:.1f} min"


def speed() -> str:
    """Returns the ratios of all `recurrent-*.json`, and milliseconds of the first."""
    records = [
        json.loads(path.read_text())
        for path in sorted((ROOT / "results").glob("recurrent-*.json"), reverse=True)
    ]
    tables = [report.summary_markdown(record) for record in records]
    return "\n\n".join([*tables, report.markdown(records[0])]) + "\n"


def steps() -> str:
    """Returns the perplexities as techniques are added to the word model."""
    path = ROOT / "results" / "word-lm-steps.json"
    return word_lm_steps.markdown(json.loads(path.read_text()))


def vectors() -> str:
    """Returns speed and quality of our word vectors and gensim's."""
    path = ROOT / "results" / "word2vec.json"
    return word2vec.markdown(json.loads(path.read_text()))


def own_files_table() -> str:
    """Returns the figures of each recipe on real files of several sizes."""
    path = ROOT / "results" / "own-files.json"
    return own_files.markdown(json.loads(path.read_text()))


def started() -> str:
    """Returns what runs gain that start from another run."""
    return start.markdown(json.loads((ROOT / "results" / "start.json").read_text()))


def served() -> str:
    """Returns how many requests per second the server answers."""
    path = ROOT / "results" / "serving.json"
    return serving.markdown(json.loads(path.read_text()))


def exported() -> str:
    """Returns how fast exported layers answer, beside Keras's."""
    return exports.markdown(json.loads((ROOT / "results" / "exports.json").read_text()))


def networks() -> str:
    """Returns the figures of the taggers' networks on one budget."""
    path = ROOT / "results" / "tagging-networks.json"
    return tagging.markdown(json.loads(path.read_text()))


def crf_speed() -> str:
    """Returns the times of the CRF layer beside plain ones."""
    paths = sorted((ROOT / "results").glob("crf-*.json"), reverse=True)
    return crf.markdown([json.loads(path.read_text()) for path in paths])


# The tables of each page, by the name in their markers.
PAGES = {
    "README.md": {"summary": summary},
    "docs/results.md": {
        "results": table,
        "start": started,
        "vectors": vectors,
        "steps": steps,
    },
    "docs/layers.md": {"speed": speed},
    "docs/own-files.md": {"own files": own_files_table},
    "docs/serving.md": {"load": served, "exports": exported},
}


def filled(text: str, blocks: dict) -> str:
    """Returns the text of a page with new tables between their markers."""
    for name, make in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        head, _, rest = text.partition(begin)
        _, _, tail = rest.partition(end)
        text = head + begin + make() + end + tail
    return text


def main() -> None:
    for name, blocks in PAGES.items():
        page = ROOT / name
        page.write_text(filled(page.read_text("utf-8"), blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
