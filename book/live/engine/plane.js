/** The part of the plane that the pictures show, [−HALF, HALF]², and the cells of a row in it. */
export const HALF = 3;
export const CELLS = 40;
