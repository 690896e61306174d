"""The picture that stands where no script runs: `python tools/live_picture.py`.

It opens the page that trains in the built book, trains for 2,000 steps with the settings that the
page begins with, and writes what the page draws to book/_static/live_train.webp. Needs Chromium.
"""

import base64
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright import sync_api

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "_build" / "html" / "book" / "live.html"
STEPS = 2000


def picture(browser):
    """Returns the page's picture after `STEPS` steps."""
    page = browser.new_page(color_scheme="light", device_scale_factor=2)
    page.set_default_timeout(1_800_000)
    page.goto(PAGE.as_uri())
    page.get_by_role("button", name="Train").click()
    page.wait_for_function(f"document.querySelector('.live-train').dataset.steps == '{STEPS}'")
    page.wait_for_timeout(500)
    url = page.evaluate("document.querySelector('.live-plane').toDataURL('image/png')")
    return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))


def main():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        image = picture(browser).convert("RGBA")
        browser.close()
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    paper.convert("RGB").save(ROOT / "book" / "_static" / "live_train.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
