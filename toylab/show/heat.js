// Heat maps on canvases: values as float32 in base64, frame by frame, panel by panel.
(() => {
  const root = document.currentScript.parentElement;
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const bytes = Uint8Array.from(atob(data.values), (c) => c.charCodeAt(0));
  const values = new Float32Array(bytes.buffer);
  const [frames, panels, rows, columns] = data.shape;
  const told = root.querySelector("output");
  const slider = root.querySelector("input");
  let frame = frames - 1;
  const at = (p, r, c) => values[((frame * panels + p) * rows + r) * columns + c];
  const mix = (a, b, t) => a.map((x, i) => Math.round(x + (b[i] - x) * t));
  const colour = (v) => {
    if (!Number.isFinite(v)) return [210, 210, 210];
    const t = Math.min(1, Math.max(0, (v - data.low) / (data.high - data.low || 1)));
    const ramp = data.ramp, x = t * (ramp.length - 1), i = Math.min(ramp.length - 2, Math.floor(x));
    return mix(ramp[i], ramp[i + 1], x - i);
  };
  const number = (v) => (Number.isFinite(v) ? String(Number(v.toPrecision(3))) : "no number");
  const say = (p, r, c) => {
    const panel = data.panels[p] ? data.panels[p] + ": " : "";
    const step = data.frames[frame] ? ", " + data.frames[frame] : "";
    told.textContent =
      `${panel}${data.rows[r]} ${data.joined} ${data.columns[c]}: ${number(at(p, r, c))}${step}`;
  };
  const canvases = [...root.querySelectorAll("canvas")];
  const places = canvases.map(() => [rows - 1, 0]);
  const draw = () => {
    canvases.forEach((canvas, p) => {
      const pen = canvas.getContext("2d");
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) {
          pen.fillStyle = `rgb(${colour(at(p, r, c)).join(",")})`;
          pen.fillRect(c, r, 1, 1);
        }
    });
    root.dataset.drawn = String(frame);
  };
  canvases.forEach((canvas, p) => {
    const show = (r, c) => {
      places[p] = [Math.min(rows - 1, Math.max(0, r)), Math.min(columns - 1, Math.max(0, c))];
      say(p, ...places[p]);
    };
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      show(
        Math.floor(((event.clientY - box.top) / box.height) * rows),
        Math.floor(((event.clientX - box.left) / box.width) * columns),
      );
    });
    canvas.addEventListener("focus", () => say(p, ...places[p]));
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      show(places[p][0] + move[0], places[p][1] + move[1]);
    });
  });
  if (slider)
    slider.addEventListener("input", () => {
      frame = Number(slider.value);
      root.querySelector("label span").textContent = data.frames[frame];
      draw();
    });
  draw();
})();
