"""Drawings of networks and of what runs between them."""

from ganbook.drawings._pen import DISCRIMINATOR, FAKE, GENERATOR, INK, MUTED, REAL, Pen


def two_networks() -> str:
    """Draws what a GAN consists of."""
    pen = Pen(262)
    pen.noise(8, 44, 58)
    pen.text(37, 122, "noise *z*", MUTED)
    pen.arrow([(72, 73), (102, 73)])
    pen.box((104, 48, 102, 50), "generator\n*G*", GENERATOR)
    pen.arrow([(206, 73), (236, 73)])
    pen.tile(240, 44, 58, "dress", real=False)
    pen.text(269, 32, "generated", FAKE)
    pen.arrow([(302, 73), (326, 73), (326, 128), (358, 128)])
    for step, garment in enumerate(("trousers", "bag", "shirt")):
        pen.tile(104 + 32 * step, 188 - 4 * step, 40, garment, real=True)
    pen.text(152, 252, "the collection", REAL)
    pen.arrow([(210, 205), (236, 205)])
    pen.tile(240, 176, 58, "boot", real=True)
    pen.text(269, 252, "real", REAL)
    pen.arrow([(302, 205), (326, 205), (326, 152), (358, 152)])
    pen.box((360, 115, 134, 50), "discriminator\n*D*", DISCRIMINATOR)
    pen.arrow([(427, 165), (427, 192)])
    pen.text(427, 210, "logit")
    pen.text(427, 231, "above 0: real", REAL)
    pen.text(427, 252, "below 0: generated", FAKE)
    return pen.svg()


def _turn(pen: Pen, top: float, loss: str) -> None:
    """Draws the way forward of one of a step's two turns."""
    pen.text(20, top + 61, "*z*", MUTED)
    pen.arrow([(30, top + 55), (52, top + 55)])
    pen.box((54, top + 30, 100, 50), "generator", GENERATOR)
    pen.arrow([(154, top + 55), (178, top + 55)])
    pen.tile(182, top + 30, 50, "dress", real=False)
    pen.arrow([(236, top + 55), (282, top + 55)])
    pen.box((284, top + 30, 120, 50), "discriminator", DISCRIMINATOR)
    pen.arrow([(404, top + 55), (444, top + 55)])
    pen.box((446, top + 35, 64, 40), loss, INK)


def four_arrows() -> str:
    """Draws which loss of one training step changes which weights."""
    pen = Pen(372)
    pen.text(4, 20, "1. The discriminator's turn", anchor="start")
    _turn(pen, 16, "*L*_D")
    pen.tile(182, 112, 50, "boot", real=True)
    pen.arrow([(236, 137), (262, 137), (262, 84), (282, 84)])
    back = 118
    pen.arrow([(478, 91), (478, back), (344, back), (344, 98)], DISCRIMINATOR, width=3)
    pen.text(354, back + 20, "changes its weights", DISCRIMINATOR, anchor="start")
    pen.line([(344, back), (318, back), (318, 172), (108, 172)], MUTED, dashed=True)
    pen.barrier(106, 172)
    pen.text(96, 177, "stops", anchor="end")
    pen.text(4, 216, "2. The generator's turn", anchor="start")
    _turn(pen, 212, "*L*_G")
    back = 326
    pen.arrow([(478, 287), (478, back), (104, back), (104, 294)], GENERATOR, width=3)
    pen.text(54, back + 26, "changes its weights", GENERATOR, anchor="start")
    pen.text(284, back - 12, "passes through")
    pen.text(404, back + 26, "leaves *D* as it is", DISCRIMINATOR)
    return pen.svg()


def conditioning() -> str:
    """Draws where a class enters both networks."""
    pen = Pen(306)
    pen.box((4, 126, 104, 50), "class *y*\n“boot”", INK)
    pen.noise(30, 20, 52)
    pen.text(18, 51, "*z*", MUTED)
    pen.arrow([(86, 46), (142, 46)])
    pen.box((144, 24, 106, 72), "generator\n*G*(*z*, *y*)", GENERATOR)
    pen.arrow([(56, 126), (56, 108), (116, 108), (116, 78), (142, 78)])
    pen.text(126, 118, "a learned vector, beside *z*", anchor="start", size=14)
    pen.arrow([(250, 60), (284, 60)])
    pen.tile(288, 32, 56, "boot", real=False)
    pen.text(316, 22, "generated for *y*", FAKE)
    pen.tile(288, 214, 56, "boot", real=True)
    pen.text(316, 290, "real, of class *y*", REAL)
    pen.arrow([(348, 60), (366, 60), (366, 134), (388, 134)])
    pen.arrow([(348, 242), (366, 242), (366, 168), (388, 168)])
    pen.arrow([(108, 151), (388, 151)])
    pen.text(126, 172, "an inner product with", anchor="start", size=14)
    pen.text(126, 190, "features of the image", anchor="start", size=14)
    pen.box((390, 122, 124, 58), "discriminator\n*D*(*x*, *y*)", DISCRIMINATOR)
    pen.arrow([(452, 180), (452, 212)])
    pen.text(452, 232, "real, and")
    pen.text(452, 252, "what *y* says?")
    return pen.svg()


def augmented_discriminator() -> str:
    """Draws what the discriminator sees where its images are augmented."""
    pen = Pen(310)
    for top, garment, real, colour in ((40, "shirt", False, FAKE), (190, "boot", True, REAL)):
        pen.tile(146, top, 58, garment, real)
        pen.tile(314, top, 58, garment, real)
        hole = "M3 4H18V12H3Z" if garment == "shirt" else "M6 12H22V26H6Z"
        pen.path(hole, f"fill: {MUTED}", f"translate(314 {top}) scale({58 / 28:.4f})")
        pen.arrow([(208, top + 29), (236, top + 29)])
        pen.arrow([(282, top + 29), (310, top + 29)])
        below = top + 78 if real else top - 10
        pen.text(175, below, "real" if real else "generated", colour)
        pen.text(343, below, "changed", colour)
    pen.text(4, 75, "*z*", MUTED, anchor="start")
    pen.arrow([(16, 69), (34, 69)])
    pen.box((36, 44, 88, 50), "generator", GENERATOR)
    pen.arrow([(124, 69), (142, 69)])
    pen.box((238, 50, 44, 76), "*T*", INK)
    pen.box((238, 200, 44, 38), "*T*", INK)
    pen.text(210, 158, "the same rule *T* for both,")
    pen.text(210, 178, "a draw for each image")
    pen.arrow([(376, 69), (456, 69), (456, 116)])
    pen.arrow([(376, 219), (456, 219), (456, 172)])
    pen.box((396, 118, 120, 52), "discriminator", DISCRIMINATOR)
    back = 112
    pen.arrow([(430, 118), (430, back), (80, back), (80, 98)], GENERATOR, dashed=True, width=2.4)
    pen.text(4, 300, "dashed: the gradient, through *T* to the generator", anchor="start")
    return pen.svg()


def vae_and_gan() -> str:
    """Draws what a VAE compares, and what a GAN compares."""
    pen = Pen(400)
    pen.text(4, 18, "VAE: an image is compared with its own copy", anchor="start")
    pen.tile(8, 40, 56, "boot", real=True)
    pen.text(36, 116, "real *x*", REAL)
    pen.arrow([(68, 68), (96, 68)])
    pen.box((98, 43, 90, 50), "encoder", INK)
    pen.arrow([(188, 68), (214, 68)])
    pen.noise(218, 44, 48)
    pen.text(242, 112, "code *z*", MUTED)
    pen.arrow([(270, 68), (296, 68)])
    pen.box((298, 43, 104, 50), "decoder *G*", GENERATOR)
    pen.arrow([(402, 68), (434, 68)])
    pen.tile(438, 40, 56, "boot", real=False)
    pen.text(466, 116, "copy", FAKE)
    pen.arrow([(300, 150), (36, 150), (36, 124)])
    pen.arrow([(300, 150), (466, 150), (466, 124)])
    pen.text(252, 170, "pixel by pixel; and the codes should look like noise")
    pen.text(4, 222, "GAN: images are compared with images, by a network", anchor="start")
    pen.noise(222, 246, 48)
    pen.text(246, 314, "noise *z*", MUTED)
    pen.arrow([(274, 270), (296, 270)])
    pen.box((298, 245, 104, 50), "generator *G*", GENERATOR)
    pen.arrow([(402, 270), (434, 270)])
    pen.tile(438, 242, 56, "dress", real=False)
    pen.text(466, 318, "generated", FAKE)
    pen.tile(8, 242, 56, "boot", real=True)
    pen.text(36, 318, "real *x*", REAL)
    pen.box((146, 330, 122, 42), "discriminator", DISCRIMINATOR)
    pen.arrow([(36, 324), (36, 351), (144, 351)])
    pen.arrow([(466, 324), (466, 351), (270, 351)])
    pen.text(207, 392, "real or generated?")
    return pen.svg()


def _way(pen: Pen, top: float, maps: str, garments: tuple[str, str], upwards: bool) -> None:
    """Draws the way from one domain to the other and back, and the cycle that it should be."""
    start, other = garments
    images = (8, start, True), (224, other, False), (440, start, False)
    for left, garment, real in images:
        pen.tile(left, top, 56, garment, real)
    for left, name in zip((114, 330), maps, strict=True):
        pen.arrow([(left - 46, top + 28), (left - 2, top + 28)])
        pen.box((left, top + 6, 62, 44), f"*{name}*", GENERATOR)
        pen.arrow([(left + 62, top + 28), (left + 106, top + 28)])
    edge, far = (top - 4, top - 26) if upwards else (top + 60, top + 82)
    pen.line([(36, edge), (36, far), (156, far)], MUTED)
    pen.line([(468, edge), (468, far), (348, far)], MUTED)
    pen.text(252, far + 5, "cycle: the same again")


def cyclegan() -> str:
    """Draws the two generators and the two discriminators of a CycleGAN."""
    pen = Pen(408)
    _way(pen, 44, "GF", ("shirt", "pullover"), upwards=True)
    _way(pen, 312, "FG", ("pullover", "shirt"), upwards=False)
    for y, source, map_there, map_back in ((120, "x", "G", "F"), (302, "y", "F", "G")):
        pen.text(36, y, f"*{source}*", REAL)
        pen.text(252, y, f"*{map_there}*(*{source}*)", FAKE)
        pen.text(460, y, f"*{map_back}*(*{map_there}*(*{source}*))", FAKE)
    pen.box((140, 152, 224, 40), "*D*_Y: is it like the real *y*?", DISCRIMINATOR)
    pen.box((140, 222, 224, 40), "*D*_X: is it like the real *x*?", DISCRIMINATOR)
    pen.arrow([(252, 128), (252, 150)])
    pen.arrow([(252, 286), (252, 264)])
    return pen.svg()
