// Takes over news each minute while the page is looked at, and at once when it is looked at again.
"use strict";
(() => {
  const MINUTE = 60_000;
  const news = document.getElementById("news");
  let last = Date.now();

  async function refresh() {
    if (document.hidden || Date.now() - last < MINUTE) return;
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

  // Whoever reads must not lose the place.
  function isRead(main) {
    return main.contains(document.activeElement) || main.querySelector("details[open], form.act") !== null ||
      !getSelection().isCollapsed;
  }

  setInterval(refresh, MINUTE / 4);
  document.addEventListener("visibilitychange", refresh);
})();
