// Requests to the server of this page, in the form of TensorFlow Serving's REST API.

// Python and TensorFlow Serving write NaN and Infinity as they are, which no JSON
// parser reads. Strings are matched first, so that they stay as they are.
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

function parse(text) {
  const read = (found) => (found.startsWith('"') ? found : "null");
  return JSON.parse(text.replace(STRING_OR_NUMBER, read));
}

// Errors of TensorFlow have many lines; of an assertion, one message is for people.
function sentence(error) {
  const message = /assertion failed: \[([^\]]+)\]/.exec(error)?.[1] ?? String(error);
  const line = message.replace(/\s+/g, " ").trim();
  return line.length > 240 ? `${line.slice(0, 239)}…` : line;
}

/** The JSON of an answer. Throws an error whose message is one sentence to be shown. */
async function request(path, options = {}) {
  let response, body;
  try {
    response = await fetch(path, options);
    body = parse(await response.text());
  } catch {
    const found = response && `Expected JSON, found status ${response.status}.`;
    throw new Error(found ?? "The server does not answer.");
  }
  if (response.ok) return body;
  throw new Error(sentence(body.error ?? `The server answered ${response.status}.`));
}

/** The names of the models that are served. */
export async function listModels() {
  return (await request("v1/models")).models;
}

/** A served model: its name, and its signatures as in TensorFlow Serving's metadata. */
export class Model {
  constructor(name, signatures) {
    this.signatures = signatures;
    this.url = `v1/models/${encodeURIComponent(name)}:predict`;
  }

  static async load(name) {
    const body = await request(`v1/models/${encodeURIComponent(name)}/metadata`);
    return new Model(name, body.metadata.signature_def.signature_def);
  }

  /** The inputs of a signature, by name. */
  inputs(signature = "serving_default") {
    return this.signatures[signature]?.inputs ?? {};
  }

  /** The outputs of a signature, by name; `signal` aborts the request. */
  async predict(signature, inputs, signal) {
    const body = JSON.stringify({ signature_name: signature, inputs });
    const headers = { "Content-Type": "application/json" };
    const post = { method: "POST", headers, body, signal };
    const { outputs } = await request(this.url, post);
    signal?.throwIfAborted(); // an answer that came in the moment of its abort
    // A single output comes without its name.
    const names = Object.keys(this.signatures[signature].outputs);
    return names.length === 1 ? { [names[0]]: outputs } : outputs;
  }

  /** As `predict`, for one row of `serving_default`: of `values`, those that it has
   *  inputs for. */
  async ask(values, signal) {
    const names = Object.keys(this.inputs()).filter((name) => name in values);
    const row = Object.fromEntries(names.map((name) => [name, [values[name]]]));
    return this.predict("serving_default", row, signal);
  }
}
