// All drawings that were finished.
import {get, remove, tried} from "./api.js";
import {h, show, shortName} from "./dom.js";
import * as stage from "./stage.js";

const place = document.getElementById("gallery");
let entries = [];

export async function load() {
  entries = await tried(() => get("/api/gallery")) ?? entries;
  build();
}

export const find = id => entries.find(entry => entry.id === id);
export const newest = () => entries[0];

export const forget = id => tried(async () => {
  await remove("/api/gallery/" + id);
  await load();
  stage.view(entries[0] ?? null);
});

function build() {
  show(place, entries.length > 0 && [
    h("h2", {}, "Gallery"),
    h("div", {class: "grid"}, entries.map(entry => {
      const {drawing} = entry;
      const seen = Math.min(4, drawing.count);
      return h("button", {type: "button", class: "card", onclick: () => {
        stage.view(entry);
        document.getElementById("stage").scrollIntoView({behavior: "smooth", block: "nearest"});
      }},
      h("div", {class: "mosaic n" + seen}, Array.from({length: seen}, (_, i) =>
        h("img", {src: stage.address(entry, i), alt: "", loading: "lazy", class: entry.width <= 96 ? "pixels" : ""}))),
      h("span", {class: "name"}, drawing.prompt || shortName(drawing.model)),
      h("span", {class: "hint"}, `seed ${drawing.seed}`, (drawing.guides ?? []).map(guide => h("i", {
        class: "dot", title: guide.kind, style: guide.kind === "color" ? `background: ${guide.value}` : ""}))));
    }))]);
}
