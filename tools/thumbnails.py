"""Draw the small pictures beside the chapters on the first page: `python tools/thumbnails.py`.

It writes book/_static/thumbnails/CHAPTER_light.webp and CHAPTER_dark.webp, which are cut out of a
picture of the chapter as a browser shows it in the two modes. It needs Chromium and the package
playwright, as the tests of pages do.
"""

import io
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "book/_static"
FOLDER = STATIC / "thumbnails"
WIDTH, HEIGHT = 240, 150  # pixels, two for each of the page's

# Chapter -> its picture; and of the drawing's units left, top and width of what is shown.
CUTS = {
    "01_why_generate": ("opening_rare.svg", (195, 38, 195)),
    "02_two_networks": ("drawings/two_networks.svg", (96, 12, 240)),
    "03_minimax_game": ("minimax_updates.svg", (0, 0, 390)),
    "04_training_dynamics": ("dynamics_portraits.svg", (0, 0, 216)),
    "05_losses_and_divergences": ("losses_landscapes.svg", (0, 0, 380)),
    "06_measuring": ("measuring_sets.svg", (0, 0, 216)),
    "07_dcgan": ("dcgan_samples.svg", (4, 4, 181)),
    "08_own_images": ("own_images_samples.svg", (4.5, 4.5, 203)),
    "09_conditional": ("conditional_samples.svg", (4, 4, 181)),
    "10_fast_and_large": ("fast_timings.svg", (0, 0, 390)),
    "11_augmentation": ("augmentation_orbits.svg", (0, 0, 380)),
    "12_study": ("study_answer.svg", (0, 0, 390)),
    "13_little_data": ("drawings/augmented_discriminator.svg", (126, 8, 250)),
    "14_recipe": ("drawings/folds.svg", (74, 180, 352)),
    "15_collapse_and_stability": ("collapse_points.svg", (0, 0, 300)),
    "16_debugging_clinic": ("clinic_checkerboard.svg", (0, 0, 380)),
    "17_interpretability": ("interpret_idea.svg", (0, 0, 380)),
    "18_beyond_images": ("beyond_idea.svg", (0, 0, 380)),
    "19_image_to_image": ("i2i_idea.svg", (0, 0, 300)),
    "20_privacy": ("privacy_idea.svg", (0, 0, 299)),
    "21_gans_and_vaes": ("drawings/vae_and_gan.svg", (290, 30, 206)),
    "22_distances_and_samples": ("distances_classes.svg", (0, 0, 432)),
    "23_adversarial_losses_today": ("today_arrow.svg", (0, 0, 374)),
    "24_questions": ("collapse_curves.svg", (0, 0, 300)),
    "25_conclusion": ("study_answer.svg", (0, 0, 390)),
}


def page(svg, cut, theme):
    """Returns a page that shows a part of a drawing, as large as a thumbnail, in one mode."""
    left, top, width = cut
    css = (STATIC / "custom.css").read_text(encoding="utf-8")
    shown = f'viewBox="{left} {top} {width} {width * HEIGHT / WIDTH}" preserveAspectRatio="none"'
    head, rest = svg.split(">", 1)
    root = f'<svg class="ganlib-figure" {shown} xmlns:xlink="http://www.w3.org/1999/xlink"'
    assert head.startswith('<svg class="ganlib-figure"')
    own = f"svg {{ width: {WIDTH}px; height: {HEIGHT}px; overflow: hidden !important }}"
    fonts = ":root { --pst-font-family-base: 'DejaVu Sans', sans-serif }"
    return (
        f'<html data-theme="{theme}"><style>{css}\n{fonts} {own} '
        "body { margin: 0; background: var(--book-paper) }</style>"
        f'<body>{root} xmlns="http://www.w3.org/2000/svg">{rest}</body></html>'
    )


def main(names):
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for name in names or CUTS:
            picture, cut = CUTS[name]
            svg = (STATIC / picture).read_text(encoding="utf-8")
            for theme in ("light", "dark"):
                view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                view.set_content(page(svg, cut, theme))
                path = FOLDER / f"{name}_{theme}.webp"
                pixels = io.BytesIO(view.screenshot())
                Image.open(pixels).convert("RGB").save(path, "WEBP", quality=70, method=6)
                print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
                view.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
