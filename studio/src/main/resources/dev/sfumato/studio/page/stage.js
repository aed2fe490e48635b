// Shows one drawing: while it is drawn, and after.
import {isOver, onJob, post, stop, tried} from "./api.js";
import {chart} from "./chart.js";
import {duration, h, show, shortName, toast} from "./dom.js";
import * as form from "./form.js";
import * as gallery from "./gallery.js";
import {named} from "./learned.js";

const place = document.getElementById("stage");
let job = null; // the job that is shown, or
let entry = null; // the drawing of the gallery
let compared = null; // another drawing beside it
let parts = null;

export function begin() {
  onJob((changed, kind) => {
    if (changed.kind !== "drawing") return;
    const fresh = changed.state === "running" && (!job || isOver(job));
    if (fresh) {
      job = changed;
      entry = compared = null;
      build();
    }
    if (job !== changed) return;
    if (changed.state === "done" && kind !== "known") finish(changed);
    else if (isOver(changed)) build();
    else update(kind);
  });
  build();
}

async function finish(done) {
  await gallery.load();
  if (job === done) view(gallery.find(done.result.entry));
  if (done.result.flagged.length) toast("The model's safety checker made a picture black.");
}

export function view(chosen) {
  if (compared === true && chosen && entry && chosen.id !== entry.id) {
    compared = chosen;
  } else {
    entry = chosen;
    compared = null;
    job = null;
  }
  build();
}

function build() {
  place.classList.toggle("running", !!job && !isOver(job));
  if (job) return running();
  if (entry) return compared && compared !== true ? comparison() : finished();
  show(place, h("div", {class: "welcome"},
    h("p", {class: "big"}, "A picture comes out of noise."),
    h("p", {}, "Choose a model, press Draw, and watch each step. Add a guide to steer it: a colour, a text, a picture.")));
}

// ---- on the way

function running() {
  const count = job.pictures.length || 1;
  parts = {
    tiles: h("div", {class: "tiles"}),
    bar: h("progress", {max: 1, value: 0, "aria-label": "Progress"}),
    said: h("span", {class: "said"}),
    warning: h("p", {class: "warning"}),
    curves: h("div", {class: "curves"}),
  };
  show(place, parts.tiles,
    h("div", {class: "line"}, parts.said, !isOver(job) && h("button", {type: "button", id: "stop", onclick: () => stop(job)}, "Stop")),
    !isOver(job) && parts.bar, parts.warning, parts.curves);
  tiles(parts.tiles, count);
  update("pictures");
  update("losses");
}

function update(kind) {
  if (kind === "pictures") {
    if (parts.tiles.childElementCount !== job.pictures.length && job.pictures.length) tiles(parts.tiles, job.pictures.length);
    [...parts.tiles.children].forEach((tile, i) => { if (job.pictures[i]) tile.firstChild.src = job.pictures[i]; });
  } else if (kind === "losses") {
    show(parts.curves, job.losses.length > 1 && lossChart(job.losses));
  }
  parts.bar.max = job.steps || 1;
  parts.bar.value = job.step;
  parts.said.textContent = words();
  parts.warning.textContent = job.state === "failed" ? "" : job.warning;
}

function words() {
  if (job.state === "failed") return job.message;
  if (job.state === "stopped") return job.step ? `Stopped after step ${job.step} of ${job.steps}. Nothing was kept.` : "Stopped before it began.";
  return job.message || `Step ${job.step} of ${job.steps}`;
}

function tiles(grid, count, sources = []) {
  grid.style.setProperty("--columns", Math.ceil(Math.sqrt(count)));
  show(grid, Array.from({length: count}, (_, i) => {
    const image = h("img", {alt: `picture ${i + 1}`});
    image.addEventListener("load", () => image.classList.toggle("pixels", image.naturalWidth <= 96));
    if (sources[i]) image.src = sources[i];
    return h("div", {class: "tile"}, image);
  }));
}

function lossChart(losses) {
  const names = [...new Set(losses.flatMap(row => Object.keys(row)))];
  return chart(names.map(name => ({name, points: losses.map((row, i) => [i + 1, row[name]])})), {height: 150, label: "Losses of the guides"});
}

// ---- after

export const address = (drawn, i) => `/gallery/${drawn.id}/${i}.png`;

function finished() {
  const shown = entry;
  const {drawing} = shown;
  const grid = h("div", {class: "tiles"});
  tiles(grid, drawing.count, Array.from({length: drawing.count}, (_, i) => address(shown, i)));
  [...grid.children].forEach((tile, i) => { tile.tabIndex = 0; tile.append(h("div", {class: "over"},
    h("a", {class: "chip", href: address(shown, i), download: `${shortName(drawing.model)}-${drawing.seed}-${i}.png`}, "Save"),
    h("button", {type: "button", class: "chip", onclick: () => tried(() => form.startFrom(address(shown, i)))}, "Start from it"))); });
  show(place, grid,
    h("div", {class: "line"}, h("span", {class: "said"}, summary(shown))),
    h("p", {class: "warning"}, shown.warning ?? ""),
    h("div", {class: "actions"},
      h("button", {type: "button", onclick: () => again(shown, {})}, "Again"),
      h("button", {type: "button", id: "vary", onclick: () => again(shown, {seed: Math.floor(Math.random() * 1e6)})}, "Vary the seed"),
      h("button", {type: "button", id: "change", onclick: () => tried(() => form.use(drawing))}, "Change one thing"),
      h("button", {type: "button", "aria-pressed": compared === true, onclick: () => { compared = compared ? null : true; build(); }}, "Compare"),
      h("button", {type: "button", id: "command", onclick: () => copied(drawing, "command")}, "Copy as command"),
      h("button", {type: "button", id: "java", onclick: () => copied(drawing, "java")}, "Copy as Java"),
      h("button", {type: "button", class: "quiet", onclick: () => gallery.forget(shown.id)}, "Delete")),
    compared === true && h("p", {class: "hint"}, "Choose another drawing below."),
    shown.losses.length > 1 && h("div", {class: "curves"}, lossChart(shown.losses)));
}

const again = (shown, changes) => tried(() => post("/api/drawings", {...shown.drawing, ...changes}));

function summary({drawing, steps, width, height, seconds}) {
  const parts_ = [shortName(drawing.model), drawing.prompt && `“${drawing.prompt}”`, drawing.classes?.join(", "), ...named(drawing),
    `seed ${drawing.seed}`, `${steps} steps`, drawing.scheduler, `${width} × ${height}`,
    ...(drawing.guides ?? []).map(guide => guide.kind + (guide.value && guide.value.length < 30 ? " " + guide.value : "")), duration(seconds)];
  return parts_.filter(part => part).join(" · ");
}

/** Two drawings under a slider. */
function comparison() {
  const range = h("input", {type: "range", min: 0, max: 100, value: 50, "aria-label": "Place of the edge"});
  const pair = h("div", {class: "compare", style: "--at: 50%"},
    h("img", {src: address(entry, 0), alt: "the first drawing", class: entry.width <= 96 ? "pixels" : ""}),
    h("img", {src: address(compared, 0), alt: "the second drawing", class: compared.width <= 96 ? "pixels" : ""}), range);
  range.addEventListener("input", () => pair.style.setProperty("--at", range.value + "%"));
  show(place, pair,
    h("div", {class: "line two"}, h("span", {class: "said"}, "Left: ", summary(entry)), h("span", {class: "said"}, "Right: ", summary(compared))),
    h("div", {class: "actions"}, h("button", {type: "button", onclick: () => { compared = null; build(); }}, "Back")));
}

async function copied(drawing, kind) {
  const text = await tried(async () => (await post("/api/text", drawing))[kind]);
  if (!text) return;
  const dialog = h("dialog", {class: "text"},
    h("h2", {}, kind === "java" ? "The same picture from Java" : "The same picture from the command line"),
    h("pre", {id: "copied", tabIndex: 0}, text),
    h("div", {class: "actions"}, h("button", {type: "button", class: "primary", onclick: () => dialog.close()}, "Close")));
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    getSelection().selectAllChildren(dialog.querySelector("pre")); // a browser copies by itself only on this machine
  }
}
