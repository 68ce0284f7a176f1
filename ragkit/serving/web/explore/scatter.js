// Points of a plane, drawn with WebGL, so that 100,000 of them stay smooth; without WebGL, with a
// 2-D canvas. Coordinates run from -1 to 1. Knows no passages and no DOM but its canvas.

const VERTEX = `#version 300 es
in vec2 place; in vec4 color; out vec4 shade;
uniform vec2 center; uniform vec2 scale; uniform float size;
void main() { gl_Position = vec4((place - center) * scale, 0.0, 1.0); gl_PointSize = size; shade = color; }`;
const FRAGMENT = `#version 300 es
precision mediump float; in vec4 shade; out vec4 drawn;
void main() {
  float far = length(gl_PointCoord - 0.5);
  if (far > 0.5) discard;
  drawn = vec4(shade.rgb, shade.a * smoothstep(0.5, 0.4, far));
}`;
const PER_CELL = 4; // points, about
const MAX_ZOOM = 400;

/** Returns a drawing on `canvas` of points with the coordinates `x` and `y` (any numbers). */
export function scatter(canvas, x, y) {
  const count = x.length;
  const places = normalise(x, y);
  const colors = new Uint8Array(4 * count);
  const grid = makeGrid(places);
  const view = { x: 0, y: 0, zoom: 1 };
  let marked = new Uint32Array(0); // points that are drawn last and larger
  let isAsked = false;
  const paint = withWebGL(canvas, places, colors) ?? withCanvas(canvas, places, colors);
  const baseSize = Math.min(9, Math.max(2.5, 160 / Math.sqrt(count || 1)));

  // Pixels of CSS for one unit; the shorter side shows the whole square at zoom 1.
  const unit = () => (Math.min(canvas.clientWidth, canvas.clientHeight) / 2) * 0.95 * view.zoom;
  const toPlane = (left, top) => [
    view.x + (left - canvas.clientWidth / 2) / unit(), view.y - (top - canvas.clientHeight / 2) / unit()];

  function draw() {
    isAsked = false;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    paint(view, unit() * ratio, baseSize * ratio * Math.min(3, view.zoom ** 0.35), marked);
  }

  return {
    places,
    view,
    /** Draws the points again, once before the next frame. */
    draw() {
      if (!isAsked) requestAnimationFrame(draw);
      isAsked = true;
    },
    /** Gives each point a color, `colorOf(index)` as [red, green, blue, alpha] of 0 to 255; those in `last` are drawn over the others. */
    color(colorOf, last = []) {
      for (let index = 0; index < count; index += 1) colors.set(colorOf(index), 4 * index);
      marked = Uint32Array.from(last);
      paint.changed();
      this.draw();
    },
    /** Returns the point nearest to a place of the canvas in pixels, within `radius`; -1 if there is none. */
    nearest(left, top, radius = 12) {
      return grid(...toPlane(left, top), radius / unit());
    },
    /** Returns where a point is on the canvas, in pixels. */
    at(index) {
      return [(places[2 * index] - view.x) * unit() + canvas.clientWidth / 2, canvas.clientHeight / 2 - (places[2 * index + 1] - view.y) * unit()];
    },
    /** Moves the picture by pixels. */
    pan(right, down) {
      view.x = clamp(view.x - right / unit(), -1, 1);
      view.y = clamp(view.y + down / unit(), -1, 1);
      this.draw();
    },
    /** Zooms; what is at (`left`, `top`) stays there. */
    zoom(factor, left = canvas.clientWidth / 2, top = canvas.clientHeight / 2) {
      const [x0, y0] = toPlane(left, top);
      view.zoom = clamp(view.zoom * factor, 1, MAX_ZOOM);
      const [x1, y1] = toPlane(left, top);
      view.x = clamp(view.x + x0 - x1, -1, 1);
      view.y = clamp(view.y + y0 - y1, -1, 1);
      this.draw();
    },
    /** Shows all points. */
    reset() {
      Object.assign(view, { x: 0, y: 0, zoom: 1 });
      this.draw();
    },
  };
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Returns x and y in turn, moved and scaled alike into the square from -1 to 1. */
function normalise(x, y) {
  const bounds = [x, y].map((values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]));
  const half = Math.max(...bounds.map(([low, high]) => high - low)) / 2 || 1;
  const places = new Float32Array(2 * x.length);
  [x, y].forEach((values, axis) => {
    const middle = (bounds[axis][0] + bounds[axis][1]) / 2;
    for (let index = 0; index < values.length; index += 1) places[2 * index + axis] = (values[index] - middle) / half;
  });
  return places;
}

/** Returns a function that finds the point nearest to a place, by cells of a grid. */
function makeGrid(places) {
  const count = places.length / 2;
  const side = Math.max(1, Math.min(512, Math.floor(Math.sqrt(count / PER_CELL))));
  const cell = (value) => clamp(Math.floor(((value + 1) / 2) * side), 0, side - 1);
  const starts = new Uint32Array(side * side + 1);
  const cellOf = (index) => cell(places[2 * index + 1]) * side + cell(places[2 * index]);
  for (let index = 0; index < count; index += 1) starts[cellOf(index) + 1] += 1;
  for (let at = 0; at < side * side; at += 1) starts[at + 1] += starts[at];
  const order = new Uint32Array(count);
  const next = starts.slice();
  for (let index = 0; index < count; index += 1) order[next[cellOf(index)]++] = index;
  return (x, y, radius) => {
    let [best, least] = [-1, radius * radius];
    for (let row = cell(y - radius); row <= cell(y + radius); row += 1) {
      for (let at = starts[row * side + cell(x - radius)]; at < starts[row * side + cell(x + radius) + 1]; at += 1) {
        const index = order[at];
        const distance = (places[2 * index] - x) ** 2 + (places[2 * index + 1] - y) ** 2;
        if (distance <= least) [best, least] = [index, distance];
      }
    }
    return best;
  };
}

function withWebGL(canvas, places, colors) {
  const gl = canvas.getContext("webgl2", { antialias: false });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  const attribute = (name, size, type, data) => {
    const buffer = gl.createBuffer();
    const at = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, type === gl.UNSIGNED_BYTE, 0, 0);
    return buffer;
  };
  attribute("place", 2, gl.FLOAT, places);
  const colorBuffer = attribute("color", 4, gl.UNSIGNED_BYTE, colors);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.enable(gl.BLEND);
  gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const uniform = (name) => gl.getUniformLocation(program, name);
  const [center, scale, pointSize] = ["center", "scale", "size"].map(uniform);
  function paint(view, unit, size, marked) {
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(center, view.x, view.y);
    gl.uniform2f(scale, (2 * unit) / canvas.width, (2 * unit) / canvas.height);
    gl.uniform1f(pointSize, size);
    gl.drawArrays(gl.POINTS, 0, places.length / 2);
    if (!marked.length) return;
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, marked, gl.DYNAMIC_DRAW);
    gl.uniform1f(pointSize, Math.max(2 * size, 10));
    gl.drawElements(gl.POINTS, marked.length, gl.UNSIGNED_INT, 0);
  }
  paint.changed = () => {
    gl.bindBuffer(gl.ARRAY_BUFFER, colorBuffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, colors);
  };
  return paint;
}

function withCanvas(canvas, places, colors) {
  const context = canvas.getContext("2d");
  function paint(view, unit, size, marked) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    const dot = (index, side) => {
      const [red, green, blue, alpha] = colors.subarray(4 * index, 4 * index + 4);
      context.fillStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
      context.fillRect((places[2 * index] - view.x) * unit + canvas.width / 2 - side / 2,
        canvas.height / 2 - (places[2 * index + 1] - view.y) * unit - side / 2, side, side);
    };
    for (let index = 0; index < places.length / 2; index += 1) dot(index, size);
    for (const index of marked) dot(index, Math.max(2 * size, 10));
  }
  paint.changed = () => {};
  return paint;
}
