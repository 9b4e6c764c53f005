/** What the page and its worker say to each other. */

import type { Table } from "../numerics/arrays";

export type Engine = "wasm" | "webgpu";
export type Settings = Record<string, number | string>;
export type Look = Record<string, Table>;

export type ToWorker =
  | { type: "make"; id: number; world: string; settings: Settings; engine: Engine }
  | { type: "set"; settings: Settings }
  | { type: "play"; on: boolean }
  | { type: "step" }
  | { type: "speed"; stepsPerSecond: number }
  /** The page has drawn the last frame and can take another. */
  | { type: "drawn" };

export type ToPage =
  | { type: "made"; id: number; engine: Engine; webgpu: boolean }
  | { type: "frame"; id: number; step: number; rate: number; look: Look }
  | { type: "failed"; message: string };

/** A population in the worker. */
export interface Trainer {
  readonly step: number;
  /** Take a step. */
  advance(): void;
  /** Wait until the steps taken are done. */
  settle(): Promise<void>;
  /** Numbers for the page to draw. */
  look(): Promise<Look>;
  /** Change what can change without a new start. */
  set(settings: Settings): void;
  dispose(): void;
}

/** Makes a trainer from settings. */
export type Make = (settings: Settings) => Trainer;
