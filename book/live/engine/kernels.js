/**
 * The three products that a linear layer needs, here for a fully connected one.
 *
 * A linear layer is y = A(W) x: linear in its input and in its weights. All that training asks of it,
 * the gradient of a penalty included, is made of three products:
 *
 *     apply    y += A(W) x          forwards
 *     adjoint  x += A(W)ᵀ y         a gradient on its way back
 *     outer    dW += ∂⟨y, A(W) x⟩/∂W   the gradient of the weights
 *
 * Arrays are flat and row-major, as Keras has them: batches (n, inputs), kernels (inputs, outputs).
 * Float32Array and Float64Array do alike. The loops take four rows
 * of one factor and two of the other at a time, so that a number that was loaded is used more than once.
 */

/** y (n, o) += x (n, i) W (i, o). */
export function denseApply(x, W, y, n, i, o) {
  for (let r = 0; r < n; r += 2) {
    const q = r * o, d = r + 1 < n ? o : 0; // the last row of an odd batch goes alone
    let k = 0;
    for (; d && k + 3 < i; k += 4) {
      const p = r * i + k, x0 = x[p], x1 = x[p + 1], x2 = x[p + 2], x3 = x[p + 3];
      const z0 = x[p + i], z1 = x[p + i + 1], z2 = x[p + i + 2], z3 = x[p + i + 3];
      let w = k * o;
      for (let c = q; c < q + o; c++, w++) {
        const w0 = W[w], w1 = W[w + o], w2 = W[w + 2 * o], w3 = W[w + 3 * o];
        y[c] += x0 * w0 + x1 * w1 + x2 * w2 + x3 * w3;
        y[c + o] += z0 * w0 + z1 * w1 + z2 * w2 + z3 * w3;
      }
    }
    for (; k < i; k++) {
      const x0 = x[r * i + k], z0 = d ? x[(r + 1) * i + k] : 0;
      for (let c = 0; c < o; c++) {
        const w0 = W[k * o + c];
        y[q + c] += x0 * w0;
        if (d) y[q + o + c] += z0 * w0;
      }
    }
  }
}

/** x (n, i) += y (n, o) Wᵀ. */
export function denseAdjoint(y, W, x, n, i, o) {
  for (let r = 0; r < n; r += 2) {
    const q = r * o, d = r + 1 < n ? o : 0;
    let k = 0;
    for (; d && k + 3 < i; k += 4) {
      let w = k * o, s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
      for (let c = q; c < q + o; c++, w++) {
        const a = y[c], b = y[c + o], w0 = W[w], w1 = W[w + o], w2 = W[w + 2 * o], w3 = W[w + 3 * o];
        s0 += a * w0;
        s1 += a * w1;
        s2 += a * w2;
        s3 += a * w3;
        t0 += b * w0;
        t1 += b * w1;
        t2 += b * w2;
        t3 += b * w3;
      }
      const p = r * i + k;
      x[p] += s0;
      x[p + 1] += s1;
      x[p + 2] += s2;
      x[p + 3] += s3;
      x[p + i] += t0;
      x[p + i + 1] += t1;
      x[p + i + 2] += t2;
      x[p + i + 3] += t3;
    }
    for (; k < i; k++) {
      let s0 = 0, t0 = 0;
      for (let c = 0; c < o; c++) {
        s0 += y[q + c] * W[k * o + c];
        if (d) t0 += y[q + o + c] * W[k * o + c];
      }
      x[r * i + k] += s0;
      if (d) x[(r + 1) * i + k] += t0;
    }
  }
}

/** dW (i, o) += xᵀ (i, n) y (n, o). */
export function denseOuter(x, y, dW, n, i, o) {
  let r = 0;
  for (; r + 3 < n; r += 4) {
    for (let k = 0; k < i; k += 2) {
      const p = r * i + k, e = k + 1 < i ? o : 0;
      const x0 = x[p], x1 = x[p + i], x2 = x[p + 2 * i], x3 = x[p + 3 * i];
      if (!e) {
        for (let c = 0, q = r * o; c < o; c++, q++) {
          dW[k * o + c] += x0 * y[q] + x1 * y[q + o] + x2 * y[q + 2 * o] + x3 * y[q + 3 * o];
        }
        continue;
      }
      const z0 = x[p + 1], z1 = x[p + i + 1], z2 = x[p + 2 * i + 1], z3 = x[p + 3 * i + 1];
      let q = r * o;
      for (let c = k * o; c < (k + 1) * o; c++, q++) {
        const y0 = y[q], y1 = y[q + o], y2 = y[q + 2 * o], y3 = y[q + 3 * o];
        dW[c] += x0 * y0 + x1 * y1 + x2 * y2 + x3 * y3;
        dW[c + o] += z0 * y0 + z1 * y1 + z2 * y2 + z3 * y3;
      }
    }
  }
  for (; r < n; r++) {
    for (let k = 0; k < i; k++) {
      const x0 = x[r * i + k];
      for (let c = 0; c < o; c++) dW[k * o + c] += x0 * y[r * o + c];
    }
  }
}
