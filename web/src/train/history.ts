/** Curves over training, as frames bring them; when there are too many points, every other one goes. */

const MOST = 2000;

export class History {
  steps: number[] = [];
  rows: Float32Array[] = [];

  /** Add a row of numbers at a step; an earlier step begins anew. */
  add(step: number, row: Float32Array): void {
    const last = this.steps.at(-1) ?? -1;
    if (step < last || (this.rows.length && row.length !== this.rows[0].length)) this.clear();
    if (step === this.steps.at(-1)) this.rows[this.rows.length - 1] = row;
    else {
      this.steps.push(step);
      this.rows.push(row);
    }
    if (this.steps.length > MOST) {
      this.steps = this.steps.filter((_, i) => i % 2 === 1);
      this.rows = this.rows.filter((_, i) => i % 2 === 1);
    }
  }

  /** One column of all rows. */
  column(i: number): number[] {
    return this.rows.map((row) => row[i]);
  }

  clear(): void {
    this.steps = [];
    this.rows = [];
  }
}
