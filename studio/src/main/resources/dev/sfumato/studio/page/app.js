// The page: its rooms, the queue, and light or dark.
import {allJobs, isOver, listen, onJob, stop, tried} from "./api.js";
import {h, show, toast} from "./dom.js";
import * as form from "./form.js";
import * as gallery from "./gallery.js";
import * as look from "./look.js";
import * as stage from "./stage.js";
import * as watch from "./watch.js";

let ready = false;
const rooms = ["draw", "watch", "look"];

function enter() {
  const name = rooms.find(room => location.hash === "#" + room) ?? "draw";
  for (const room of rooms) {
    document.getElementById(room).hidden = room !== name;
    document.querySelector(`nav a[href="#${room}"]`).toggleAttribute("aria-current", room === name);
  }
  if (name === "watch" && ready) watch.refresh();
}

// ---- the queue

function queue() {
  const open = allJobs().filter(job => !isOver(job));
  const running = open.find(job => job.state === "running");
  show(document.getElementById("queue"), open.length > 0 && h("details", {class: "queue"},
    h("summary", {}, h("progress", {max: running?.steps || 1, value: running?.steps ? running.step : undefined}),
      h("span", {}, running ? running.title : "waiting", open.length > 1 ? ` and ${open.length - 1} waiting` : "")),
    h("ul", {}, open.map(job => h("li", {},
      h("span", {}, job.title, h("span", {class: "hint"}, job.state === "queued" ? " waits" : ` ${job.message || `step ${job.step} of ${job.steps}`}`)),
      h("button", {type: "button", class: "quiet", onclick: () => stop(job)}, "Stop"))))));
}

let drawn = 0;
onJob((job, kind) => {
  if (kind === "state" || kind === "known") {
    const keepsOpen = document.querySelector("#queue details")?.open;
    const now = performance.now();
    if (isOver(job) || job.step === 0 || now - drawn > 150) { // steps come faster than anyone reads
      drawn = now;
      queue();
      if (keepsOpen && document.querySelector("#queue details")) document.querySelector("#queue details").open = true;
    }
  }
  if (kind === "state" && job.state === "failed") toast(job.message, true);
});

// ---- light or dark

const theme = document.getElementById("theme");
const dress = () => {
  const said = localStorage.getItem("sfumato-theme");
  if (said) document.documentElement.dataset.theme = said; else delete document.documentElement.dataset.theme;
};
theme.addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("sfumato-theme", dark ? "light" : "dark");
  dress();
});

dress();
addEventListener("hashchange", enter);
enter();
stage.begin();
await tried(form.begin);
watch.begin();
look.begin();
ready = true;
enter();
await gallery.load();
if (gallery.newest()) stage.view(gallery.newest());
listen();
