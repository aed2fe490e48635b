// Looks at pictures: against texts with CLIP, and at what a data set holds.
import {ended, post, send, tried} from "./api.js";
import {dataDrop} from "./data.js";
import {choice, drop, field, h, show} from "./dom.js";
import * as form from "./form.js";

const room = document.getElementById("look");
const asked = {clip: "", pictures: [], texts: "red hair\nblue hair\nglasses"};

export function begin() {
  asked.clip = form.clipModels()[0] ?? "";
  show(room, compare(), inspect());
}

/** Shows the result of a job, or why there is none. */
async function follow({job}, place, meanwhile, shown) {
  show(place, h("p", {class: "hint"}, meanwhile));
  try {
    show(place, shown((await ended(job)).result));
  } catch (error) {
    show(place, h("p", {class: "said"}, error.message));
  }
}

function compare() {
  const result = h("div", {class: "table", id: "heat"});
  const thumbs = h("div", {class: "thumbs"});
  const draw = () => show(thumbs, asked.pictures.map(id => h("button", {type: "button", class: "thumb", title: "Remove", onclick: () => {
    asked.pictures = asked.pictures.filter(one => one !== id);
    draw();
  }}, h("img", {src: `/pictures/${id}.png`, alt: "a picture to compare", class: "pixels"}))));
  const add = file => tried(async () => {
    const {id} = await send("/api/pictures", file);
    if (!asked.pictures.includes(id)) asked.pictures.push(id);
    draw();
  });
  const drops = drop("Drop pictures, or choose some", add);
  const input = drops.querySelector("input");
  input.multiple = true;
  input.addEventListener("change", () => [...input.files].slice(1).forEach(add));
  drops.addEventListener("drop", event => [...event.dataTransfer.files].slice(1).forEach(add));
  const go = () => tried(async () => {
    const texts = asked.texts.split("\n").map(text => text.trim()).filter(text => text);
    await follow(await post("/api/scores", {...asked, texts}), result, "Comparing …", table);
  });
  return h("div", {class: "sheet"}, h("h2", {}, "Pictures against texts"), h("p", {class: "hint"}, "How well a CLIP model finds each text to fit each picture."),
    h("div", {class: "pair top"}, h("div", {class: "stack"}, drops, thumbs),
      h("div", {class: "stack"}, field("CLIP model", choice(form.clipModels().map(name => [name, name]), asked.clip, v => asked.clip = v)),
        field("Texts, one a line", h("textarea", {rows: 5, id: "texts", value: asked.texts, oninput: e => asked.texts = e.target.value})),
        h("button", {type: "button", class: "primary", id: "compare", onclick: go}, "Compare"))),
    result);
}

function table({texts, pictures, similarity, probability}) {
  const all = similarity.flat();
  const low = Math.min(...all), high = Math.max(...all);
  return h("table", {class: "heat"},
    h("tr", {}, h("th", {}), texts.map(text => h("th", {}, text))),
    pictures.map((id, i) => h("tr", {}, h("th", {}, h("img", {src: `/pictures/${id}.png`, alt: `picture ${i + 1}`, class: "pixels"})),
      texts.map((_, j) => h("td", {style: `--heat: ${((similarity[i][j] - low) / (high - low || 1)).toFixed(3)}`, title: `cosine ${similarity[i][j].toFixed(4)}`},
        h("b", {}, similarity[i][j].toFixed(3)), h("span", {class: "hint"}, ` ${(100 * probability[i][j]).toFixed(0)} %`))))));
}

function inspect() {
  const result = h("div", {class: "stack", id: "found"});
  const name = h("input", {type: "text", id: "data", placeholder: "pictures/, a zip, mnist or hf:org/name", "aria-label": "Data set"});
  const go = () => tried(async () =>
    follow(await post("/api/looks?data=" + encodeURIComponent(name.value.trim())), result, "Looking …", holds));
  return h("div", {class: "sheet"}, h("h2", {}, "What a data set holds"), h("p", {class: "hint"}, "Before you train on it: its classes, captions and bad files."),
    h("div", {class: "pair"}, name, h("button", {type: "button", class: "primary", id: "lookat", onclick: go}, "Look")),
    dataDrop(data => { name.value = data; go(); }),
    result);
}

function holds({count, classes, captions, lines, shown}) {
  const most = Math.max(1, ...classes.map(one => one.count));
  return [
    h("p", {}, `${count.toLocaleString("en")} pictures, `, classes.length ? `${classes.length} classes` : "no classes", captions ? ", with captions" : ", no captions"),
    lines.length > 0 && h("ul", {class: "said"}, lines.map(line => h("li", {}, line))),
    classes.length > 0 && h("div", {class: "bars"}, classes.map(one => [h("span", {}, one.name), h("progress", {max: most, value: one.count}), h("b", {}, one.count)])),
    h("div", {class: "sheetgrid"}, shown.map(one => h("figure", {}, h("img", {src: one.picture, alt: one.text || "a picture", class: "pixels", loading: "lazy"}), one.text && h("figcaption", {class: "hint", title: one.text}, one.text)))),
  ];
}
