/**
 * Arrays of a safetensors file: 8 bytes of length, a header in JSON, the numbers.
 *
 * Kinds F32, F16, I32 and I8. An I8 array has a companion named `NAME:scale`, F32, one number for each
 * column: the values are numbers times scales.
 */

export interface Tensor {
  shape: number[];
  values: Float32Array;
}

export interface Tensors {
  /** What the file says of itself. */
  about: Record<string, string>;
  arrays: Record<string, Tensor>;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const BYTES: Record<string, number> = { F32: 4, F16: 2, I32: 4, I8: 1 };
const LONGEST = 1e6; // bytes of a header

/** Read a file; throws what is wrong with it, in words. */
export function tensors(bytes: ArrayBuffer): Tensors {
  const view = new DataView(bytes);
  const size = bytes.byteLength < 8 ? LONGEST + 1 : Number(view.getBigUint64(0, true));
  if (size > Math.min(LONGEST, bytes.byteLength - 8)) throw new Error("It is no safetensors file.");
  let header: Record<string, Entry>;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, size)));
  } catch {
    throw new Error("Its header is damaged.");
  }
  const { __metadata__: about = {}, ...entries } = header as unknown as Record<string, never>;
  const raw = Object.fromEntries(
    Object.entries(entries as Record<string, Entry>).map(([name, entry]) => [name, numbers(name, entry, view, 8 + size)]),
  );
  const arrays: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(raw)) {
    if (!name.endsWith(":scale")) arrays[name] = scaled(tensor, raw[`${name}:scale`]);
  }
  return { about, arrays };
}

function numbers(name: string, { dtype, shape, data_offsets: [from, to] }: Entry, view: DataView, start: number): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  const fits = dtype in BYTES && to - from === count * BYTES[dtype] && from >= 0 && start + to <= view.byteLength;
  if (!fits) throw new Error(`Its array ${JSON.stringify(name.slice(0, 40))} is damaged.`);
  const at = start + from;
  const one: Record<string, (i: number) => number> = {
    F32: (i) => view.getFloat32(at + 4 * i, true),
    F16: (i) => half(view.getUint16(at + 2 * i, true)),
    I32: (i) => view.getInt32(at + 4 * i, true),
    I8: (i) => view.getInt8(at + i),
  };
  return { shape, values: Float32Array.from({ length: count }, (_, i) => one[dtype](i)) };
}

function scaled(tensor: Tensor, scale?: Tensor): Tensor {
  if (!scale) return tensor;
  const columns = scale.values.length;
  return { shape: tensor.shape, values: tensor.values.map((value, i) => value * scale.values[i % columns]) };
}

/** A number of 16 bits: 1 for the sign, 5 for the exponent, 10 for the rest. */
function half(bits: number): number {
  const [sign, exponent, rest] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
}
