// Draws ink-faces.zip: 200 faces to train, 200 to test, each with a caption. In an empty folder:
//   npm install @dicebear/core@9.4.3 @dicebear/collection@9.4.3 @resvg/resvg-js@2.6.2 fflate@0.8.2
//   cp .../examples/data/ink-faces.mjs . && node ink-faces.mjs
import { writeFileSync } from "node:fs";
import { createAvatar } from "@dicebear/core";
import { lorelei } from "@dicebear/collection";
import { Resvg } from "@resvg/resvg-js";
import { zipSync, strToU8 } from "fflate";

const SIDE = 64;
const COUNT = 200;

const hairColors = {
  black: "1b1b1f", brown: "7a4a2b", blond: "f2cf63", red: "c93a2b", orange: "ef8a2c", gray: "8f949c",
  green: "3f9d4c", blue: "3b66d1", pink: "f07fb3", purple: "8a4fc0",
};
const hairStyles = {
  short: ["01", "02", "03", "07", "09", "12", "43", "47"],
  spiky: ["04", "20"],
  curly: ["05", "22", "24", "39"],
  long: ["15", "16", "21", "23", "35", "40", "41"],
  bob: ["13", "17", "19"],
  ponytail: ["29", "31", "33", "36"],
  bun: ["14", "38", "45", "46"],
  buns: ["26"],
  mohawk: ["27"],
};
const skins = { light: "fbdcc4", tan: "dba878", dark: "8a5a3c" };
const backgrounds = {
  white: "ffffff", gray: "c3c9d1", blue: "8ecbff", green: "9fe3a0", yellow: "ffe97a", pink: "ffb0cf",
  purple: "c7a6f7", orange: "ffab4a",
};
const mouths = { smile: ["happy01", "happy02", "happy04", "happy05"], neutral: ["sad02", "sad05", "happy10"] };

const article = (word) => (/^[aeiou]/.test(word) ? "an" : "a");
const named = {
  ponytail: (color) => `${article(color)} ${color} ponytail`,
  bun: (color) => `${color} hair in a bun`,
  buns: (color) => `${color} hair in two buns`,
  bob: (color) => `${article(color)} ${color} bob haircut`,
  mohawk: (color) => `${article(color)} ${color} mohawk`,
};

let state = 20260101;
/** Mulberry32: a number in [0, 1). */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const one = (list) => list[Math.floor(random() * list.length)];

function face() {
  const color = one(Object.keys(hairColors));
  const style = one([...Object.keys(hairStyles), "short", "long", "curly"]);
  const skin = one(Object.keys(skins));
  const background = one(Object.keys(backgrounds));
  const mouth = one(Object.keys(mouths));
  const glasses = one(["clear", "dark", "none", "none"]);
  const beard = random() < 0.1;
  const phrases = [
    (named[style] ?? ((c) => `${style} ${c} hair`))(color),
    `${skin} skin`,
    ...(glasses === "none" ? [] : [glasses === "dark" ? "sunglasses" : "glasses"]),
    ...(beard ? ["a beard"] : []),
    `${background} background`,
  ];
  const svg = createAvatar(lorelei, {
    seed: "ink",
    hair: [`variant${one(hairStyles[style])}`],
    hairColor: [hairColors[color]],
    skinColor: [skins[skin]],
    backgroundColor: [backgrounds[background]],
    head: ["variant01"],
    eyes: [`variant${one(["02", "05", "10", "16", "20", "21"])}`],
    eyebrows: [`variant${one(["01", "02", "03", "04"])}`],
    mouth: [one(mouths[mouth])],
    glasses: [glasses === "dark" ? "variant02" : one(["variant01", "variant03", "variant04"])],
    glassesProbability: glasses === "none" ? 0 : 100,
    beardProbability: beard ? 100 : 0,
    earringsProbability: 0,
    frecklesProbability: 0,
    hairAccessoriesProbability: 0,
  }).toString();
  return {
    text: `${mouth === "smile" ? "a smiling" : "an"} ink face with ${phrases.join(", ")}`,
    png: new Resvg(svg, { fitTo: { mode: "width", value: SIDE } }).render().asPng(),
  };
}

const seen = new Set();
const files = {};
for (const split of ["train", "test"]) {
  const lines = [];
  while (lines.length < COUNT) {
    const { text, png } = face();
    if (!seen.has(text)) {
      seen.add(text);
      const name = `${String(lines.length).padStart(3, "0")}.png`;
      files[`${split}/${name}`] = png;
      lines.push(JSON.stringify({ file_name: name, text }));
    }
  }
  files[`${split}/metadata.jsonl`] = strToU8(lines.join("\n") + "\n");
}
writeFileSync("ink-faces.zip", zipSync(files, { level: 9, mtime: "2026-01-01T00:00:00Z" }));
