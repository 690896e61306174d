/** A number as one reads it: so many decimals, and fewer the larger it is. */
export function digits(x, places = 2) {
  if (!Number.isFinite(x)) return "no number";
  const size = Math.abs(x), notation = size < 1e6 ? "standard" : "scientific";
  const text = size < 100 ? x.toFixed(places) : x.toLocaleString("en", { maximumSignificantDigits: 3, notation });
  return text.replace("-", /[1-9]/.test(text) ? "−" : ""); // nothing is minus zero
}
