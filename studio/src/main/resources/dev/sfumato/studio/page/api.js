// Talks to the studio.
import {toast} from "./dom.js";

async function answer(response) {
  const value = await response.json();
  if (!response.ok) throw new Error(value.error);
  return value;
}

export const get = async path => answer(await fetch(path));
export const post = async (path, value) => answer(await fetch(path, {method: "POST", body: JSON.stringify(value ?? {})}));
export const send = async (path, file) => answer(await fetch(path, {method: "POST", body: file}));
export const remove = async path => answer(await fetch(path, {method: "DELETE"}));

/** Runs something; what goes wrong is shown in one line. */
export async function tried(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message === "Failed to fetch" ? "The studio does not answer: is it still running?" : error.message, true);
    return null;
  }
}

// ---- jobs

const jobs = new Map();
const listeners = new Set();

/** Calls listener(job, kind) for each news of a job. */
export const onJob = listener => listeners.add(listener);
export const allJobs = () => [...jobs.values()];
export const stop = job => tried(() => post(`/api/jobs/${job.id}/stop`));
export const isOver = job => !["queued", "running"].includes(job.state);

/** Waits for the end of a job; fails if it failed. */
export function ended(id) {
  return new Promise((done, failed) => {
    const look = job => {
      if (job.id !== id || !isOver(job)) return;
      listeners.delete(look);
      if (job.state === "done") done(job); else failed(new Error(job.message || "stopped"));
    };
    listeners.add(look);
    if (jobs.has(id)) look(jobs.get(id));
  });
}

function news(id, kind, change) {
  const job = jobs.get(id);
  if (!job) return;
  change(job);
  listeners.forEach(listener => listener(job, kind));
}

export function listen() {
  const events = new EventSource("/api/events");
  const on = (name, use) => events.addEventListener(name, event => use(JSON.parse(event.data)));
  on("jobs", all => {
    jobs.clear();
    all.forEach(job => jobs.set(job.id, job));
    all.forEach(job => listeners.forEach(listener => listener(job, "known")));
    document.body.classList.remove("alone");
  });
  on("job", job => {
    if (!jobs.has(job.id)) jobs.set(job.id, {pictures: [], losses: []});
    news(job.id, "state", known => Object.assign(known, job));
  });
  on("pictures", ({job, pictures}) => news(job, "pictures", known => known.pictures = pictures));
  on("losses", ({job, at, losses}) => news(job, "losses", known => known.losses[at] = losses));
  events.onerror = () => document.body.classList.add("alone");
}
