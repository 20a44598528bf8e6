// What part of a drawing is seen, and how large: panning, zooming, fitting.

const SMALLEST = 0.02;
const LARGEST = 3;
const READABLE = 0.62;
const MARGIN = 28;

export class Viewport {
  constructor(svg, layer, onChange) {
    this.svg = svg;
    this.layer = layer;
    this.onChange = onChange;
    this.x = 0;
    this.y = 0;
    this.scale = 1;
    this.pointers = new Map();
    this.moved = false;
    this.listen();
  }

  get size() {
    return { width: this.svg.clientWidth || 1, height: this.svg.clientHeight || 1 };
  }

  set(x, y, scale, smooth = false) {
    [this.x, this.y, this.scale] = [x, y, Math.min(LARGEST, Math.max(SMALLEST, scale))];
    this.layer.classList.toggle("smooth", smooth);
    this.layer.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.svg.classList.toggle("far", this.scale < 0.4);
    this.onChange(this.scale);
  }

  zoom(factor, x = this.size.width / 2, y = this.size.height / 2) {
    const scale = Math.min(LARGEST, Math.max(SMALLEST, this.scale * factor));
    const ratio = scale / this.scale;
    this.set(x - (x - this.x) * ratio, y - (y - this.y) * ratio, scale);
  }

  pan(dx, dy) {
    this.set(this.x + dx, this.y + dy, this.scale);
  }

  // The whole drawing.
  fit(width, height) {
    const { size } = this;
    const scale = Math.min(1, (size.width - 2 * MARGIN) / width, (size.height - 2 * MARGIN) / height);
    this.set((size.width - width * scale) / 2, Math.max(MARGIN, (size.height - height * scale) / 2), scale, true);
  }

  // The beginning of a drawing, as large as can be read.
  start(width, height) {
    const { size } = this;
    const scale = Math.max(READABLE, Math.min(1, (size.width - 2 * MARGIN) / width, (size.height - 2 * MARGIN) / height));
    this.set((size.width - width * scale) / 2, MARGIN, scale);
  }

  // Moves a box into view, and no more than that unless it is too small to be read.
  show(box, centred = false) {
    const { size } = this;
    const scale = Math.max(this.scale, READABLE);
    const [left, top] = [box.x * this.scale + this.x, box.y * this.scale + this.y];
    const inside = left >= 8 && top >= 8 && left + box.width * this.scale <= size.width - 8 && top + box.height * this.scale <= size.height - 8;
    if (inside && scale === this.scale && !centred) return;
    const fits = box.height * scale < size.height - 2 * MARGIN;
    const y = fits ? (size.height - box.height * scale) / 2 : MARGIN;
    const x = (size.width - box.width * scale) / 2;
    this.set(x - box.x * scale, y - box.y * scale, scale, true);
  }

  listen() {
    const { svg } = this;
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const bounds = svg.getBoundingClientRect();
      const lines = event.deltaMode === 1 ? 30 : 1;
      this.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX - bounds.left, event.clientY - bounds.top);
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      this.moved = false;
    });
    svg.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      svg.addEventListener(end, (event) => {
        this.pointers.delete(event.pointerId);
        svg.classList.remove("dragging");
      });
    }
  }

  // One pointer pans, two zoom.
  drag(event) {
    const held = this.pointers.get(event.pointerId);
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    if (!this.moved && Math.hypot(dx, dy) < 4) return; // a click that trembles
    if (!this.moved) this.svg.setPointerCapture(event.pointerId);
    this.moved = true;
    this.svg.classList.add("dragging");
    const others = [...this.pointers.entries()].filter(([id]) => id !== event.pointerId);
    if (others.length) {
      const [, other] = others[0];
      const bounds = this.svg.getBoundingClientRect();
      const before = Math.hypot(held.x - other.x, held.y - other.y) || 1;
      const after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      this.zoom(after / before, (event.clientX + other.x) / 2 - bounds.left, (event.clientY + other.y) / 2 - bounds.top);
    } else this.pan(dx, dy);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }
}
