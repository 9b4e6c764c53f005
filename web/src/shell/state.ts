/**
 * The setting of a page in its address, so that a lesson can link to it:
 * `#/superposition?density=0.1&features=7`.
 *
 * What an address says wrongly is left at its default, and said in words.
 */

export interface NumberField {
  kind: "number";
  label: string;
  low: number;
  high: number;
  start: number;
  /** Distance of neighbours; on a log scale their ratio decides, see `log`. */
  step: number;
  log?: boolean;
  /** What 0 is called. */
  zero?: string;
}

export interface ChoiceField {
  kind: "choice";
  label: string;
  of: Record<string, string>;
  start: string;
}

export type Schema = Record<string, NumberField | ChoiceField>;
export type Values<S extends Schema = Schema> = {
  [K in keyof S]: S[K] extends NumberField ? number : string;
};

export interface Read<S extends Schema> {
  values: Values<S>;
  problems: string[];
}

/** Declare a number: whole where `step` is 1. */
export function number(
  label: string,
  low: number,
  high: number,
  start: number,
  step = 1,
  log = false,
): NumberField {
  return { kind: "number", label, low, high, start, step, log };
}

/** Declare a choice among names, each with what the page calls it. */
export function choice(label: string, start: string, of: Record<string, string>): ChoiceField {
  return { kind: "choice", label, of, start };
}

/** The defaults of a schema. */
export function defaults<S extends Schema>(schema: S): Values<S> {
  const pairs = Object.entries(schema).map(([name, field]) => [name, field.start]);
  return Object.fromEntries(pairs) as Values<S>;
}

/** Split an address into the page that it names and what it sets. */
export function split(hash: string): { page: string; query: URLSearchParams } {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { page: path, query: new URLSearchParams(query) };
}

/** Read settings from a query. */
export function read<S extends Schema>(query: URLSearchParams, schema: S): Read<S> {
  const values: Record<string, number | string> = defaults(schema);
  const problems: string[] = [];
  for (const [name, said] of query) {
    const field = schema[name];
    const told = JSON.stringify(said.slice(0, 40));
    if (!field) {
      problems.push(`This page has no setting ${JSON.stringify(name.slice(0, 40))}.`);
    } else if (field.kind === "choice") {
      if (said in field.of) values[name] = said;
      else problems.push(`${field.label} cannot be ${told}: it is ${Object.keys(field.of).join(" or ")}.`);
    } else {
      const value = said.trim() === "" ? NaN : Number(said);
      const whole = field.step === 1 && !field.log;
      const fits = value >= field.low && value <= field.high && (!whole || Number.isInteger(value));
      if (fits) values[name] = value;
      else {
        const kind = whole ? "a whole number" : "a number";
        problems.push(`${field.label} cannot be ${told}: it is ${kind} from ${field.low} to ${field.high}.`);
      }
    }
  }
  return { values: values as Values<S>, problems };
}

/** Write an address: what is at its default is left out. */
export function write<S extends Schema>(page: string, values: Values<S>, schema: S): string {
  const query = new URLSearchParams();
  for (const [name, field] of Object.entries(schema)) {
    const value = values[name];
    if (value !== field.start) query.set(name, typeof value === "number" ? short(value) : String(value));
  }
  const text = query.toString();
  return `#/${page}${text ? `?${text}` : ""}`;
}

/** A number in few digits, as people write it. */
export function short(value: number, digits = 3): string {
  return String(Number(value.toPrecision(digits)));
}
