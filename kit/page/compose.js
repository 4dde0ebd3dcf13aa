// First notes, played on a small keyboard; the model continues them as a piece.

import { element } from "./card.js";
import { play, playNote } from "./synth.js";

const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const LOWEST = 60; // MIDI pitch of the keyboard's first key, C4
// A computer's keys in the places of a piano's, whatever is printed on them.
const CODES = [..."AWSEDFTGYHUJKOLP"].map((each) => `Key${each}`).concat("Semicolon");

export function compose(model, card) {
  const notes = card.field("First notes", element("input", { value: "G4" }));
  addKeyboard(card, (name) => (notes.value = `${notes.value.trim()} ${name}`.trim()));
  const [settings, place] = card.sliders(model, { temperature: 1, top_p: 0.95 });
  const length = card.slider("Beats", { min: 16, max: 128, step: 8 }, 64, place);
  const tempo = card.slider("Tempo", { min: 40, max: 160, step: 4 }, 92, place);
  const [start, another, again, clear] =
    card.buttons("Compose", "Another", "Play", "Clear");
  const named = { class: "roll", role: "img", "aria-label": "Piano roll" };
  const roll = card.body.appendChild(shape("svg", named));
  let coding, piece, head, stop; // `stop` ends what is playing
  let seed = 0;
  again.disabled = true;

  async function task(signal) {
    stop?.();
    coding ??= await model.predict("coding", {}, signal);
    const frames = length.value * coding.quarter;
    const values = { first: notes.value, length: frames, seed, ...settings() };
    piece = decode((await model.ask(values, signal)).notes[0], coding.names);
    head = drawPiece(roll, piece, coding.bar);
    card.say(`${piece.notes.length} notes.`);
    again.disabled = false;
    listen();
  }
  const write = card.newest(task, { busy: (isBusy) => (start.disabled = isBusy) });

  function listen() {
    again.textContent = "Stop";
    const frame = 60 / tempo.value / coding.quarter;
    // Where less motion is preferred, the playhead rests on each beat.
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    stop = play(piece.notes, frame, (time) => {
      const x = calm ? coding.quarter * Math.floor(time / coding.quarter) : time;
      head.setAttribute("transform", `translate(${Number(x)})`);
      head.setAttribute("visibility", time === null ? "hidden" : "visible");
      if (time !== null) return;
      again.textContent = "Play";
      stop = null;
    });
  }
  start.addEventListener("click", write);
  another.addEventListener("click", () => {
    seed += 1;
    write();
  });
  again.addEventListener("click", () => (stop ? stop() : listen()));
  clear.addEventListener("click", () => (notes.value = ""));
}

/** The notes of ids: `pitch` as in MIDI, `start` and `end` in frames, and `voice`, from
 *  0 for the highest of a frame to 3. `names` of the ids: a frame ends with "|", and a
 *  note in parentheses is held from the frame before. */
export function decode(ids, names) {
  const notes = [];
  let frame = 0;
  let [before, now] = [new Map(), new Map()]; // pitch -> note, of two frames
  for (const name of ids.map((id) => names[id])) {
    if (name === "end") break;
    if (name === "|") {
      frame += 1;
      for (const note of now.values()) note.end = frame;
      [before, now] = [now, new Map()];
      continue;
    }
    const [, held, letter, octave] = /^(\()?([A-G]#?)(\d)\)?$/.exec(name) ?? [];
    if (!letter) continue;
    const pitch = 12 * (Number(octave) + 1) + NAMES.indexOf(letter);
    let note = held && before.get(pitch);
    if (!note) {
      note = { pitch, start: frame, end: frame, voice: Math.min(now.size, 3) };
      notes.push(note);
    }
    now.set(pitch, note);
  }
  return { notes: notes.filter(({ start, end }) => end > start), frames: frame };
}

/** Adds a keyboard for mouse, touch and computer keys; `press` gets a note's name. */
function addKeyboard(card, press) {
  const hint = "Keys A S D F … play the white keys, W E T Y … the black ones.";
  const label = { "aria-label": `Keyboard. ${hint}`, role: "group", tabIndex: 0 };
  const piano = card.add("div", { className: "piano", ...label });
  card.add("p", { className: "hint" }, `${hint} A key may come first: D minor: A4 F4`);
  let whites = 0;
  const strikes = CODES.map((_, key) => {
    const name = NAMES[key % 12] + Math.floor((LOWEST + key) / 12 - 1);
    const isBlack = name.includes("#");
    const named = { "aria-label": name, className: isBlack ? "black" : "" };
    const button = element("button", { type: "button", tabIndex: -1, ...named });
    if (key % 12 === 0) button.textContent = name;
    button.style.setProperty("--place", isBlack ? whites : whites++);
    const strike = () => {
      playNote(LOWEST + key);
      press(name);
      button.classList.add("struck");
      setTimeout(() => button.classList.remove("struck"), 150);
    };
    // A note begins when a finger goes down; a click of a screen reader has no finger.
    button.addEventListener("pointerdown", strike);
    button.addEventListener("click", (event) => event.detail === 0 && strike());
    piano.append(button);
    return strike;
  });
  piano.addEventListener("keydown", (event) => {
    const strike = strikes[CODES.indexOf(event.code)];
    if (!strike || event.repeat || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    strike();
  });
}

function shape(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach((pair) => made.setAttribute(...pair));
  return made;
}

/** Draws a piece, time to the right and pitch upwards; returns the playhead. */
function drawPiece(roll, { notes, frames }, bar) {
  const pitches = notes.map((note) => note.pitch);
  const [low, high] = [Math.min(...pitches, 60) - 1, Math.max(...pitches, 72) + 1];
  const height = high - low + 1;
  const line = (x) => shape("line", { x1: x, x2: x, y1: 0, y2: height });
  const bars = Array.from({ length: frames / bar }, (_, number) => line(bar * number));
  const boxes = notes.map(({ pitch, start, end, voice }) => {
    const place = { x: start, y: high - pitch, width: end - start - 0.15, height: 1 };
    return shape("rect", { ...place, class: `voice-${voice}` });
  });
  const head = line(0);
  head.classList.add("head");
  roll.setAttribute("preserveAspectRatio", "none");
  roll.setAttribute("viewBox", `0 0 ${Math.max(frames, 1)} ${height}`);
  roll.replaceChildren(...bars, ...boxes, head);
  return head;
}
