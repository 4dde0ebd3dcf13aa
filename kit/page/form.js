// A plain form, made from a model's metadata, for models of no known kind.

import { element } from "./card.js";

const USUAL = { beam: 5, k: 8, length: 25, temperature: 0.7, top_p: 1 };

export function form(model, card) {
  const names = Object.keys(model.signatures);
  const signature = names.includes("serving_default") ? "serving_default" : names[0];
  const inputs = Object.entries(model.inputs(signature));
  const fields = inputs.map(([name, spec]) => [name, addField(card, name, spec)]);
  const [send] = card.buttons("Ask");
  const answer = card.add("output", { className: "json" });

  async function task(signal) {
    answer.value = "";
    const row = Object.fromEntries(fields.map(([name, read]) => [name, read()]));
    const outputs = await model.predict(signature, row, signal);
    answer.value = JSON.stringify(outputs, null, 1);
  }
  send.addEventListener("click", card.newest(task));
}

/** Adds the field of an input; returns a function that reads it, as a batch of one. */
function addField(card, name, { dtype, tensor_shape: shape }) {
  const sizes = (shape.dim ?? []).map(({ size }) => Number(size));
  const batch = (value) => (sizes[0] === -1 ? [value] : value);
  const isPlain = !shape.unknown_rank && (sizes.join() === "-1" || !sizes.length);
  if (isPlain && dtype === "DT_STRING") {
    const text = card.text(name, 2);
    return () => batch(text.value);
  }
  if (isPlain && /^DT_(U?INT|FLOAT|DOUBLE|HALF|BFLOAT)/.test(dtype)) {
    const number = { type: "number", step: "any", value: USUAL[name] ?? 0 };
    const input = card.field(name, element("input", number));
    return () => batch(input.valueAsNumber);
  }
  const json = card.text(`${name}: one row as JSON, ${dtype} [${sizes.join(", ")}]`);
  return () => {
    try {
      return batch(JSON.parse(json.value));
    } catch {
      throw new Error(`${name}: expected JSON, found ${json.value || "nothing"}.`);
    }
  };
}
