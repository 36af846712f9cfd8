/** One sample as a small picture: grey or colour for [1|3,H,W]; any other shape is drawn as a curve of its values. */
import { css, html, LitElement, type TemplateResult } from 'lit';

const SIZE = 56;

export class SamplePicture extends LitElement {
  static override styles = css`canvas { width: 56px; height: 56px; image-rendering: pixelated; display: block; background: #000; }`;
  static override properties = { pixels: { attribute: false }, shape: { attribute: false }, words: {} };
  declare pixels: Float32Array;
  declare shape: number[];
  declare words: string;

  override render(): TemplateResult {
    return html`<canvas role="img" aria-label=${this.words}></canvas>`;
  }

  override updated(): void {
    const canvas = this.renderRoot.querySelector('canvas');
    const context = canvas?.getContext('2d');
    if (!canvas || !context || !this.pixels) return;
    const dims = this.shape.filter((d, i) => !(d === 1 && this.shape.length - i > 2));
    const [height = 1, width = 1] = dims.slice(-2);
    const channels = dims.length === 3 ? (dims[0] ?? 1) : 1;
    if (dims.length >= 2 && height > 3 && width > 3) this.#image(canvas, context, width, height, channels);
    else this.#curve(canvas, context);
  }

  #image(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, width: number, height: number, channels: number): void {
    canvas.width = width;
    canvas.height = height;
    const image = context.createImageData(width, height);
    const area = width * height;
    for (let i = 0; i < area; i++) {
      for (let c = 0; c < 3; c++) image.data[i * 4 + c] = 255 * (this.pixels[(channels >= 3 ? c : 0) * area + i] ?? 0);
      image.data[i * 4 + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  #curve(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D): void {
    canvas.width = SIZE;
    canvas.height = SIZE;
    const most = Math.max(1e-9, ...this.pixels.map(Math.abs));
    context.strokeStyle = '#fff';
    context.beginPath();
    this.pixels.forEach((value, i) => {
      context.lineTo((i / Math.max(1, this.pixels.length - 1)) * SIZE, SIZE / 2 - (value / most) * (SIZE / 2 - 4));
    });
    context.stroke();
  }
}
customElements.define('pare-picture', SamplePicture);
