// Small helpers to build the page.

/** Makes an element: h("button", {class: "quiet", onclick: draw}, "Draw"). */
export function h(tag, attributes = {}, ...children) {
  const svg = ["svg", "polyline", "line", "text"].includes(tag);
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (!svg && name in element && name !== "list" && name !== "style") {
      element[name] = value;
    } else if (name === "class") {
      element.setAttribute("class", value);
    } else if (value !== false && value != null) {
      element.setAttribute(name, value);
    }
  }
  show(element, children);
  return element;
}

export function show(place, ...children) {
  place.replaceChildren(...children.flat(9).filter(child => child != null && child !== false));
}

/** Says something for a few seconds; errors stay longer. */
export function toast(text, wrong = false) {
  const note = h("div", {class: "toast" + (wrong ? " wrong" : "")}, text);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), wrong ? 9000 : 3000);
}

/** A named input. */
export function field(label, input, hint) {
  return h("label", {class: "field"}, h("span", {class: "name"}, label), input,
    hint && h("span", {class: "hint"}, hint));
}

/** A slider with a number beside it. log: the slider moves on a logarithmic scale. */
export function slider(label, {min, max, step = 1, value, log = false, off, oninput}) {
  const toSlider = v => (log ? Math.log(Math.max(v, min) / min) / Math.log(max / min) * 1000 : v);
  const fromSlider = s => {
    const v = log ? min * (max / min) ** (s / 1000) : +s;
    return log ? +v.toPrecision(2) : v;
  };
  const range = h("input", {type: "range", "aria-label": label,
    min: log ? 0 : min, max: log ? 1000 : max, step: log ? 1 : step});
  const number = h("input", {type: "number", step: "any", min: 0, "aria-label": label + ", as a number",
    placeholder: off ?? ""});
  range.value = toSlider(value ?? min);
  number.value = value ?? "";
  range.addEventListener("input", () => {
    number.value = fromSlider(range.value);
    oninput(+number.value);
  });
  number.addEventListener("input", () => {
    if (number.value !== "") range.value = toSlider(+number.value);
    oninput(number.value === "" ? null : +number.value);
  });
  return h("div", {class: "field"}, h("span", {class: "name"}, label),
    h("div", {class: "slider"}, range, number));
}

/** Two ends of a range on one line, 0 to 1. */
export function span(label, from, until, oninput) {
  const low = h("input", {type: "range", min: 0, max: 1, step: .01, value: from, "aria-label": label + ", from"});
  const high = h("input", {type: "range", min: 0, max: 1, step: .01, value: until, "aria-label": label + ", until"});
  const said = h("output");
  const line = h("div", {class: "span"}, low, high);
  const update = moved => {
    if (+low.value >= +high.value) {
      if (moved === low) low.value = +high.value - .01; else high.value = +low.value + .01;
    }
    line.style.setProperty("--from", low.value);
    line.style.setProperty("--until", high.value);
    said.value = `${Math.round(low.value * 100)} to ${Math.round(high.value * 100)} %`;
    if (moved) oninput(+low.value, +high.value);
  };
  low.addEventListener("input", () => update(low));
  high.addEventListener("input", () => update(high));
  update();
  return h("div", {class: "field"}, h("span", {class: "name"}, label, " ", said), line);
}

export function choice(options, value, onchange, id) {
  const select = h("select", {id, onchange: () => onchange(select.value)},
    options.map(([v, text]) => h("option", {value: v}, text)));
  select.value = value;
  return select;
}

/** A place to drop a picture on, or to choose one. taken: returns the file of what was dropped. */
export function drop(text, onfile, accept = "image/*", taken = ({files}) => files[0]) {
  const input = h("input", {type: "file", accept, onchange: () => input.files[0] && onfile(input.files[0])});
  const place = h("label", {class: "drop"}, input, h("span", {}, text));
  place.addEventListener("dragover", event => { event.preventDefault(); place.classList.add("over"); });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", async event => {
    event.preventDefault();
    place.classList.remove("over");
    const file = await taken(event.dataTransfer);
    if (file) onfile(file);
  });
  return place;
}

export const shortName = name => name.split("/").filter(part => part).pop() ?? name;

export function duration(seconds) {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
