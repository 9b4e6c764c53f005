/** How many steps are due at the chosen speed, and how many are taken in fact. */

const WINDOW = 1000; // ms over which the rate is taken

export class Pace {
  private speed = Infinity;
  private owed = 0;
  private paid = performance.now();
  private times: number[] = [];

  /** Choose steps per second; Infinity is as fast as it goes. */
  set(stepsPerSecond: number): void {
    this.speed = stepsPerSecond;
    this.restart();
  }

  /** Forget what was owed; the first step is due at once. */
  restart(): void {
    this.owed = 1;
    this.paid = performance.now();
    this.times = [];
  }

  /** Whether a step is due now. */
  due(): boolean {
    if (this.speed === Infinity) return true;
    const now = performance.now();
    // At most half a second's worth is owed: after a pause of the tab nothing rushes.
    const most = Math.max(1, this.speed / 2);
    this.owed = Math.min(most, this.owed + ((now - this.paid) / 1000) * this.speed);
    this.paid = now;
    return this.owed >= 1;
  }

  /** Note that a step was taken. */
  took(): void {
    this.owed -= 1;
    this.times.push(performance.now());
  }

  /** Steps per second lately. */
  rate(): number {
    const now = performance.now();
    this.times = this.times.filter((time) => now - time < WINDOW || this.speed < 4);
    if (this.speed < 4) return Math.min(this.speed, this.times.length);
    return (1000 * this.times.length) / WINDOW;
  }

  /** Milliseconds until it is worth looking again. */
  wait(): number {
    if (this.speed === Infinity) return 0;
    return Math.min(100, Math.max(0, (1000 * (1 - this.owed)) / this.speed));
  }
}
