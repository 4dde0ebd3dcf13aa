// One card for each served model. What a model can do, that is its signatures and
// inputs, decides which card it gets; its name is free.

import { listModels, Model } from "./api.js";
import { Card, element } from "./card.js";
import { classify } from "./classify.js";
import { compose } from "./compose.js";
import { continueText } from "./continue.js";
import { form } from "./form.js";
import { tag } from "./tag.js";
import { translate } from "./translate.js";
import { findWords } from "./words.js";

// Title, card, and the signatures and inputs that it needs. The first that fits counts.
const KINDS = [
  ["Compose", compose, ["coding"], ["first", "length"]],
  ["Find words", findWords, ["nearest", "analogy"], []],
  ["Continue a text", continueText, [], ["prompt", "length"]],
  ["Translate", translate, ["align"], ["text"]],
  ["Tag words", tag, ["tokens", "labels"], ["text"]],
  ["Classify", classify, ["word_by_word", "labels"], ["text"]],
  ["Ask", form, [], []],
];

async function makeCard(name) {
  let card = new Card(name, "Not available");
  try {
    const model = await Model.load(name);
    const [title, fill] = KINDS.find(
      ([, , signatures, inputs]) =>
        signatures.every((each) => each in model.signatures) &&
        inputs.every((each) => each in model.inputs()),
    );
    card = new Card(name, title);
    fill(model, card);
  } catch (error) {
    card.say(error.message, true);
  }
  return card.section;
}

const place = document.getElementById("cards");
try {
  const cards = await Promise.all((await listModels()).map(makeCard));
  const command = element("code", {}, "make sentiment");
  const none = ["No model is served yet. Train one with ", command, "."];
  place.replaceChildren(...(cards.length ? cards : [element("p", {}, ...none)]));
} catch (error) {
  const message = { className: "error", role: "alert" };
  place.replaceChildren(element("p", message, error.message));
}
place.removeAttribute("aria-busy");
