// The format of messages: see keras_qd/live/messages.py.

export function pack(header, field) {
  let text = JSON.stringify(header);
  let bytes = new TextEncoder().encode(text);
  bytes = new TextEncoder().encode(text + " ".repeat((4 - (bytes.length % 4)) % 4));
  const body = field ? new Uint8Array(field.buffer, field.byteOffset, field.byteLength) : new Uint8Array(0);
  const message = new Uint8Array(4 + bytes.length + body.length);
  new DataView(message.buffer).setUint32(0, bytes.length, true);
  message.set(bytes, 4);
  message.set(body, 4 + bytes.length);
  return message;
}

export function unpack(buffer, nPixels) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const values = new Float32Array(buffer, 4 + length);
  const size = nPixels * nPixels;
  header.fields = [];
  for (let start = 0; start + size <= values.length; start += size) header.fields.push(values.subarray(start, start + size));
  return header;
}
