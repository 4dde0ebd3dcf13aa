// A text that a language model continues, piece by piece.

const PIECE = 25; // tokens of a request: few, so that something new is seen at once
const PIECES = 16; // requests until it pauses

export function continueText(model, card) {
  const text = card.text("A text to continue", 8);
  const [settings] = card.sliders(model);
  const [start, another] = card.buttons("Continue", "Another");
  // Only what is new is read out, not the whole text again.
  const spoken = card.add("p", { className: "unseen", role: "log" });
  let typed = ""; // without what the model has added
  let seed = 0; // another one for each piece, or pieces would repeat each other
  let writing = false;

  async function task(signal) {
    for (let piece = 0; piece < PIECES; piece++) {
      const values = { prompt: text.value, length: PIECE, seed, ...settings() };
      const more = (await model.ask(values, signal)).text[0];
      if (!more) return card.say("The model ends here.");
      const follows = text.scrollTop + text.clientHeight > text.scrollHeight - 4;
      text.value += more;
      if (follows) text.scrollTop = text.scrollHeight;
      spoken.textContent = more;
      seed += 1;
    }
  }
  function busy(isBusy) {
    writing = text.readOnly = isBusy;
    start.textContent = isBusy ? "Stop" : "Continue";
  }
  const write = card.newest(task, { busy });
  text.addEventListener("input", () => (typed = text.value));
  start.addEventListener("click", () => (writing ? write.stop() : write()));
  another.addEventListener("click", () => {
    text.value = typed;
    seed += 1;
    write();
  });
}
