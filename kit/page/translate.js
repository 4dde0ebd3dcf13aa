// A translation while one is typing, and what each written token looked at.

import { element } from "./card.js";

const BEAM = 5; // as many as `align` uses, so that both translate alike

export function translate(model, card) {
  const text = card.text("A text to translate");
  const answer = card.add("output", { className: "answer", dir: "auto" });
  const written = element("p", { className: "tokens", dir: "auto" });
  const read = element("p", { className: "tokens", dir: "auto" });
  const above = element("h3", {}, "Written: point at a token");
  const below = element("h3", {}, "Read: the more colour, the more attention");
  const attention = card.add("div", { hidden: true }, above, written, below, read);

  async function task(signal) {
    if (!text.value.trim()) {
      answer.value = "";
      attention.hidden = true;
      return;
    }
    const [translation, aligned] = await Promise.all([
      model.ask({ text: text.value, beam: BEAM }, signal),
      model.predict("align", { text: [text.value] }, signal),
    ]);
    answer.value = translation.text[0];
    show(aligned.tokens[0], aligned.translation[0], aligned.weights[0]);
  }
  card.whileTyping([text], task);

  function show(tokens, translation, weights) {
    const source = tokens.filter(Boolean); // the others are padding, at the end
    const marks = source.map((token) => element("span", {}, visible(token)));
    read.replaceChildren(...marks);
    const buttons = translation.filter(Boolean).map((token, number) => {
      const row = weights[number].slice(0, source.length);
      const best = row.indexOf(Math.max(...row));
      const looked = `looked at ${source[best]}, ${Math.round(100 * row[best])} %`;
      const mark = () =>
        marks.forEach((each, place) => each.style.setProperty("--weight", row[place]));
      // A mouse points; a finger or a key focuses.
      const events = { onpointerenter: mark, onfocus: mark };
      const button = { type: "button", title: looked, ...events };
      return element("button", button, visible(token));
    });
    written.replaceChildren(...buttons);
    attention.hidden = !buttons.length;
  }
}

const visible = (token) => token.replaceAll(" ", "␣"); // a token may be a space
