/** A pointer that takes hold of something on a picture. On a touch screen, the page must still scroll over it. */

/**
 * Calls move(u, v, begins) with places in [0, 1]² while a pointer is pressed, and where one taps.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Function} move
 * @param {Function} handles returns places; a finger that comes down near one of them moves it in every
 *   direction. From elsewhere, a finger moves things across, and upwards it scrolls the page.
 */
export function drag(canvas, move, handles = () => []) {
  let begins, held, sure, start;
  const place = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  };
  const put = (event) => {
    move(...place(event), begins);
    begins = false;
  };
  canvas.classList.add("live-pencil");
  canvas.onpointerdown = (event) => {
    const [u, v] = place(event), near = 40 / canvas.clientWidth;
    begins = true;
    start = event;
    held = handles().some(([a, b]) => Math.hypot(u - a, v - b) < near);
    sure = held || event.pointerType !== "touch";
    canvas.setPointerCapture(event.pointerId);
    if (sure) put(event);
  };
  canvas.onpointermove = (event) => {
    if (!event.buttons) return;
    sure ||= Math.abs(event.clientX - start.clientX) > Math.abs(event.clientY - start.clientY);
    if (sure) put(event);
  };
  canvas.onclick = put;
  // what a finger does after this is not a scroll
  canvas.addEventListener("touchstart", (event) => held && event.preventDefault(), { passive: false });
}
