// A quiet double tone while somebody waits too long. Off until it is switched on; a browser may want a click first.

const KEPT = "threerings.wall.sound";
const AGAIN = 15_000;
const LOUD = 0.12;

export class Sound {
  #button;
  #words;
  #context = null;
  #toldAt = -Infinity;

  /** `button` shows and changes whether it is on; `words`: [on, off]. */
  constructor(button, words) {
    this.#button = button;
    this.#words = words;
    button.addEventListener("click", () => this.#switch(!this.on));
    if (localStorage.getItem(KEPT) === "on") this.#switch(true);
    else this.#show();
  }

  get on() {
    return this.#context?.state === "running";
  }

  /** Somebody waits too long, or nobody does. */
  late(late, now) {
    if (!late) this.#toldAt = -Infinity;
    else if (this.on && now - this.#toldAt >= AGAIN) {
      this.#toldAt = now;
      this.#tone(784, 0);
      this.#tone(587, 0.28);
    }
  }

  async #switch(on) {
    localStorage.setItem(KEPT, on ? "on" : "off");
    if (on) {
      this.#context ??= new AudioContext();
      this.#context.onstatechange = () => this.#show();
      this.#context.resume().catch(() => {}); // it may have to wait for a click; the switch shows how it stands
    } else await this.#context?.suspend();
    this.#show();
  }

  #show() {
    this.#button.setAttribute("aria-pressed", String(this.on));
    this.#button.querySelector('[data-part="text"]').textContent = this.on ? this.#words[0] : this.#words[1];
  }

  #tone(pitch, after) {
    const begin = this.#context.currentTime + after;
    const [tone, loudness] = [this.#context.createOscillator(), this.#context.createGain()];
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0, begin);
    loudness.gain.linearRampToValueAtTime(LOUD, begin + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, begin + 0.5);
    tone.connect(loudness).connect(this.#context.destination);
    tone.start(begin);
    tone.stop(begin + 0.55);
  }
}
