// Takes over news while the page is looked at: soon after the service tells of some, and else each
// minute; at once when the page is looked at again.
"use strict";
(() => {
  const MINUTE = 60_000;
  const SOON = 10_000;
  const news = document.getElementById("news");
  let last = Date.now();
  let waiting;
  let events;
  let told;

  async function refresh(age) {
    if (document.hidden || Date.now() - last < age) return;
    last = Date.now();
    let page;
    try {
      const answer = await fetch(location.href, { cache: "no-store", headers: { "Retune-Refresh": "1" } });
      if (!answer.ok) throw new Error(answer.statusText);
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      news.textContent = "The page could not be refreshed; it tries again in a minute.";
      return;
    }
    const main = document.getElementById("main");
    const fresh = page.getElementById("main");
    if (fresh.dataset.content === main.dataset.content) {
      news.textContent = "";
    } else if (isRead(main)) {
      news.textContent = "There is news. Reload the page to see it.";
      return;
    } else {
      main.replaceWith(fresh);
      news.textContent = "The page shows news.";
    }
    document.getElementById("as-of").replaceWith(page.getElementById("as-of"));
  }

  // Whoever reads must not lose the place, and whoever writes must not lose the text.
  function isRead(main) {
    return main.contains(document.activeElement) || main.querySelector("details[open], form.act") !== null ||
      !getSelection().isCollapsed;
  }

  // A loop at work changes much within seconds; the page takes it over once.
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(() => refresh(SOON), Math.max(0, last + SOON - Date.now()));
  }

  // A browser has few connections to a service: pages in the background give theirs back.
  function listen() {
    if (document.hidden) {
      events?.close();
      events = undefined;
    } else if (events === undefined) {
      events = new EventSource("/events");
      events.onmessage = (event) => {
        if (told !== undefined && told !== event.data) soon();
        told = event.data;
      };
    }
  }

  setInterval(() => refresh(MINUTE), MINUTE / 4);
  document.addEventListener("visibilitychange", () => {
    refresh(MINUTE);
    listen();
  });
  listen();
})();
