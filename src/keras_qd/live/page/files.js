// Fields in .npy, .npz and .png files, read and written in the browser; no file reaches the server.

const MOST_BYTES = 64 * 2 ** 20;
const KINDS = {
  "<f4": ["getFloat32", 4], "<f8": ["getFloat64", 8], "|u1": ["getUint8", 1], "|i1": ["getInt8", 1],
  "<u2": ["getUint16", 2], "<i2": ["getInt16", 2], "<u4": ["getUint32", 4], "<i4": ["getInt32", 4],
};
const RANGE = "keras-qd range";

const latin = (bytes) => String.fromCharCode(...bytes);
const encoded = (text) => Uint8Array.from(text, (each) => each.charCodeAt(0));

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function writeNpy(field, n) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${n}, ${n}), }`;
  const header = encoded(text.padEnd(117) + "\n");
  const start = new Uint8Array([0x93, ...encoded("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  return joined([start, header, new Uint8Array(field.slice().buffer)]);
}

export function readNpy(bytes) {
  if (bytes.length < 12 || bytes[0] !== 0x93 || latin(bytes.subarray(1, 6)) !== "NUMPY") throw new Error("this is not a .npy file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = bytes[6] > 1;
  const start = long ? 12 : 10;
  const end = start + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = latin(bytes.subarray(start, end));
  const kind = /'descr': '([^']+)'/.exec(header)?.[1];
  const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1].split(",").filter((each) => each.trim()).map(Number);
  if (!KINDS[kind] || !shape) throw new Error("the .npy file holds no array of plain numbers");
  const sides = shape.filter((each, index) => !(each === 1 && (index === 0 || index === shape.length - 1)));
  if (sides.length !== 2 || sides[0] !== sides[1]) throw new Error(`the array must be square, its shape is (${shape.join(", ")})`);
  const [n] = sides;
  const [read, size] = KINDS[kind];
  if (bytes.length - end !== n * n * size) throw new Error("the .npy file is cut short");
  const turned = header.includes("'fortran_order': True");
  const values = new Float32Array(n * n);
  for (let at = 0; at < n * n; at++) values[turned ? (at % n) * n + Math.floor(at / n) : at] = view[read](end + at * size, true);
  return { values, n };
}

const CRC = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc(bytes) {
  let value = 0xffffffff;
  for (const each of bytes) value = CRC[(value ^ each) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

const little = (value, size) => Uint8Array.from({ length: size }, (_, index) => (value >>> (8 * index)) & 255);
const big = (value) => little(value, 4).reverse();

// A zip archive with one member, stored as it is.
export function writeNpz(field, n, name) {
  const content = writeNpy(field, n);
  const member = encoded(`${name}.npy`);
  const size = little(content.length, 4);
  const common = [little(0, 2), little(0, 2), little(0, 2), little(33, 2), little(crc(content), 4), size, size, little(member.length, 2), little(0, 2)];
  const local = joined([encoded("PK\x03\x04"), little(20, 2), ...common, member]);
  const central = joined([encoded("PK\x01\x02"), little(20, 2), little(20, 2), ...common, little(0, 2), little(0, 2), little(0, 2), little(0, 4), little(0, 4), member]);
  const end = joined([encoded("PK\x05\x06"), little(0, 4), little(1, 2), little(1, 2), little(central.length, 4), little(local.length + content.length, 4), little(0, 2)]);
  return joined([local, content, central, end]);
}

async function through(bytes, stream) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > MOST_BYTES) throw new Error("the file unfolds to more than 64 MB");
    parts.push(part.value);
  }
  return joined(parts);
}

// The first square array of an archive, preferably the one of a given name.
export async function readNpz(bytes, preferred) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error("this is not a .npz file");
  const members = [];
  let at = view.getUint32(end + 16, true);
  for (let index = 0; index < view.getUint16(end + 10, true); index++) {
    const length = view.getUint16(at + 28, true);
    const name = latin(bytes.subarray(at + 46, at + 46 + length));
    members.push({ name, method: view.getUint16(at + 10, true), size: view.getUint32(at + 20, true), local: view.getUint32(at + 42, true) });
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  members.sort((a, b) => (b.name === `${preferred}.npy`) - (a.name === `${preferred}.npy`));
  for (const { method, size, local } of members) {
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const packed = bytes.subarray(start, start + size);
    const content = method === 8 ? await through(packed, new DecompressionStream("deflate-raw")) : packed;
    try {
      return readNpy(content);
    } catch (error) {
      if (members.length === 1) throw error;
    }
  }
  throw new Error("the .npz file holds no square array");
}

function chunk(name, content) {
  const named = joined([encoded(name), content]);
  return joined([big(content.length), named, big(crc(named))]);
}

// Sixteen bits of grey a pixel, top row first; a text chunk holds the values of black and white.
export async function writePng(field, n) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of field) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const rows = new Uint8Array(n * (1 + 2 * n));
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const level = high > low ? Math.round((65535 * (field[(n - 1 - row) * n + column] - low)) / (high - low)) : 0;
      const at = row * (1 + 2 * n) + 1 + 2 * column;
      rows[at] = level >> 8;
      rows[at + 1] = level & 255;
    }
  }
  const packed = await through(rows, new CompressionStream("deflate"));
  const text = encoded(`${RANGE}\0${low} ${high}`);
  const head = joined([big(n), big(n), new Uint8Array([16, 0, 0, 0, 0])]);
  const start = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  return joined([start, chunk("IHDR", head), chunk("tEXt", text), chunk("IDAT", packed), chunk("IEND", new Uint8Array(0))]);
}

// A picture of this page gives its values back; any other its brightness, from 0 to `white`.
export async function readPng(bytes, n, white) {
  return (await readOwnPng(bytes)) ?? { values: await brightness(bytes, n, white), n };
}

async function readOwnPng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks = {};
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    chunks[latin(bytes.subarray(at + 4, at + 8))] ??= bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
  }
  const text = chunks.tEXt && latin(chunks.tEXt.subarray(0, 200));
  if (!text?.startsWith(`${RANGE}\0`) || !chunks.IDAT || chunks.IHDR?.[8] !== 16) return null;
  const n = new DataView(chunks.IHDR.buffer, chunks.IHDR.byteOffset).getUint32(0);
  const [low, high] = text.slice(RANGE.length + 1).split(" ").map(Number);
  const rows = await through(chunks.IDAT, new DecompressionStream("deflate"));
  if (rows.length !== n * (1 + 2 * n) || !Number.isFinite(low + high)) return null;
  const values = new Float32Array(n * n);
  for (let row = 0; row < n; row++) {
    if (rows[row * (1 + 2 * n)] !== 0) return null; // another program has written it anew
    for (let column = 0; column < n; column++) {
      const at = row * (1 + 2 * n) + 1 + 2 * column;
      values[(n - 1 - row) * n + column] = low + ((high - low) * (256 * rows[at] + rows[at + 1])) / 65535;
    }
  }
  return { values, n };
}

async function brightness(bytes, n, white) {
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(n, n);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, n, n);
  const { data } = pen.getImageData(0, 0, n, n);
  const values = new Float32Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const at = 4 * (row * n + column);
      const grey = 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
      values[(n - 1 - row) * n + column] = (white * grey * data[at + 3]) / 255 ** 2;
    }
  }
  return values;
}

// A field on another grid, by interpolation between pixel centres.
export function resampled({ values, n }, wanted) {
  if (n === wanted) return values;
  const found = new Float32Array(wanted * wanted);
  const at = (index) => {
    const there = Math.max(0, Math.min(n - 1, ((index + 0.5) * n) / wanted - 0.5));
    const low = Math.min(Math.floor(there), Math.max(n - 2, 0));
    return [low, Math.min(low + 1, n - 1), there - low];
  };
  for (let row = 0; row < wanted; row++) {
    const [low, high, up] = at(row);
    for (let column = 0; column < wanted; column++) {
      const [left, right, along] = at(column);
      found[row * wanted + column] =
        (1 - up) * ((1 - along) * values[low * n + left] + along * values[low * n + right]) +
        up * ((1 - along) * values[high * n + left] + along * values[high * n + right]);
    }
  }
  return found;
}

export async function readField(file, n, preferred, white) {
  if (file.size > MOST_BYTES) throw new Error("the file is larger than 64 MB");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const read = { npy: readNpy, npz: (each) => readNpz(each, preferred), png: (each) => readPng(each, n, white) }[file.name.split(".").pop().toLowerCase()];
  if (!read) throw new Error("load a .npy, .npz or .png file");
  const field = resampled(await read(bytes), n);
  if (!field.every(Number.isFinite)) throw new Error("the array holds values that are not finite");
  return field;
}

export async function writtenField(format, field, n, name) {
  return format === "npy" ? writeNpy(field, n) : format === "npz" ? writeNpz(field, n, name) : writePng(field, n);
}
