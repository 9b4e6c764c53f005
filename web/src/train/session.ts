/** The page's side of training: one worker, shared by all pages, one population at a time. */

import type { Engine, Look, Settings, ToPage, ToWorker } from "./protocol";

export interface Hears {
  made(engine: Engine, webgpu: boolean): void;
  frame(step: number, rate: number, look: Look): void;
  failed(message: string): void;
}

let worker: Worker | null = null;
let serial = 0;

/** A population that trains. */
export class Session {
  private id = 0;
  private raf = 0;
  private closed = false;

  constructor(
    private readonly world: string,
    private readonly hears: Hears,
    private readonly engine: Engine,
  ) {}

  /** Start a population; what trained before is forgotten. */
  make(settings: Settings): void {
    if (this.closed) return;
    this.id = serial += 1;
    const started = this.worker();
    if (started) this.send({ type: "make", id: this.id, world: this.world, settings, engine: this.engine });
  }

  set(settings: Settings): void {
    this.send({ type: "set", settings });
  }

  play(on: boolean): void {
    this.send({ type: "play", on });
  }

  step(): void {
    this.send({ type: "step" });
  }

  speed(stepsPerSecond: number): void {
    this.send({ type: "speed", stepsPerSecond });
  }

  /** Stop, and hear no more. */
  close(): void {
    this.play(false);
    this.closed = true;
    cancelAnimationFrame(this.raf);
  }

  private send(message: ToWorker): void {
    worker?.postMessage(message);
  }

  /** The worker, listening to this session from now on; false where none can be had. */
  private worker(): boolean {
    try {
      worker ??= new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "train" });
    } catch (error) {
      this.hears.failed(`This browser starts no worker (${String(error)}).`);
      return false;
    }
    worker.onmessage = ({ data }: MessageEvent<ToPage>) => this.take(data);
    worker.onerror = (event) => {
      this.hears.failed(event.message || "The training code could not be loaded.");
    };
    return true;
  }

  private take(data: ToPage): void {
    if (this.closed) return;
    if (data.type === "failed") this.hears.failed(data.message);
    else if (data.id !== this.id) {
      if (data.type === "frame") this.send({ type: "drawn" });
    } else if (data.type === "made") this.hears.made(data.engine, data.webgpu);
    else {
      this.hears.frame(data.step, data.rate, data.look);
      this.raf = requestAnimationFrame(() => this.send({ type: "drawn" }));
    }
  }
}
