// A text's class, and its probability after each word, while one is typing.

import { bar, element, showBars } from "./card.js";

export function classify(model, card) {
  const text = card.text("A text to classify");
  const answer = card.add("output", { className: "answer" });
  const classes = card.add("ol", { className: "bars" });
  const caption = card.add("p", { className: "hint" });
  const words = card.add("ol", { className: "words", dir: "auto" });
  let labels;

  async function task(signal) {
    if (!text.value.trim()) {
      for (const each of [answer, classes, caption, words]) each.replaceChildren();
      return;
    }
    labels ??= (await model.predict("labels", {}, signal)).labels;
    const [whole, steps] = await Promise.all([
      model.predict("serving_default", { text: [text.value] }, signal),
      model.predict("word_by_word", { text: text.value }, signal),
    ]);
    show(whole.label[0], whole.probabilities[0], steps);
  }
  card.whileTyping([text], task);

  function show(label, probabilities, steps) {
    const place = labels.indexOf(label);
    answer.value = `${label} ${probabilities[place].toFixed(3)}`;
    const ranks = labels.map((name, number) => [name, probabilities[number]]);
    ranks.sort(([, one], [, other]) => other - one);
    showBars(classes, labels.length > 2 ? ranks.slice(0, 5) : []);
    // Of two classes always the same one, so that no bar jumps when the answer changes.
    const shown = labels.length === 2 ? 1 : place;
    caption.textContent = `Probability of “${labels[shown]}” after each word`;
    const items = steps.words.map((word, number) => {
      const probability = steps.probabilities[number][shown];
      const percent = `${Math.round(100 * probability)} %`;
      const spoken = element("span", { className: "unseen" }, ` ${percent}`);
      return element("li", { title: percent }, bar(probability), word, spoken);
    });
    words.replaceChildren(...items);
  }
}
