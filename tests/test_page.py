"""The page of the server, in a headless browser with real clicks and keys."""

import re
import shutil

import numpy as np
import pytest

from tests.known_models import HTML, MODELS, PAGE, UNREADABLE, serving
from tokens import notes

pytest.importorskip("selenium", reason="needs selenium")

from selenium import webdriver
from selenium.common import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PHONE, DESKTOP = 360, 1280  # pixels wide


@pytest.fixture(scope="module")
def server():
    with serving({**MODELS, **UNREADABLE}) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in ("--headless=new", "--no-sandbox", "--mute-audio"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver)
    chromium = webdriver.Chrome(options=options, service=service)
    yield chromium
    chromium.quit()


class Page:
    """The page in a browser; `wait` for a condition fails after some seconds."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address
        self.open()

    def open(self, width=DESKTOP, **media):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1}
        metrics = {**size, "mobile": width == PHONE}
        command = self.browser.execute_cdp_cmd
        command("Emulation.setDeviceMetricsOverride", metrics)
        names = {name.replace("_", "-"): value for name, value in media.items()}
        features = [{"name": name, "value": value} for name, value in names.items()]
        command("Emulation.setEmulatedMedia", {"features": features})
        self.browser.get(self.address)
        self.wait(lambda: not self.all("main[aria-busy]"))

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition):
        # An answer may replace an element between two looks at it.
        replaced = (StaleElementReferenceException,)
        wait = WebDriverWait(self.browser, 10, 0.05, ignored_exceptions=replaced)
        wait.until(lambda _: condition())

    def shows(self, name, text):
        self.wait(lambda: text in self.card(name).text)

    def card(self, name):
        (card,) = (each for each in self.all("section") if name in each.text)
        return card

    def all(self, selector, name=None):
        place = self.browser if name is None else self.card(name)
        return place.find_elements(By.CSS_SELECTOR, selector)

    def button(self, name, label):
        (found,) = (each for each in self.all("button", name) if each.text == label)
        return found

    def type(self, name, text, field=0):
        element = self.all("textarea, input", name)[field]
        element.clear()
        element.send_keys(text)
        return element

    def slide(self, name, label, keys):
        """Moves a slider by keys."""
        (slider,) = (
            each
            for each in self.all("input[type=range]", name)
            if re.fullmatch(rf"{label} [\d.]+", each.accessible_name)
        )
        slider.send_keys(*keys)


@pytest.fixture
def page(chromium, server):
    page = Page(chromium, server)
    yield page
    refused = "400 (Bad Request)", "404 (Not Found)"  # what the tests provoke
    log = [entry["message"] for entry in chromium.get_log("browser")]
    assert [line for line in log if not any(each in line for each in refused)] == []


def test_signatures_decide_which_card_a_model_gets(page):
    titles = [each.text for each in page.all("h2")]
    assert titles == [
        "Classify opinions",
        "Classify moods",
        "Continue a text writer",
        "Translate mirror",
        "Tag words names",
        "Tag words grammar",
        "Find words vectors",
        "Compose choir",
        "Ask other kind",
        "Not available unreadable",
    ]
    assert "expected a model or a file." in page.card("unreadable").text


def test_a_bar_for_each_word_while_typing(page):
    def heights():
        script = """return [...arguments[0].querySelectorAll('.bar')].map(
            (bar) => parseFloat(getComputedStyle(bar, '::before').height) /
                     bar.getBoundingClientRect().height)"""
        return page.run(script, page.card("opinions"))

    text = page.type("opinions", "good bad 好 good")
    page.shows("opinions", "bad 0.500")
    words = [each.text.split("\n") for each in page.all("li", "opinions")]
    # The shares are read out, not seen.
    shares = [["good", "100 %"], ["bad", "50 %"], ["好", "33 %"], ["good", "50 %"]]
    assert words == shares
    assert heights() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 2], abs=0.02)
    text.send_keys(" good")
    page.shows("opinions", "good 0.600")
    # The same class is charted, although now it is the answer.
    assert heights() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 2, 3 / 5], abs=0.02)
    text.send_keys(Keys.CONTROL, "a", Keys.BACKSPACE)
    page.wait(lambda: not page.all("li", "opinions"))
    assert "0.600" not in page.card("opinions").text


def test_many_classes_are_ranked_and_never_read_as_html(page):
    page.type("moods", "good good <i>x</i> good")
    page.shows("moods", "good 0.750")
    ranks = [each.text.split() for each in page.all(".bars li", "moods")]
    assert [(row[0], row[-1]) for row in ranks[:2]] == [
        ("good", "0.750"),
        ("sad", "0.250"),
    ]
    assert HTML in page.card("moods").text
    page.type("vectors", "king")
    page.shows("vectors", HTML)
    assert not page.all("b, i, img")


def test_only_the_newest_answer_is_shown(page):
    text = page.type("opinions", "slow bad bad")
    page.run(
        "window.shown = [];"
        "new MutationObserver(() => window.shown.push(arguments[0].textContent))"
        ".observe(arguments[0], {childList: true, subtree: true})",
        page.card("opinions").find_element(By.CSS_SELECTOR, ".answer"),
    )
    page.run("return new Promise((done) => setTimeout(done, 400))")  # asked by now
    text.send_keys(Keys.CONTROL, "a")
    text.send_keys("good")
    page.shows("opinions", "good 1.000")
    page.run("return new Promise((done) => setTimeout(done, 1200))")
    assert page.run("return window.shown") == ["good 1.000"]


def test_a_text_is_continued_until_stopped_and_another_way(page):
    text = page.type("writer", "Once")
    page.slide("writer", "Temperature", [Keys.END])
    page.slide("writer", "Top-k .0: all.", [Keys.ARROW_RIGHT] * 3)
    page.slide("writer", "Top-p", [Keys.ARROW_LEFT])
    page.button("writer", "Continue").click()
    page.wait(lambda: " 2:" in text.get_property("value"))
    assert text.get_property("readOnly")
    page.button("writer", "Stop").click()
    written = text.get_property("value")
    settings = "25,1.5,3,0.95"
    assert written.startswith(f"Once 0:{settings} 1:{settings} 2:{settings}")
    page.run("return new Promise((done) => setTimeout(done, 400))")
    assert text.get_property("value") == written
    page.button("writer", "Another").click()
    page.wait(lambda: page.all("button", "writer")[0].text == "Continue")
    pieces = text.get_property("value").split()
    assert pieces[0] == "Once"
    assert len(pieces) == 1 + 16
    seeds = [int(piece.split(":")[0]) for piece in pieces[1:]]
    assert seeds[0] > len(written.split()) - 2  # none that has been used
    assert seeds == [*range(seeds[0], seeds[0] + 16)]


def test_what_a_written_token_looked_at(page):
    page.type("mirror", "ein zwei drei")
    page.shows("mirror", "drei zwei ein 5")
    written, read = page.all(".tokens", "mirror")
    buttons = written.find_elements(By.TAG_NAME, "button")
    assert [each.text for each in buttons] == ["drei", "zwei", "ein"]

    def colours():  # of the read tokens: the opacity of their background
        script = """return [...arguments[0].children].map((each) =>
            getComputedStyle(each).backgroundColor.match(/[\\d.]+/g).at(-1))"""
        return [float(opacity) for opacity in page.run(script, read)]

    webdriver.ActionChains(page.browser).move_to_element(buttons[0]).perform()
    assert colours() == pytest.approx([0.125, 0.125, 0.75])
    buttons[0].send_keys(Keys.TAB)  # focuses the next one
    assert colours() == pytest.approx([0.125, 0.75, 0.125])
    assert buttons[2].get_property("title") == "looked at ein, 75 %"


def marked(page, name):
    """Each marked word or entity, with its kind."""
    buttons = page.all(".tagged button", name)
    return [tuple(page.run(PARTS, each)) for each in buttons]


PARTS = "return [arguments[0].firstChild.data, arguments[0].lastChild.textContent]"


def test_entities_are_marked_in_the_text_as_it_was_typed(page):
    page.type("names", "  So Paul  Simon\nsaw Paris.Paul Paul Lima")
    page.shows("names", "Paris")
    assert marked(page, "names") == [
        ("Paul  Simon", "PER"),
        ("Paris", "LOC"),
        ("Paul", "PER"),
        ("Paul", "PER"),
        ("changed", "PER"),
    ]
    script = "return arguments[0].textContent"
    text = page.run(script, page.all(".tagged", "names")[0])
    typed = "  So Paul  Simon PER\nsaw Paris LOC.Paul PER Paul PER changed PER"
    assert text == typed
    legend = page.all(".legend li", "names")
    assert [each.text for each in legend] == ["LOC 1", "PER 4"]
    buttons = page.all(".tagged button", "names")
    color = "return getComputedStyle(arguments[0]).backgroundColor"
    colors = [page.run(color, each) for each in [*buttons[:3], *legend]]
    assert colors[0] == colors[2] == colors[4] != colors[1] == colors[3]
    (hint,) = page.all(".hint", "names")
    assert hint.text.startswith("Point at")
    webdriver.ActionChains(page.browser).move_to_element(buttons[0]).perform()
    assert hint.text == "Paul B-PER 75 %, Simon I-PER 75 %"
    buttons[0].send_keys(Keys.TAB)  # focuses the next one
    assert hint.text == buttons[1].get_property("title") == "Paris B-LOC 75 %"


def test_texts_with_quotes_or_without_entities(page):
    text = page.type("names", f"Paul O’Neill {HTML}")
    page.shows("names", "O’Neill")
    assert marked(page, "names") == [
        ("Paul O’Neill", "PER"),
        ("<b>bold</b><img", "LOC"),
    ]
    text.send_keys(Keys.CONTROL, "a")
    text.send_keys("Paul York")
    page.wait(lambda: marked(page, "names") == [("Paul", "PER"), ("York", "LOC")])
    text.send_keys(Keys.CONTROL, "a")
    text.send_keys("nobody")
    page.shows("names", "No entity found.")
    assert marked(page, "names") == [] and "nobody" in page.card("names").text
    text.send_keys(Keys.CONTROL, "a", Keys.BACKSPACE)
    page.wait(lambda: "No entity found." not in page.card("names").text)


def test_every_other_tag_is_a_kind(page):
    words = [f"w{number}" for number in range(17)]
    page.type("grammar", " ".join(words))
    page.shows("grammar", "T16")
    assert marked(page, "grammar") == [(f"w{n}", f"T{n}") for n in range(17)]
    script = """return [...arguments[0].querySelectorAll('.legend li')].map((each) =>
        getComputedStyle(each).backgroundColor)"""
    assert len(set(page.run(script, page.card("grammar")))) == 17


def test_nearest_words_and_analogies(page):
    def rows():
        return [each.text.split() for each in page.all("li", "vectors")]

    page.type("vectors", "king")
    page.wait(lambda: len(rows()) == 2)
    assert rows()[0] == ["queen", "0.750"]
    page.button("vectors", "queen").click()
    page.wait(lambda: rows() == [["king", "0.750"]])
    assert page.all("input", "vectors")[0].get_property("value") == "queen"
    page.type("vectors", "nobody")
    page.shows("vectors", "Not in the vocabulary: nobody.")
    for field, word in enumerate(["man", " king ", "queen"], start=1):
        page.type("vectors", word, field)
    page.wait(lambda: rows() == [["boat", "0.500"]])
    page.type("vectors", "x", 1)
    page.type("vectors", "y", 3)
    page.shows("vectors", "Not in the vocabulary: x, y.")
    assert rows() == []


def boxes(page):
    """Place, height and width of each note that is drawn; whole frames."""
    script = """return [...document.querySelectorAll('.roll rect')].map((each) =>
        ['x', 'y', 'width'].map((name) => each[name].baseVal.value))"""
    return [(x, y, round(width + 0.15)) for x, y, width in page.run(script)]


def test_notes_are_played_and_continued(page):
    first = page.all("input", "choir")[0]
    page.button("choir", "Clear").click()
    keys = page.all(".piano button", "choir")
    keys[0].click()
    page.all(".piano", "choir")[0].send_keys("hw")
    assert first.get_property("value") == "C4 A4 C#4"
    page.slide("choir", "Beats", [Keys.HOME])
    page.button("choir", "Compose").click()
    page.wait(lambda: boxes(page))
    (c4, c3, a4, c4_sharp), heights = boxes(page), {}
    assert c3[0] == 0 and c3[2] == 6  # held for six frames
    for name, (x, y, width) in {"c4": c4, "a4": a4, "c#4": c4_sharp}.items():
        heights[name] = c3[1] - y
        assert width == 1 and x == 2 * ["c4", "a4", "c#4"].index(name)
    assert heights == {"c4": 12, "a4": 21, "c#4": 13}
    (roll,) = page.all(".roll", "choir")
    assert "4 notes." in page.card("choir").text

    def place():
        head = roll.find_element(By.CSS_SELECTOR, ".head")
        return float(re.search(r"[\d.]+", head.get_attribute("transform"))[0])

    page.wait(lambda: place() > 0.1)  # it plays
    before = place()
    page.wait(lambda: place() > before)
    page.button("choir", "Stop").click()
    head = roll.find_element(By.CSS_SELECTOR, ".head")
    assert head.get_attribute("visibility") == "hidden"
    play = page.button("choir", "Play")
    play.click()
    page.wait(lambda: head.get_attribute("visibility") == "visible")
    page.wait(lambda: play.text == "Play")  # at its end


def test_ids_become_the_notes_that_they_encode(page):
    """As `tokens.notes.decode`, for random pieces."""
    numbers = np.random.default_rng(0)
    struck = numbers.random((64, notes.KEYS)) < 0.05
    held = numbers.random((64, notes.KEYS)) < 0.5
    piece = np.where(struck, notes.IS_STRUCK, 0)
    for frame in range(1, len(piece)):  # a note is held only where it has sounded
        can_be_held = (piece[frame - 1] > 0) & held[frame] & ~struck[frame]
        piece[frame, can_be_held] = notes.IS_HELD
    script = """return import(arguments[0] + 'page/compose.js').then(
        ({decode}) => decode(arguments[1], arguments[2]))"""
    ids = [*notes.encode(piece).tolist(), notes.STRUCK]  # nothing follows the end
    found = page.run(script, page.address, ids, notes.names())
    assert found["frames"] == 64
    again = np.zeros_like(piece)
    for note in found["notes"]:
        key = note["pitch"] - notes.LOWEST
        again[note["start"] : note["end"], key] = notes.IS_HELD
        again[note["start"], key] = notes.IS_STRUCK
    assert (again == piece).all()
    # A frame that is not finished is left out; a note held from nowhere is struck.
    ids = [notes.HELD + 40, notes.NEXT, notes.HELD + 40, notes.STRUCK]
    found = page.run(script, page.address, ids, notes.names())
    wanted = {"pitch": 61, "start": 0, "end": 1, "voice": 0}
    assert found == {"notes": [wanted], "frames": 1}


def test_the_playhead_rests_where_less_motion_is_preferred(page):
    page.open(prefers_reduced_motion="reduce")
    page.run("""window.places = new Set();
        new MutationObserver((records) => records.forEach(({target}) =>
            window.places.add(target.getAttribute('transform'))))
        .observe(document.body, {subtree: true, attributeFilter: ['transform']})""")
    page.type("choir", "G4 A4")
    page.button("choir", "Compose").click()
    page.wait(lambda: page.run("return window.places.size") > 1)
    page.button("choir", "Stop").click()
    assert set(page.run("return [...window.places]")) <= {
        "translate(0)",
        "translate(2)",
    }


def test_any_other_model_gets_a_form(page):
    text, count, table = page.all("textarea, input", "other kind")
    text.send_keys("abc")
    count.clear()
    count.send_keys("41")
    table.send_keys("[1, ")
    page.button("other kind", "Ask").click()
    page.shows("other kind", "table: expected JSON, found [1,")
    table.send_keys("2.5]")
    page.button("other kind", "Ask").click()
    page.shows("other kind", '"abc 42 2.5"')
    assert "expected JSON" not in page.card("other kind").text


def test_an_error_is_one_sentence_in_its_card(page):
    text = page.type("opinions", "good broken")
    page.shows("opinions", "the text is broken, as expected.")
    (message,) = page.all(".error", "opinions")
    assert len(message.text) <= 240
    text.send_keys(Keys.CONTROL, "a")
    text.send_keys("good")
    page.shows("opinions", "good 1.000")
    assert message.text == ""
    page.type("choir", "G4 H5")
    page.button("choir", "Compose").click()
    page.shows("choir", "\nexpected a key or notes, such as C4 or D minor, found h5")
    assert "Graph" not in page.card("choir").text


def test_a_server_that_has_gone(chromium):
    with serving(MODELS) as address:
        page = Page(chromium, address)
    page.type("opinions", "good")
    page.shows("opinions", "The server does not answer.")
    chromium.get_log("browser")  # it has the refused connection


def test_without_models_it_says_how_to_train_one(chromium):
    with serving({}) as address:
        page = Page(chromium, address)
        assert "make sentiment" in page.all("main")[0].text


def test_nothing_is_requested_from_elsewhere(page):
    script = "return performance.getEntriesByType('resource').map((each) => each.name)"
    names = page.run(script)
    assert len(names) > 10
    assert all(name.startswith(page.address) for name in names)
    texts = [file.read_text("utf-8") for file in PAGE.iterdir()]
    assert len(texts) > 10
    addresses = {each for text in texts for each in re.findall(r"\w+://[^\"']+", text)}
    assert addresses == {"http://www.w3.org/2000/svg"}


def fill(page):
    """Answers in every card, with words longer than a phone is wide."""
    page.type("opinions", f"good {'long' * 30} العربية")
    page.type("moods", "good good bad")
    page.type("mirror", f"ein {'lang' * 30} zwei drei")
    page.type("names", f"Paul {'Simon ' * 30} {'long' * 30} in Paris")
    page.type("grammar", " ".join(f"w{number}" for number in range(17)))
    page.type("vectors", "king")
    page.type("other kind", "broken")
    page.button("choir", "Compose").click()
    page.button("other kind", "Ask").click()
    page.wait(lambda: len(page.all(".bar")) > 5 and page.all(".tokens button"))
    page.wait(lambda: boxes(page) and len(page.all(".tagged button")) == 19)
    page.all(".tokens button")[0].send_keys(Keys.TAB)


def test_a_phone_scrolls_in_one_direction(page):
    page.open(PHONE)
    assert page.run("return document.documentElement.scrollWidth") == PHONE
    fill(page)
    assert page.run("return document.documentElement.scrollWidth") == PHONE
    left = {each.rect["x"] for each in page.all("section")}
    assert len(left) == 1
    page.open(DESKTOP)
    assert len({each.rect["x"] for each in page.all("section")}) > 1


# The contrast of each text that is seen with the background under it (WCAG 2.2, 1.4.3).
CONTRASTS = """
const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
const paint = (colours) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const colour of colours) {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
  }
  const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const texts = [...document.querySelectorAll('body *')].filter((each) =>
  (each.matches('textarea, input, select') ||
   [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) &&
  !each.disabled && each.checkVisibility());
return texts.map((each) => {
  const under = [];
  for (let above = each; above; above = above.parentElement)
    under.unshift(getComputedStyle(above).backgroundColor);
  const back = paint(under), front = paint([...under, getComputedStyle(each).color]);
  const [dark, light] = [back, front].sort((one, other) => one - other);
  return [(light + 0.05) / (dark + 0.05), each.textContent || each.tagName];
});
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(page, scheme):
    page.open(prefers_color_scheme=scheme)
    fill(page)
    contrasts = page.run(CONTRASTS)
    assert len(contrasts) > 60
    assert [each for each in contrasts if each[0] < 4.5] == []
    script = "return getComputedStyle(document.body).backgroundColor"
    paper = [int(part) for part in re.findall(r"\d+", page.run(script))]
    assert (max(paper) < 80) == (scheme == "dark")


def test_every_control_has_a_name_and_is_reached_by_keys(page):
    fill(page)
    controls = page.all("button, input, textarea, select, [tabindex]")
    assert len(controls) > 40
    nameless = [each for each in controls if not each.accessible_name]
    assert [each.get_attribute("outerHTML") for each in nameless] == []
    reached = set()
    page.all("h1")[0].click()  # from here on
    for _ in controls:
        webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
        active = page.browser.switch_to.active_element
        if active.tag_name == "body":
            break
        reached.add(active)
        script = "return getComputedStyle(arguments[0]).outline"
        assert page.run(script, active).endswith("solid 3px")
    # The keys of the piano are played by letters instead.
    in_order = [each for each in controls if each.get_property("tabIndex") == 0]
    missed = [each for each in in_order if each.is_enabled() and each not in reached]
    assert missed == []


def test_texts_have_the_direction_of_their_script(page):
    page.type("mirror", "مرحبا يا عالم")
    page.wait(lambda: page.all(".tokens button", "mirror"))
    script = "return getComputedStyle(arguments[0]).direction"
    for place in page.all("textarea, .answer, .tokens", "mirror"):
        assert page.run(script, place) == "rtl"
    page.type("names", "من Paul باريس")
    page.wait(lambda: page.all(".tagged button", "names"))
    assert page.run(script, page.all(".tagged", "names")[0]) == "rtl"
    first, second = (each.rect["x"] for each in page.all(".tagged button", "names"))
    assert first > second
    page.type("opinions", "مرحبا good")
    page.wait(lambda: page.all(".words li", "opinions"))
    first, second = (each.rect["x"] for each in page.all(".words li", "opinions"))
    assert first > second
