"""Opens a page in headless Chromium: `pages.py CHROMIUM TIMES URL`.

Prints for each time, in milliseconds after the start of the navigation, when the first
byte came, when something was painted, when content was, and when all was loaded. The first time is
in a browser that knows nothing of the service.
"""

import json
import sys

from playwright.sync_api import sync_playwright

MEASURED = """() => {
  const [navigation] = performance.getEntriesByType("navigation");
  const paints = performance.getEntriesByType("paint").map((it) => [it.name, it.startTime]);
  return { "first-byte": navigation.responseStart, loaded: navigation.loadEventEnd,
    bytes: navigation.decodedBodySize, ...Object.fromEntries(paints) };
}"""
PAINTED = """() => performance.getEntriesByName("first-contentful-paint").length
  && performance.getEntriesByType("navigation")[0].loadEventEnd > 0"""


def main(chromium: str, times: int, url: str) -> None:
    """Visit a page so many times in one browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        visits = []
        for _ in range(times):
            answer = page.goto(url)
            assert answer is not None, url
            assert answer.ok, f"{url}: {answer.status}"
            page.wait_for_function(PAINTED)
            visits.append(page.evaluate(MEASURED))
        browser.close()
    print(json.dumps(visits))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
