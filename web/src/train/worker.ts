/** The worker: trains while the page stays free, and sends a frame whenever one is wanted. */

import { startEngine } from "../numerics/arrays";
import { attention } from "../attention/trainer";
import { grokking } from "../grokking/trainer";
import { superposition } from "../superposition/trainer";
import { Pace } from "./pace";
import type { Make, ToPage, ToWorker, Trainer } from "./protocol";

const WORLDS: Record<string, Make> = { superposition, grokking, attention };
const BURST = 14; // ms of training between looks at the clock and the mail

let trainer: Trainer | null = null;
let wanted: (ToWorker & { type: "make" }) | null = null;
let id = 0;
let playing = false;
let steps = 0; // single steps asked for
let drawn = true; // the page is ready for a frame
let changed = false; // there is something new to draw
let busy = false;
let looked = 0; // when the last frame was made
let cost = 0; // ms that it took
const pace = new Pace();

const say = (message: ToPage, transfer: Transferable[] = []): void => {
  self.postMessage(message, { transfer });
};
const breathe = new MessageChannel(); // sooner than a timer, and lets mail through
breathe.port1.onmessage = () => void turn();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  switch (data.type) {
    case "make":
      wanted = data;
      steps = 0; // those asked for from here on are of the new population
      break;
    case "set":
      if (wanted) wanted.settings = { ...wanted.settings, ...data.settings };
      else trainer?.set(data.settings);
      changed = true;
      break;
    case "play":
      playing = data.on;
      changed = true;
      pace.restart();
      break;
    case "step":
      steps += 1;
      break;
    case "speed":
      pace.set(data.stepsPerSecond);
      break;
    case "drawn":
      drawn = true;
  }
  wake();
};

function wake(): void {
  if (!busy) breathe.port2.postMessage(null);
}

/** Do what is due: a new population, a burst of training, a frame. */
async function turn(): Promise<void> {
  if (busy) return;
  busy = true;
  try {
    if (wanted) await make(wanted);
    else if (trainer) await work(trainer);
  } catch (error) {
    playing = false;
    say({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
  busy = false;
  if (wanted || steps || (changed && drawn)) wake();
  else if (playing) setTimeout(wake, pace.wait());
}

async function make(data: ToWorker & { type: "make" }): Promise<void> {
  wanted = null;
  trainer?.dispose();
  trainer = null;
  const engine = await startEngine(data.engine);
  if (wanted) return; // another was asked for meanwhile
  trainer = WORLDS[data.world](data.settings);
  id = data.id;
  [drawn, changed] = [true, true];
  pace.restart();
  say({ type: "made", id, engine, webgpu: "gpu" in navigator });
}

async function work(current: Trainer): Promise<void> {
  const begin = performance.now();
  let taken = 0;
  const due = (): boolean => steps > 0 || (playing && pace.due());
  while (due() && (taken === 0 || performance.now() - begin < BURST)) {
    current.advance();
    if (steps > 0) steps -= 1;
    else pace.took();
    taken += 1;
  }
  if (taken) {
    await current.settle();
    changed = true;
  }
  const now = performance.now();
  // While it trains, at most a third of the time goes into looking.
  if (!drawn || !changed || (playing && taken && now - looked < 2 * cost)) return;
  [drawn, changed] = [false, false];
  const look = await current.look();
  looked = performance.now();
  cost = looked - now;
  const buffers = Object.values(look).map((table) => table.values.buffer as ArrayBuffer);
  say({ type: "frame", id, step: current.step, rate: pace.rate(), look }, buffers);
}
