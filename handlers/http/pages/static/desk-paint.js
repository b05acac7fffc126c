// When something has really been painted.

/** Fulfilled after the next paint. A hidden window is not painted: there, as soon as the document has changed. */
export function painted() {
  return new Promise((done) => {
    if (document.visibilityState === "hidden") {
      const { port1, port2 } = new MessageChannel(); // timers of hidden windows are slowed down to a second
      port1.onmessage = () => {
        port1.close();
        done();
      };
      port2.postMessage(null);
      return;
    }
    requestAnimationFrame(() => requestAnimationFrame(done)); // the second frame begins after the first was painted
    setTimeout(done, 250); // hidden meanwhile
  });
}
