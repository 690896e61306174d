"""The pictures that stand where no script runs: `python tools/live_picture.py`.

It opens pages of the built book that compute, with the settings that they begin with, and writes
what they draw to book/_static/: of the page that trains after 2,000 steps, of the others at once.
`python tools/live_picture.py attack` makes that one alone. Needs Chromium.
"""

import base64
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright import sync_api

ROOT = Path(__file__).resolve().parents[1]
STEPS = 2000
PICTURES = {"train": ("live", ".live-plane")} | {
    name: (f"live_{name}", ".live-three canvas") for name in ("pull", "clouds", "attack")
}


def canvases(browser, page_name, selector):
    """Returns what the canvases of a page show, side by side."""
    page = browser.new_page(color_scheme="light", device_scale_factor=2)
    page.set_default_timeout(1_800_000)
    page.goto((ROOT / "_build" / "html" / "book" / f"{page_name}.html").as_uri())
    if page_name == "live":
        page.get_by_role("button", name="Train").click()
        page.wait_for_function(f"document.querySelector('.live-train').dataset.steps == '{STEPS}'")
    page.wait_for_timeout(500)
    urls = page.eval_on_selector_all(
        selector, "all => all.map((one) => one.toDataURL('image/png'))"
    )
    parts = [Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) for url in urls]
    paper = Image.new(
        "RGBA", (sum(part.width + 24 for part in parts) - 24, parts[0].height), "white"
    )
    for k, part in enumerate(parts):
        paper.alpha_composite(part.convert("RGBA"), (k * (part.width + 24), 0))
    return paper.convert("RGB")


def main():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name in sys.argv[1:] or PICTURES:
            image = canvases(browser, *PICTURES[name])
            image.save(ROOT / "book" / "_static" / f"live_{name}.webp", quality=80, method=6)
        browser.close()


if __name__ == "__main__":
    main()
