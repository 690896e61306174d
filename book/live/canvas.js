/** What all pictures on canvases share: the page's colours, and the screen's pixels. */

/** The colours of the page's mode. */
export function palette(element) {
  const style = getComputedStyle(element);
  const names = ["paper", "text", "muted", "line", "blue", "vermilion", "green", "purple"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--book-${name}`).trim() || "#555"]));
}

/** Gives a canvas the size that it has on the page, in the screen's pixels; returns its context. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas, ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  return { context, width, height };
}
