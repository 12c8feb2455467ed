// Downloads that are never written to the server's disk, the clock for counting one's own pulse, and a verdict that
// screen readers announce.

window.rppgDownload = (file) => {
  if (!file) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], { type: file.type }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

let counting = 0;
window.rppgCount = (seconds) => {
  clearInterval(counting);
  const clock = document.querySelector("#count-clock");
  const end = performance.now() + 1000 * seconds;
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    clock.textContent = left > 0 ? `Count every beat: ${left} s left` : "Stop. How many beats were there?";
    if (left > 0) return;
    clearInterval(counting);
    document.querySelector("#count input").select();
  };
  tick();
  counting = setInterval(tick, 100);
};

// The accessible name contains the visible words, for people who control their computer by voice.
const nameByWords = () => {
  for (const button of document.querySelectorAll("#video button[aria-dropeffect]")) {
    const words = button.textContent.replace(/\s+/g, " ").trim();
    if (button.ariaLabel !== words) button.ariaLabel = words;
  }
};

window.rppgReady = () => {
  new MutationObserver(nameByWords).observe(document.querySelector("#video"), { childList: true, subtree: true });
  nameByWords();
  for (const id of ["verdict", "deleted", "count-result"]) {
    document.getElementById(id)?.setAttribute("aria-live", "polite");
  }
};
