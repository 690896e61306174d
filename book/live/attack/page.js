/** The page of an attack's threshold: two histograms, and what each threshold gets right and wrong. */
import { palette, prepare } from "../canvas.js";
import { digits } from "../digits.js";
import { above, area, curve, guilty, rates, recognised, scores } from "../engine/attack.js";
import { Panel } from "../panel.js";

const LOW = -4, HIGH = 7, BINS = 44;
const LEAST = 1e-3; // where the axes of the third picture begin
const SLIDERS = {
  threshold: ["Threshold", LOW, HIGH, 0.05, 1],
  shift: ["How much higher members score", 0, 5, 0.05, 0.8],
  share: ["Share of members of whom that is true, %", 0, 100, 1, 100],
  n: ["Members, and as many outsiders", 20, 1000, 10, 200],
  pool: ["Members in the pool, %", 1, 99, 1, 50],
  seed: ["Seed", 0, 20, 1, 0],
};
const PICTURES = ["Scores: members upwards, outsiders downwards", "Members recognised against outsiders accused", "The same, enlarged where few are accused"];

class Page extends Panel {
  constructor(root) {
    super(root, { sliders: SLIDERS, pictures: PICTURES });
    this.drag(this.canvases[0], (x) => ({ threshold: LOW + x * (HIGH - LOW) }));
    // on a curve, to the threshold whose share of accused outsiders is nearest
    const nearest = (fpr) => {
      const sorted = scores(this.settings).outsiders.sort((a, b) => b - a);
      return { threshold: sorted[Math.max(0, Math.min(sorted.length - 1, Math.round(fpr * sorted.length) - 1))] };
    };
    this.drag(this.canvases[1], (x) => nearest(x));
    this.drag(this.canvases[2], (x) => nearest(LEAST ** (1 - x)));
  }

  draw(settings) {
    const { threshold, n, pool } = settings, found = scores(settings), points = curve(found);
    const fpr = above(found.outsiders, threshold), tpr = above(found.members, threshold);
    this.histograms(this.canvases[0], found, threshold);
    this.curve(this.canvases[1], settings, points, [fpr, tpr], (share) => share);
    this.curve(this.canvases[2], settings, points, [fpr, tpr], (share) => 1 - Math.log(Math.max(LEAST, share)) / Math.log(LEAST));
    const right = guilty(fpr, tpr, pool / 100), early = recognised(points, 0.01), count = (share) => Math.round(share * n);
    const first =
      `At this threshold ${count(tpr)} of ${n} members are recognised (TPR ${digits(tpr)}) and ${count(fpr)} of ${n} outsiders are accused ` +
      `(FPR ${digits(fpr)}): an advantage of ${digits(tpr - fpr)}.`;
    const among = Number.isNaN(right) ? "Nobody is accused." : `Where ${pool}% of the pool are members, ${Math.round(100 * right)}% of the accused are.`;
    const all = `Over all thresholds the AUC is ${digits(area(points))}; guessing would be at 0.50 ± ${digits(Math.sqrt((2 * n + 1) / (12 * n * n)))}. At 1% FPR the TPR is ${digits(early)}.`;
    return [`${first} ${among} ${all}`, `Two histograms of scores and a threshold at ${digits(threshold)}. ${first}`,
      `The curve of true against false positives. ${all}`,
      `The same curve with logarithmic axes, from one in a thousand. At 1% FPR the TPR is ${digits(early)}.`];
  }

  histograms(canvas, { members, outsiders }, threshold) {
    const { context, width: size } = prepare(canvas), colours = palette(canvas);
    const counts = [members, outsiders].map((values) => {
      const bins = new Array(BINS).fill(0);
      for (const value of values) bins[Math.max(0, Math.min(BINS - 1, Math.floor(((value - LOW) / (HIGH - LOW)) * BINS)))]++;
      return bins;
    });
    const most = Math.max(...counts.flat()), wide = size / BINS, middle = size / 2;
    const X = (value) => ((value - LOW) / (HIGH - LOW)) * size;
    context.fillStyle = colours.surface;
    counts.forEach((bins, k) =>
      bins.forEach((count, j) => {
        const height = (count / most) * (middle - 26), y = k ? middle : middle - height;
        const accused = LOW + ((j + 0.5) / BINS) * (HIGH - LOW) >= threshold;
        context.strokeStyle = context.fillStyle = k ? colours.vermilion : colours.blue;
        if (accused) context.fillRect(j * wide + 0.5, y, wide - 1, height);
        else if (count) context.strokeRect(j * wide + 1, y, wide - 2, height);
      }),
    );
    context.strokeStyle = colours.text;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, middle);
    context.lineTo(size, middle);
    context.stroke();
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(X(threshold), 18);
    context.lineTo(X(threshold), size - 18);
    context.stroke();
    context.fillStyle = colours.text;
    context.textAlign = "left";
    context.fillText("members", 4, 14);
    context.fillText("outsiders", 4, size - 6);
    context.textAlign = "right";
    context.fillText("accused →", size - 4, 14);
  }

  /** The curve of all thresholds, the law's as a thin dashed line, guessing as a dotted one, and this threshold. */
  curve(canvas, settings, points, [fpr, tpr], scale) {
    const { context, width: size } = prepare(canvas), colours = palette(canvas);
    const X = (share) => scale(share) * size, Y = (share) => size - scale(share) * size;
    const line = (places, colour, wide, dash) => {
      context.beginPath();
      for (const [x, y] of places) context.lineTo(X(x), Y(y));
      context.strokeStyle = colour;
      context.lineWidth = wide;
      context.setLineDash(dash);
      context.stroke();
      context.setLineDash([]);
    };
    const steps = Array.from({ length: 121 }, (_, k) => k / 120);
    if (scale(0.01) > 0.1) {
      line([[0.01, 0], [0.01, 1]], colours.line, 1, []);
      context.fillStyle = colours.muted;
      context.textAlign = "left";
      context.fillText("1%", X(0.01) + 4, size - 22);
    }
    line([[0, 0], [1, 1]], colours.muted, 1.5, [2, 4]);
    line(steps.map((u) => rates(settings, HIGH + 2 + u * (LOW - HIGH - 4))), colours.muted, 1.5, [6, 4]);
    line(points, colours.blue, 2, []);
    context.fillStyle = colours.text;
    context.beginPath();
    context.arc(X(fpr), Y(tpr), 6, 0, 7);
    context.fill();
    context.fillStyle = colours.muted;
    context.textAlign = "left";
    context.fillText("TPR", 6, 14);
    context.textAlign = "right";
    context.fillText("FPR", size - 4, size - 6);
  }
}

for (const root of document.querySelectorAll(".live-attack")) new Page(root);
