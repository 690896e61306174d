/** A number as one reads it. */
export function digits(x, places = 2) {
  if (!Number.isFinite(x)) return "no number";
  const size = Math.abs(x);
  const text = size !== 0 && (size < 10 ** -places / 2 || size >= 1e5) ? x.toExponential(1) : x.toFixed(places);
  return text.replace("-", "−");
}
