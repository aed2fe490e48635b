// A place to drop the pictures of a data set: an archive as it is, or a folder, which is sent as one.
import {send, tried} from "./api.js";
import {drop, toast} from "./dom.js";

const MOST = 2 * 2 ** 30; // as the studio takes
const USED = /\.(png|jpe?g|gif|bmp|webp|txt|csv|jsonl|parquet)$/i;
const BLOCK = 512;

/** Calls ondata with the name of what was sent. */
export const dataDrop = ondata => drop("or drop a folder or a zip of pictures", file => tried(async () => {
  if (file.size > MOST) throw new Error("the pictures are too large: at most 2048 MB");
  toast("Sending the pictures …");
  const {data} = await send("/api/data", file);
  toast("They are there.");
  ondata(data);
}), ".zip,.tar,.tgz", transfer => tried(() => packed(transfer)));

/** Returns the archive that was dropped, or one of the pictures and folders that were. */
async function packed({items, files}) {
  const entries = [...items].map(item => item.webkitGetAsEntry()).filter(entry => entry);
  if (entries.length === 1 && entries[0].isFile && !USED.test(entries[0].name)) return files[0];
  const found = (await Promise.all(entries.map(below))).flat();
  if (!found.length) throw new Error("the folder has no pictures");
  return tar(found);
}

/** Returns the files in an entry that a data set uses, with their paths. */
async function below(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    if (!USED.test(entry.name)) return [];
    return [{path: entry.fullPath.slice(1), file: await new Promise((done, failed) => entry.file(done, failed))}];
  }
  const reader = entry.createReader();
  const all = [];
  for (let some = [null]; some.length;) { // it gives a hundred at a time
    some = await new Promise((done, failed) => reader.readEntries(done, failed));
    for (const one of some) all.push(...await below(one));
  }
  return all;
}

/** Puts files into a tar archive; the browser reads them only as it sends them. */
function tar(found) {
  const parts = [];
  const add = (name, type, size, content) => parts.push(header(name, type, size), content, new Uint8Array((BLOCK - size % BLOCK) % BLOCK));
  for (const {path, file} of found) {
    const name = new TextEncoder().encode(path);
    if (name.length > 100) add(new TextEncoder().encode("././@LongLink"), "L", name.length, name);
    add(name.slice(0, 100), "0", file.size, file);
  }
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}

function header(name, type, size) {
  const block = new Uint8Array(BLOCK);
  const put = (text, at) => block.set(new TextEncoder().encode(text), at);
  block.set(name, 0);
  put("0000644\0" + "0000000\0".repeat(2) + size.toString(8).padStart(11, "0") + "\0" + "0".repeat(11) + "\0" + " ".repeat(8) + type, 100);
  put("ustar\0" + "00", 257);
  put(block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0 ", 148);
  return block;
}
