// Watches training runs, and starts, stops and resumes a fine-tuning.
import {allJobs, get, isOver, onJob, post, stop, tried} from "./api.js";
import {chart, short, smooth} from "./chart.js";
import {dataDrop} from "./data.js";
import {choice, duration, field, h, show, shortName, toast} from "./dom.js";
import * as form from "./form.js";

const room = document.getElementById("watch");
const EVERY = 2000;
let runs = [];
let shown = null; // the name of the run
let other = ""; // of a second run beside it
let sample = null; // the step of the grid that is looked at; null for the newest
let parts = null;
const METHODS = [["lora", "LoRA: a small file beside the model"], ["textual-inversion", "A new word, the model as it is"], ["full", "All weights: a new model"]];
const fitting = {name: "", model: "", data: "", steps: 200, batch_size: 4, learning_rate: null, sample_every: 100, seed: 0,
  method: "lora", rank: 16, prompt: "", word: "", like: ""};

export function begin() {
  parts = {list: h("div", {class: "stack"}), fit: h("div", {}), run: h("div", {class: "sheet run"})};
  show(room, h("div", {class: "watch"},
    h("aside", {class: "stack"}, h("details", {class: "panel"}, h("summary", {id: "fit"}, "Fine-tune a model"), parts.fit), parts.list), parts.run));
  fit();
  onJob((job, kind) => {
    if (job.kind !== "training" || kind !== "state") return;
    if (isOver(job) || job.step % 10 === 0) refresh();
    if (isOver(job)) tried(form.refresh); // what it made can be drawn with
  });
  setInterval(() => { if (!room.hidden && !document.hidden) refresh(); }, EVERY);
}

let busy = false;
let seen = ""; // what is on the page
let settingsOpen = false;
export async function refresh() {
  if (busy) return;
  busy = true;
  try {
    runs = (await get("/api/runs")).sort((a, b) => b.updated - a.updated);
    if (!runs.some(run => run.name === shown)) shown = runs[0]?.name ?? null;
    list();
    const facts = shown && await get("/api/run?name=" + encodeURIComponent(shown));
    const second = facts && other && await get("/api/run?name=" + encodeURIComponent(other));
    if (!parts.run.contains(document.activeElement) || !document.activeElement.matches("select, input[type=range]")) run(facts, second);
  } catch (error) {
    seen = "";
    show(parts.run, h("p", {class: "said"}, error.message));
  } finally {
    busy = false;
  }
}

const jobOf = name => allJobs().find(job => job.kind === "training" && !isOver(job) && job.title === shortName(name));

function list() {
  show(parts.list, runs.length === 0
    ? h("p", {class: "hint"}, "No run lies in this studio's folders yet.")
    : runs.map(run => h("button", {type: "button", class: "row", "aria-pressed": run.name === shown, onclick: () => {
        shown = run.name;
        sample = null;
        refresh();
      }}, h("strong", {}, shortName(run.name)), h("span", {class: "hint"}, run.alive ? "running" : new Date(run.updated).toLocaleString()))));
}

function run(facts, second) {
  if (!facts) {
    seen = "";
    return show(parts.run, h("div", {class: "welcome"}, h("p", {class: "big"}, "Runs appear here."),
      h("p", {}, "Fine-tune a model on your own pictures, or start this studio in a folder with runs.")));
  }
  const job = jobOf(facts.name);
  const news = JSON.stringify([facts, second, job?.message, runs.map(one => one.name)]);
  if (news === seen) return; // what is open or looked at stays
  seen = news;
  const left = facts.steps && facts.seconds_per_step ? (facts.steps - facts.step) * facts.seconds_per_step : 0;
  show(parts.run,
    h("div", {class: "line"}, h("h2", {}, shortName(facts.name)),
      job ? h("button", {type: "button", id: "stoprun", onclick: () => stop(job)}, "Stop and save")
        : facts.resumes && facts.step < facts.steps && h("button", {type: "button", id: "resume", onclick: () => tried(async () => {
            await post("/api/run/resume?name=" + encodeURIComponent(facts.name));
            toast("It goes on from where it was saved.");
          })}, "Resume")),
    h("div", {class: "facts"}, [
      [facts.steps ? `${facts.step} of ${facts.steps}` : facts.step, "steps"],
      [facts.losses.length ? short(mean(facts.losses.slice(-20))) : "–", "loss, recent mean"],
      [facts.validation.length ? short(facts.validation.at(-1)[1]) : "–", "validation loss"],
      [facts.pictures_per_second ? short(facts.pictures_per_second) : "–", "pictures a second"],
      [(facts.alive || job) && left ? duration(left) : "–", "left"],
    ].map(([value, name]) => h("div", {}, h("b", {}, value), h("span", {class: "hint"}, name)))),
    job && [h("progress", {max: job.steps || 1, value: job.step}), h("p", {class: "said", id: "training"}, job.message)],
    curves(facts, second),
    grids(facts),
    h("details", {class: "more", open: settingsOpen, ontoggle: event => { settingsOpen = event.target.open; }}, h("summary", {}, second ? "Settings that differ" : "Settings"), settings(facts, second)),
    runs.length > 1 && field("Beside it", choice([["", "no other run"], ...runs.filter(r => r.name !== facts.name).map(r => [r.name, shortName(r.name)])],
      other, name => { other = name; document.activeElement.blur(); refresh(); })));
}

const mean = points => points.reduce((sum, [, y]) => sum + y, 0) / points.length;

function curves(facts, second) {
  const of = (one, name) => {
    const width = Math.max(1, Math.round(one.losses.length / 30));
    return [{name: `${name}loss`, points: smooth(one.losses, width)},
      ...(one.validation.length > 1 ? [{name: `${name}validation`, points: one.validation}] : [])];
  };
  const list_ = second ? [...of(facts, shortName(facts.name) + ": "), ...of(second, shortName(second.name) + ": ")] : of(facts, "");
  return chart(list_, {label: "Losses over the steps", log: true, height: 240});
}

function grids(facts) {
  if (!facts.samples.length) return null;
  const at = sample && facts.samples.includes(sample) ? facts.samples.indexOf(sample) : facts.samples.length - 1;
  const address = i => `/api/run/sample?name=${encodeURIComponent(facts.name)}&step=${facts.samples[i]}`;
  const image = h("img", {src: address(at), alt: "samples", class: "samples pixels"});
  const said = h("span", {class: "name"}, `Samples at step ${+facts.samples[at]}`);
  const range = h("input", {type: "range", id: "sample", min: 0, max: facts.samples.length - 1, value: at, "aria-label": "Step of the samples", oninput: () => {
    sample = +range.value === facts.samples.length - 1 ? null : facts.samples[range.value];
    image.src = address(range.value);
    said.textContent = `Samples at step ${+facts.samples[range.value]}`;
  }, onchange: () => range.blur()});
  return h("div", {class: "stack"}, said, facts.samples.length > 1 && range, image);
}

function settings(facts, second) {
  const text = value => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? ""));
  const names = [...new Set([...Object.keys(facts.settings), ...Object.keys(second?.settings ?? {})])].filter(name => name !== "studio").sort();
  const rows = names.filter(name => !second || text(facts.settings[name]) !== text(second.settings[name]));
  return h("div", {class: "table"}, h("table", {},
    second && h("tr", {}, h("th", {}), h("th", {}, shortName(facts.name)), h("th", {}, shortName(second.name))),
    rows.map(name => h("tr", {}, h("th", {}, name), h("td", {}, text(facts.settings[name])), second && h("td", {}, text(second.settings[name]))))));
}

// ---- the form

async function fit() {
  fitting.model ||= form.models()[0] ?? "";
  const {model} = fitting;
  const facts = model ? await form.factsOf(model) : null;
  if (fitting.model !== model) return; // another was chosen meanwhile
  const ofTexts = facts?.kind === "text";
  const moreOpen = !!parts.fit.querySelector("details[open]");
  const start = () => tried(async () => {
    const answer = await post("/api/trainings", told(ofTexts));
    shown = answer.run;
    other = "";
    toast("It is in the queue. Its run appears with the first step.");
  });
  show(parts.fit, h("div", {class: "stack"},
    field("Name of the run", text("name", "mine")),
    field("Model", choice([...new Set([...form.models(), fitting.model])].map(name => [name, name]), fitting.model, name => { fitting.model = name; fit(); })),
    ofTexts && field("What learns", choice(METHODS, fitting.method, method => { fitting.method = method; fit(); }, "fitmethod")),
    pictures(),
    ofTexts && words(),
    h("div", {class: "pair"}, field("Steps", number("steps")), field("Batch size", number("batch_size"))),
    h("details", {class: "more", open: moreOpen}, h("summary", {}, "More"), h("div", {class: "stack"},
      h("div", {class: "pair"}, field("Learning rate", number("learning_rate", form.usualRate(ofTexts ? fitting.method : "full"))), field("Samples every", number("sample_every"))),
      ofTexts && fitting.method === "lora" && field("Rank", number("rank", 16), "Higher can learn more, and takes more room."))),
    h("button", {type: "button", class: "primary", id: "train", onclick: start}, "Train")));
}

const text = (name, placeholder) => h("input", {type: "text", value: fitting[name], placeholder, "aria-label": name, id: "fit" + name,
  oninput: event => fitting[name] = event.target.value.trim()});
const number = (name, usual = "") => h("input", {type: "number", min: 0, step: "any", value: fitting[name] ?? "", placeholder: usual, id: "fit" + name,
  oninput: event => fitting[name] = event.target.value === "" ? null : +event.target.value});

function pictures() {
  const data = text("data", "pictures/, a zip, mnist or hf:org/name");
  return [field("Pictures", data),
    dataDrop(sent => { data.value = fitting.data = sent; })];
}

/** The texts that a text-to-image model learns with. */
function words() {
  const word = fitting.method === "textual-inversion";
  return [
    word && h("div", {class: "pair"}, field("New word", text("word", "<my-cat>")), field("Starts from", text("like", "cat"))),
    field("Text of the pictures", text("prompt", word ? "a photo of <my-cat>" : "a photo of a sks cat"), "For pictures without a caption of their own.")];
}

/** Returns the form as the studio reads it. */
function told(ofTexts) {
  const {method, rank, prompt, word, like, ...asked} = fitting;
  if (ofTexts) Object.assign(asked, {method, prompt: prompt || null});
  if (ofTexts && method === "lora") asked.rank = rank;
  if (ofTexts && method === "textual-inversion") Object.assign(asked, {word, like});
  return asked;
}
