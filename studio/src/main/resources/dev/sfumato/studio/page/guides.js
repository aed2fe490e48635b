// The cards of guides.
import {send, tried} from "./api.js";
import {choice, drop, field, h, show, slider, span} from "./dom.js";

const KINDS = {
  color: {name: "Colour", value: "#1ae680", says: "Pictures of this colour on average."},
  clip: {name: "Text", value: "", says: "Pictures that a CLIP model finds to show this."},
  "clip-image": {name: "Like a picture", value: "", says: "Pictures that CLIP finds similar to this one."},
  reference: {name: "Near a picture", value: "", says: "Pictures near this one, pixel by pixel."},
  class: {name: "Class", value: "", says: "Pictures that a classifier reads as this class."},
  symmetry: {name: "Symmetry", value: "horizontal", says: "Halves that mirror each other."},
  brightness: {name: "Brightness", value: "0.5", says: "Pictures of this mean brightness, 0 to 1."},
  contrast: {name: "Contrast", value: "0.3", says: "Pictures of this contrast."},
  saturation: {name: "Saturation", value: "0.3", says: "Pictures of this mean saturation."},
};

const SCHEDULES = [
  ["constant", "constant"],
  ["linear_up", "rises"],
  ["linear_down", "falls"],
  ["sqrt_one_minus_alpha_cumprod", "falls with the noise"],
];

/** Shows the guides of a state for pictures of this size; changed is called after each change. */
export function guides(place, state, choices, {width, height}, changed) {
  const again = () => { guides(place, state, choices, {width, height}, changed); changed(); };
  const pixels = width * height;
  const classifiers = choices.classifiers.filter(one => one.side === width && one.side === height);
  const kinds = Object.entries(KINDS).filter(([kind]) => kind !== "class" || classifiers.length);
  const add = kind => {
    const {value} = KINDS[kind];
    // A guide is a mean over the pixels, so that larger pictures need more of it.
    const options = {scale: +(40 * (pixels || 1024) / 1024).toPrecision(2), from: .1, until: 1, schedule: "constant"};
    if (kind.startsWith("clip")) options.clip = choices.clips[0] ?? "";
    if (kind === "class") options.classifier = classifiers[0].path;
    state.guides.push({kind, value: kind === "class" ? classifiers[0].classes[0] : value, options});
    again();
  };
  show(place,
    state.guides.map(guide => card(guide, choices, changed, () => {
      state.guides.splice(state.guides.indexOf(guide), 1);
      again();
    })),
    h("div", {class: "chips add"}, kinds.map(([kind, {name, says}]) =>
      h("button", {type: "button", class: "chip", title: says, onclick: () => add(kind)}, "+ ", name))),
    state.guides.length > 0 && field("Gradient", choice(
      [["shortcut", "shortcut: past the network"], ["exact", "exact: through the network, slower"]],
      state.gradient ?? "shortcut", value => { state.gradient = value; changed(); })));
}

function card(guide, choices, changed, remove) {
  const kind = KINDS[guide.kind];
  const set = (name, value) => { guide.options[name] = value; changed(); };
  const {options} = guide;
  return h("article", {class: "guide"},
    h("div", {class: "title"}, h("strong", {}, kind.name), h("span", {class: "hint"}, kind.says),
      h("button", {type: "button", class: "quiet icon", title: "Remove", "aria-label": "Remove the guide " + kind.name, onclick: remove}, "×")),
    value(guide, changed),
    guide.kind.startsWith("clip") && clip(guide, choices, set),
    guide.kind === "class" && classes(guide, choices, changed),
    slider("Strength", {min: 1, max: 5000, log: true, value: options.scale, oninput: v => set("scale", v ?? undefined)}),
    span("Acts from", options.from, options.until, (from, until) => {
      Object.assign(options, {from, until});
      changed();
    }),
    h("details", {class: "more", open: options.every > 1}, h("summary", {}, "More"), h("div", {class: "stack"},
      field("Over time", choice(SCHEDULES, options.schedule, v => set("schedule", v))),
      slider("Every how many steps", {min: 1, max: 10, value: options.every ?? 1, oninput: v => set("every", v > 1 ? Math.round(v) : undefined)}))));
}

function value(guide, changed) {
  const set = text => { guide.value = text; changed(); };
  switch (guide.kind) {
    case "color": {
      const input = h("input", {type: "color", value: guide.value, "aria-label": "Colour", oninput: () => { set(input.value); said.value = input.value; }});
      const said = h("input", {type: "text", value: guide.value, "aria-label": "Colour, as a text", oninput: () => {
        if (/^#[0-9a-f]{6}$/i.test(said.value)) { input.value = said.value; set(said.value); }
      }});
      return h("div", {class: "pair"}, input, said);
    }
    case "clip":
      return h("input", {type: "text", placeholder: "red hair", value: guide.value, "aria-label": "Text", oninput: event => set(event.target.value)});
    case "class":
      return null;
    case "reference":
    case "clip-image":
      return pictureOf(guide, set);
    case "symmetry":
      return choice([["horizontal", "left and right"], ["vertical", "top and bottom"]], guide.value, set);
    default:
      return slider(KINDS[guide.kind].name, {min: 0, max: 1, step: .01, value: +guide.value, oninput: v => set(String(v ?? 0))});
  }
}

function pictureOf(guide, set) {
  const place = h("div", {});
  const draw = () => show(place, guide.value
    ? h("button", {type: "button", class: "thumb", title: "Choose another", onclick: () => { set(""); draw(); }},
        h("img", {src: `/pictures/${guide.value}.png`, alt: "the guide's picture"}))
    : drop("Drop a picture, or choose one", file => tried(async () => { set((await send("/api/pictures", file)).id); draw(); })));
  draw();
  return place;
}

function clip(guide, choices, set) {
  const input = h("input", {type: "text", list: "clips", value: guide.options.clip ?? "", placeholder: "folder or Hub id",
    oninput: () => set("clip", input.value)});
  return [field("CLIP model", input), h("datalist", {id: "clips"}, choices.clips.map(name => h("option", {value: name}))),
    slider("Cuts", {min: 1, max: 16, value: guide.options.cuts ?? 4, oninput: v => set("cuts", v ?? undefined)})];
}

/** The classifier and its class. */
function classes(guide, choices, changed) {
  const place = h("div", {class: "pair"});
  const fill = () => {
    const {classes: names} = choices.classifiers.find(one => one.path === guide.options.classifier) ?? {classes: [guide.value]};
    if (!names.includes(guide.value)) guide.value = names[0];
    show(place,
      field("Classifier", choice(choices.classifiers.map(({path}) => [path, path || "digits, built in"]), guide.options.classifier, path => { guide.options.classifier = path; fill(); changed(); })),
      field("Class", choice(names.map(name => [name, name]), guide.value, name => { guide.value = name; changed(); })));
  };
  fill();
  return place;
}

/** Returns the guides that have a value. */
export const told = list => list.filter(guide => guide.value !== "");
