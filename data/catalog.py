"""Data sets by name, as files in the same plain formats as a user's own data.

    python -m data.catalog            lists the names
    python -m data.catalog imdb       prepares a data set and prints its path

The command line calls `locate` before a recipe starts; recipes read files and know no
names. Downloads go to `DATA_HOME/<name>/` (default `data/downloads/`). Converted and
generated files go to a folder next to them, named by a hash of its sources, or to
`.cache/data/` if `DATA_HOME` is read-only.
"""

import difflib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType

from data import (
    aclimdb,
    addition,
    blanks,
    chorales,
    dates,
    folk,
    people,
    pydocs,
    python_source,
    reviews,
    rolls,
    shakespeare,
    text8,
    wikitext,
)
from data.download import fetch
from data.errors import UserError
from data.folders import make_once
from data.progress import working

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "data"


@dataclass(frozen=True)
class Source:
    about: str
    licence: str
    # Generated data: `version()` and `write(folder)`. Downloads: `digest(path)` and
    # `convert(path, folder)`. None: the downloads are read as they are.
    maker: ModuleType | None = None
    url: str = ""  # empty: generated
    generated: bool = False  # not written by people; reported with every figure
    sha256: str = ""
    sha256_from: str = ""  # who published the hash; never computed from our own copy
    size: int = 0  # bytes; 0: unknown
    accepted: tuple[str, ...] = ()  # other names under which the file may exist
    # For several files below `url`: sha256 and size by name, instead of those above.
    files: dict[str, tuple[str, int]] = field(default_factory=dict)


CATALOG = {
    "reviews": Source(
        about="generated film reviews in which word order decides; needs no network",
        licence="MIT, as this project",
        maker=reviews,
        generated=True,
    ),
    "imdb": Source(
        about="Large Movie Review Dataset v1.0: 25,000 + 25,000 film reviews, 84 MB",
        licence="none stated; cite Maas et al., Learning Word Vectors for Sentiment "
        "Analysis, ACL 2011",
        maker=aclimdb,
        url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        sha256_from="TensorFlow Datasets, github.com/tensorflow/datasets, "
        "tensorflow_datasets/datasets/imdb_reviews/checksums.tsv",
        size=84125825,
        accepted=("aclImdb_labelled.tar.gz",),
    ),
    "python": Source(
        about="source code of the running Python's standard library; needs no network",
        licence="PSF License",
        maker=python_source,
    ),
    "pydocs": Source(
        about="English prose from the documentation in Python, NumPy, Keras and "
        "matplotlib; needs no network",
        licence="those of the packages; made locally, not redistributed",
        maker=pydocs,
    ),
    "tinyshakespeare": Source(
        about="40,000 lines of Shakespeare, 1.1 MB; the last tenth is test",
        licence="public domain",
        maker=shakespeare,
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/"
        "tinyshakespeare/input.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        sha256_from="TensorFlow Datasets, github.com/tensorflow/datasets, "
        "tensorflow_datasets/datasets/tiny_shakespeare/checksums.tsv",
        size=1115394,
    ),
    "wikitext-2": Source(
        about="WikiText-2: articles of Wikipedia, 2.5 million words, 4 MB",
        licence="CC BY-SA 3.0; cite Merity et al., Pointer Sentinel Mixture Models, "
        "ICLR 2017",
        maker=wikitext,
        # The author's own copy, because the original address no longer answers.
        url="https://wikitext.smerity.com/wikitext-2-v1.zip",
        sha256="92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
        sha256_from="MLX Data, github.com/ml-explore/mlx-data, "
        "python/mlx/data/datasets/wikitext.py",
    ),
    "text8": Source(
        about="the first 100 million characters of Wikipedia in 2006, a-z and "
        "spaces: 17 million words, 31 MB",
        licence="GFDL and CC BY-SA 3.0, as Wikipedia; the site states no terms",
        maker=text8,
        url="http://mattmahoney.net/dc/text8.zip",
        sha256="a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
        sha256_from="github.com/d61h6k4/tensorflow-text8-input-data, Setup.hs, and a "
        "dozen other public projects",
        size=31344016,
    ),
    "dates": Source(
        about="generated dates in 39 languages -> 2021-09-03; needs no network",
        licence="MIT, as this project; names of months and days: Unicode CLDR, "
        "Unicode License",
        maker=dates,
        generated=True,
    ),
    "addition": Source(
        about="generated sums of two numbers up to 999, 57+481 -> 538; needs no "
        "network",
        licence="MIT, as this project",
        maker=addition,
        generated=True,
    ),
    "people": Source(
        about="generated sentences with names of people, places and organizations; "
        "needs no network",
        licence="MIT, as this project",
        maker=people,
        generated=True,
    ),
    "multi30k": Source(
        about="Multi30k task 1: 31,014 captions of pictures, German -> English, 1.3 MB",
        licence="none stated; research and education, as the pictures of Flickr30K; "
        "cite Elliott et al., Multi30K: Multilingual English-German Image "
        "Descriptions, VL 2016",
        url="https://raw.githubusercontent.com/multi30k/dataset/"
        "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",
        files={
            "train.de.gz": (
                "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
                637044,
            ),
            "train.en.gz": (
                "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
                568929,
            ),
            "val.de.gz": (
                "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
                24681,
            ),
            "val.en.gz": (
                "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
                21650,
            ),
            "test_2016_flickr.de.gz": (
                "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
                22890,
            ),
            "test_2016_flickr.en.gz": (
                "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
                21077,
            ),
        },
        # Files with these hashes have the MD5 sums that torchtext published.
        sha256_from="github.com/AlphaEmperorOmega/emperor, "
        "emperor/datasets/text/translation/multi30k.py; MD5: torchtext, "
        "github.com/pytorch/text, torchtext/experimental/datasets/raw/multi30k.py",
    ),
    "chorales": Source(
        about="Bach's four-part chorales from the music21 corpus; needs no network",
        licence="music in the public domain; encoding: as music21's corpus",
        maker=chorales,
    ),
    "folk": Source(
        about="1,059 reels, jigs and hornpipes (Ryan's Mammoth Collection, 1883) from "
        "the music21 corpus; needs no network",
        licence="music in the public domain; encoding: as music21's corpus",
        maker=folk,
    ),
    "jsb-chorales": Source(
        about="JSB Chorales: 382 chorales in quarter notes, in the split of "
        "Boulanger-Lewandowski et al. (ICML 2012), 0.4 MB",
        licence="none stated; music in the public domain",
        maker=rolls,
        url="https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/"
        "9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-quarter.json",
        sha256="2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
        sha256_from="github.com/muellerberndt/cadence-examples, 07_music/train.py",
        size=407200,
    ),
    "wnut17": Source(
        about="WNUT-17: new and rare names of six kinds in 5,690 messages, 0.8 MB",
        licence="CC BY 4.0; cite Derczynski et al., Results of the WNUT2017 Shared "
        "Task on Novel and Emerging Entity Recognition, W-NUT 2017",
        url="https://raw.githubusercontent.com/leondz/emerging_entities_17/master/",
        files={
            "wnut17train.conll": (
                "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
                493781,
            ),
            "emerging.dev.conll": (
                "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
                114749,
            ),
            "emerging.test.annotated": (
                "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
                192425,
            ),
        },
        sha256_from="the authors' files, github.com/leondz/emerging_entities_17, "
        "commit e52a2d2a71ac",
    ),
    "ud-english-ewt": Source(
        about="Universal Dependencies English Web Treebank 2.16: 16,622 sentences with "
        "parts of speech, 18 MB",
        licence="CC BY-SA 4.0 for the annotation; parts of the texts belong to others; "
        "cite Silveira et al., A Gold Standard Dependency Corpus for English, LREC "
        "2014",
        url="https://raw.githubusercontent.com/UniversalDependencies/UD_English-EWT/"
        "r2.16/",
        files={
            "en_ewt-ud-train.conllu": (
                "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b",
                14203025,
            ),
            "en_ewt-ud-dev.conllu": (
                "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
                1805545,
            ),
            "en_ewt-ud-test.conllu": (
                "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
                1804515,
            ),
        },
        sha256_from="the git objects of the tag r2.16 (commit 4c89b5833a70), "
        "github.com/UniversalDependencies/UD_English-EWT",
    ),
    "sentence-compression": Source(
        about="10,000 sentences of news in which the words are marked that a headline "
        "leaves out, 4 MB",
        licence="none named; cite Filippova and Altun, Overcoming the Lack of Parallel "
        "Data in Sentence Compression, EMNLP 2013",
        url="https://raw.githubusercontent.com/laiviet/SentSum/"
        "dc19781283896da309c7fe4d88d41b29d6a3520d/data/",
        files={
            "fillipova-train.conll": (
                "a83b11cd74e5775a36de86b878f74e6aa0cf96605111629049c83a0a7fd155c3",
                1993321,
            ),
            "fillipova-dev.conll": (
                "6edb49d726f4bfc8db8758d2f58445307042ccc2a16cc0fac85eced4aee31147",
                249098,
            ),
            "fillipova-test.conll": (
                "b7e5e898eec4c1a0fea7f06867ba903d4907c2135c7f12ad874ddbc2f57ca5bb",
                252651,
            ),
        },
        sha256_from="the files of github.com/laiviet/SentSum, commit dc1978128389",
    ),
    "blanks": Source(
        about="English sentences from pydocs with gaps for its/it's, then/than, a/an "
        "and is/are/was/were; needs no network",
        licence="as pydocs; made locally, not redistributed",
        maker=blanks,
    ),
}


def locate(name_or_path: str) -> Path:
    """Returns the prepared file or folder for a catalog name or a path.

    A name takes precedence over a path; write `./imdb` for a folder of that name.

    - `reviews`, `imdb`, and any tar or folder in aclImdb's layout (`train/pos/*.txt`
      ...): a folder with `train.csv`, `test.csv`, and possibly `validation.csv` and
      `test_NAME.csv`, each with the columns `text,label`.
    - Plain texts: a folder with `train.txt`, `validation.txt` and `test.txt`.
    - `dates`, `addition`: a folder with `train.tsv` ..., columns `source` and `target`.
    - `people`: a folder with `train.conll` ...: a token, a tab and a tag a line.
    - `multi30k`: a folder with its original files, as `read_pairs` reads them.
    - `wnut17`, `ud-english-ewt`, `sentence-compression`, `blanks`: a folder with one
      file for each part, as `read_tagged` reads them.
    - `chorales`, `folk`, `jsb-chorales`, and a JSON or MATLAB file of piano rolls: a
      folder of MIDI files.
    - Any other path is returned unchanged.

    Raises `UserError` for neither a name nor a path, a broken archive, or a failed
    download.
    """
    if name_or_path in CATALOG:
        return _make_ready(name_or_path, CATALOG[name_or_path])
    path = Path(name_or_path)
    try:
        if path.exists():
            if path.suffix in rolls.SUFFIXES:
                return _convert(rolls, path, CACHE)
            root = aclimdb.find_root(path)
            return _convert(aclimdb, root, CACHE) if root else path
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    near = difflib.get_close_matches(name_or_path.lower(), CATALOG, 1)
    names = f"a catalog name ({', '.join(CATALOG)}) or an existing file or folder"
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UserError(f"data: expected {names}, found {name_or_path!r}{hint}")


def _make_ready(name: str, source: Source) -> Path:
    home = Path(os.environ.get("DATA_HOME") or ROOT / "data" / "downloads") / name
    made = home if _is_writable(home) else CACHE
    if not source.url:
        return _make_once(made / source.maker.version(), source.maker.write)
    for file, (sha256, size) in source.files.items():
        # A person may also put the file there packed, as recipes read it.
        if not any((home / name).is_file() for name in (file, f"{file}.gz")):
            fetch(source.url + file, home / file, sha256, size)
    if source.maker is None:
        return home
    names = (source.url.rpartition("/")[2], *source.accepted)
    archive = next((home / n for n in names if (home / n).is_file()), None)
    if archive is None:
        size = source.size or None
        archive = fetch(source.url, home / names[0], source.sha256, size)
    return _convert(source.maker, archive, made)


def _convert(maker: ModuleType, root: Path, made: Path) -> Path:
    folder = made / maker.digest(root)[:12]
    return _make_once(folder, partial(maker.convert, root))


def _is_writable(folder: Path) -> bool:
    # The mode bits count too, so that root respects a folder marked as read-only.
    place = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    return os.access(place, os.W_OK) and bool(place.stat().st_mode & 0o222)


def _make_once(target: Path, write: Callable[[Path], None]) -> Path:
    if target.is_dir():
        return target
    with working(f"Making {target} (once)", stream=sys.stderr):
        return make_once(target, write)


def main(arguments: list[str]) -> int:
    try:
        for name in arguments:
            print(locate(name))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if not arguments:
        for name, source in CATALOG.items():
            print(f"{name:15} {source.about}. Licence: {source.licence}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
