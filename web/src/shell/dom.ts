/** Building the page: elements by name, with attributes, listeners and children. */

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | EventListener>;

/** Make an element: `h("button", { type: "button", onclick: go }, "Go")`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, String(value));
    }
  }
  fill(element, ...children);
  return element;
}

/** Put children at the end of an element. */
export function fill(element: Element, ...children: Child[]): void {
  for (const child of children) if (child) element.append(child);
}

/** A name for an element that another one points to. */
export function fresh(prefix: string): string {
  count += 1;
  return `${prefix}-${count}`;
}

let count = 0;

/** Call at most once in `wait` ms, the last time included. */
export function calmly<T extends unknown[]>(wait: number, f: (...args: T) => void): (...args: T) => void {
  let timer: number | undefined;
  let latest: T;
  let last = -Infinity;
  return (...args) => {
    latest = args;
    if (timer !== undefined) return;
    timer = window.setTimeout(
      () => {
        timer = undefined;
        last = performance.now();
        f(...latest);
      },
      Math.max(0, last + wait - performance.now()),
    );
  };
}
