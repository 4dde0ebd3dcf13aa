// What the cards are made of.

const PAUSE = 150; // milliseconds without a key before a model is asked

/** A new element. Children that are strings become text and are never read as HTML. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A bar for a number from 0 to 1, which stands beside it as text. */
export function bar(share) {
  const made = element("span", { className: "bar", "aria-hidden": "true" });
  made.style.setProperty("--share", Math.max(share, 0));
  return made;
}

/** Shows names with numbers as a list of bars; `choose(name)` makes names buttons. */
export function showBars(list, rows, choose) {
  const items = rows.map(([name, number]) => {
    const button = { type: "button", dir: "auto", onclick: () => choose(name) };
    const label = choose ? element("button", button, name) : element("bdi", {}, name);
    const digits = element("span", {}, number.toFixed(3));
    return element("li", {}, label, bar(number), digits);
  });
  list.replaceChildren(...items);
}

const SLIDERS = {
  temperature: ["Temperature", { min: 0, max: 1.5, step: 0.05 }, 0.7],
  top_k: ["Top-k (0: all)", { min: 0, max: 100, step: 1 }, 0],
  top_p: ["Top-p", { min: 0.05, max: 1, step: 0.05 }, 1],
};

/** The frame of a model's card: a title, controls, one line for messages. */
export class Card {
  constructor(name, title) {
    const id = `title-${name}`;
    const heading = element("h2", { id }, title, " ", element("code", {}, name));
    this.body = element("div", { className: "body" });
    this.message = element("p", { className: "message", role: "status" });
    const named = { className: "card", "aria-labelledby": id };
    this.section = element("section", named, heading, this.body, this.message);
  }

  /** Adds a new element; returns it. */
  add(tag, properties, ...children) {
    return this.body.appendChild(element(tag, properties, ...children));
  }

  /** Adds a labelled control; returns the control. */
  field(label, control) {
    this.add("label", {}, element("span", {}, label), control);
    return control;
  }

  text(label, rows = 3) {
    return this.field(label, element("textarea", { rows, dir: "auto" }));
  }

  buttons(...labels) {
    const made = labels.map((label) => element("button", { type: "button" }, label));
    this.add("div", { className: "buttons" }, ...made);
    return made;
  }

  /** Adds a slider that shows its value; returns its input. */
  slider(label, limits, value, place) {
    const input = element("input", { type: "range", ...limits });
    input.value = value; // last, because the limits before cut it
    const shown = element("span", { className: "value" }, input.value);
    input.addEventListener("input", () => (shown.textContent = input.value));
    place.append(element("label", {}, element("span", {}, label, " ", shown), input));
    return input;
  }

  /** Adds the sliders that a model has inputs for, with `start` as other first values.
   *  Returns a function of their values by name, and where they stand. */
  sliders(model, start = {}) {
    const place = this.add("div", { className: "sliders" });
    const names = Object.keys(SLIDERS).filter((name) => name in model.inputs());
    const made = names.map((name) => {
      const [label, limits, value] = SLIDERS[name];
      return [name, this.slider(label, limits, start[name] ?? value, place)];
    });
    const values = () => made.map(([name, input]) => [name, Number(input.value)]);
    return [() => Object.fromEntries(values()), place];
  }

  say(message, isError = false) {
    this.message.textContent = message;
    this.message.classList.toggle("error", isError);
  }

  /** Runs `task(signal)`, as `newest` does, when one has typed in a field. */
  whileTyping(fields, task) {
    const run = this.newest(task, { wait: PAUSE });
    for (const field of fields) field.addEventListener("input", run);
  }

  /** A function that runs `task(signal)` after `wait` milliseconds and aborts its
   *  previous run, so that only the newest answer is shown; errors become the card's
   *  message. Its `stop` aborts too. `busy` is told true, and false at the end. */
  newest(task, { wait = 0, busy = () => {} } = {}) {
    let controller;
    const setBusy = (isBusy) => {
      this.section.setAttribute("aria-busy", isBusy);
      busy(isBusy);
    };
    const run = async () => {
      controller?.abort();
      controller = new AbortController();
      const { signal } = controller;
      setBusy(true);
      try {
        await new Promise((resolve) => setTimeout(resolve, wait));
        if (signal.aborted) return;
        this.say("");
        await task(signal);
      } catch (error) {
        if (!signal.aborted) this.say(error.message, true);
      } finally {
        if (!signal.aborted) setBusy(false);
      }
    };
    run.stop = () => {
      controller.abort();
      setBusy(false);
    };
    return run;
  }
}
