/** A shipped run: one file, from which everything is answered here, as the local server answers of a folder. */

import { tensors, type Tensor } from "../inside/tensors";
import type { About, Claim, Curves, Group, Leaf, Members, Query, Source } from "./api";

/** The file's text: what is known of the run beside its arrays. */
interface Told {
  run: About;
  claims: Claim[];
  members: Record<string, Members>;
  curves: Record<string, { groups: { value: number | null; n: number }[]; thinned: boolean }>;
  params: Record<string, Omit<Leaf, "norm" | "values">[]>;
  figures: Record<string, string>;
}

/** Fetch an example; throws what is wrong with it, in words. */
export async function example(path: string): Promise<Source> {
  const answer = await fetch(path).catch(() => null);
  if (!answer?.ok) throw new Error(`${path} is not beside this page.`);
  return from(await answer.arrayBuffer());
}

/** Read an example from its bytes. */
export function from(bytes: ArrayBuffer): Source {
  const { about, arrays } = tensors(bytes);
  const told = parsed(about.told);
  const array = (name: string): Tensor => {
    if (!arrays[name]) throw new Error(`It holds no ${JSON.stringify(name.slice(0, 60))}.`);
    return arrays[name];
  };
  const answers: Record<string, (query: Query) => unknown> = {
    run: () => told.run,
    claims: () => told.claims,
    members: ({ population }) => told.members[population],
    curves: ({ population, metric, by }) => curves(told, array, `${population}/${metric}`, String(by)),
    params: (query) => ({ leaves: params(told, array, query) }),
  };
  return {
    ask: async <T>(path: string, query: Query = {}): Promise<T> => answers[path](query) as T,
    figure: (name) => told.figures[name],
  };
}

function parsed(text: string | undefined): Told {
  let told: Told;
  try {
    told = JSON.parse(text ?? "");
  } catch {
    throw new Error("Its text is damaged.");
  }
  const parts = ["run", "claims", "members", "curves", "params", "figures"];
  const missing = parts.find((part) => typeof told?.[part as keyof Told] !== "object");
  if (missing) throw new Error(`Its text says nothing of its ${missing}.`);
  return told;
}

/** Rows of a matrix, what is not finite as null, as JSON has it. */
function rows({ values, shape }: Tensor): (number | null)[][] {
  const wide = shape.at(-1)!;
  const row = (i: number): (number | null)[] =>
    Array.from(values.subarray(i * wide, (i + 1) * wide), (value) => (Number.isFinite(value) ? value : null));
  return Array.from({ length: values.length / wide }, (_, i) => row(i));
}

function curves(told: Told, array: (name: string) => Tensor, metric: string, by: string): Curves {
  const { groups, thinned } = told.curves[`${metric}/${by}`];
  const ends = rows(array(`groups/${metric}/${by}`));
  return {
    steps: Array.from(array(`steps/${metric}/`).values),
    groups: groups.map((group, i): Group => {
      const [mean, low, high] = ends.slice(3 * i, 3 * i + 3);
      return { ...group, mean, low, high };
    }),
    members: rows(array(`lines/${metric}/`)),
    thinned,
  };
}

function params(told: Told, array: (name: string) => Tensor, { population, step, member }: Query): Leaf[] {
  const { steps, kept = [] } = told.run.populations[population];
  const at = steps.indexOf(Number(step)) * kept.length + kept.indexOf(Number(member));
  return told.params[population].map((leaf) => {
    const size = leaf.rows * leaf.columns;
    const { values } = array(`values/${population}/${leaf.name}`);
    return {
      ...leaf,
      norm: array(`norms/${population}/${leaf.name}`).values[at],
      values: Array.from(values.subarray(at * size, (at + 1) * size)),
    };
  });
}
