"""A GAN in the plane that is trained by hand. See `ganbook.widgets`."""

import threading

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from ganbook import planes
from ganbook.widgets import _panel
from ganlib import losses, metrics, penalties, toy, training
from ganlib._tensorflow import keras, tf
from ganlib.models import mlp

_RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 3e-2)
_NUM_POINTS, _NUM_SHOWN, _BATCH_SIZE, _LATENT_DIM = 20_000, 256, 256, 4
_BURST = 50  # steps from one picture to the next
_LONGEST_RUN = 20_000  # steps of one press on Train, so that a forgotten one ends
_CSS_WIDTH = 576


def toy_trainer(distributions=None, seed=0):
    """A GAN in the plane, to be trained by hand: what the controls do is seen at once.

    The picture shows real and generated points, what the discriminator says in every place, and
    arrows: where to a generated point there is pushed. Below are both losses.

    Args:
        distributions: what can be learnt: dict, name -> object with ``sample(num_points, seed)``
            -> float array (num_points, 2), such as those of ``toy``. None: a ring, a grid and a
            spiral.
        seed: the first seed, an integer from 0 to 9999.

    Returns:
        A ``ToyTrainer``; as the last expression of a cell it is shown.

    Raises:
        ValueError: if the distributions are none, or not in the plane.

    Example:
        >>> from ganbook import widgets
        >>> trainer = widgets.toy_trainer()
        >>> trainer.controls["loss"].value = losses.hinge
        >>> trainer.step(num_steps=10)
        >>> trainer
        <ToyTrainer: ring, hinge, step 10>

    Reference:
        Goodfellow et al., NIPS 2014, figure 1, on a line; the arrows are those of chapter 02.
    """
    if distributions is None:
        distributions = {"ring": toy.ring(), "grid": toy.grid(), "spiral": toy.spiral()}
    shapes = {name: np.shape(one.sample(2, 0)) for name, one in distributions.items()}
    if set(shapes.values()) != {(2, 2)}:
        raise ValueError(
            f"received distributions whose samples of two points have the shapes {shapes}; "
            f"expected at least one, all in the plane. Pass for instance "
            f'{{"ring": toy.ring(num_modes=5)}}.'
        )
    return ToyTrainer(distributions, seed)


class ToyTrainer(_panel.Panel):
    """What ``toy_trainer`` makes. The learning rates act at once; any other control starts anew.

    Attributes:
        controls: dict, name -> ipywidgets control: "distribution", "loss", "generator_rate",
            "discriminator_rate", "discriminator_steps", "penalty", "weight", "seed". Setting a
            control's ``value`` is what a person does with it.
        buttons: dict, name -> ipywidgets button: "train" (which is also *Pause*), "step", "reset".
        gan: the ``training.GAN`` of now.
        png: the picture of now, bytes of a PNG file.
        box: the ipywidgets container with everything in it.

    Args:
        distributions: see ``toy_trainer``.
        seed: see ``toy_trainer``.
    """

    def __init__(self, distributions, seed):
        names = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")
        loss_options = [(name.replace("_", "-"), getattr(losses, name)) for name in names]
        gradient_penalties = [
            ("none", ()),
            ("R1, at real points", (penalties.r1,)),
            ("R1 and R2, at both", (penalties.r1, penalties.r2)),
            ("WGAN-GP, between", (penalties.wasserstein_gp,)),
        ]
        rates = [(f"{rate:g}", rate) for rate in _RATES]
        controls = {
            "distribution": _panel.choice("Data", list(distributions.items())),
            "loss": _panel.choice("Loss", [*loss_options, ("relativistic", losses.relativistic)]),
            "generator_rate": _panel.choice("Generator's rate", rates, 1e-3),
            "discriminator_rate": _panel.choice("Discriminator's rate", rates, 2e-3),
            "discriminator_steps": _panel.number("Discriminator steps", 1, 1, 10),
            "penalty": _panel.choice("Penalty", gradient_penalties, (penalties.r1,)),
            "weight": _panel.number("Penalty's weight", 0.1, 0.0, 100.0, 0.1),
            "seed": _panel.number("Seed", seed, 0, 9999),
        }
        controls["loss"].value = losses.non_saturating
        super().__init__(controls, "10em", ("train", "step", "reset"))
        self._thread, self._paused, self._lock = None, threading.Event(), threading.Lock()
        for name, control in controls.items():
            acts_at_once = name.endswith("_rate")
            control.observe(self._set_rates if acts_at_once else self._start_anew, "value")
        self.buttons["train"].on_click(lambda _: self.pause() if self.is_training else self.start())
        self.buttons["step"].on_click(lambda _: (self.pause(), self._saying_errors(self.step)))
        self.buttons["reset"].on_click(lambda _: self.reset())
        self.reset()

    def __repr__(self):
        names = [self.controls[name].label for name in ("distribution", "loss")]
        return f"<ToyTrainer: {', '.join(names)}, step {self.gan.step:,}>"

    # ---- training ----

    def reset(self):
        """Stops, and starts anew from the seed with what the controls say."""
        self.pause()
        value = {name: control.value for name, control in self.controls.items()}
        keras.utils.set_random_seed(value["seed"])
        generator = mlp.generator(None, 2, latent_dim=_LATENT_DIM)
        optimizers = [
            keras.optimizers.Adam(value[f"{name}_rate"], beta_1=0.0, beta_2=0.99)
            for name in ("generator", "discriminator")
        ]
        self.gan = training.GAN(
            generator,
            mlp.discriminator(None, 2),
            value["loss"],
            penalties=[training.Penalty(one, value["weight"]) for one in value["penalty"]],
            generator_optimizer=optimizers[0],
            discriminator_optimizer=optimizers[1],
            options=training.Options(
                batch_size=_BATCH_SIZE,
                num_discriminator_steps=value["discriminator_steps"],
                steps_per_call=_BURST,
                seed=value["seed"],
            ),
        )
        self._points = value["distribution"].sample(_NUM_POINTS, value["seed"])
        self.controls["weight"].disabled = not value["penalty"]
        self.draw()

    def step(self, num_steps=_BURST):
        """Trains and draws, in the caller's thread.

        Args:
            num_steps: how many steps; one picture is drawn, at their end.

        Raises:
            FloatingPointError: if a loss or a weight is no longer finite.
        """
        with self._lock:  # a cell and a button may both ask
            self.gan.train(self._points, self.gan.step + num_steps, progress=False)
            self.draw()

    def run(self, num_steps=_LONGEST_RUN):
        """Trains in bursts and draws after each, in the caller's thread, until done or paused.

        Args:
            num_steps: how many steps at most.

        Raises:
            FloatingPointError: if a loss or a weight is no longer finite.
        """
        self._paused.clear()
        last = self.gan.step + num_steps
        while self.gan.step < last and not self._paused.is_set():
            self.step(min(_BURST, last - self.gan.step))

    def start(self):
        """Begins to ``run`` in a thread of its own, and returns at once."""
        if not self.is_training:
            self._paused.clear()
            self._thread = threading.Thread(target=self._work, daemon=True)
            self.buttons["train"].description = "Pause"
            self._thread.start()

    def pause(self):
        """Stops after the burst of now, and waits for its end; nothing is lost."""
        self._paused.set()
        if self.is_training and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def is_training(self):
        """Whether the thread is at work, bool."""
        return self._thread is not None and self._thread.is_alive()

    def _work(self):
        try:
            self._saying_errors(self.run)
        finally:
            self.buttons["train"].description = "Train"

    def _saying_errors(self, work):
        try:
            work()
        except FloatingPointError as error:
            self.say(f"{error} Then press Reset.")

    def _start_anew(self, change):
        was_training = self.is_training
        self.reset()
        if was_training:
            self.start()

    def _set_rates(self, change):
        for name in ("generator", "discriminator"):
            optimizer = getattr(self.gan, f"{name}_optimizer")
            optimizer.learning_rate = self.controls[f"{name}_rate"].value

    # ---- the picture ----

    def figure(self):
        """What the picture shows, as a figure.

        Returns:
            A Matplotlib figure.
        """
        gan, (probabilities, level) = self.gan, _reading(self.gan.loss)
        real, fake = self._points[:_NUM_SHOWN], self._generated()
        side = 1.35 * np.abs(self._points).max()
        x = np.linspace(-side, side, 61)
        values = gan.discriminator(_square(x)).numpy().reshape(len(x), len(x))
        if probabilities:
            values = tf.sigmoid(values).numpy()
        places = _square(np.linspace(-0.94 * side, 0.94 * side, 15))
        push = generator_push(gan.discriminator, gan.loss, places, real)
        surface = (x, x, values)
        return planes.game_2d(
            real, fake, surface, (places, push), gan.history, probabilities, level
        )

    def draw(self):
        """Draws the picture of now."""
        canvas = FigureCanvasAgg(self.figure())
        canvas.draw()
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        pixels = pixels.quantize(256, dither=Image.Dither.NONE)  # half of the bytes
        self.show(pixels, _CSS_WIDTH, self._describe())

    def _generated(self):
        return self.gan.generator(self.gan.latents(_NUM_SHOWN)).numpy()

    def _describe(self):
        """What is to be seen, in words and numbers."""
        distribution, history = self.controls["distribution"], self.gan.history
        parts = [f"{distribution.label.capitalize()}, step {self.gan.step:,}"]
        if len(history.step):
            parts.append(f"discriminator's loss {history.discriminator_loss[-1]:.3f}")
            parts.append(f"generator's loss {history.generator_loss[-1]:.3f}")
        if isinstance(distribution.value, toy.Mixture):
            modes, radius = distribution.value.modes, 3 * distribution.value.stds.max()
            coverage = metrics.mode_coverage(self._generated(), modes, radius)
            parts.append(
                f"{coverage.num_covered} of {len(modes)} modes reached, "
                f"{coverage.share_close:.0%} of the generated points at one"
            )
        return "; ".join(parts) + "."


def generator_push(discriminator, loss, points, real_points):
    """Where to the generator's loss pushes generated points: −∂(its loss for one point)/∂x.

    Args:
        discriminator: callable, float32 points (n, d) -> logits (n, 1).
        loss: one of ``losses``.
        points: float array (n, d), places of generated points.
        real_points: float array (m, d), used where a loss looks at real points too: then the push
            is the mean over them.

    Returns:
        float32 array (n, d); a small step of a point along its row lowers the loss.

    Example:
        >>> from ganbook import widgets
        >>> from ganlib import losses
        >>> rising = lambda x: x @ [[2.0], [1.0]]  # a logit
        >>> widgets.generator_push(rising, losses.wasserstein, [[0.0, 5.0]], [[1.0, 1.0]])
        array([[2., 1.]], dtype=float32)

    Reference:
        Chapter 02, the gradient that reaches the generator.
    """
    points = tf.convert_to_tensor(points, tf.float32)
    real_logits = discriminator(tf.convert_to_tensor(real_points, tf.float32))  # (m, 1)
    num_points, num_real = len(points), len(real_logits)
    with tf.GradientTape() as tape:
        tape.watch(points)
        fake_logits = tf.repeat(discriminator(points), num_real, axis=0)  # (n m, 1)
        # the loss is a mean over n m pairs, of which m belong to each point
        total = num_points * loss.generator(tf.tile(real_logits, [num_points, 1]), fake_logits)
    return -tape.gradient(total, points).numpy()


def _reading(loss):
    """What a value of the discriminator means: is its sigmoid a probability, where is it unsure."""
    is_probability = loss.discriminator is losses.minimax.discriminator  # a cross-entropy
    return is_probability, 0.5 if is_probability else loss.border  # σ(0) = 0.5


def _square(x):
    """The points of a square lattice, float32 (len(x)², 2), row by row."""
    return np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2).astype(np.float32)
