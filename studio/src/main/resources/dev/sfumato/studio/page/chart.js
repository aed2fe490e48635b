// A calm line chart.
import {h} from "./dom.js";

const color = i => `color: var(--c${i % 5})`;

/**
 * Draws curves: [{name, points: [[x, y], ...]}]. Gaps are left where y is not a number.
 */
export function chart(curves, {height = 180, label = "", log = false} = {}) {
  const value = y => (log ? Math.log10(Math.max(y, 1e-12)) : y);
  const all = curves.flatMap(curve => curve.points).filter(([, y]) => Number.isFinite(y));
  if (all.length < 2) return h("div", {class: "chart empty"}, "The curve begins with the second step.");
  const xs = all.map(([x]) => x), ys = all.map(([, y]) => value(y));
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  if (y0 === y1) { y0 -= .5; y1 += .5; }
  const width = Math.min(640, Math.max(320, window.innerWidth - 80)); // about the pixels it gets: letters stay legible
  const left = 52, bottom = 22, top = 8, right = 8;
  const px = x => left + (x - x0) / (x1 - x0 || 1) * (width - left - right);
  const py = y => top + (y1 - value(y)) / (y1 - y0) * (height - top - bottom);
  const marks = [y0, (y0 + y1) / 2, y1].map(v => (log ? 10 ** v : v));
  const svg = h("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label},
    marks.map(y => [
      h("line", {class: "grid", x1: left, x2: width - right, y1: py(y), y2: py(y)}),
      h("text", {class: "tick", x: left - 8, y: py(y) + 4, "text-anchor": "end"}, short(y))]),
    h("text", {class: "tick", x: left, y: height - 5}, String(x0)),
    h("text", {class: "tick", x: width - right, y: height - 5, "text-anchor": "end"}, String(x1)),
    curves.map((curve, i) => h("polyline", {class: "curve", style: color(i),
      points: curve.points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(" ")})));
  const legend = h("div", {class: "legend"}, curves.map((curve, i) => {
    const last = curve.points.filter(([, y]) => Number.isFinite(y)).pop();
    return h("span", {style: color(i)}, curve.name, last && h("b", {}, short(last[1])));
  }));
  return h("figure", {class: "chartbox"}, svg, legend);
}

export function short(y) {
  if (y === 0) return "0";
  const size = Math.abs(y);
  return size >= 1e5 || size < 1e-3 ? y.toExponential(1) : String(+y.toPrecision(3));
}

/** A mean over the neighbours, for noisy curves. */
export function smooth(points, width) {
  let sum = 0;
  const window = [];
  return points.map(([x, y]) => {
    window.push(y);
    sum += y;
    if (window.length > width) sum -= window.shift();
    return [x, sum / window.length];
  });
}
