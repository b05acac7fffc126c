// How far a list of customers has come; the whole page comes anew when it is done.

const running = document.getElementById("running");
const bar = document.getElementById("read");
const percent = document.getElementById("percent");

async function look() {
  try {
    const answer = await fetch(running.dataset.progress, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const { state, read, size } = await answer.json();
    if (state !== "running") {
      location.reload();
      return;
    }
    bar.value = read;
    percent.textContent = size ? `${Math.floor((read / size) * 100)} %` : "";
  } catch {
    // The service cannot be reached: the next look may find it.
  }
  setTimeout(look, 1000);
}

look();
