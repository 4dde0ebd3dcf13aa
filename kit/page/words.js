// The nearest words of a word, and of an analogy, while one is typing.

import { element, showBars } from "./card.js";

const NEIGHBOURS = 8;

export function findWords(model, card) {
  const input = (label) =>
    element("input", { autocomplete: "off", dir: "auto", "aria-label": label });
  const word = card.field("Nearest words of", input("Nearest words of"));
  ask("nearest", { word });

  const [a, b, c] = ["a", "is to b", "as c"].map(input);
  const row = element("div", { className: "analogy" }, a, ":", b, "::", c);
  const title = element("h3", {}, "a is to b as c is to …");
  card.add("div", { role: "group", "aria-label": "Analogy" }, title, row);
  ask("analogy", { a, b, c });

  /** Asks `signature` when one of its fields changes, and shows the answer as bars. */
  function ask(signature, fields) {
    const list = card.add("ol", { className: "bars", "aria-live": "polite" });
    async function task(signal) {
      const words = Object.values(fields).map((field) => field.value.trim());
      if (!words.every(Boolean)) return list.replaceChildren();
      const names = Object.keys(fields);
      const row = Object.fromEntries(names.map((name, n) => [name, [words[n]]]));
      const found = await model.predict(signature, { ...row, k: [NEIGHBOURS] }, signal);
      const ranks = found.words[0].map((each, n) => [each, found.cosines[0][n]]);
      showBars(list, ranks.filter(([each]) => each), choose);
      if (!list.childElementCount) await nameUnknown(words, signal);
    }
    card.whileTyping(Object.values(fields), task);
  }

  // An unknown word has no nearest word.
  async function nameUnknown(words, signal) {
    const inputs = { word: words, k: words.map(() => 1) };
    const found = await model.predict("nearest", inputs, signal);
    const unknown = words.filter((_, place) => !found.words[place][0]);
    card.say(`Not in the vocabulary: ${unknown.join(", ")}.`);
  }

  function choose(neighbour) {
    word.value = neighbour;
    word.dispatchEvent(new Event("input"));
    word.focus();
  }
}
