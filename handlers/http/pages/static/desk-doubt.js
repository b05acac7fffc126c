// Whether what is shown may be over: while the line is cut, and while the telephone system is not heard.

/**
 * `now` is null, or says since when nothing is known:
 *   at: the moment of `performance.now()` until which things were known; null where only the service could tell.
 *   clock: the same as a Date, or null.
 *   told: a call that is told after this moment is news, and certain: the service tells nothing that it only believes.
 */
export class Doubt {
  now = null;

  /** From this moment on nothing is known, if it was until then. */
  begin(at) {
    this.now ??= { at, clock: new Date(Date.now() - (performance.now() - at)), told: at };
  }

  /** All that is told at this moment is in doubt already: since we know when, or since longer than this page is there. */
  inherit(at) {
    this.now = { at: null, clock: null, ...this.now, told: at };
  }

  /** Everything is known again. */
  end() {
    this.now = null;
  }
}
