// A soft synthesiser: each note is an oscillator with a few fading harmonics.

const HARMONICS = [0, 1, 0.42, 0.22, 0.12, 0.06, 0.03];
const ATTACK = 0.03; // seconds, so that a note begins without a click
const RELEASE = 0.25;
const AHEAD = 1.5; // seconds planned ahead, because a hidden page wakes once a second

let context, wave;

// Browsers allow sound only after a person has pressed something.
function audio() {
  context ??= new AudioContext();
  wave ??= context.createPeriodicWave(HARMONICS.map(() => 0), HARMONICS);
  context.resume();
  return context;
}

function tone(pitch, start, seconds, output) {
  const frequency = 440 * 2 ** ((pitch - 69) / 12);
  const oscillator = new OscillatorNode(context, { periodicWave: wave, frequency });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(0.16, start + ATTACK);
  volume.gain.setTargetAtTime(0.09, start + ATTACK, 0.5);
  volume.gain.setTargetAtTime(0, start + seconds, RELEASE / 4);
  oscillator.connect(volume).connect(output);
  oscillator.start(start);
  oscillator.stop(start + seconds + RELEASE);
}

export function playNote(pitch) {
  tone(pitch, audio().currentTime, 0.5, context.destination);
}

/** Plays notes with `pitch`, `start` (ascending) and `end`, in frames of `frame`
 *  seconds. `watch` gets the time in frames whenever the screen is drawn, and null at
 *  the end. Returns a function that stops. */
export function play(notes, frame, watch) {
  const begin = audio().currentTime + 0.1;
  const output = new GainNode(context);
  output.connect(context.destination);
  const rest = [...notes];
  const last = begin + frame * Math.max(0, ...notes.map((note) => note.end));
  const plan = () => {
    while (rest.length && begin + frame * rest[0].start < context.currentTime + AHEAD) {
      const { pitch, start, end } = rest.shift();
      tone(pitch, begin + frame * start, frame * (end - start), output);
    }
    if (context.currentTime > last) stop();
  };
  const timer = setInterval(plan, 100);
  let drawing = requestAnimationFrame(function draw() {
    drawing = requestAnimationFrame(draw);
    watch(Math.max(context.currentTime - begin, 0) / frame);
  });
  function stop() {
    clearInterval(timer);
    cancelAnimationFrame(drawing);
    output.gain.setTargetAtTime(0, context.currentTime, RELEASE / 4);
    watch(null);
  }
  plan();
  return stop;
}
