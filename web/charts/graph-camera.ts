/** Where a drawing is looked at from: pan and zoom, kept within the drawing. World units are the drawing's own pixels. */
const MIN_SCALE = 0.02;
const MAX_SCALE = 3;

export class Camera {
  x = 0;
  y = 0;
  scale = 1;
  #width = 1;
  #height = 1;

  constructor(
    readonly worldWidth: number,
    readonly worldHeight: number,
  ) {}

  /** The size of the window, in screen pixels. */
  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#keepInside();
  }

  /** All of it, as large as it goes. */
  fit(): void {
    this.scale = Math.min(this.#width / this.worldWidth, this.#height / this.worldHeight, 1);
    this.#keepInside();
  }

  /** All of it where it can still be read; else its beginning, at a size that can. */
  start(readable: number): void {
    this.fit();
    if (this.scale >= readable) return;
    this.scale = this.#clamp(Math.max(readable, Math.min(1, this.#width / this.worldWidth)));
    this.x = (this.worldWidth - this.#width / this.scale) / 2;
    this.y = 0;
    this.#keepInside();
  }

  /** `screenX`, `screenY`: the place that stays where it is. */
  zoom(factor: number, screenX = this.#width / 2, screenY = this.#height / 2): void {
    const scale = this.#clamp(this.scale * factor);
    this.x += screenX / this.scale - screenX / scale;
    this.y += screenY / this.scale - screenY / scale;
    this.scale = scale;
    this.#keepInside();
  }

  /** True when something moved. */
  pan(screenX: number, screenY: number): boolean {
    const { x, y } = this;
    this.x += screenX / this.scale;
    this.y += screenY / this.scale;
    this.#keepInside();
    return Math.abs(x - this.x) + Math.abs(y - this.y) > 0.01;
  }

  /** Brings a place into view, if it is not. */
  show(x: number, y: number, margin: number): void {
    const [w, h] = [this.#width / this.scale, this.#height / this.scale];
    if (x < this.x + margin || x > this.x + w - margin) this.x = x - w / 2;
    if (y < this.y + margin || y > this.y + h - margin) this.y = y - h / 2;
    this.#keepInside();
  }

  sees(left: number, top: number, right: number, bottom: number): boolean {
    return right >= this.x && bottom >= this.y && left <= this.x + this.#width / this.scale && top <= this.y + this.#height / this.scale;
  }

  get viewBox(): string {
    return `${this.x} ${this.y} ${this.#width / this.scale} ${this.#height / this.scale}`;
  }

  #clamp(scale: number): number {
    return Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));
  }

  #keepInside(): void {
    this.x = this.#inside(this.x, this.worldWidth, this.#width / this.scale);
    this.y = this.#inside(this.y, this.worldHeight, this.#height / this.scale);
  }

  /** A drawing smaller than the window stands in its middle. */
  #inside(at: number, world: number, window: number): number {
    return window >= world ? (world - window) / 2 : Math.min(world - window, Math.max(0, at));
  }
}
