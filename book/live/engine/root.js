/** The square root. Where Math.sqrt is called, a minifier writes x ** 0.5, which is slower and may round otherwise. */
export const root = Math.sqrt;
