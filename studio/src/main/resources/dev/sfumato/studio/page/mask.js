// Paints where a picture is drawn anew.
import {send, tried} from "./api.js";
import {h, slider} from "./dom.js";

/** Opens the painter on an uploaded picture; calls done with the id of the mask. */
export function paint(picture, done) {
  const {width, height, id} = picture;
  const canvas = h("canvas", {width, height, "aria-label": "Paint what is drawn anew"});
  const pen = canvas.getContext("2d");
  let brush = Math.max(1, Math.round(Math.min(width, height) / 5));
  let erases = false;
  let last = null;
  pen.fillStyle = pen.strokeStyle = "#d8643a";
  pen.lineCap = pen.lineJoin = "round";

  const at = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
  };
  const stroke = event => {
    const [x, y] = at(event);
    pen.globalCompositeOperation = erases ? "destination-out" : "source-over";
    pen.lineWidth = brush;
    pen.beginPath();
    pen.moveTo(...(last ?? [x, y - .01]));
    pen.lineTo(x, y);
    pen.stroke();
    last = [x, y];
  };
  canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); last = null; stroke(event); });
  canvas.addEventListener("pointermove", event => event.buttons && stroke(event));

  const cover = () => {
    pen.globalCompositeOperation = "xor"; // swaps painted and unpainted
    pen.fillRect(0, 0, width, height);
  };
  const close = () => { dialog.close(); dialog.remove(); };
  const keep = () => tried(async () => {
    const mask = await send("/api/pictures", await blackAndWhite(canvas));
    done(mask.id);
    close();
  });
  const tool = h("div", {class: "chips"},
    ...["Paint", "Erase"].map((name, i) => h("button", {type: "button", class: "chip", "aria-pressed": i === 0, onclick: event => {
      erases = i === 1;
      tool.querySelectorAll("[aria-pressed]").forEach(b => b.setAttribute("aria-pressed", b === event.target));
    }}, name)),
    h("button", {type: "button", class: "chip", onclick: cover}, "Swap"),
    h("button", {type: "button", class: "chip", onclick: () => pen.clearRect(0, 0, width, height)}, "Clear"));
  const dialog = h("dialog", {class: "paint"},
    h("h2", {}, "Paint what is drawn anew"),
    h("div", {class: "easel", style: `--ratio: ${width / height}`}, h("img", {src: `/pictures/${id}.png`, alt: "", class: width <= 96 ? "pixels" : ""}), canvas),
    slider("Brush", {min: 1, max: Math.max(8, Math.round(Math.min(width, height) / 2)), value: brush, oninput: v => brush = v || 1}),
    tool,
    h("div", {class: "actions"},
      h("button", {type: "button", class: "quiet", onclick: close}, "Cancel"),
      h("button", {type: "button", class: "primary", id: "keepmask", onclick: keep}, "Use this mask")));
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

/** White where something is painted, black elsewhere, without half-tones. */
function blackAndWhite(canvas) {
  const copy = h("canvas", {width: canvas.width, height: canvas.height});
  const pen = copy.getContext("2d");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    pixels.data.fill(pixels.data[i + 3] > 127 ? 255 : 0, i, i + 3);
    pixels.data[i + 3] = 255;
  }
  pen.putImageData(pixels, 0, 0);
  return new Promise(done => copy.toBlob(done, "image/png"));
}
