// The LoRAs of a drawing: those in the studio's folders, each with its scale.
import {h, shortName, show, slider} from "./dom.js";

/** Two files of runs may have one name: then the folder says which. */
const name = path => {
  const file = shortName(path);
  return file === "pytorch_lora_weights.safetensors" ? shortName(path.slice(0, -file.length)) : file.replace(/\.safetensors$/, "");
};

/** Shows the LoRAs of a state; changed is called after each change. */
export function loras(place, state, known, changed) {
  const again = () => { loras(place, state, known, changed); changed(); };
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
    known.length === 0 && h("p", {class: "hint"}, "No LoRA lies in this studio's folders yet. Watch makes one from your pictures."));
}

/** Returns a few words for each LoRA of a drawing. */
export const named = list => (list ?? []).map(lora => lora.scale === 1 ? name(lora.path) : `${name(lora.path)} × ${lora.scale}`);
