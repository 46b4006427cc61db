// Search and copy buttons. Pages can be read without it; it asks no other host for anything.
(() => {
  "use strict";
  const box = document.getElementById("search");
  const input = box.querySelector("input");
  const results = document.getElementById("results");
  const MOST = 24;
  let index;

  // Lower case, with the words of snake_case and camelCase kept as they are written.
  const fold = (text) => text.toLowerCase();

  const load = () =>
    (index ??= fetch("/docs/search.json")
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))))
      .then((entries) => entries.map((entry) => ({ ...entry, inTitle: fold(entry.title), inText: fold(entry.text) })))
      .catch((error) => {
        index = undefined;
        throw error;
      }));

  // Every word must occur; in the title it counts more, at the start of a word more again.
  const score = (entry, words) => {
    let sum = 0;
    for (const word of words) {
      const at = entry.inTitle.indexOf(word);
      if (at >= 0) {
        sum += at === 0 || !/[a-z0-9]/.test(entry.inTitle[at - 1]) ? 12 : 6;
        sum += word.length === entry.inTitle.length ? 8 : 0;
      } else if (entry.inText.includes(word)) {
        sum += 1;
      } else {
        return 0;
      }
    }
    return sum + (entry.page === "API reference" ? 0 : 0.5);
  };

  const excerpt = (entry, words) => {
    const at = Math.min(...words.map((word) => entry.inText.indexOf(word)).filter((at) => at >= 0), entry.text.length);
    const from = at === entry.text.length ? 0 : Math.max(0, entry.text.lastIndexOf(" ", Math.max(0, at - 40)) + 1);
    return (from > 0 ? "… " : "") + entry.text.slice(from, from + 140);
  };

  // The text with the words marked; built from nodes, so nothing in it is taken for HTML.
  const marked = (text, words) => {
    const span = document.createElement("span");
    const lower = fold(text);
    let at = 0;
    while (at < text.length) {
      const hits = words.map((word) => [lower.indexOf(word, at), word.length]).filter(([found]) => found >= 0);
      if (hits.length === 0) break;
      const [found, length] = hits.reduce((one, other) => (other[0] < one[0] ? other : one));
      span.append(text.slice(at, found));
      const mark = document.createElement("mark");
      mark.textContent = text.slice(found, found + length);
      span.append(mark);
      at = found + length;
    }
    span.append(text.slice(at));
    return span;
  };

  const say = (text) => {
    const line = document.createElement("p");
    line.textContent = text;
    results.replaceChildren(line);
    results.hidden = false;
  };

  const show = async () => {
    const asked = input.value;
    const words = fold(asked).split(/\s+/).filter(Boolean);
    if (words.length === 0) {
      results.hidden = true;
      return;
    }
    let entries;
    try {
      entries = await load();
    } catch {
      say("The search index cannot be loaded.");
      return;
    }
    if (asked !== input.value) return;
    const found = entries
      .map((entry) => [score(entry, words), entry])
      .filter(([points]) => points > 0)
      .sort(([one], [other]) => other - one)
      .slice(0, MOST);
    if (found.length === 0) {
      say(`Nothing found for “${asked.trim()}”.`);
      return;
    }
    results.replaceChildren(
      ...found.map(([, entry]) => {
        const link = document.createElement("a");
        link.href = entry.url;
        const title = marked(entry.title, words);
        title.className = "title";
        const page = document.createElement("small");
        page.textContent = entry.page;
        const text = marked(excerpt(entry, words), words);
        text.className = "text";
        link.append(title, page, text);
        return link;
      }),
    );
    results.hidden = false;
  };

  const close = () => {
    results.hidden = true;
  };

  // From the box to the first result, and from one to the next.
  const step = (by) => {
    const all = [input, ...results.querySelectorAll("a")];
    const next = all[all.indexOf(document.activeElement) + by];
    next?.focus();
  };

  box.hidden = false;
  input.addEventListener("focus", () => load().catch(() => {}), { once: true });
  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  results.addEventListener("click", close);
  document.addEventListener("click", (event) => box.contains(event.target) || close());
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      input.blur();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && event.target === input) {
      results.hidden || results.querySelector("a")?.click();
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    }
  });

  // On a phone the navigation is a strip: bring the current page into view.
  const strip = document.querySelector("nav.pages");
  const current = strip.querySelector("[aria-current]");
  if (current) strip.scrollLeft = current.offsetLeft - strip.clientWidth / 2 + current.offsetWidth / 2;

  // The clipboard is there on https and on this machine only.
  if (!navigator.clipboard) return;
  for (const block of document.querySelectorAll("main pre:not(.answer)")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    const frame = document.createElement("div");
    frame.className = "block";
    block.replaceWith(frame);
    frame.append(block, button);
  }
})();
