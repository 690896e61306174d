"""Controls beside a picture: what `ganbook.widgets` is made of."""

import base64
import html
import io
import sys

try:
    import ipywidgets
except ImportError as error:
    raise ImportError(
        "ganbook.widgets needs ipywidgets (7.7 or later), which is not installed. Run "
        "`pip install ipywidgets` and restart the kernel; the rest of ganlib works without it."
    ) from error

_VIEW = "application/vnd.jupyter.widget-view+json"

# ipywidgets gives a slider no name (8) or role (7), and no means to add one. JupyterLab takes the
# arrow keys of a menu in an output for its own. This script names each handle and readout by the
# text beside it, and keeps the keys. Where scripts do not run, a mouse works all the same.
_SCRIPT = """\
(function wait(image, tries) {
  const panel = image.closest('.gan-panel');
  if (!panel) { if (tries) setTimeout(wait, 100, image, tries - 1); return; }
  const give = (node, names) => node && Object.entries(names).forEach(
    ([name, value]) => node.getAttribute(name) === value || node.setAttribute(name, value));
  const nameAll = () => {
    panel.querySelectorAll('.widget-hslider').forEach(slider => {
      const label = slider.querySelector('.widget-label').textContent;
      const readout = slider.querySelector('.widget-readout'), value = readout.textContent;
      give(slider.querySelector('.noUi-handle, .ui-slider-handle'), {
        'role': 'slider', 'aria-label': label, 'aria-valuetext': value,
        'aria-valuenow': String(parseFloat(value.replace('\\u2212', '-')))});
      give(readout, {'role': 'textbox', 'aria-label': label + ', as a number'});
    });
    panel.querySelectorAll('select, button, input, [role=slider], [role=textbox]').forEach(
      control => give(control, {'data-lm-suppress-shortcuts': 'true'}));
  };
  new MutationObserver(nameAll).observe(panel, {childList: true, subtree: true});
  nameAll();
})(this, 50)"""


class Panel:
    """A column of controls and, beside it or below, a picture that they change.

    Args:
        controls: dict, name -> ipywidgets control with a description.
        label_width: room for the controls' descriptions, CSS.
        buttons: names of buttons, shown in one row.
    """

    def __init__(self, controls, label_width, buttons=()):
        self.controls = controls
        width = {"width": f"{22.4 / max(1, len(buttons)):.1f}em"}
        self.buttons = {
            name: ipywidgets.Button(description=name.capitalize(), layout=width) for name in buttons
        }
        self._picture, self._status = ipywidgets.HTML(), ipywidgets.HTML()
        script = ipywidgets.HTML(
            f'<img src="data:," alt="" hidden onerror="{html.escape(_SCRIPT)}">',
            layout={"height": "0", "margin": "0"},
        )
        for control in controls.values():
            control.layout.width = "23em"
            control.style.description_width = label_width
        row = ipywidgets.HBox(list(self.buttons.values()), layout={"margin": "8px 0"})
        column = [*controls.values(), row, self._status, script]
        self.box = ipywidgets.HBox(
            [
                ipywidgets.VBox(column, layout={"width": "24em", "margin": "0 12px 0 0"}),
                ipywidgets.VBox([self._picture], layout={"flex": "1 1 20em", "min_width": "0"}),
            ],
            layout={"flex_flow": "row wrap", "align_items": "flex-start"},
        )
        self.box.add_class("gan-panel")

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {
            _VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id},
            "text/plain": repr(self),
        }
        if "google.colab" not in sys.modules:  # a still picture, for where no kernel answers
            bundle["text/html"] = self._picture.value
        return bundle

    def show(self, picture, width, alt):
        """Puts a picture in the place of the last one.

        Args:
            picture: a ``PIL.Image.Image``.
            width: how wide it is shown, in CSS pixels.
            alt: what is to be seen, in words; it also stands under the controls.
        """
        buffer = io.BytesIO()
        picture.save(buffer, format="png", optimize=True)
        self.png = buffer.getvalue()
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        text = html.escape(alt)
        rendering = "pixelated" if width == picture.width else "auto"
        self._picture.value = (
            f'<img src="{source}" alt="{text}" aria-label="{text}" width="{width}" '
            f'style="max-width: 100%; height: auto; image-rendering: {rendering}">'
        )
        self.say(alt)

    def say(self, text):
        """Puts a text under the controls.

        Args:
            text: without markup.
        """
        self._status.value = f'<p style="margin: 0; line-height: 1.4">{html.escape(text)}</p>'


def choice(description, options, value=None):
    """A menu.

    Args:
        description: its label.
        options: list of (name, value); a value may be any object.
        value: the value that is chosen. None: the first.

    Returns:
        An ipywidgets control.
    """
    first = options[0][1] if value is None else value
    return ipywidgets.Dropdown(description=description, options=options, value=first)


def number(description, value, low, high, step=1):
    """A field for a number that the arrow keys change.

    Args:
        description: its label.
        value: its number, an int or a float.
        low: the smallest allowed.
        high: the largest allowed.
        step: what an arrow key adds.

    Returns:
        An ipywidgets control.
    """
    field = ipywidgets.BoundedIntText if isinstance(value, int) else ipywidgets.BoundedFloatText
    return field(description=description, value=value, min=low, max=high, step=step)


def slider(description, value, low, high, step):
    """A slider with its number beside it.

    Args:
        description: its label.
        value: its number, a float.
        low: the left end.
        high: the right end.
        step: what an arrow key adds.

    Returns:
        An ipywidgets control.
    """
    return ipywidgets.FloatSlider(
        description=description, value=value, min=low, max=high, step=step, readout_format=".2f"
    )
