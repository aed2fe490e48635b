// The form of a drawing: what can be set follows from the model.
import {ended, get, post, send, tried} from "./api.js";
import {choice, drop, field, h, shortName, show, slider, toast} from "./dom.js";
import {guides, told} from "./guides.js";
import {learned} from "./learned.js";
import {paint} from "./mask.js";

const KEPT = "sfumato-drawing";
const FRESH = {model: "", count: 4, seed: 0, classes: [], loras: [], words: [], guides: [], gradient: "shortcut"};

let state = {...FRESH, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}")};
let choices = {models: [], loras: [], words: [], classifiers: [], clips: [], schedulers: []};
let facts = null;
const form = document.getElementById("form");
const parts = {model: null, learned: h("div", {class: "stack"})}; // what changes while one types elsewhere

const keep = () => localStorage.setItem(KEPT, JSON.stringify(state));
const set = (name, value) => { state[name] = value; keep(); };

export const clipModels = () => choices.clips;
export const models = () => choices.models;
export const usualRate = method => choices.learning_rates[method];

export async function begin() {
  choices = await get("/api/choices");
  if (!state.model || !choices.models.includes(state.model) && !state.model.includes("/")) {
    state.model = choices.models[0] ?? "";
  }
  form.addEventListener("submit", event => { event.preventDefault(); draw(); });
  await (state.model ? open(state.model) : show_());
}

/** Reads again what lies in the folders. */
export async function refresh() {
  choices = await get("/api/choices");
  fillLearned();
  parts.model?.replaceWith(parts.model = modelField());
}

const fillLearned = () => learned(parts.learned, state, choices, keep);

/** Reads what a model offers; one of the Hub is downloaded first. */
export const factsOf = name => tried(async () => {
  const first = await get("/api/model?name=" + encodeURIComponent(name));
  if (!("job" in first)) return first;
  toast(`Downloading ${name}. The bar above shows how far it is.`);
  return (await ended(first.job)).result.facts;
});

async function open(name) {
  state.model = name;
  facts = null;
  form.querySelector("#go")?.setAttribute("disabled", "");
  const answer = await factsOf(name);
  if (state.model !== name) return; // another was chosen meanwhile
  facts = answer;
  if (facts) {
    if (!choices.models.includes(name)) choices.models.push(name);
    state.classes = state.classes.filter(label => facts.classes.includes(label));
  }
  keep();
  show_();
}

const usualSteps = () => (facts.kind === "pixels" && facts.steps > 50 ? 25 : facts.steps);

function show_() {
  parts.model = modelField();
  fillLearned();
  const opened = [...form.querySelectorAll("details[open] > summary")].map(summary => summary.textContent);
  const fold = (title, open, content) => h("details", {class: "panel", open: open || opened.includes(title)}, h("summary", {}, title), content);
  show(form,
    h("div", {class: "panel"}, parts.model, facts && [conditions(), numbers()]),
    facts && [
      fold("Start from a picture", !!state.picture, picture()),
      facts.kind === "text" && fold("LoRAs and words", state.loras.length + state.words.length > 0, parts.learned),
      fold("Guides", state.guides.length > 0, guidePlace()),
      fold("More", false, more())],
    h("div", {class: "go"}, h("button", {class: "primary", id: "go", disabled: !facts}, "Draw")));
}

function modelField() {
  const other = "…";
  const names = [...new Set([...choices.models, state.model].filter(name => name))];
  return field("Model", choice([...names.map(name => [name, label(name)]), [other, "Another one …"]], state.model, name => {
    if (name !== other) return open(name);
    const said = prompt("A folder of this studio, or a model of the Hub such as google/ddpm-celebahq-256");
    if (said) open(said.trim()); else show_();
  }), facts && describe());
}

const label = name => {
  const same = choices.models.filter(other => shortName(other) === shortName(name)).length > 1;
  return same ? name : shortName(name);
};

function describe() {
  const size = facts.width ? `${facts.width} × ${facts.height}` : "";
  const kind = facts.kind === "text" ? "draws from texts" : facts.classes.length ? `${facts.classes.length} classes` : "draws what it was trained on";
  return [size, kind].filter(part => part).join(", ");
}

function conditions() {
  if (facts.kind === "text") {
    return [
      field("Prompt", h("textarea", {id: "prompt", rows: 3, placeholder: "a red rose", value: state.prompt ?? "", oninput: e => set("prompt", e.target.value)})),
      field("Not in the picture", h("input", {type: "text", value: state.negative_prompt ?? "", oninput: e => set("negative_prompt", e.target.value)})),
      scale("guidance_scale", facts.guidance_scale)];
  }
  if (!facts.classes.length) return null;
  const toggle = name => {
    set("classes", state.classes.includes(name) ? state.classes.filter(other => other !== name) : [...state.classes, name]);
    show_();
  };
  return [
    h("div", {class: "field"}, h("span", {class: "name"}, "Classes"),
      h("div", {class: "chips"}, facts.classes.map(name =>
        h("button", {type: "button", class: "chip", "aria-pressed": state.classes.includes(name), onclick: () => toggle(name)}, name)))),
    state.classes.length > 0 && scale("class_scale", 1)];
}

const scale = (name, usual) => slider("Guidance scale", {min: 1, max: 15, step: .5, value: state[name] ?? (usual || 7.5), oninput: v => set(name, v)});

function numbers() {
  const seed = h("input", {type: "number", id: "seed", min: 0, step: 1, value: state.seed, oninput: () => set("seed", Math.max(0, Math.round(+seed.value)))});
  return [
    slider("Pictures", {min: 1, max: 16, value: state.count, oninput: v => set("count", Math.max(1, Math.round(v ?? 1)))}),
    slider("Steps", {min: 1, max: 100, value: state.steps ?? usualSteps(), oninput: v => set("steps", v && Math.round(v))}),
    field("Seed", h("div", {class: "pair"}, seed, h("button", {type: "button", class: "quiet", title: "Another seed", onclick: () => {
      seed.value = Math.floor(Math.random() * 1e6);
      set("seed", +seed.value);
    }}, "Shuffle")))];
}

function picture() {
  const place = h("div", {class: "stack"});
  const again = () => { keep(); fill(); };
  const fill = () => show(place, !state.picture
    ? drop("Drop a picture, or choose one", file => tried(async () => {
        state.picture = await send("/api/pictures", file);
        state.mask = null;
        again();
      }))
    : [
        h("div", {class: "start"},
          h("img", {src: `/pictures/${state.picture.id}.png`, alt: "the picture to start from"}),
          state.mask && h("img", {src: `/pictures/${state.mask}.png`, alt: "the mask", title: "White is drawn anew"}),
          h("div", {class: "stack"},
            h("button", {type: "button", id: "paint", onclick: () => paint(state.picture, id => { state.mask = id; again(); })}, state.mask ? "Paint the mask anew" : "Paint a mask"),
            state.mask && h("button", {type: "button", class: "quiet", onclick: () => { state.mask = null; again(); }}, "Without mask"),
            h("button", {type: "button", class: "quiet", onclick: () => { state.picture = state.mask = null; state.strength = null; again(); }}, "Remove"))),
        slider("Change", {min: .05, max: 1, step: .05, value: state.strength ?? (state.mask ? 1 : .6), oninput: v => set("strength", v)}),
        h("p", {class: "hint"}, state.mask ? "The white part is drawn anew, the rest stays." : "Small: stays near the picture. 1: leaves little of it.")]);
  fill();
  return place;
}

function guidePlace() {
  const place = h("div", {class: "stack"});
  guides(place, state, choices, {width: state.width ?? facts.width, height: state.height ?? facts.height}, keep);
  return place;
}

function more() {
  const texts = facts.kind === "text" && [
    field("Weights in the prompt", choice([["", "none: parentheses are text"], ["a1111", "a1111: (more:1.3), [less]"], ["compel", "compel: more++, (less)0.8"]],
      state.prompt_syntax ?? "", v => set("prompt_syntax", v || null), "syntax")),
    field("CLIP skip", h("input", {type: "number", id: "clipskip", min: 0, step: 1, placeholder: "0", value: state.clip_skip ?? "", oninput: e => set("clip_skip", +e.target.value || null)}),
      "Last layers of the text encoder to leave out.")];
  return h("div", {class: "stack"}, texts,
    field("Scheduler", choice([["", `the model's own${facts.scheduler ? ` (${facts.scheduler})` : ""}`], ...choices.schedulers.map(name => [name, name])],
      state.scheduler ?? "", v => set("scheduler", v || null))),
    h("div", {class: "pair"},
      field("Width", h("input", {type: "number", min: 8, max: 4096, step: 8, placeholder: facts.width || "", value: state.width ?? "", oninput: e => set("width", +e.target.value || null)})),
      field("Height", h("input", {type: "number", min: 8, max: 4096, step: 8, placeholder: facts.height || "", value: state.height ?? "", oninput: e => set("height", +e.target.value || null)}))),
    field("Noise of ddim and tcd", h("input", {type: "number", min: 0, max: 1, step: .1, placeholder: "0", value: state.eta ?? "", oninput: e => set("eta", e.target.value === "" ? null : +e.target.value)})));
}

/** Returns what the form asks for, as the studio reads it. */
function drawing() {
  const told_ = told(state.guides);
  const text = facts.kind === "text";
  const asked = {
    model: state.model, count: state.count, seed: state.seed, steps: state.steps ?? usualSteps(),
    scheduler: state.scheduler, eta: state.eta, height: state.height, width: state.width,
    classes: text ? [] : state.classes,
    prompt: text ? state.prompt ?? "" : null,
    negative_prompt: text && state.negative_prompt ? state.negative_prompt : null,
    prompt_syntax: text ? state.prompt_syntax : null,
    clip_skip: text ? state.clip_skip : null,
    loras: text ? state.loras : [],
    words: text ? state.words : [],
    guidance_scale: text ? state.guidance_scale : state.classes.length && state.class_scale > 1 ? state.class_scale : null,
    picture: state.picture?.id, mask: state.mask,
    strength: state.picture ? state.strength ?? (state.mask ? null : .6) : null,
    gradient: told_.length ? state.gradient : null, guides: told_,
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value != null));
}

function draw() {
  tried(() => post("/api/drawings", drawing()));
  document.getElementById("stage").scrollIntoView({behavior: "smooth", block: "nearest"});
}

/** Puts the settings of an earlier drawing into the form. */
export async function use(earlier) {
  const text = earlier.prompt != null;
  state = {...FRESH, ...earlier, guides: structuredClone(earlier.guides ?? []), loras: structuredClone(earlier.loras ?? []), words: [...earlier.words ?? []], class_scale: text ? undefined : earlier.guidance_scale};
  for (const guide of state.guides) {
    guide.options = {from: 0, until: 1, schedule: "constant", scale: 40, ...guide.options};
  }
  if (earlier.picture) {
    const image = await loaded(`/pictures/${earlier.picture}.png`);
    state.picture = {id: earlier.picture, width: image.naturalWidth, height: image.naturalHeight};
  }
  await open(earlier.model);
}

/** Starts from a picture of the gallery. */
export async function startFrom(address) {
  const file = await (await fetch(address)).blob();
  state.picture = await send("/api/pictures", file);
  state.mask = null;
  state.strength = null;
  keep();
  show_();
  form.scrollIntoView({behavior: "smooth", block: "start"});
}

const loaded = address => new Promise((done, failed) => {
  const image = new Image();
  image.onload = () => done(image);
  image.onerror = () => failed(new Error("the picture is no longer there"));
  image.src = address;
});
