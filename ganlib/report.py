"""A page on a run, as one HTML file: text, tables and pictures, no script and no request.

`Page` collects the parts in their order. `advise` reads a run's numbers and says what to try next.
"""

import base64
import dataclasses
import html
import io
import math
import os
from collections.abc import Iterable, Sequence
from typing import Any

from PIL import Image

from ganlib import _files

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
img { max-width: 100%; height: auto; background: #fff; }
figure { margin: 1rem 0; } figcaption { margin-top: 0.25rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: 0.2rem 1.5rem 0.2rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #8888; overflow-wrap: anywhere; }
"""


class Page:
    """One page, part after part.

    Args:
        title: its heading, also the title of the browser's window.

    Example:
        >>> page = Page("A run")
        >>> page.text("It took 3 < 4 minutes.")
        >>> "3 &lt; 4" in page.html()
        True
    """

    def __init__(self, title: str) -> None:
        self._title = html.escape(title)
        self._parts = []

    def heading(self, text: str) -> None:
        """Begin a section.

        Args:
            text: its heading.
        """
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def text(self, *paragraphs: str) -> None:
        """Add paragraphs.

        Args:
            paragraphs: plain text; what looks like HTML is shown as it is.
        """
        self._parts += [f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs]

    def items(self, sentences: Iterable[str]) -> None:
        """Add a list.

        Args:
            sentences: its entries, plain text.
        """
        entries = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
        self._parts.append(f"<ul>{entries}</ul>")

    def table(self, header: Sequence, rows: Iterable[Sequence]) -> None:
        """Add a table.

        Args:
            header: one text per column.
            rows: sequences of values; the first value of each names its row.
        """
        head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in header)
        body = ""
        for first, *others in rows:
            cells = "".join(f"<td>{html.escape(str(value))}</td>" for value in others)
            body += f'<tr><th scope="row">{html.escape(str(first))}</th>{cells}</tr>'
        # A region that scrolls must be reachable by keyboard, and have a name.
        label = html.escape(", ".join(map(str, header)))
        self._parts.append(
            f'<div class="wide" role="region" tabindex="0" aria-label="Table: {label}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def picture(self, picture: Any, alt: str, caption: str = "") -> None:
        """Add a picture.

        Args:
            picture: a Matplotlib figure, or uint8 pixels (height, width) or (height, width, 3) such
                as `viz.tile` makes.
            alt: what is to be seen, for those who do not see it.
            caption: plain text to be shown below; "" for none.
        """
        buffer = io.BytesIO()
        if hasattr(picture, "savefig"):
            picture.savefig(buffer, format="png")
        else:
            Image.fromarray(picture).save(buffer, "PNG")
        source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
        below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
        image = f'<img src="{source}" alt="{html.escape(alt)}">'
        self._parts.append(f"<figure>{image}{below}</figure>")

    def html(self) -> str:
        """The page as it stands.

        Returns:
            An HTML document that refers to nothing outside itself.
        """
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{self._title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<h1>{self._title}</h1>\n" + "\n".join(self._parts) + "\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page; a browser that has the old one open never reads half of the new one.

        Args:
            path: the file; its folder must exist.
        """
        _files.write(path, self.html())


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a run on a folder of pictures found out about itself.

    Attributes:
        num_images: images that were trained on.
        num_skipped: picture files that could not be decoded.
        num_duplicates: images that equal an earlier one, pixel by pixel.
        num_enlarged: images whose shorter side had fewer pixels than the network draws.
        num_trimmed: images of which cropping to a square cut away more than a third.
        discriminator_loss: its mean over the end of the run; 2 log 2 where it cannot tell.
        excess_distance: kernel distance of generated to real images on `features.Pyramid`, less
            that of as many real ones. For the emoji it is 1 if they are blurred with a standard
            deviation of half a pixel, and 18 with one pixel.
        recall: share of real images that the generated ones come near, in [0, 1].
        closer: how often a generated image is closer to the training images than a held-out one
            is, in [0, 1]; 0.5 for new images.
        z_score: deviation of `closer` from 1/2, over its standard deviation for new images.
    """

    num_images: int
    num_skipped: int
    num_duplicates: int
    num_enlarged: int
    num_trimmed: int
    discriminator_loss: float
    excess_distance: float
    recall: float
    closer: float
    z_score: float


def advise(findings: Findings) -> list[str]:
    """Say what to try next, the most urgent first.

    The bounds are rules of thumb. They say where to look, and are no verdict.

    Args:
        findings: the run's `Findings`.

    Returns:
        Sentences, at least one.

    Example:
        >>> fine = Findings(500, 0, 0, 0, 0, 1.2, 0.1, 0.8, 0.52, 0.4)
        >>> advise(fine)[0]
        'No number stands out. Look at the samples, and decide with your eyes.'

    Reference:
        Chapter 08_own_images gives the reasons.
    """
    sentences = [*_about_the_run(findings), *_about_the_folder(findings)]
    return sentences or ["No number stands out. Look at the samples, and decide with your eyes."]


def _about_the_run(found: Findings):
    if found.discriminator_loss < 0.2:
        yield (
            f"The discriminator has won: its loss is {found.discriminator_loss:.2f}, where "
            f"{2 * math.log(2):.2f} means that it cannot tell. What the generator learns from it "
            "is then worth little. Raise gamma tenfold, or augment more."
        )
    if found.z_score > 3:
        yield (
            f"The generator may be copying: {found.closer:.0%} of the time a generated image is "
            "closer to the training images than a held-out image is. New images would give 50%; "
            f"this is {found.z_score:.1f} standard deviations above. Compare the pairs. If they "
            "show the same picture twice: train fewer steps, augment more, find more images."
        )
    if found.excess_distance > 5:
        yield (
            "The generated images differ from the real ones in sharpness, grain or colours: their "
            f"distance is {found.excess_distance:.1f} above that of real images. Train longer; if "
            "the samples have not changed for long, halve the learning rate."
        )
    elif found.recall < 0.3:
        yield (
            f"The generated images resemble each other: they come near only {found.recall:.0%} of "
            "the real ones. Look whether one picture repeats itself among the samples. If so, "
            "raise gamma, or lower the learning rate."
        )


def _about_the_folder(found: Findings):
    if found.num_images < 100:
        yield (
            f"{found.num_images} images are few. They are enough for the general look. For "
            "variety, find some hundreds."
        )
    if found.num_skipped:
        yield (
            f"{found.num_skipped} files could not be read. The table of files left out gives the "
            "reasons; save them anew as PNG or JPEG."
        )
    if found.num_duplicates:
        yield (
            f"{found.num_duplicates} images are copies of others. Remove them: a copy among the "
            "held-out images spoils the comparison, and the generator sees them too often."
        )
    if found.num_enlarged > 0.1 * found.num_images:
        yield (
            f"{found.num_enlarged} images were smaller than what the network draws and were "
            "enlarged. The generator learns their blur. Find larger versions."
        )
    if found.num_trimmed > 0.1 * found.num_images:
        yield (
            f"{found.num_trimmed} images are long: more than a third of each was cut away. Crop "
            "them by hand to squares around what matters."
        )
