"""Drawings of grids: of DCGAN, of a transposed convolution, of images dealt into parts."""

from ganbook.drawings._pen import DISCRIMINATOR, GENERATOR, INK, MUTED, PAPER, REAL, Pen


def _stack(pen: Pen, centre: float, middle: float, grid: tuple[int, int], colour: str) -> None:
    """Draws a grid of so many places a side, three pixels each, with a sheet for 8 channels."""
    side, channels = grid
    sheets = max(channels // 8, 1)
    size, shift = 3 * side, 3 * (sheets - 1)
    for sheet in reversed(range(sheets)):
        left = centre - size / 2 - shift / 2 + 3 * sheet
        top = middle - size / 2 + shift / 2 - 3 * sheet
        pen.rectangle((left, top, size, size), PAPER, tint=1, corner=0)
        pen.rectangle((left, top, size, size), colour, tint=0.12, corner=0)
    pen.text(centre, middle + 70, f"{side} × {side}", colour)
    pen.text(centre, middle + 90, f"{channels} channel{'s' * (channels > 1)}", colour, size=14)


def dcgan_grids() -> str:
    """Draws the grids of `ganlib.models.dcgan` for images of 28 pixels a side."""
    pen = Pen(356)
    pen.text(4, 18, "generator", GENERATOR, anchor="start")
    pen.text(4, 200, "discriminator", DISCRIMINATOR, anchor="start")
    centres = 100, 206, 326, 462
    grids = ((7, 64), (14, 32), (28, 16), (28, 1)), ((28, 1), (14, 24), (7, 48), (4, 96))
    gaps = ((36, 70), (130, 170), (242, 274), (376, 412)), ((94, 138), (196, 244), (296, 340))
    pen.text(22, 71, "*z*\n64", MUTED)
    for centre, grid in zip(centres, grids[0], strict=True):
        _stack(pen, centre, 76, grid, GENERATOR)
    for start, end in gaps[0]:
        pen.arrow([(start, 76), (end, 76)])
    for centre, grid in zip((46, 168, 270, 370), grids[1], strict=True):
        _stack(pen, centre, 256, grid, DISCRIMINATOR)
    for start, end in (*gaps[1], (402, 446)):
        pen.arrow([(start, 256), (end, 256)])
    pen.text(478, 261, "logit")
    return pen.svg()


def _copies(pen: Pen, left: float, top: float, kernel: int) -> None:
    """Draws the copies of a kernel at stride 2, and how many of them reach each output."""
    cell, stride, num_inputs = 17, 2, 5
    num_outputs = stride * (num_inputs - 1) + kernel
    for copy in range(num_inputs):
        x, y = left + cell * stride * copy, top + 19 * (copy % 3)
        pen.rectangle((x + 1, y, cell * kernel - 2, 14), GENERATOR, tint=0.25, corner=2)
    for output in range(num_outputs):
        count = sum(0 <= output - stride * copy < kernel for copy in range(num_inputs))
        inside = kernel - stride <= output < num_outputs - (kernel - stride)
        x = left + cell * output
        pen.rectangle((x, top + 66, cell, 22), MUTED, tint=0.18 * count if inside else 0, corner=0)
        pen.text(x + cell / 2, top + 83, str(count), INK if inside else MUTED, size=14)


def transposed_convolution() -> str:
    """Draws what a pixel writes, where the copies overlap, and when they do so evenly."""
    pen = Pen(390)
    cell = 20
    for row in range(3):
        for column in range(3):
            shade = {(1, 0): 0.7, (1, 1): 0.3}.get((row, column), 0)
            place = 40 + 26 * column, 66 + 26 * row, 26, 26
            pen.rectangle(place, GENERATOR if shade else MUTED, tint=shade, corner=0)
    for row in range(8):
        for column in range(8):
            place = 250 + cell * column, 26 + cell * row, cell, cell
            pen.rectangle(place, MUTED, tint=0, corner=0)
    pen.rectangle((250 + cell, 26 + 2 * cell, 4 * cell, 4 * cell), GENERATOR, tint=0.5, corner=0)
    second = 250 + 3 * cell, 26 + 2 * cell, 4 * cell, 4 * cell
    pen.rectangle(second, GENERATOR, dashed=True, tint=0.3, corner=0)
    pen.arrow([(56, 92), (56, 50), (268, 70)], GENERATOR)
    pen.arrow([(80, 116), (80, 178), (330, 160)], GENERATOR, dashed=True)
    pen.text(79, 30, "grid of the input")
    pen.text(330, 18, "grid of the output, stride 2")
    pen.text(330, 206, "each pixel writes 4 × 4; copies add up", size=14)
    pen.text(4, 242, "kernel 4: each place is\nreached by 2 copies", anchor="start")
    pen.text(266, 242, "kernel 5: by 3 and by 2\nin turn, a checkerboard", anchor="start")
    _copies(pen, 4, 284, 4)
    _copies(pen, 266, 284, 5)
    return pen.svg()


def folds() -> str:
    """Draws how the study and the recipe part their images."""
    pen = Pen(404)
    pen.text(4, 18, "A study: what is tested on is locked away", anchor="start")
    pen.box((4, 32, 152, 44), "to learn from", REAL)
    pen.box((156, 32, 66, 44), "to stop", GENERATOR)
    pen.box((240, 32, 124, 44), "to choose by", DISCRIMINATOR)
    pen.box((382, 32, 134, 44), "to test, once", INK)
    pen.line([(4, 84), (4, 90), (222, 90), (222, 84)], MUTED)
    pen.text(113, 110, "*n* labelled images")
    pen.text(302, 96, "10,000 images,\nfor settings", DISCRIMINATOR, size=14)
    pen.text(449, 96, "10,000 images,\nunder a seal", size=14)
    pen.text(4, 168, "A few hundred images: five folds, each is held out once", anchor="start")
    for turn in range(5):
        top = 184 + 36 * turn
        for part in range(5):
            place = 78 + 88 * part, top, 84, 28
            if part == turn:
                pen.box(place, "test", INK, dashed=True)
            else:
                pen.rectangle(place, REAL, tint=0.12)
                pen.rectangle((place[0] + 67, top, 17, 28), GENERATOR, tint=0.4)
        pen.text(4, top + 20, f"turn {turn + 1}", anchor="start")
    pen.text(78, 388, "wide: to learn from", REAL, anchor="start")
    pen.text(256, 388, "narrow: a fifth, to stop by", GENERATOR, anchor="start")
    return pen.svg()
