// What was learned for a model and lies in the studio's folders: LoRAs, each with its scale, and words.
import {h, shortName, show, slider} from "./dom.js";

/** The files of runs have one name: then the folder says which. */
const name = path => {
  const file = shortName(path);
  return ["pytorch_lora_weights.safetensors", "learned_embeds.safetensors"].includes(file) ? shortName(path.slice(0, -file.length)) : file.replace(/\.safetensors$/, "");
};

/** Shows what a state has of it; changed is called after each change. */
export function learned(place, state, {loras: known, words}, changed) {
  const again = () => { learned(place, state, {loras: known, words}, changed); changed(); };
  const toggle = path => {
    if (state.words.includes(path)) state.words.splice(state.words.indexOf(path), 1); else state.words.push(path);
    again();
  };
  const free = known.filter(path => !state.loras.some(lora => lora.path === path));
  show(place,
    state.loras.map(lora => h("article", {class: "guide"},
      h("div", {class: "title"}, h("strong", {title: lora.path}, name(lora.path)),
        h("button", {type: "button", class: "quiet icon", title: "Remove", "aria-label": "Remove the LoRA " + name(lora.path), onclick: () => {
          state.loras.splice(state.loras.indexOf(lora), 1);
          again();
        }}, "×")),
      slider("Scale", {min: 0, max: 2, step: .05, value: lora.scale, oninput: v => { lora.scale = v ?? 1; changed(); }}))),
    free.length > 0 && h("div", {class: "chips add"}, free.map(path =>
      h("button", {type: "button", class: "chip", title: path, onclick: () => { state.loras.push({path, scale: 1}); again(); }}, "+ ", name(path)))),
    words.length > 0 && h("div", {class: "field"}, h("span", {class: "name"}, "Words, to be used in the prompt"),
      h("div", {class: "chips"}, words.map(path =>
        h("button", {type: "button", class: "chip", title: path, "aria-pressed": state.words.includes(path), onclick: () => toggle(path)}, name(path))))),
    known.length + words.length === 0 && h("p", {class: "hint"}, "No LoRA and no learned word lies in this studio's folders yet. Watch makes one from your pictures."));
}

/** Returns a few words for all of it in a drawing. */
export const named = ({loras = [], words = []}) =>
  [...loras.map(lora => lora.scale === 1 ? name(lora.path) : `${name(lora.path)} × ${lora.scale}`), ...words.map(name)];
