"""A page on a run, as one HTML file: text, tables and pictures, no script and no request.

`Page` collects the parts in their order. `advise` reads a run's numbers and says what to try next.
Of a run on a folder, `examine` takes the numbers and `run_page` makes the page.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import math
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from ganlib import _files, data, health, metrics, viz

if TYPE_CHECKING:
    from ganlib import recipes

_CELLS = 16  # along a side, over which pictures are averaged before they are compared
_NUM_PAIRS = 8
_MOST_COMPARED = 2_000  # more take long, and tell hardly more

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
        share_done: which part of the planned steps is done, in (0, 1].
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
    share_done: float = 1.0


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
    if found.share_done < 0.9:
        yield (
            f"Only {found.share_done:.0%} of the planned steps are done. If it was ended by the "
            "clock or by hand, give the line of the training again: it goes on."
        )
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


# ---- a run on a folder -------------------------------------------------------------------------


class Quality(NamedTuple):
    """How far generated images are from real ones, and the same of other real ones.

    Attributes:
        distance: kernel distance on `features.Pyramid`.
        precision: share of them that look real, in [0, 1].
        recall: share of the real ones that they come near, in [0, 1].
    """

    distance: float
    precision: float
    recall: float


def quality(real: data.Images, fake: data.Images) -> tuple[Quality, Quality]:
    """Compare generated images with one half of the real ones, as the other half compares.

    Args:
        real: `data.Images`, at least eight.
        fake: `data.Images`, generated; at least half as many. Where both have labels, as many of
            each class are taken as that half has.

    Returns:
        `Quality` of the generated images, and of the other half of the real ones.

    Example:
        >>> from ganlib import data, report
        >>> faces = data.load_emoji()
        >>> generated, real = report.quality(faces, faces[1::2])  # those of the other half
        >>> generated == real, abs(real.distance) < 3
        (True, True)

    Reference:
        Chapter 08_own_images.
    """
    reference, others = real[::2], real[1::2]
    chosen = np.arange(len(fake))[: len(others)]
    if real.num_classes and fake.num_classes:
        counts = np.bincount(others.labels, minlength=real.num_classes)
        places = (np.flatnonzero(fake.labels == k)[:count] for k, count in enumerate(counts))
        chosen = np.concatenate(list(places))
    from ganlib import features  # which loads TensorFlow; a page needs none

    pyramid = features.Pyramid(reference.images)
    rows, found = pyramid(reference.images), []
    for images in (fake[chosen], others):
        own = pyramid(images.images)
        recall = metrics.precision_recall(rows, own)
        found.append(Quality(metrics.kernel_distance(rows, own), *recall))
    return found[0], found[1]


def cells(images: data.Images) -> np.ndarray:
    """Images averaged over blocks, to be compared by where their colours are.

    Fine grain, which the eye overlooks, would make each generated image far from all others.

    Args:
        images: `data.Images`.

    Returns:
        float32 array (n, d): 16 × 16 blocks, as far as the side allows, in [-1, 1].

    Example:
        >>> from ganlib import data, report
        >>> report.cells(data.load_emoji()).shape
        (99, 768)

    Reference:
        Chapter 08_own_images.
    """
    pixels = data.to_model_range(images.images)
    count, side, _, channels = pixels.shape
    block = max(1, side // _CELLS)
    number = side // block
    shape = (count, number, block, number, block, channels)
    pixels = pixels[:, : number * block, : number * block].reshape(shape)
    return pixels.mean(axis=(2, 4)).reshape(count, -1)


@dataclasses.dataclass(frozen=True, eq=False)
class Examination:
    """What `examine` found.

    Attributes:
        findings: `Findings`.
        generated: `Quality` of the generated images.
        real: `Quality` of as many real ones.
        copying: `metrics.NearestNeighbours` of the generated images.
        diagnosis: `health.Report` of the losses, or None of a run too short for one.
    """

    findings: Findings
    generated: Quality
    real: Quality
    copying: metrics.NearestNeighbours
    diagnosis: health.Report | None


def examine(
    plan: recipes.Plan, pictures: recipes.Pictures, fake: data.Images, gan: Any
) -> Examination:
    """Measure what a run on a folder has come to.

    Args:
        plan: its `recipes.Plan`.
        pictures: its `recipes.Pictures`.
        fake: `data.Images`, generated.
        gan: the `GAN`, whose history and loss count.

    Returns:
        An `Examination`.

    Reference:
        Chapter 08_own_images.
    """
    train, held_out, num_copies = pictures
    labels = None if train.labels is None else np.concatenate([train.labels, held_out.labels])
    both = np.concatenate([train.images, held_out.images])
    both = data.Images(both, labels, train.class_names)
    generated, real = quality(_spread(both, _MOST_COMPARED), fake)
    copying = metrics.nearest_neighbour_distances(*map(cells, (train, held_out, fake)))
    sizes = np.array(list(data.picture_sizes(plan.folder).values()))
    shorter, longer = sizes.min(axis=1), sizes.max(axis=1)
    num_read = len(train) + len(held_out) + num_copies
    losses = gan.history.discriminator_loss[-10:]
    findings = Findings(
        num_images=len(train),
        num_skipped=len(data.list_folder(plan.folder)) - num_read,
        num_duplicates=0,  # a plan leaves them out
        num_enlarged=int((shorter < plan.image_size).sum()),
        num_trimmed=int((shorter < longer * 2 / 3).sum()),
        discriminator_loss=float(losses.mean()) if len(losses) else math.nan,
        excess_distance=generated.distance - real.distance,
        recall=generated.recall,
        closer=copying.share_closer,
        z_score=copying.z_score,
        share_done=gan.step / plan.num_steps,
    )
    enough = len(gan.history.step) >= 6
    diagnosis = health.report(gan.history, gan.loss) if enough else None
    if diagnosis and len(train) > len(plan.class_names) > 0:  # else a class is one picture
        collapsed = health.within_classes(train, fake)
        diagnosis = dataclasses.replace(diagnosis, findings=(*diagnosis.findings, *collapsed))
    return Examination(findings, generated, real, copying, diagnosis)


def facts(found: Examination) -> dict[str, str]:
    """The numbers of an examination, in words.

    Args:
        found: an `Examination`.

    Returns:
        dict: what -> its value, each beside what it is to be compared with.
    """
    m, n = len(found.copying.distances), len(found.copying.held_out_distances)
    deviation = 100 * math.sqrt((m + n + 1) / (12 * m * n))  # of Mann and Whitney
    diagnosis = found.diagnosis
    named = ", ".join(finding.name for finding in diagnosis.findings) if diagnosis else "too short"
    return {
        "distance, precision, recall": "{:.2f}, {:.2f}, {:.2f}".format(*found.generated),
        "the same of real pictures": "{:.2f}, {:.2f}, {:.2f}".format(*found.real),
        "closer than a held-out picture": f"{found.findings.closer:.0%}; new images would be in "
        f"50 ± {2 * deviation:.0f}%",
        "what the losses show": named or "no failure",
    }


def run_page(
    plan: recipes.Plan,
    pictures: recipes.Pictures,
    fake: data.Images,
    gan: Any,
    found: Examination,
    left_out: Sequence = (),
) -> Page:
    """The page on a run on a folder: what was trained, how good it is, what to try next.

    Args:
        plan: its `recipes.Plan`.
        pictures: its `recipes.Pictures`.
        fake: `data.Images`, generated.
        gan: the `GAN`, restored.
        found: what `examine` says of them.
        left_out: pairs of a file that was not read and the reason.

    Returns:
        A `Page`.

    Reference:
        Chapter 08_own_images.
    """
    page = Page(f"A GAN trained on {_files.readable(os.path.basename(plan.folder))}")
    seconds = gan.history.seconds[-1] if len(gan.history.seconds) else 0.0
    train, held_out, num_copies = pictures
    about = {
        "folder": _files.readable(plan.folder),
        "trained on, held out, copies": f"{len(train)}, {len(held_out)}, {num_copies}",
        "steps": f"{gan.step:,} of {plan.num_steps:,}, in {seconds / 60:.1f} minutes",
    }
    page.text(" ".join(plan.reasons))
    page.table(["fact", "value"], (about | facts(found)).items())
    page.heading("What to try next")
    failures = found.diagnosis.findings if found.diagnosis else ()
    named = [f"{one.name}: {one.evidence}. Try {one.advice}." for one in failures]
    page.items([*named, *advise(found.findings)])
    _add_samples(page, train, fake, found.copying)
    if len(gan.history.step):
        page.heading("Training")
        curves = viz.loss_curves(gan.history, equilibrium=(2 * math.log(2), math.log(2)))
        page.picture(curves, "Losses and mean logits of both networks against the step.")
    page.heading("The pictures")
    page.picture(viz.tile(_spread(train, 48), num_columns=12), "Pictures of the folder.")
    if plan.class_names:
        counts = np.bincount(train.labels, minlength=len(plan.class_names))
        page.table(["class", "pictures"], zip(plan.class_names, counts, strict=True))
    if left_out:
        page.heading("Files left out")
        page.table(["file", "reason"], [(_files.readable(str(f)), why) for f, why in left_out])
    return page


def _add_samples(page, train, fake, copying):
    """Samples, and the closest of them beside the training pictures."""
    page.heading("Samples")
    classes = "; ".join(fake.class_names)
    caption = "Samples, not chosen" + (f", class by class: {classes}." if classes else ".")
    page.picture(viz.tile(_spread(fake, 64), num_columns=8), "Generated images.", caption)
    page.heading("New, or copied?")
    page.picture(
        _pairs(train, fake, copying),
        "Generated images, each above its nearest training picture.",
        "The generated images that lie closest to a training picture, each above that picture. A "
        "held-out picture has the distance 1 in the median.",
    )


def _spread(images, count):
    """Some images from all over a set."""
    return images[np.linspace(0, len(images) - 1, min(count, len(images))).astype(int)]


def write_grid(images: data.Images, path: str | os.PathLike[str]) -> None:
    """Write images as one picture: a column for each class, or eight columns.

    Args:
        images: `data.Images`, class by class, as many of each.
        path: the file, a PNG; its folder must exist.

    Example:
        >>> import pathlib, tempfile
        >>> from ganlib import data, report
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "samples.png"
        >>> report.write_grid(data.load_emoji(image_size=32)[:16], path)
        >>> path.exists()
        True
    """
    columns = min(images.num_classes, 16) or 8
    if images.num_classes:
        places = [np.flatnonzero(images.labels == label) for label in range(columns)]
        images = images[np.stack(places, axis=1).ravel()]
    with _files.whole(path) as temporary:
        Image.fromarray(viz.tile(images, num_columns=columns)).save(temporary, "png")


def _pairs(train, fake, copying):
    """The closest generated images above their nearest training pictures, with distances."""
    order = copying.distances.argsort()[:_NUM_PAIRS]
    scale = np.median(copying.held_out_distances) or 1.0
    stacked = [fake.images[order], train.images[copying.indices[order]]]
    captions = [f"{distance / scale:.2f}" for distance in copying.distances[order]]
    return viz.sample_grid(np.concatenate(stacked, axis=1), num_columns=8, labels=captions)
