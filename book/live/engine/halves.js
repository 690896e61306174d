/** Weights as a text: kernels in half precision, as ganlib ships them, vectors in single precision. */

/** The number that 16 bits of IEEE 754 stand for. */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

/** Fills a network's weights from base64: array after array in its order, little-endian. */
export function fill(network, text) {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0)), view = new DataView(bytes.buffer);
  let at = 0;
  for (const layer of network.all) {
    layer.weights.forEach(({ shape }, k) => {
      const half = shape.length > 1, values = layer.values[k];
      for (let j = 0; j < values.length; j++, at += half ? 2 : 4) {
        values[j] = half ? fromHalf(view.getUint16(at, true)) : view.getFloat32(at, true);
      }
    });
  }
  if (at !== bytes.length) throw new RangeError(`received ${bytes.length} bytes of weights; expected ${at}.`);
}

/** Single-precision numbers from base64. */
export const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
