// A text with the tags of its words, while one is typing.

import { element } from "./card.js";

const IOB2 = /^(O|[BI]-.+)$/; // tags that mark entities
const APOSTROPHE = /[\u2018\u2019\u02bc]/g; // "'" in tokens
const GOLDEN = 137.5; // degrees between the hues of kinds, so that neighbours differ
const HINT = "Point at a marked word to see its probability.";

export function tag(model, card) {
  const text = card.text("A text to tag");
  const tagged = card.add("p", { className: "tagged", dir: "auto" });
  const live = { "aria-label": "Kinds", "aria-live": "polite" };
  const legend = card.add("ul", { className: "legend", ...live });
  const hint = card.add("p", { className: "hint", dir: "auto" });
  let labels;

  async function task(signal) {
    const typed = text.value;
    if (!typed.trim()) {
      for (const each of [tagged, legend, hint]) each.replaceChildren();
      return;
    }
    labels ??= (await model.predict("labels", {}, signal)).labels;
    const answer = await model.ask({ text: typed }, signal);
    const words = answer.tokens[0].slice(0, answer.length[0]).map((token, place) => {
      const share = Math.round(100 * answer.probabilities[0][place]);
      const name = answer.tags[0][place];
      return { token, name, said: `${token} ${name} ${share} %` };
    });
    show(typed, words);
  }
  card.whileTyping([text], task);

  function show(typed, words) {
    const isBio = labels.every((label) => IOB2.test(label));
    const kinds = [...new Set(labels.map((label) => kindOf(label, isBio)))];
    const colour = (made, kind) => {
      made.style.setProperty("--hue", GOLDEN * kinds.indexOf(kind));
      return made;
    };
    const boxes = boxesOf(locate(words, typed), isBio);
    const parts = boxes.flatMap(({ kind, before, text, said }) => {
      if (!kind) return [before, text];
      const title = said.join(", ");
      const tell = () => (hint.textContent = title);
      // A mouse points; a finger or a key focuses.
      const events = { onpointerenter: tell, onfocus: tell };
      const name = element("small", { dir: "ltr" }, kind);
      const button = { type: "button", title, ...events };
      return [before, colour(element("button", button, text, " ", name), kind)];
    });
    tagged.replaceChildren(...parts);
    const found = kinds.filter((kind) => kind && boxes.some((box) => box.kind === kind));
    const items = found.map((kind) => {
      const count = boxes.filter((box) => box.kind === kind).length;
      return colour(element("li", {}, `${kind} ${count}`), kind);
    });
    legend.replaceChildren(...items);
    hint.textContent = items.length ? HINT : `No ${isBio ? "entity" : "word"} found.`;
  }
}

/** The kind of an entity, "" outside of any; of other tags the tag itself. */
const kindOf = (label, isBio) => (isBio ? label.slice(2) : label);

/** The words with their `text` as it was typed, and what was typed `before` it. */
export function locate(words, typed) {
  const plain = typed.replace(APOSTROPHE, "'");
  let end = 0;
  return words.map((word) => {
    const start = plain.indexOf(word.token, end);
    if (start < 0) return { ...word, before: " ", text: word.token }; // was changed
    const before = typed.slice(end, start);
    end = start + word.token.length;
    return { ...word, before, text: typed.slice(start, end) };
  });
}

/** The words, those of an entity as one: its kind, its text, and what it `said`. */
export function boxesOf(words, isBio) {
  const boxes = [];
  for (const { name, before, text, said } of words) {
    const kind = kindOf(name, isBio);
    const last = boxes.at(-1);
    if (isBio && name.startsWith("I-") && last?.kind === kind) {
      last.text += before + text;
      last.said.push(said);
    } else {
      boxes.push({ kind, before, text, said: [said] });
    }
  }
  return boxes;
}
